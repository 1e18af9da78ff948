package vbmc

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/libvirt"
)

// console is the guest's serial line for one session of Serial over LAN. The line of a
// machine that is off is silent, and takes what is typed to nowhere; when the guest
// starts, it is there again. It ends only with the session, or when somebody else has
// taken the guest's console.
type console struct {
	guest  *Guest
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	conn   *libvirt.Conn
	stream *libvirt.Stream
	id     int // of the guest's run that it is of
}

// Console implements [bmc.Consoler].
func (g *Guest) Console(ctx context.Context, _ bmc.Caller) (io.ReadWriteCloser, error) {
	c := &console{guest: g}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	// The first attempt is made before anybody types.
	_ = c.open(ctx)
	return c, nil
}

// open reaches the guest's console over a connection of its own: input that the guest does
// not take would hold up all else on the common one.
func (c *console) open(ctx context.Context) error {
	_, d, err := c.guest.hypervisor.find(ctx, c.guest.name)
	if err != nil {
		return err
	}
	if !d.Active() {
		return errors.New("it is off")
	}
	conn, err := c.guest.hypervisor.dial(ctx, nil)
	if err != nil {
		return err
	}
	stream, err := conn.OpenConsole(ctx, d, "", true)
	if err != nil {
		conn.Close()
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		conn.Close()
		return io.ErrClosedPipe
	}
	c.conn, c.stream, c.id = conn, stream, d.ID
	return nil
}

// Read implements [io.Reader].
func (c *console) Read(p []byte) (int, error) {
	for {
		c.mu.Lock()
		stream := c.stream
		c.mu.Unlock()
		if stream == nil {
			if err := c.reopen(); err != nil {
				return 0, err
			}
			continue
		}
		n, err := stream.Read(p)
		if n > 0 {
			return n, nil
		}
		if c.ctx.Err() != nil {
			return 0, io.EOF
		}
		if taken := c.lost(); taken {
			return 0, errors.New("somebody else has taken the console")
		}
		c.guest.hypervisor.log.Debug("the console has ended", "domain", c.guest.name, "err", err)
	}
}

// again is how often a console is tried for, beside when there is news of the guest.
const again = 2 * time.Second

// reopen waits until there is a console again.
func (c *console) reopen() error {
	for {
		c.guest.mu.Lock()
		changed := c.guest.changed
		c.guest.mu.Unlock()
		ctx, cancel := context.WithTimeout(c.ctx, dialLimit)
		err := c.open(ctx)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-changed:
		case <-time.After(again):
		case <-c.ctx.Done():
			return io.EOF
		}
	}
}

// lost puts an ended stream away. It is true if the guest and the connection stay as they
// were, so that it was somebody else who ended it.
func (c *console) lost() (taken bool) {
	c.guest.mu.Lock()
	changed := c.guest.changed
	c.guest.mu.Unlock()
	c.mu.Lock()
	conn, id := c.conn, c.id
	c.stream, c.conn = nil, nil
	c.mu.Unlock()
	defer conn.Close()
	if !c.same(conn, id) {
		return false
	}
	select { // a guest that stops loses its console first
	case <-changed:
	case <-time.After(again):
	case <-c.ctx.Done():
	}
	return c.same(conn, id)
}

// same says whether the guest is in the run that its console was of.
func (c *console) same(conn *libvirt.Conn, id int) bool {
	ctx, cancel := context.WithTimeout(c.ctx, dialLimit)
	defer cancel()
	d, err := conn.Lookup(ctx, c.guest.name)
	return err == nil && d.ID == id
}

// Write implements [io.Writer]. What is typed while there is no console is lost.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	stream := c.stream
	c.mu.Unlock()
	if c.ctx.Err() != nil {
		return 0, io.ErrClosedPipe
	}
	if stream != nil {
		_, _ = stream.Write(p) // Read finds out what is wrong with it
	}
	return len(p), nil
}

// Close implements [io.Closer].
func (c *console) Close() error {
	c.cancel()
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
	return nil
}

var _ bmc.Consoler = (*Guest)(nil)
