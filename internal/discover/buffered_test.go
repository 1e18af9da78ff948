package discover_test

import (
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

func buffer(c net.Conn) *buffered {
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
