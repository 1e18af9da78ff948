package httpdoor

import (
	"net"
	"sync"
)

// maxConns is how many connections are served at once: more than people and their
// programs need, and few enough that all of them together cost little memory.
const maxConns = 1024

// limited is a listener that accepts no more while so many of its connections are
// open.
type limited struct {
	net.Listener
	seats  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newLimited(l net.Listener, most int) *limited {
	return &limited{Listener: l, seats: make(chan struct{}, most), closed: make(chan struct{})}
}

// Accept implements [net.Listener].
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.seats <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.seats
		return nil, err
	}
	return &seated{Conn: conn, leave: sync.OnceFunc(func() { <-l.seats })}, nil
}

// Close implements [net.Listener].
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// seated is a connection that gives its seat up when it is closed.
type seated struct {
	net.Conn
	leave func()
}

// Close implements [net.Conn].
func (c *seated) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
