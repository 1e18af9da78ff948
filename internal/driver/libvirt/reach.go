package libvirt

import (
	"context"
	"errors"
	"fmt"
	"io"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/libvirt"
)

// Boot implements [driver.Booter].
func (n *session) Boot(ctx context.Context, plug int) (b driver.Boot, err error) {
	err = n.aside(ctx, plug, func(ctx context.Context, d libvirt.Domain) error {
		is, err := n.conn.Boot(ctx, d)
		b = driver.Boot{From: source(is.Device), Persistent: !is.Once, UEFI: is.UEFI}
		return err
	})
	return b, err
}

// source gives our word for a device; what we have none for is as the machine says.
func source(device string) driver.BootSource {
	switch device {
	case "network":
		return driver.BootNetwork
	case "hd":
		return driver.BootDisk
	case "cdrom":
		return driver.BootOptical
	}
	return driver.BootDefault
}

// SetBoot implements [driver.Booter].
func (n *session) SetBoot(ctx context.Context, plug int, b driver.Boot) error {
	device := ""
	switch b.From {
	case driver.BootDefault:
	case driver.BootNetwork:
		device = "network"
	case driver.BootDisk:
		device = "hd"
	case driver.BootOptical:
		device = "cdrom"
	default:
		return fmt.Errorf("%s: libvirt has no way to boot %s", n.Env.Device, b.From)
	}
	return n.aside(ctx, plug, func(ctx context.Context, d libvirt.Domain) error {
		return n.conn.SetBoot(ctx, d, libvirt.Boot{Device: device, Once: !b.Persistent, UEFI: b.UEFI})
	})
}

// Describe implements [driver.Describer].
func (n *session) Describe(ctx context.Context) (driver.Description, error) {
	is := driver.Description{Labels: make(map[int]string)}
	err := n.Aside(ctx, func(a *action.Action) error {
		ours, theirs, err := n.conn.Versions(a.Context())
		if err == nil {
			is.Firmware = "libvirt " + ours.String()
			is.Product, err = n.conn.Hypervisor(a.Context())
		}
		if err == nil {
			is.Product = n.Clean(is.Product + " " + theirs.String())
			is.Name, err = n.conn.Hostname(a.Context())
			is.Name = n.Clean(is.Name)
		}
		return n.asideWorded(a, err)
	})
	if err != nil {
		return is, err
	}
	for plug, p := range n.Env.Plugs {
		if !p.Used {
			continue
		}
		err := n.aside(ctx, plug, func(ctx context.Context, d libvirt.Domain) error {
			text, err := n.conn.XML(ctx, d)
			if err != nil {
				return err
			}
			says, err := libvirt.ParseDescription(text)
			if err == nil && says.Title != "" {
				is.Labels[plug] = n.Clean(says.Title)
			}
			return err
		})
		var f *driver.Fault
		if errors.As(err, &f) {
			return is, err
		}
	}
	return is, nil
}

// console is an open console on a connection of its own.
type console struct {
	*libvirt.Stream
	session *session
	conn    *libvirt.Conn
}

// Console implements [driver.Consoler]. It is taken from whoever has it there: who may
// have it is decided by the room.
func (n *session) Console(ctx context.Context, plug int) (driver.Console, error) {
	name := n.Env.Plugs[plug].Name
	fail := func(err error) (driver.Console, error) {
		return nil, fmt.Errorf("%s: console of %s: %w", n.Env.Device, name, errors.New(n.Clean(err.Error())))
	}
	conn, err := libvirt.Dial(ctx, n.Address, n.options(n.Env, nil))
	if err != nil {
		return fail(err)
	}
	c := &console{session: n, conn: conn}
	d, err := conn.Lookup(ctx, name)
	if err == nil && !d.Active() {
		err = errors.New("it is off")
	}
	if err == nil {
		c.Stream, err = conn.OpenConsole(ctx, d, n.Settings.Console, true)
	}
	if err == nil && !n.keep(c) {
		err = libvirt.ErrClosed
	}
	if err != nil {
		conn.Close()
		return fail(err)
	}
	return c, nil
}

// keep notes a console, which ends with the session.
func (n *session) keep(c *console) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.consoles == nil {
		return false
	}
	n.consoles[c] = true
	return true
}

// Read implements [io.Reader].
func (c *console) Read(p []byte) (int, error) {
	k, err := c.Stream.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("the console has ended: the machine was switched off, or somebody else took it")
	}
	return k, err
}

// Break implements [driver.Console].
func (*console) Break() error { return driver.ErrNoBreak }

// Close implements [io.Closer].
func (c *console) Close() error {
	_ = c.Stream.Close()
	_ = c.conn.Close()
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	delete(c.session.consoles, c)
	return nil
}

var (
	_ driver.Booter    = (*session)(nil)
	_ driver.Describer = (*session)(nil)
	_ driver.Consoler  = (*session)(nil)
)
