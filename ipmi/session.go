package ipmi

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
)

type state uint8

const (
	stateLogin   state = iota // until login is nil
	stateReady                // requests may be sent
	stateStale                // the BMC has forgotten us; the next request logs in again
	stateClosing              // Close Session is under way
	stateClosed
)

// Session is a BMC that we are logged in to. When the BMC forgets the session (it was
// reset, or ended it), the next request logs in again by itself.
type Session struct {
	c     *Client
	o     *account
	addrs []netip.AddrPort // all that the name stands for

	// Of the client's, under its lock.
	same      *Session // the next that hears the same address
	stationed netip.AddrPort

	mu      sync.Mutex
	state   state
	socket  *socket
	addr    netip.AddrPort
	login   *login
	opening *call // told when the first login is over
	closing calls // told when the session has ended
	inGate  bool
	id      uint32
	channel *rmcp.Channel

	suite     rmcp.Suite
	old       bool // of IPMI 1.5
	privilege Privilege
	guid      [16]byte

	flying, waiting calls
	finished        calls
	rqSeq           uint8
	depth           uint8 // how many requests may be under way now
	clean           uint8
	queued, granted bool   // it waits for a place of the client's flow; it was given one
	tainted         uint64 // numbers of requests that were sent more than once, a bit each

	rtt, rttVar time.Duration
	heard, said time.Duration // when the BMC spoke, and we
	keepAlive   time.Duration
	timer       *time.Timer
	armed       time.Duration // when the timer rings; 0: never

	sendErr       error
	retries, late uint32
	logins        uint32
	dropped       [rmcp.Faults]uint32
	payloads      []payload
	done          chan struct{}
}

// Open logs in to the BMC at an address: a name or an IP address, with or without
// port (an IPv6 address with port is in brackets). All addresses of a name are tried. An error
// that is about the BMC is a [*LoginError].
func (c *Client) Open(ctx context.Context, address string, o Options) (*Session, error) {
	s, err := c.prepare(ctx, address, &o)
	if err != nil {
		return nil, err
	}
	k := &call{wait: make(chan struct{}, 1)}
	s.begin(k)
	select {
	case <-k.wait:
	case <-ctx.Done():
		s.mu.Lock()
		if s.opening == k {
			kind, why := s.suspicion()
			s.failLogin(kind, errors.Join(why, context.Cause(ctx)))
		}
		s.unlock()
		<-k.wait
	}
	if k.err != nil {
		return nil, k.err
	}
	return s, nil
}

// OpenFunc is Open without waiting: done is called, with one of them nil, by a goroutine
// of the client that must not be held up. A name is looked up before it returns, and ctx is for
// that alone: the timeout of the options ends the login.
func (c *Client) OpenFunc(ctx context.Context, address string, o Options, done func(*Session, error)) {
	s, err := c.prepare(ctx, address, &o)
	if err != nil {
		done(nil, err)
		return
	}
	s.begin(&call{tell: func(_ []byte, err error) {
		if err != nil {
			done(nil, err)
			return
		}
		done(s, nil)
	}})
}

func (c *Client) prepare(ctx context.Context, address string, o *Options) (*Session, error) {
	a, err := o.account()
	if err != nil {
		return nil, fmt.Errorf("log in to the BMC at %s: %w", address, err)
	}
	addrs, err := c.resolve(ctx, address)
	if err != nil {
		return nil, &LoginError{Address: address, Kind: LoginUnresolved, Err: err}
	}
	s := &Session{c: c, o: a, addrs: addrs, depth: a.pipeline, keepAlive: a.keepAlive}
	if s.keepAlive > 0 {
		// Sessions opened together are not to speak up together ever after.
		s.keepAlive += rand.N(s.keepAlive/8 + 1) //nolint:gosec // no secret
	}
	return s, nil
}

// begin starts the first login, when there is room for it; k is told how it went.
func (s *Session) begin(k *call) {
	s.mu.Lock()
	s.opening = k
	s.mu.Unlock()
	if s.c.gate.enter(s) {
		s.admit()
	}
}

// admit starts the first login.
func (s *Session) admit() {
	s.mu.Lock()
	s.inGate = true
	if s.opening == nil { // given up meanwhile
		s.leaveGate()
	} else {
		s.startLogin(s.c.now())
	}
	s.unlock()
}

// leaveGate lets another login begin, once the lock is let go.
func (s *Session) leaveGate() {
	if !s.inGate {
		return
	}
	s.inGate = false
	if next := s.c.gate.leave(); next != nil {
		s.finished.push(&call{tell: func([]byte, error) { next.admit() }})
	}
}

