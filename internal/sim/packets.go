package sim

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// A unit on UDP is made to look like one on TCP: whoever sends is a connection, and
// what he sends in one datagram one read. So it has the same faults.

const (
	maxPacket = 4 << 10     // bytes of a datagram; what is longer is cut off
	maxPeers  = 256         // at once; who comes then is not heard
	maxQueue  = 16          // datagrams of one peer that wait; more are lost
	peerIdle  = time.Minute // after which a peer is forgotten
)

// listenUDP opens a listener whose connections are the peers of a UDP socket.
func listenUDP(ctx context.Context, address string) (net.Listener, error) {
	conn, err := new(net.ListenConfig).ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, err
	}
	return &packets{conn: conn, peers: make(map[string]*peer)}, nil
}

// packets is a UDP socket as a listener.
type packets struct {
	conn net.PacketConn

	mu    sync.Mutex
	peers map[string]*peer // by address
}

// Accept implements [net.Listener]. It is what reads the socket: each datagram goes to
// its peer, and a new one is returned.
func (l *packets) Accept() (net.Conn, error) {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := l.conn.ReadFrom(buf)
		if err != nil {
			l.closePeers()
			return nil, err
		}
		if p := l.deliver(from, append([]byte(nil), buf[:n]...)); p != nil {
			return p, nil
		}
	}
}

// deliver hands a datagram over. It returns the peer if he is new.
func (l *packets) deliver(from net.Addr, data []byte) *peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, known := l.peers[from.String()]
	if !known {
		if len(l.peers) >= maxPeers {
			return nil
		}
		p = &peer{from: from, of: l, in: make(chan []byte, maxQueue), gone: make(chan struct{})}
		l.peers[from.String()] = p
	}
	select {
	case p.in <- data:
	default: // as a network would
	}
	if known {
		return nil
	}
	return p
}

func (l *packets) closePeers() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.peers {
		p.once.Do(func() { close(p.gone) })
	}
	clear(l.peers)
}

// Close implements [net.Listener].
func (l *packets) Close() error { return l.conn.Close() }

// Addr implements [net.Listener].
func (l *packets) Addr() net.Addr { return l.conn.LocalAddr() }

// peer is somebody who sends to a UDP socket, as a connection.
type peer struct {
	from net.Addr
	of   *packets
	in   chan []byte
	once sync.Once
	gone chan struct{}
}

// Read gives one datagram; what does not fit is lost. After a long silence it is as if
// the peer had hung up.
func (p *peer) Read(b []byte) (int, error) {
	silence := time.NewTimer(peerIdle)
	defer silence.Stop()
	select {
	case data := <-p.in:
		return copy(b, data), nil
	case <-silence.C:
		return 0, io.EOF
	case <-p.gone:
		return 0, net.ErrClosed
	}
}

// Write sends one datagram.
func (p *peer) Write(b []byte) (int, error) {
	select {
	case <-p.gone:
		return 0, net.ErrClosed
	default:
		return p.of.conn.WriteTo(b, p.from)
	}
}

// Close forgets the peer. What he sends next makes him a new one.
func (p *peer) Close() error {
	p.once.Do(func() { close(p.gone) })
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	if key := p.from.String(); p.of.peers[key] == p {
		delete(p.of.peers, key)
	}
	return nil
}

func (p *peer) LocalAddr() net.Addr  { return p.of.Addr() }
func (p *peer) RemoteAddr() net.Addr { return p.from }

// Deadlines are not needed: reads end by themselves, and writes do not wait.

func (*peer) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (*peer) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (*peer) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// Messages holds a conversation in which each thing that comes is a message of its
// own, over UDP or in memory, and gets one answer or, where that is nil, none.
func (t *Terminal) Messages(answer func(message []byte) []byte) error {
	buf := make([]byte, maxPacket)
	for {
		n, err := t.rw.Read(buf)
		if err != nil {
			return err
		}
		if _, err := t.typed(""); err != nil {
			return err
		}
		t.out = append(t.out, answer(buf[:n])...)
		if err := t.Flush(); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}

// openPackets gives a make that answers whole sockets its own. Room.mu is held.
func (u *Unit) openPackets(s PacketStyle) error {
	conn, err := new(net.ListenConfig).ListenPacket(u.room.ctx, "udp", u.address)
	if err != nil {
		return fmt.Errorf("sim: PDU %s: %w", u.name, err)
	}
	u.listener, u.address = conn, conn.LocalAddr().String()
	u.room.tasks.Go(func() { s.ServePackets(u.room.ctx, &faulty{PacketConn: conn, unit: u}) })
	return nil
}

// faulty is a socket with the faults of its unit. Those of lines of text are as near as
// datagrams come to them.
type faulty struct {
	net.PacketConn
	unit *Unit
	lost bool // the answer before
}

// ReadFrom implements [net.PacketConn].
func (c *faulty) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		c.unit.commands.Add(1)
		if _, hangs := c.unit.shows(Hang); !hangs {
			return n, from, nil
		}
	}
}

// WriteTo implements [net.PacketConn].
func (c *faulty) WriteTo(b []byte, to net.Addr) (int, error) {
	if f, slow := c.unit.shows(Slow); slow {
		wait := time.NewTimer(f.Delay)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-c.unit.room.ctx.Done():
		}
	}
	if _, hangs := c.unit.shows(Hang); hangs {
		return len(b), nil
	}
	if _, drops := c.unit.shows(Drop); drops && c.lose() {
		return len(b), nil
	}
	if _, noise := c.unit.shows(Garbage); noise {
		b = slices.Clone(b)
		for i := range b {
			b[i] ^= byte(i*37 + 11)
		}
	}
	return c.PacketConn.WriteTo(b, to)
}

// lose says of every second answer that it is to be lost.
func (c *faulty) lose() bool {
	c.unit.room.mu.Lock()
	defer c.unit.room.mu.Unlock()
	c.lost = !c.lost
	return c.lost
}

var (
	_ net.Listener = (*packets)(nil)
	_ net.Conn     = (*peer)(nil)
)
