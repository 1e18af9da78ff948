// Package ipmitest is for tests of what speaks IPMI: a [Proxy] is a bad network between
// a client and a BMC, that loses, doubles, delays, reorders and spoils datagrams.
//
// Start with [NewProxy]. What it does is drawn from a seed; what becomes of one datagram
// nevertheless depends on when the others come.
package ipmitest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Faults say what a proxy does to datagrams, each way. Probabilities are from 0 to 1.
type Faults struct {
	Loss    float64 // it never arrives
	Double  float64 // it arrives twice
	Reorder float64 // it arrives after the next one, or 30 ms late
	Spoil   float64 // one of its bits is another
	Delay   time.Duration
	Jitter  time.Duration // on top of the delay, from 0 to this
	Seed    uint64
}

const lateBy = 30 * time.Millisecond

// Counts is what a proxy has done.
type Counts struct {
	Passed, Lost, Doubled, Reordered, Spoilt int
}

// Proxy forwards datagrams between any number of clients and one server.
type Proxy struct {
	front  *net.UDPConn
	target *net.UDPAddr
	wg     sync.WaitGroup

	mu     sync.Mutex
	faults Faults
	random *rand.Rand
	counts Counts
	backs  map[netip.AddrPort]*net.UDPConn // one to the server for each client
	held   []func()                        // datagrams that wait for another to overtake them
	late   map[*time.Timer]struct{}
	closed bool
}

// NewProxy starts a proxy before the server at an address, on a free port of 127.0.0.1.
func NewProxy(server string, f Faults) (*Proxy, error) {
	target, err := net.ResolveUDPAddr("udp", server)
	if err != nil {
		return nil, fmt.Errorf("proxy before %s: %w", server, err)
	}
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("proxy before %s: %w", server, err)
	}
	p := &Proxy{
		front: front, target: target, faults: f,
		random: rand.New(rand.NewPCG(f.Seed, 1)), //nolint:gosec // a test's dice
		backs:  map[netip.AddrPort]*net.UDPConn{}, late: map[*time.Timer]struct{}{},
	}
	p.wg.Go(p.forward)
	return p, nil
}

// Addr is where clients are to send to.
func (p *Proxy) Addr() string { return p.front.LocalAddr().String() }

// Set changes what it does from now on.
func (p *Proxy) Set(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
}

// Counts is what it has done so far.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// Close ends the proxy; datagrams under way are lost.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	errs := []error{p.front.Close()}
	for _, b := range p.backs {
		errs = append(errs, b.Close())
	}
	for t := range p.late {
		t.Stop()
	}
	p.mu.Unlock()
	p.wg.Wait()
	return errors.Join(errs...)
}

func (p *Proxy) forward() {
	buf := make([]byte, 2048)
	for {
		n, from, err := p.front.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		back, err := p.back(from)
		if err != nil {
			return
		}
		p.pass(buf[:n], func(b []byte) { _, _ = back.Write(b) })
	}
}

// back is the socket by which a client's datagrams go to the server.
func (p *Proxy) back(client netip.AddrPort) (*net.UDPConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.backs[client]; b != nil {
		return b, nil
	}
	if p.closed {
		return nil, net.ErrClosed
	}
	b, err := net.DialUDP("udp", nil, p.target)
	if err != nil {
		return nil, err
	}
	p.backs[client] = b
	p.wg.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, err := b.Read(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				p.pass(buf[:n], func(d []byte) { _, _ = p.front.WriteToUDPAddrPort(d, client) })
			}
		}
	})
	return b, nil
}

// pass does to a datagram what the dice say.
func (p *Proxy) pass(b []byte, send func([]byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.faults
	if p.random.Float64() < f.Loss {
		p.counts.Lost++
		return
	}
	b = append([]byte(nil), b...)
	if p.random.Float64() < f.Spoil && len(b) > 0 {
		p.counts.Spoilt++
		b[p.random.IntN(len(b))] ^= 1 << p.random.IntN(8)
	}
	copies := 1
	if p.random.Float64() < f.Double {
		p.counts.Doubled++
		copies = 2
	}
	p.counts.Passed++
	for range copies {
		d := f.Delay
		if f.Jitter > 0 {
			d += time.Duration(p.random.Int64N(int64(f.Jitter)))
		}
		if p.random.Float64() < f.Reorder {
			p.counts.Reordered++
			p.hold(func() { send(b) })
			continue
		}
		p.after(d, func() {
			send(b)
			p.release()
		})
	}
}

// after runs f, at once if there is no delay.
func (p *Proxy) after(d time.Duration, f func()) {
	if d <= 0 {
		// Not here: f may want the lock.
		p.wg.Go(f)
		return
	}
	var t *time.Timer
	ready := make(chan struct{})
	t = time.AfterFunc(d, func() {
		<-ready
		p.mu.Lock()
		delete(p.late, t)
		over := p.closed
		p.mu.Unlock()
		if !over {
			f()
		}
	})
	p.late[t] = struct{}{}
	close(ready)
}

// hold keeps a datagram back until another has passed.
func (p *Proxy) hold(send func()) {
	p.held = append(p.held, send)
	p.after(lateBy, p.release)
}

// release sends what was held back.
func (p *Proxy) release() {
	p.mu.Lock()
	held := p.held
	p.held = nil
	p.mu.Unlock()
	for _, send := range held {
		send()
	}
}
