package vbmc

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/libvirt"
)

// Options are what a guest's BMC is beside the guest.
type Options struct {
	Users []bmc.Account
	// Strict refuses with D5 to switch on what is on, and off what is off. Without it,
	// that is done, as most BMCs see it.
	Strict bool
}

// Guest is a guest with a BMC. It is the host of a [bmc.Machine].
type Guest struct {
	hypervisor *Hypervisor
	name       string
	opts       Options
	nudge      chan struct{} // there is something to look at

	mu      sync.Mutex
	events  []libvirt.Event
	changed chan struct{} // closed, and another made, when something has happened
}

// Guest makes a guest of a domain's name. Nothing is done before Serve.
func (h *Hypervisor) Guest(name string, o Options) *Guest {
	return &Guest{hypervisor: h, name: name, opts: o, nudge: make(chan struct{}, 1), changed: make(chan struct{})}
}

// retry is how often it is tried again to read what a guest is, beside when there is
// news.
const retry = 5 * time.Second

// Serve answers for the guest at a socket until ctx ends, which closes the socket. It
// begins when it is known what the guest is; what came before is answered then.
func (g *Guest) Serve(ctx context.Context, socket net.PacketConn) error {
	defer socket.Close()
	if !g.hypervisor.join(g) {
		return fmt.Errorf("%s has a BMC already", g.name)
	}
	defer g.hypervisor.leave(g)
	is, err := g.await(ctx)
	if err != nil {
		return err
	}
	m, err := bmc.New(g.config(is), g)
	if err != nil {
		return fmt.Errorf("%s: %w", g.name, err)
	}
	m.SetFRU(0, inventory(is))
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { g.watch(ctx, m) })
	err = bmc.Serve(ctx, socket, m)
	cancel()
	watch.Wait()
	m.Close()
	return err
}

