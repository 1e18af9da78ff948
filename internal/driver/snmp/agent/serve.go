package agent

import (
	"context"
	"net"
	"slices"
	"syscall"
	"time"
)

// maxMessage is the longest message that is taken in, in bytes.
const maxMessage = 2048

// late is how long an answer waits for somebody to take it. Nobody has to.
const late = 100 * time.Millisecond

// line is a client, of a socket or a pipe.
type line struct {
	conn  net.Conn
	write func([]byte)
}

// Listen serves a UDP address until ctx ends, "127.0.0.1:0" for any port. It gives
// the address; done is closed when the last goroutine has ended.
func (a *Agent) Listen(ctx context.Context, address string) (at string, done <-chan struct{}, err error) {
	conn, err := new(net.ListenConfig).ListenPacket(ctx, "udp", address)
	if err != nil {
		return "", nil, err
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	go func() {
		defer close(ended)
		defer stop()
		buf := make([]byte, maxMessage)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				conn.Close()
				return
			}
			a.send(a.Answer(buf[:n]), func(b []byte) { _, _ = conn.WriteTo(b, from) })
		}
	}()
	return conn.LocalAddr().String(), ended, nil
}

// Refuse makes the agent hard to reach for whoever dials from now on.
func (a *Agent) Refuse() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse = true
}

// Dial reaches the agent by a pipe in memory, as a network "udp" or "tcp": each write
// is a message. It ends when the caller closes his end.
func (a *Agent) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuse {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	l := &line{conn: far}
	l.write = func(b []byte) {
		_ = far.SetWriteDeadline(time.Now().Add(late))
		_, _ = far.Write(b)
	}
	a.lines = append(a.lines, l)
	go a.serve(l)
	return near, nil
}

func (a *Agent) serve(l *line) {
	defer l.conn.Close()
	defer a.forget(l)
	buf := make([]byte, maxMessage)
	for {
		n, err := l.conn.Read(buf)
		if err != nil {
			return
		}
		answer := a.Answer(buf[:n])
		if answer != nil && a.cutting() {
			l.write(answer[:len(answer)/2])
			return
		}
		a.send(answer, l.write)
	}
}

func (a *Agent) forget(l *line) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lines = slices.DeleteFunc(a.lines, func(x *line) bool { return x == l })
}

func (a *Agent) cutting() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	cut := a.fault.Cut
	a.fault.Cut = false
	return cut
}

// send hands an answer to the network, in the way the faults want it.
func (a *Agent) send(answer []byte, write func([]byte)) {
	a.mu.Lock()
	twice, pieces := a.fault.Twice, a.fault.Pieces
	a.mu.Unlock()
	switch {
	case answer == nil:
	case pieces:
		for len(answer) > 0 {
			n := min(7, len(answer))
			write(answer[:n])
			answer = answer[n:]
		}
	default:
		write(answer)
		if twice {
			write(answer)
		}
	}
}

// Chatter says its last answer again to all clients that came by Dial.
func (a *Agent) Chatter() {
	a.mu.Lock()
	lines, last := slices.Clone(a.lines), a.last
	a.mu.Unlock()
	for _, l := range lines {
		_ = l.conn.SetWriteDeadline(time.Time{})
		_, _ = l.conn.Write(last)
	}
}

// HangUp closes all lines that came by Dial.
func (a *Agent) HangUp() {
	a.mu.Lock()
	lines := slices.Clone(a.lines)
	a.mu.Unlock()
	for _, l := range lines {
		l.conn.Close()
	}
}
