package ipmidoor

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/machine"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/chassis"
)

// patience is how long a client waits for a change. It goes on after that; the client
// is told that it did not end in time, and may look.
const patience = 10 * time.Second

// node is one node as a BMC. It implements what a bmc.Host can be.
type node struct {
	door    *Door
	name    string
	listen  string
	machine *bmc.Machine

	acting atomic.Bool // a change of its power is under way

	mu      sync.Mutex
	dog     bmc.Caller // who set the watchdog last
	dark    *time.Timer
	forced  bmc.Caller // who gave up somebody's console last,
	forceAt time.Time  // and when
	gauges  gauges
	journal journal
}

func (n *node) close() {
	n.machine.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dark != nil {
		n.dark.Stop()
	}
}

// codeOf says an error of the room in a completion code.
func codeOf(err error) error {
	if err == nil {
		return nil
	}
	var missing *auth.Missing
	switch room.CodeOf(err) {
	case room.CodeRefused:
		if errors.As(err, &missing) {
			return ipmi.CodePrivilege
		}
		return ipmi.CodeState // as it stands, the room does not allow it
	case room.CodeBusy:
		return ipmi.CodeBusy
	case room.CodeTimeout, room.CodeUnknown:
		return ipmi.CodeTimeout
	case room.CodeNotFound:
		return ipmi.CodeDestination
	case room.CodeInvalid:
		return ipmi.CodeInvalidField
	case room.CodeDevice, room.CodeInternal:
	}
	return ipmi.CodeUnspecified
}

// see gives what a caller may see of the node.
func (n *node) see(who bmc.Caller) (desk.Actor, desk.View, room.NodeID, error) {
	actor := n.door.actor(who)
	v := n.door.opts.Desk.View(actor)
	id, found := v.Room.Node(n.name)
	switch {
	case !found:
		return actor, v, id, ipmi.CodeDestination
	case !v.Sees(id): // the desk writes the refusal down
		_, err := n.door.opts.Desk.Can(actor, n.name)
		return actor, v, id, cmp.Or(codeOf(err), error(ipmi.CodePrivilege))
	}
	return actor, v, id, nil
}

// Powered implements [bmc.Host].
func (n *node) Powered(ctx context.Context) (bool, error) {
	who := bmc.CallerOf(ctx)
	if who.Privilege == 0 {
		who = n.watcher()
	}
	actor, v, id, err := n.see(who)
	if err != nil {
		return false, err
	}
	ops, err := n.door.opts.Desk.Can(actor, n.name)
	if err != nil {
		return false, codeOf(err)
	}
	acting := n.acting.Load() // a read would wait for the end of that
	switch machine.State(ctx, n.door.opts.Desk, actor, v, id, slices.Contains(ops, room.Status) && !acting) {
	case room.StateOn, room.StateDegraded:
		return true, nil
	case room.StateOff:
		return false, nil
	case room.StateUnknown:
	}
	if acting {
		return false, ipmi.CodeBusy
	}
	return false, ipmi.CodeTimeout
}

// operations are what a chassis command comes to in the room, best first. An outlet knows
// no reset, and who asks for one wants the machine to run anew.
func operations(a chassis.Action) []room.Op {
	switch a {
	case chassis.PowerOff:
		return []room.Op{room.Off}
	case chassis.PowerOn:
		return []room.Op{room.On}
	case chassis.PowerCycle:
		return []room.Op{room.Cycle}
	case chassis.HardReset:
		return []room.Op{room.Reset, room.Cycle}
	case chassis.DiagInt:
		return []room.Op{room.Diag}
	case chassis.SoftOff:
		return []room.Op{room.SoftOff}
	}
	return nil
}

// Power implements [bmc.Host]. What was asked for is asked for once: while it goes on, the
// node is busy for everybody.
func (n *node) Power(ctx context.Context, who bmc.Caller, a chassis.Action) error {
	if who.Privilege == 0 {
		who = n.watcher()
	}
	actor, _, _, err := n.see(who)
	if err != nil {
		return err
	}
	ops, err := n.door.opts.Desk.Can(actor, n.name)
	if err != nil {
		return codeOf(err)
	}
	op, can := machine.Choose(ops, operations(a)...)
	if !can {
		return ipmi.CodeInvalidField
	}
	if !n.acting.CompareAndSwap(false, true) {
		return ipmi.CodeBusy
	}
	return n.begin(ctx, func(ctx context.Context) error {
		defer n.acting.Store(false)
		return machine.Switch(ctx, n.door.opts.Desk, actor, n.name, op)
	})
}