// await waits until it is known what the guest is.
func (g *Guest) await(ctx context.Context) (*libvirt.Description, error) {
	said := ""
	for {
		is, err := g.describe(ctx)
		if err == nil {
			return is, nil
		}
		if text := err.Error(); text != said && ctx.Err() == nil {
			said = text
			g.hypervisor.log.Warn("the guest cannot be looked at yet", "domain", g.name, "err", err)
		}
		select {
		case <-g.nudge:
		case <-time.After(retry):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// describe reads what the guest is.
func (g *Guest) describe(ctx context.Context) (*libvirt.Description, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	c, d, err := g.hypervisor.find(ctx, g.name)
	if err != nil {
		return nil, err
	}
	text, err := c.XML(ctx, d)
	if err != nil {
		return nil, err
	}
	return libvirt.ParseDescription(text)
}

// look has the guest looked at.
func (g *Guest) look() {
	select {
	case g.nudge <- struct{}{}:
	default:
	}
}

// maxEvents bounds what waits to be worked at.
const maxEvents = 256

// hear takes note of an event.
func (g *Guest) hear(e libvirt.Event) {
	g.mu.Lock()
	if len(g.events) < maxEvents {
		g.events = append(g.events, e)
	}
	close(g.changed)
	g.changed = make(chan struct{})
	g.mu.Unlock()
	g.look()
}

// watch looks at the guest when something has happened, and when libvirt has come back.
func (g *Guest) watch(ctx context.Context, m *bmc.Machine) {
	g.look()
	for {
		select {
		case <-g.nudge:
		case <-ctx.Done():
			return
		}
		g.mu.Lock()
		events := g.events
		g.events = nil
		g.mu.Unlock()
		for _, e := range events {
			record(m, e)
		}
		g.settle(ctx, m)
	}
}

// settle puts back a boot device that has had its start, and has the machine see the
// power, of which it counts the hours.
func (g *Guest) settle(ctx context.Context, m *bmc.Machine) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	if c, d, err := g.hypervisor.find(ctx, g.name); err == nil {
		if err := c.SettleBoot(ctx, d); err != nil && ctx.Err() == nil {
			g.hypervisor.log.Warn("what a guest booted from before could not be put back", "domain", g.name, "err", err)
		}
		show(m, d.Active())
	}
	_, _ = chassis.GetStatus(ctx, m.As("", bmc.Operator))
	if is, err := g.describe(ctx); err == nil {
		m.SetFRU(0, inventory(is))
	}
}

// with does something with the guest. What fails is C0, with a word in our log.
func (g *Guest) with(ctx context.Context, what string, do func(*libvirt.Conn, libvirt.Domain) error) error {
	c, d, err := g.hypervisor.find(ctx, g.name)
	if err == nil {
		err = do(c, d)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	if code, ok := err.(ipmi.Code); ok { //nolint:errorlint // ours, as it is
		return code
	}
	g.hypervisor.log.Warn("libvirt would not do it", "domain", g.name, "what", what, "err", err)
	return ipmi.CodeBusy
}

// Powered implements [bmc.Host].
func (g *Guest) Powered(ctx context.Context) (on bool, err error) {
	err = g.with(ctx, "look", func(_ *libvirt.Conn, d libvirt.Domain) error {
		on = d.Active()
		return nil
	})
	return on, err
}

// Power implements [bmc.Host].
func (g *Guest) Power(ctx context.Context, _ bmc.Caller, a chassis.Action) error {
	return g.with(ctx, a.String(), func(c *libvirt.Conn, d libvirt.Domain) error {
		wants := a == chassis.PowerOn
		switch idle := d.Active() == wants; {
		case a > chassis.SoftOff:
			return ipmi.CodeInvalidField
		case !d.Active() && (a == chassis.PowerCycle || a == chassis.HardReset || a == chassis.DiagInt):
			return ipmi.CodeState
		case idle && (wants || a == chassis.PowerOff || a == chassis.SoftOff):
			if g.opts.Strict {
				return ipmi.CodeState
			}
			return nil
		}
		switch a {
		case chassis.PowerOn:
			return c.Start(ctx, d)
		case chassis.PowerCycle:
			if err := c.Destroy(ctx, d); err != nil {
				return err
			}
			return c.Start(ctx, d)
		case chassis.HardReset:
			return c.Restart(ctx, d)
		case chassis.DiagInt:
			return c.InjectNMI(ctx, d)
		case chassis.SoftOff:
			return c.Shutdown(ctx, d)
		case chassis.PowerOff:
		}
		return c.Destroy(ctx, d)
	})
}

// Boot implements [bmc.Booter].
func (g *Guest) Boot(ctx context.Context) (b chassis.Boot, err error) {
	err = g.with(ctx, "boot device", func(c *libvirt.Conn, d libvirt.Domain) error {
		is, err := c.Boot(ctx, d)
		b = chassis.Boot{Valid: true, Persistent: !is.Once, EFI: is.UEFI}
		switch is.Device {
		case "network":
			b.Device = chassis.PXE
		case "hd":
			b.Device = chassis.Disk
		case "cdrom":
			b.Device = chassis.CDROM
		case "fd":
			b.Device = chassis.FloppyOrUSB
		default:
			b.Valid, b.Persistent = false, false
		}
		return err
	})
	return b, err
}

// SetBoot implements [bmc.Booter].
func (g *Guest) SetBoot(ctx context.Context, _ bmc.Caller, b chassis.Boot) error {
	to := libvirt.Boot{Once: !b.Persistent, UEFI: b.EFI}
	switch b.Device {
	case chassis.NoOverride:
		to = libvirt.Boot{}
	case chassis.PXE:
		to.Device = "network"
	case chassis.Disk:
		to.Device = "hd"
	case chassis.CDROM:
		to.Device = "cdrom"
	case chassis.FloppyOrUSB:
		to.Device = "fd"
	default:
		return ipmi.CodeInvalidField
	}
	if !b.Valid {
		to = libvirt.Boot{}
	}
	return g.with(ctx, "boot device", func(c *libvirt.Conn, d libvirt.Domain) error {
		if to.UEFI {
			if is, err := c.Boot(ctx, d); err != nil || !is.UEFI {
				if err == nil {
					err = ipmi.CodeInvalidField // firmware cannot be made another
				}
				return err
			}
		}
		return c.SetBoot(ctx, d, to)
	})
}

var (
	_ bmc.Host   = (*Guest)(nil)
	_ bmc.Booter = (*Guest)(nil)
)