// unlock lets the lock go, and then tells those whose calls have ended.
func (s *Session) unlock() {
	ended := s.finished
	s.finished = calls{}
	s.mu.Unlock()
	for k := ended.pop(); k != nil; k = ended.pop() {
		if k.tell != nil {
			k.tell(k.data, k.err)
		} else {
			k.wait <- struct{}{}
		}
	}
}

// Do carries out a request. Requests that are not Once are sent again until there is an
// answer, ctx ends or the timeout of the session's options is over, and survive that the
// BMC forgets the session.
func (s *Session) Do(ctx context.Context, r Request) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("command %02x/%02x to the BMC at %v: %w", uint8(r.NetFn), r.Cmd, s.Addr(), context.Cause(ctx))
	}
	k := &call{req: r, wait: make(chan struct{}, 1)}
	s.submit(k)
	select {
	case <-k.wait:
	case <-ctx.Done():
		s.mu.Lock()
		if s.flying.remove(k) || s.waiting.remove(k) {
			if k.tries > 0 {
				s.tainted |= 1 << k.seq
			}
			s.finish(k, nil, s.unanswered(k, context.Cause(ctx)))
			s.pump(s.c.now())
		}
		s.unlock()
		<-k.wait
	}
	return k.data, k.err
}

// Go is Do without waiting: done is called once, by a goroutine of the client that must
// not be held up. The request's data must stay as it is until then.
func (s *Session) Go(r Request, done func(data []byte, err error)) {
	s.submit(&call{req: r, tell: done})
}

func (s *Session) submit(k *call) {
	s.mu.Lock()
	defer s.unlock()
	switch {
	case s.state == stateClosed || s.state == stateClosing:
		s.finish(k, nil, s.unanswered(k, ErrClosed))
		return
	case len(k.req.Bridge) > 2:
		s.finish(k, nil, fmt.Errorf("a bridge has at most 2 hops, not %d", len(k.req.Bridge)))
		return
	case len(k.req.Data) > mostData || s.old && len(k.req.Data) > mostData15:
		s.finish(k, nil, fmt.Errorf("command %02x/%02x has %d bytes of data, which no packet holds", uint8(k.req.NetFn), k.req.Cmd, len(k.req.Data)))
		return
	}
	now := s.c.now()
	k.expires = now + s.o.timeout
	s.waiting.push(k)
	s.pump(now)
	if s.waiting.n > 0 {
		s.arm(k.expires, now)
	}
}

// arm has the timer ring at a time, unless it rings before. It may ring for nothing: that
// costs less than to set it for each answer.
func (s *Session) arm(at, now time.Duration) {
	if s.armed != 0 && s.armed <= at {
		return
	}
	s.armed = at
	if s.timer == nil {
		s.timer = time.AfterFunc(at-now, s.ring)
		return
	}
	s.timer.Reset(at - now)
}

// ring does what is due.
func (s *Session) ring() {
	s.mu.Lock()
	defer s.unlock()
	s.armed = 0
	if s.state == stateClosed {
		return
	}
	now := s.c.now()
	if s.login != nil && now >= s.login.again {
		s.tickLogin(now)
	}
	s.expire(&s.waiting, now)
	s.expire(&s.flying, now)
	for k := s.flying.first; k != nil; {
		next := k.next
		if now >= k.again && !s.retry(k, now) {
			break
		}
		k = next
	}
	s.pump(now)
	idle := s.state == stateReady && s.flying.n == 0 && s.keepAlive > 0
	if idle && now-s.said >= s.keepAlive {
		s.probe(now)
	}
	s.rearm(now)
}

// expire ends the calls that are given up.
func (s *Session) expire(l *calls, now time.Duration) {
	for k := l.first; k != nil; {
		next := k.next
		if now >= k.expires {
			if k.tries > 0 {
				s.tainted |= 1 << k.seq
			}
			l.remove(k)
			s.finish(k, nil, s.unanswered(k, ErrNoAnswer))
		}
		k = next
	}
}

// rearm sets the timer for the next thing that is due.
func (s *Session) rearm(now time.Duration) {
	at := time.Duration(0)
	due := func(t time.Duration) {
		if at == 0 || t < at {
			at = t
		}
	}
	if s.login != nil {
		due(s.login.again)
	}
	for k := s.flying.first; k != nil; k = k.next {
		due(min(k.again, k.expires))
	}
	for k := s.waiting.first; k != nil; k = k.next {
		due(k.expires)
	}
	if s.state == stateReady && s.keepAlive > 0 {
		due(s.said + s.keepAlive)
	}
	if at != 0 {
		s.arm(max(at, now+1), now)
	}
}

