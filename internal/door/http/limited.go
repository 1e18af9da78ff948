package httpdoor

import (
	"net"
	"net/netip"
	"sync"
)

// maxConns is how many connections are served at once: more than people and their
// programs need, and few enough that all of them together cost little memory. One
// address gets at most maxOwnConns of them, so that a stranger alone cannot take
// them all; that is still more than the streams that one asker may read.
const maxConns, maxOwnConns = 1024, maxOwnReaders + 40

// limited is a listener that accepts no more while so many of its connections are
// open. Those of an address that has its share already are closed at once.
type limited struct {
	net.Listener
	seats  chan struct{}
	own    int // seats for one address
	closed chan struct{}
	once   sync.Once

	mu sync.Mutex
	by map[netip.Prefix]int // seats taken
}

func newLimited(l net.Listener, most, own int) *limited {
	return &limited{Listener: l, seats: make(chan struct{}, most), own: own, closed: make(chan struct{}), by: make(map[netip.Prefix]int)}
}

// Accept implements [net.Listener].
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.seats <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			<-l.seats
			return nil, err
		}
		from := sourceOf(conn.RemoteAddr())
		if !l.enter(from) {
			conn.Close()
			continue
		}
		return &seated{Conn: conn, leave: sync.OnceFunc(func() {
			l.leave(from)
			<-l.seats
		})}, nil
	}
}

// enter counts a connection from somewhere, unless there are too many of these.
func (l *limited) enter(from netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if from.IsValid() && l.by[from] >= l.own {
		return false
	}
	l.by[from]++
	return true
}

func (l *limited) leave(from netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by[from]--; l.by[from] == 0 {
		delete(l.by, from)
	}
}

// sourceOf gives where a connection comes from: an address, and of IPv6 the network
// that one customer gets. It is not valid for a unix socket, whose clients are
// trusted more than that.
func sourceOf(a net.Addr) netip.Prefix {
	at, is := a.(*net.TCPAddr)
	if !is {
		return netip.Prefix{}
	}
	addr := at.AddrPort().Addr().Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	from, _ := addr.Prefix(bits)
	return from
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
