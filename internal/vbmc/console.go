package vbmc

import (
	"context"
	"errors"
	"fmt"
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
}

// Console implements [bmc.Consoler].
func (g *Guest) Console(ctx context.Context, _ bmc.Caller) (io.ReadWriteCloser, error) {
	c := &console{guest: g}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	// The first attempt is made before anybody types.
	_ = c.open(ctx, true)
	return c, nil
}

// open reaches the guest's console over a connection of its own: input that the guest does
// not take would hold up all else on the common one. Force takes it from whoever has it.
func (c *console) open(ctx context.Context, force bool) error {
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
	stream, err := conn.OpenConsole(ctx, d, "", force)
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
	c.conn, c.stream = conn, stream
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
		c.lost()
		c.guest.hypervisor.log.Debug("the console has ended", "domain", c.guest.name, "err", err)
	}
}

// again is how often a console is tried for, beside when there is news of the guest; and
// tries how often somebody else may be found to have it.
const (
	again = 2 * time.Second
	tries = 3
)

// reopen waits until there is a console again. It is not taken from anybody, or two who
// want it would take it from each other for ever; but our own of before may be there
// for a moment.
func (c *console) reopen() error {
	for taken := 0; ; {
		c.guest.mu.Lock()
		changed := c.guest.changed
		c.guest.mu.Unlock()
		ctx, cancel := context.WithTimeout(c.ctx, dialLimit)
		err := c.open(ctx, false)
		cancel()
		if err == nil {
			return nil
		}
		if errors.Is(err, libvirt.CodeOperationFailed) {
			if taken++; taken == tries {
				return fmt.Errorf("somebody else has taken the console: %w", err)
			}
		}
		select {
		case <-changed:
		case <-time.After(again):
		case <-c.ctx.Done():
			return io.EOF
		}
	}
}

// lost puts an ended stream away.
func (c *console) lost() {
	c.mu.Lock()
	conn := c.conn
	c.stream, c.conn = nil, nil
	c.mu.Unlock()
	conn.Close()
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