// watcher is in whose name the watchdog acts: of who set it.
func (n *node) watcher() bmc.Caller {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dog
}

// begin does work to its end, and tells how it went if that is soon.
func (n *node) begin(ctx context.Context, work func(context.Context) error) error {
	over := make(chan error, 1)
	n.door.wg.Go(func() { over <- work(context.WithoutCancel(ctx)) })
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-over:
		return codeOf(err)
	case <-timer.C:
	case <-ctx.Done():
	}
	return ipmi.CodeTimeout
}

// Identify implements [bmc.Identifier] by the node's beacon.
func (n *node) Identify(ctx context.Context, who bmc.Caller, d time.Duration) error {
	actor, _, _, err := n.see(who)
	if err != nil {
		return err
	}
	op := room.BeaconOn
	if d == 0 {
		op = room.BeaconOff
	}
	ops, err := n.door.opts.Desk.Can(actor, n.name)
	if err != nil {
		return codeOf(err)
	}
	if !slices.Contains(ops, op) {
		return ipmi.CodeInvalidCommand
	}
	n.mu.Lock()
	if n.dark != nil {
		n.dark.Stop()
	}
	n.mu.Unlock()
	err = n.begin(ctx, func(ctx context.Context) error { return machine.Switch(ctx, n.door.opts.Desk, actor, n.name, op) })
	if err == nil && d > 0 {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.dark = time.AfterFunc(d, func() {
			if err := machine.Switch(n.door.ctx, n.door.opts.Desk, actor, n.name, room.BeaconOff); err != nil {
				n.door.opts.Log.Warn("a beacon that was lit for a time stays on", "node", n.name, "why", err)
			}
		})
	}
	return err
}

// sources are what machines boot from, in both languages.
func sources() map[driver.BootSource]chassis.Device {
	return map[driver.BootSource]chassis.Device{
		driver.BootDefault: chassis.NoOverride, driver.BootNetwork: chassis.PXE, driver.BootDisk: chassis.Disk,
		driver.BootOptical: chassis.CDROM, driver.BootUSB: chassis.FloppyOrUSB,
		driver.BootSafe: chassis.DiskSafeMode, driver.BootSetup: chassis.Setup,
	}
}

// boots says whether the node's devices know of boot devices. The machine keeps the flags
// of others by itself, where nothing boots by them.
func (n *node) boots(ctx context.Context, actor desk.Actor, v desk.View) bool {
	return n.door.known.Abilities(ctx, n.door.opts.Desk, actor, v.Room, n.name).Boot
}

// Boot implements [bmc.Booter].
func (n *node) Boot(ctx context.Context) (chassis.Boot, error) {
	actor, v, _, err := n.see(bmc.CallerOf(ctx))
	if err != nil {
		return chassis.Boot{}, err
	}
	if !n.boots(ctx, actor, v) {
		return chassis.Boot{}, bmc.ErrUnchanged
	}
	b, err := n.door.opts.Desk.Boot(ctx, actor, n.name)
	if err != nil {
		return chassis.Boot{}, codeOf(err)
	}
	device := sources()[b.From]
	return chassis.Boot{Valid: device != chassis.NoOverride, Persistent: b.Persistent, EFI: b.UEFI, Device: device}, nil
}

// SetBoot implements [bmc.Booter].
func (n *node) SetBoot(ctx context.Context, who bmc.Caller, b chassis.Boot) error {
	actor, v, id, err := n.see(who)
	switch {
	case err != nil:
		return err
	case !n.boots(ctx, actor, v) && !v.Operates(id):
		return ipmi.CodePrivilege
	case !n.boots(ctx, actor, v):
		return nil
	}
	want := driver.Boot{From: driver.BootDefault}
	if b.Valid && b.Device != chassis.NoOverride {
		want.From = ""
		for ours, theirs := range sources() {
			if theirs == b.Device {
				want = driver.Boot{From: ours, Persistent: b.Persistent, UEFI: b.EFI}
			}
		}
	}
	if want.From == "" {
		return ipmi.CodeInvalidField
	}
	return n.begin(ctx, func(ctx context.Context) error { return n.door.opts.Desk.SetBoot(ctx, actor, n.name, want) })
}
