// Package powerman is the door for clients of PowerMan: powerman(1), libpowerman,
// fence_powerman, and people with netcat. It translates their protocol, which is
// package powerman at the module's root, into requests to the desk, and decides
// nothing.
//
// What comes through here is never read back after it was switched: PowerMan's
// own counters and telemetry would show it, and its clients expect just the one
// conversation with the device.
//
// Start at [New].
package powerman

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/powerman"
)

// Name is what the door is called in events.
const Name = "powerman"

// Door answers PowerMan's requests. It implements [powerman.Handler].
type Door struct {
	desk *desk.Desk

	mu  sync.Mutex
	log io.Writer // powermand's line after each power action; may be nil
}

// New makes the door. actions takes the line that powermand writes after each
// power action; nil drops it.
func New(d *desk.Desk, actions io.Writer) *Door { return &Door{desk: d, log: actions} }

var _ powerman.Handler = (*Door)(nil)

// Nodes implements [powerman.Handler].
func (d *Door) Nodes(ctx context.Context) ([]string, error) {
	v := d.desk.View(actor(ctx))
	ids, err := v.Nodes("")
	if err != nil {
		return nil, translate(err)
	}
	return v.Room.Names(ids), nil
}

// Device implements [powerman.Handler].
func (d *Door) Device(ctx context.Context, targets string) ([]powerman.DeviceInfo, error) {
	v := d.desk.View(actor(ctx))
	r := v.Room
	wanted, err := devicesOf(v, targets)
	if err != nil {
		return nil, err
	}
	list := make([]powerman.DeviceInfo, 0, len(r.Devices))
	for i := range r.Devices {
		id := room.DeviceID(i)
		if wanted != nil && !wanted[id] {
			continue
		}
		s, ok := v.Device(id)
		if !ok {
			continue
		}
		list = append(list, powerman.DeviceInfo{
			Name: s.Name, State: string(s.Link), Reconnects: s.Reconnects, Actions: s.Actions,
			Type: s.Type, Hosts: r.Names(v.NodesOf(id)),
		})
	}
	return list, nil
}

// devicesOf gives the devices that the named nodes hang on, as far as these may be
// seen; nil is all.
func devicesOf(v desk.View, targets string) (map[room.DeviceID]bool, error) {
	if targets == "" {
		return nil, nil
	}
	list, err := hostlist.Parse(targets)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", powerman.ErrHostlist, err)
	}
	wanted := make(map[room.DeviceID]bool)
	for name := range list.All() {
		if id, ok := v.Room.Node(name); ok && v.Sees(id) {
			for c := range v.Room.Nodes[id].Links() {
				wanted[c.Device] = true
			}
		}
	}
	return wanted, nil
}

// powerOps says which operation a command is.
var powerOps = map[powerman.Command]room.Op{
	powerman.CmdOn: room.On, powerman.CmdOff: room.Off, powerman.CmdCycle: room.Cycle, powerman.CmdReset: room.Reset,
	powerman.CmdFlash: room.BeaconOn, powerman.CmdUnflash: room.BeaconOff,
	powerman.CmdStatus: room.Status, powerman.CmdBeacon: room.Beacon, powerman.CmdTemp: room.Temp,
}

// Power implements [powerman.Handler].
func (d *Door) Power(ctx context.Context, cmd powerman.Command, targets string, out powerman.Out) error {
	op := powerOps[cmd]
	a := &answer{out: out}
	sum, err := d.desk.Do(ctx, d.request(ctx, op, targets, out), a)
	var no *desk.Vetoed
	if errors.As(err, &no) {
		tellVeto(no, out)
		return powerman.ErrWithErrors
	}
	if err != nil {
		return translate(err)
	}
	d.logAction(op, a, sum)
	if !sum.Good() {
		return powerman.ErrWithErrors
	}
	return nil
}

// Query implements [powerman.Handler].
func (d *Door) Query(ctx context.Context, cmd powerman.Command, targets string, out powerman.Out) ([]powerman.Result, error) {
	op := powerOps[cmd]
	a := &answer{out: out, keep: true}
	sum, err := d.desk.Do(ctx, d.request(ctx, op, targets, out), a)
	if err != nil {
		return nil, translate(err)
	}
	results := a.results(op)
	if sum.Faults > 0 {
		return results, powerman.ErrWithErrors
	}
	return results, nil
}

func (d *Door) request(ctx context.Context, op room.Op, targets string, out powerman.Out) desk.Request {
	return desk.Request{Actor: actor(ctx), Op: op, Targets: targets, Language: desk.PowerMan, Trace: out.WantTelemetry()}
}

// actor gives who asks: the protocol knows no users, so it is whoever comes through
// this door.
func actor(ctx context.Context) desk.Actor {
	who := desk.Actor{Door: Name}
	if addr := powerman.RemoteAddr(ctx); addr != nil {
		who.Remote = addr.String()
	}
	return who
}

