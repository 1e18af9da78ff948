package ipmi

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
)

// ErrClosed is the cause of errors of what was closed.
var ErrClosed = errors.New("the session is closed")

// ErrNoAnswer is the cause of errors of requests that were tried for long enough.
var ErrNoAnswer = errors.New("the BMC does not answer")

// ClientOptions say what a [Client] stands on. The zero value is the real network.
type ClientOptions struct {
	// Listen opens the socket for a family of addresses, "udp4" or "udp6"; nil: one
	// of the system's, on a free port of all its addresses.
	Listen func(network string) (net.PacketConn, error)
	// Resolver finds the addresses of names; nil: the system's.
	Resolver *net.Resolver
}

// Client talks to any number of BMCs over one socket for each family of addresses. It
// has one goroutine for each socket, and none for a BMC. It may be used from many
// goroutines; Close ends it.
type Client struct {
	o     ClientOptions
	start time.Time

	mu      sync.RWMutex
	closed  bool
	sockets [2]*socket // of udp4 and udp6
	byID    map[uint32]*Session
	byAddr  map[netip.AddrPort]*Session // those that are logging in, and those of 1.5
	probes  map[netip.AddrPort][]*probe
	readers sync.WaitGroup

	gate    gate
	flow    flow
	buffers sync.Pool
	dropped [rmcp.Faults]atomic.Uint64 // packets that belong to no session
}

// NewClient makes a client. It opens no socket before the first BMC is talked to.
func NewClient(o ClientOptions) *Client {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Listen == nil {
		o.Listen = listen
	}
	return &Client{
		o: o, start: time.Now(),
		byID: map[uint32]*Session{}, byAddr: map[netip.AddrPort]*Session{}, probes: map[netip.AddrPort][]*probe{},
		buffers: sync.Pool{New: func() any { return new(buffers) }},
	}
}

// buffers are what making one packet needs.
type buffers struct {
	message [rmcp.MaxPacket]byte
	packet  [rmcp.MaxPacket + 64]byte
}

// now is the time since the client's beginning: all its times are of that clock.
func (c *Client) now() time.Duration { return time.Since(c.start) }

// closePatience is how long Close waits for BMCs to hear that their sessions are over.
const closePatience = time.Second

// Close closes all sessions, waiting a second at most for their BMCs to agree, and then
// the sockets. When it returns, the client's goroutines have ended.
func (c *Client) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	open := make(map[*Session]bool, len(c.byID))
	for _, s := range c.byID {
		open[s] = true
	}
	for _, s := range c.byAddr {
		for ; s != nil; s = s.same {
			open[s] = true
		}
	}
	probes := c.probes
	c.probes = map[netip.AddrPort][]*probe{}
	c.mu.Unlock()
	for _, all := range probes {
		for _, p := range all {
			p.end()
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	for s := range open {
		s.beginClose()
	}
	for s := range open {
		_ = s.Close(ctx)
	}
	c.mu.Lock()
	sockets := c.sockets
	c.mu.Unlock()
	var errs []error
	for _, k := range sockets {
		if k != nil {
			errs = append(errs, k.close())
		}
	}
	c.readers.Wait()
	return errors.Join(errs...)
}

// Dropped counts packets that belonged to no session, by what was wrong with them.
func (c *Client) Dropped() map[rmcp.Fault]uint64 {
	all := map[rmcp.Fault]uint64{}
	for i := range c.dropped {
		if n := c.dropped[i].Load(); n > 0 {
			all[rmcp.Fault(i)] = n
		}
	}
	return all
}

func (c *Client) drop(err error) {
	var f rmcp.Fault
	if errors.As(err, &f) && int(f) < len(c.dropped) {
		c.dropped[f].Add(1)
	}
}

// socket gives the one for an address, and opens it when it is the first of its family.
func (c *Client) socket(a netip.AddrPort) (*socket, error) {
	network, i := "udp4", 0
	if a.Addr().Is6() {
		network, i = "udp6", 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	if k := c.sockets[i]; k != nil {
		return k, nil
	}
	conn, err := c.o.Listen(network)
	if err != nil {
		return nil, err
	}
	k := newSocket(conn)
	c.sockets[i] = k
	c.readers.Go(func() { k.read(c.deliver) })
	return k, nil
}

// enroll gives a session a new number, by which the BMC's packets find it.
func (c *Client) enroll(s *Session) uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		id := random32()
		if c.byID[id] == nil {
			c.byID[id] = s
			return id
		}
	}
}

func random32() uint32 {
	var b [4]byte
	for {
		_, _ = rand.Read(b[:]) // it never fails
		if n := binary.LittleEndian.Uint32(b[:]); n != 0 {
			return n
		}
	}
}

func (c *Client) expel(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, id)
}

// station has a session hear packets that do not say whose they are, by where they come
// from: the zero address ends it. A session hears one address at a time.
func (c *Client) station(s *Session, at netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.stationed == at {
		return
	}
	if s.stationed.IsValid() {
		c.unlink(s)
	}
	s.stationed = at
	if at.IsValid() {
		s.same = c.byAddr[at]
		c.byAddr[at] = s
	}
}

func (c *Client) unlink(s *Session) {
	first := c.byAddr[s.stationed]
	if first == s {
		if s.same == nil {
			delete(c.byAddr, s.stationed)
		} else {
			c.byAddr[s.stationed] = s.same
		}
	}
	for one := first; one != nil; one = one.same {
		if one.same == s {
			one.same = s.same
			break
		}
	}
	s.same = nil
}

// deliver hands a datagram to whom it is for.
func (c *Client) deliver(b []byte, from netip.AddrPort) {
	if rmcp.IsASF(b) {
		if a, err := rmcp.ParseASF(b); err != nil {
			c.drop(err)
		} else if a.Type == rmcp.ASFPong {
			c.probed(from, func(p *probe) bool { return p.pong(a) })
		}
		return
	}
	var p rmcp.Packet
	if err := p.Parse(b); err != nil {
		c.drop(err)
		return
	}
	if id, named := whose(&p); named {
		c.mu.RLock()
		s := c.byID[id]
		c.mu.RUnlock()
		if s == nil {
			c.drop(rmcp.FaultSession)
			return
		}
		s.receive(&p, from)
		return
	}
	if p.ID == 0 && p.Type == rmcp.PayloadIPMI {
		c.probed(from, func(one *probe) bool { return one.message(p.Payload) })
	}
	var room [8]*Session
	all := room[:0]
	c.mu.RLock()
	for s := c.byAddr[from]; s != nil; s = s.same {
		all = append(all, s)
	}
	c.mu.RUnlock()
	for _, s := range all {
		s.receive(&p, from)
	}
}

// whose finds the number of the session that a packet is for, if it has one of ours.
func whose(p *rmcp.Packet) (id uint32, named bool) {
	if !p.IsPlus() {
		return 0, false // numbers of 1.5 are the BMC's
	}
	switch p.Type {
	case rmcp.PayloadOpenResponse, rmcp.PayloadRAKP2, rmcp.PayloadRAKP4:
		if len(p.Payload) < 8 {
			return 0, false // a refusal cut short
		}
		id = binary.LittleEndian.Uint32(p.Payload[4:])
		return id, id != 0
	}
	return p.ID, p.ID != 0
}