// receive is a packet that may be for this session.
func (s *Session) receive(p *rmcp.Packet, from netip.AddrPort) {
	s.mu.Lock()
	now := s.c.now()
	if s.login != nil && s.login.stage < stagePrivilege {
		s.loginPacket(p, from, now)
		s.unlock()
		return
	}
	if s.channel == nil || from != s.addr {
		s.drop(rmcp.FaultSession)
		s.unlock()
		return
	}
	b, err := s.channel.Open(p)
	if err != nil {
		s.drop(err)
		s.unlock()
		return
	}
	s.heard = now
	if p.Type == rmcp.PayloadIPMI {
		s.answer(b, now)
		s.unlock()
		return
	}
	take := s.taker(p.Type)
	s.unlock()
	if take != nil {
		take(b)
	}
}

func (s *Session) drop(err error) {
	var f rmcp.Fault
	if errors.As(err, &f) && int(f) < len(s.dropped) {
		s.dropped[f]++
	}
}

const cmdCloseSession = 0x3c

func (s *Session) closeRequest() Request {
	id := s.channel.Remote()
	return Request{NetFn: NetFnApp, Cmd: cmdCloseSession, Data: []byte{uint8(id), uint8(id >> 8), uint8(id >> 16), uint8(id >> 24)}}
}

// sayClose tells the BMC that the session is over, and does not wait.
func (s *Session) sayClose() {
	k := &call{req: s.closeRequest(), seq: s.nextSeq()}
	b := s.c.buffers.Get().(*buffers)
	_ = s.socket.write(s.channel.Seal(b.packet[:0], rmcp.PayloadIPMI, k.append(b.message[:0])), s.addr)
	s.c.buffers.Put(b)
}

const closeTries = 2

// Close ends the session, and tells the BMC so, twice if need be, that its slot is
// free. Requests that have no answer yet end with [ErrClosed]. It waits until the BMC has
// answered or cannot be expected to, or ctx ends, which is no error: the session is
// closed in any case.
func (s *Session) Close(ctx context.Context) error {
	k := &call{wait: make(chan struct{}, 1)}
	s.mu.Lock()
	s.startClose(k)
	s.unlock()
	select {
	case <-k.wait:
	case <-ctx.Done():
		s.mu.Lock()
		s.end()
		s.unlock()
		<-k.wait
	}
	return nil
}

// CloseFunc is Close without waiting; done may be nil.
func (s *Session) CloseFunc(done func()) {
	k := &call{tell: func([]byte, error) {
		if done != nil {
			done()
		}
	}}
	s.mu.Lock()
	s.startClose(k)
	s.unlock()
}

func (s *Session) beginClose() { s.CloseFunc(nil) }

func (s *Session) startClose(k *call) {
	if s.state == stateClosed {
		s.finish(k, nil, nil)
		return
	}
	s.closing.push(k)
	if s.state == stateClosing {
		return
	}
	s.fail(ErrClosed)
	if s.state != stateReady {
		s.end()
		return
	}
	s.state = stateClosing
	s.urgent(&call{req: s.closeRequest(), limit: closeTries, tell: func([]byte, error) {
		s.mu.Lock()
		s.end()
		s.unlock()
	}}, s.c.now())
}

// fail ends all calls.
func (s *Session) fail(err error) {
	for k := s.flying.pop(); k != nil; k = s.flying.pop() {
		s.finish(k, nil, s.unanswered(k, err))
	}
	for k := s.waiting.pop(); k != nil; k = s.waiting.pop() {
		s.finish(k, nil, s.unanswered(k, err))
	}
}

// leave forgets the keys and the numbers of the session with the BMC.
func (s *Session) leave() {
	if s.id != 0 {
		s.c.expel(s.id)
		s.id = 0
	}
	s.c.station(s, netip.AddrPort{})
	if s.channel != nil {
		s.channel.Zero()
		s.channel = nil
		s.lost()
	}
}

// end is the session's end for good.
func (s *Session) end() {
	if s.state == stateClosed {
		return
	}
	s.state = stateClosed
	s.login = nil
	s.leaveGate()
	s.fail(ErrClosed)
	if s.opening != nil {
		s.finish(s.opening, nil, ErrClosed)
		s.opening = nil
	}
	for k := s.closing.pop(); k != nil; k = s.closing.pop() {
		s.finish(k, nil, nil)
	}
	s.leave()
	s.o.password.Zero()
	s.o.kg.Zero()
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.done != nil {
		close(s.done)
	}
}
