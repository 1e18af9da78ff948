package drivertest

import (
	"io"
	"net"
	"slices"
	"sync"
)

// buffered is a pipe that takes some writes before anybody reads, as a socket's
// send buffer does. On a bare net.Pipe the telnet filter's answers would keep its
// lock while the simulator pauses, and in a bubble time stands still for those who
// wait for a lock.
type buffered struct {
	net.Conn
	out    chan []byte
	closed chan struct{}
	once   sync.Once
}

// Buffer puts a buffer on one end of a pipe, for drivers that speak telnet in a
// bubble.
func Buffer(c net.Conn) net.Conn {
	b := &buffered{Conn: c, out: make(chan []byte, 64), closed: make(chan struct{})}
	go b.pump()
	return b
}

// pump ends with Close, or with the pipe.
func (b *buffered) pump() {
	for {
		select {
		case p := <-b.out:
			if _, err := b.Conn.Write(p); err != nil {
				b.Close()
				return
			}
		case <-b.closed:
			return
		}
	}
}

func (b *buffered) Write(p []byte) (int, error) {
	select {
	case b.out <- slices.Clone(p):
		return len(p), nil
	case <-b.closed:
		return 0, net.ErrClosed
	}
}

func (b *buffered) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Conn.Close()
}

// Tap sits on the lines to a simulated device, and says to the driver what the
// simulator would not.
type Tap struct {
	Password string // what it says again

	mu    sync.Mutex
	lines []net.Conn // to the drivers
	echo  bool
}

// Join puts the tap between the device at the far end and the conn that it returns.
func (t *Tap) Join(far net.Conn) net.Conn {
	ours, near := net.Pipe()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, near)
	go func() {
		defer near.Close()
		_, _ = io.Copy(near, far)
	}()
	go func() {
		defer far.Close()
		_, _ = io.Copy(io.MultiWriter(echoing{t, near}, far), near)
	}()
	return ours
}

// Chatter says a line to all, which is none that a script waits for: one that is,
// nothing in the language could tell from the answer.
func (t *Tap) Chatter() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.lines {
		_, _ = io.WriteString(c, "fan 2 is slow\r\n") // some are closed
	}
}

// StartEcho has it say again all that is said to the device, and the password.
func (t *Tap) StartEcho() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.echo = true
}

// echoing says again what is said to the device, but no telnet commands.
type echoing struct {
	*Tap
	near net.Conn
}

func (e echoing) Write(p []byte) (int, error) {
	e.mu.Lock()
	echo := e.echo
	e.mu.Unlock()
	const command = 0xff
	if !echo || p[0] == command {
		return len(p), nil
	}
	if _, err := io.WriteString(e.near, string(p)+e.Password+" "); err != nil {
		return 0, err
	}
	return len(p), nil
}