// done is how powermand's log words an action. Beacons are not logged.
var done = map[room.Op]string{room.On: "powered on", room.Off: "powered off", room.Cycle: "power cycled", room.Reset: "reset"}

// logAction writes powermand's line about an action that was carried out.
func (d *Door) logAction(op room.Op, a *answer, sum desk.Summary) {
	word := done[op]
	if d.log == nil || word == "" {
		return
	}
	var hosts hostlist.List
	for i := range a.began.Targets.Nodes {
		hosts.Append(a.began.Targets.Name(a.began.Room, i))
	}
	with := ""
	if sum.Faults > 0 {
		with = " with errors"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	// A log that cannot be written to is no reason to fail what was done.
	_, _ = fmt.Fprintf(d.log, "<%d>%s %s%s\n", a.began.Room.Settings.PowerMan.PlugLogLevel, word, hosts.String(), with)
}

// tellVeto gives the reasons of veto hooks. The protocol has no way to confirm.
func tellVeto(no *desk.Vetoed, out powerman.Out) {
	for _, o := range no.Verdict.Refused {
		out.DeviceError(o.String())
	}
	for _, o := range no.Verdict.Confirm {
		out.DeviceError(o.String() + " (to be confirmed, which cannot be done here; millwright's own commands can)")
	}
}

// translate turns the desk's errors into those that the protocol has a code for.
func translate(err error) error {
	var none *room.NoSuch
	var lacks *auth.Missing
	var e *room.Error
	switch {
	case errors.As(err, &lacks):
		return lacks // the protocol has no code for it; its words reach the user
	case errors.As(err, &none):
		var list hostlist.List
		for _, n := range none.Names {
			list.Append(n)
		}
		return &powerman.NoSuchNodesError{List: list}
	case !errors.As(err, &e):
		return err
	case e.Code == room.CodeInvalid:
		return fmt.Errorf("%w: %w", powerman.ErrHostlist, err)
	case e.Code == room.CodeRefused:
		return fmt.Errorf("%w: %w", powerman.ErrUnsupported, err)
	}
	return err
}

// answer collects what becomes of a request. It implements [desk.Sink].
type answer struct {
	out   powerman.Out
	keep  bool
	began desk.Began
	found readings // for queries
}

// reading is what a query found out about one node.
type reading struct {
	state room.State
	raw   string
}

// readings are kept by node: in a table for many nodes, in a map for a few of a
// large room.
type readings struct {
	all  []reading
	some map[room.NodeID]reading
}

func newReadings(nodes, targets int) readings {
	if targets < nodes/4 {
		return readings{some: make(map[room.NodeID]reading, targets)}
	}
	return readings{all: make([]reading, nodes)}
}

func (r *readings) set(id room.NodeID, found reading) {
	if r.all != nil {
		r.all[id] = found
	} else {
		r.some[id] = found
	}
}

func (r *readings) get(id room.NodeID) reading {
	if r.all != nil {
		return r.all[id]
	}
	return r.some[id]
}

func (a *answer) Begin(b desk.Began) {
	a.began = b
	if a.keep {
		a.found = newReadings(len(b.Room.Nodes), len(b.Targets.Nodes))
	}
}

func (a *answer) Result(res fleet.Result) {
	if a.keep {
		a.found.set(res.Node, reading{res.State, res.Raw})
	}
}

func (a *answer) Fault(f *driver.Fault) { a.out.DeviceError(faultText(f)) }

func (a *answer) Diagnostic(node room.NodeID, said string) {
	line, _, _ := strings.Cut(said, "\n")
	a.out.Diagnostic(a.began.Room.Nodes[node].Name, strings.TrimRight(line, "\r"))
}

func (a *answer) Trace(device string, t devspec.Trace) { a.out.Telemetry(t.Format(device)) }

// results puts the answers into target order.
func (a *answer) results(op room.Op) []powerman.Result {
	targets := a.began.Targets
	list := make([]powerman.Result, len(targets.Nodes))
	for i, id := range targets.Nodes {
		found := a.found.get(id)
		list[i] = powerman.Result{Node: targets.Name(a.began.Room, i), State: states[found.state]}
		if op == room.Temp {
			list[i].Value = found.raw
		}
	}
	return list
}

// states are in PowerMan's words: a node with one live cord of two is on.
var states = map[room.State]powerman.State{
	room.StateUnknown: powerman.Unknown, room.StateOff: powerman.Off, room.StateOn: powerman.On, room.StateDegraded: powerman.On,
}

// faultText gives the text of reply 308.
func faultText(f *driver.Fault) string {
	switch f.Phase {
	case driver.Connecting:
		return devspec.FailConnect.Text(f.Device)
	case driver.LoggingIn:
		return devspec.FailLogin.Text(f.Device)
	case driver.Acting:
		return devspec.FailExpect.Text(f.Device)
	case driver.Waiting:
		return devspec.FailAborted.Text(f.Device)
	case driver.Lost: // PowerMan would do it again, which may be once too often
		return f.Device + ": connection lost"
	}
	return f.Error()
}
