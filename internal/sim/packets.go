package sim

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
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

var (
	_ net.Listener = (*packets)(nil)
	_ net.Conn     = (*peer)(nil)
)
