package ipmi

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
)

// call is one request on its way.
type call struct {
	req  Request
	tell func(data []byte, err error) // called without locks; nil: wait
	wait chan struct{}
	data []byte
	err  error
	next *call // in the list that it is in

	sent    time.Duration // for the first time
	again   time.Duration // when to send it again
	expires time.Duration // when it is given up
	tries   uint8
	limit   uint8 // of tries; 0: until it expires
	busy    uint8 // how often the BMC was too busy
	seq     uint8
	ours    bool // not a user's: it goes out at once, and needs no session of its own
	young   bool // it has a place of the client's flow
	undone  bool // the BMC said that it has not done it, so that it may be sent again
}

// calls is a list of calls, in order.
type calls struct {
	first, last *call
	n           int
}

func (l *calls) push(k *call) {
	k.next = nil
	if l.last == nil {
		l.first = k
	} else {
		l.last.next = k
	}
	l.last = k
	l.n++
}

func (l *calls) pop() *call {
	k := l.first
	if k != nil {
		l.remove(k)
	}
	return k
}

// remove takes out a call; false: it is not there.
func (l *calls) remove(k *call) bool {
	var before *call
	for one := l.first; one != nil; before, one = one, one.next {
		if one != k {
			continue
		}
		if before == nil {
			l.first = k.next
		} else {
			before.next = k.next
		}
		if l.last == k {
			l.last = before
		}
		k.next = nil
		l.n--
		return true
	}
	return false
}

const (
	firstWait   = 250 * time.Millisecond // for the answer of a BMC that is not known yet
	leastWait   = 60 * time.Millisecond  // for one whose round trip is known to be short
	longestWait = 4 * time.Second
	onceWait    = 5 * time.Second         // for the answer to what is sent once
	freshFor    = 10 * time.Second        // a BMC that was heard within this time has not forgotten the session
	silentTries = 4                       // of a request, and
	silentFor   = 2500 * time.Millisecond // of a BMC, after which it has forgotten the session
	busyTries   = 12
	mostData    = rmcp.MaxPacket - 200 // of a request
	mostData15  = 200
)

// backoff is how long to wait for an answer after a number of tries.
func (s *Session) backoff(tries uint8) time.Duration {
	d := firstWait
	if s.rtt > 0 {
		d = max(4*s.rtt, s.rtt+4*s.rttVar, leastWait)
	}
	for range min(tries, 20) - 1 {
		d += d / 2
	}
	d = min(d, longestWait)
	// So that those that were lost together are not sent again together.
	return d + time.Duration(rand.Int64N(int64(d)/4)) //nolint:gosec // no secret
}

// measured takes in how long an answer took.
func (s *Session) measured(d time.Duration) {
	if s.rtt == 0 {
		s.rtt, s.rttVar = d, d/2
		return
	}
	s.rttVar += (max(d-s.rtt, s.rtt-d) - s.rttVar) / 4
	s.rtt += (d - s.rtt) / 8
}

// doubted takes in that an answer did not come in time: it may be lost, or the network, the BMC or
// our own machine has become slower, which no answer can tell as long as all are asked for twice.
func (s *Session) doubted() {
	s.rttVar = min(max(2*s.rttVar, leastWait/4), longestWait/4)
}

// pump sends what waits, as far as it may.
func (s *Session) pump(now time.Duration) {
	if s.waiting.n > 0 && s.state == stateStale {
		s.startLogin(now)
	}
	for s.state == stateReady && s.waiting.n > 0 && s.users() < int(s.depth) {
		if s.waiting.first.req.Once && now-s.heard > freshFor {
			s.probe(now) // it might be for nothing, and then nobody would know whether it was
			return
		}
		if !s.place() {
			return
		}
		k := s.waiting.pop()
		k.young = true
		k.seq = s.nextSeq()
		s.flying.push(k)
		s.transmit(k, now)
	}
}

// users counts the requests under way that are not ours.
func (s *Session) users() int {
	n := 0
	for k := s.flying.first; k != nil; k = k.next {
		if !k.ours {
			n++
		}
	}
	return n
}

// probe asks something that does no harm, to hear whether the session is still there.
func (s *Session) probe(now time.Duration) {
	for k := s.flying.first; k != nil; k = k.next {
		if k.ours {
			return
		}
	}
	s.urgent(&call{req: Request{NetFn: NetFnApp, Cmd: cmdGetDeviceID}, tell: func([]byte, error) {}}, now)
}

const cmdGetDeviceID = 0x01

// urgent sends a request of our own, whatever else is under way.
func (s *Session) urgent(k *call, now time.Duration) {
	k.ours = true
	k.expires = now + s.o.timeout
	k.seq = s.nextSeq()
	s.flying.push(k)
	s.transmit(k, now)
}

// nextSeq is a number for a request: not one under way, and not, for a while, one whose
// request was sent more than once, since an answer to it may yet come.
func (s *Session) nextSeq() uint8 {
	skipped := 0
next:
	for {
		s.rqSeq = (s.rqSeq + 1) & 0x3f
		for k := s.flying.first; k != nil; k = k.next {
			if k.seq == s.rqSeq {
				continue next
			}
		}
		bit := uint64(1) << s.rqSeq
		if s.tainted&bit == 0 || skipped == 7 {
			return s.rqSeq
		}
		s.tainted &^= bit
		skipped++
	}
}

// transmit sends a request, for the first time or again: in a packet with a
// number of its own, since the BMC would drop one that it has seen.
func (s *Session) transmit(k *call, now time.Duration) {
	if k.tries == 0 {
		k.sent = now
	}
	if k.tries < 255 {
		k.tries++
	}
	if k.tries > 1 {
		s.aged(k)
	}
	k.undone = false
	b := s.c.buffers.Get().(*buffers)
	s.sendErr = s.socket.write(s.channel.Seal(b.packet[:0], rmcp.PayloadIPMI, k.append(b.message[:0])), s.addr)
	s.c.buffers.Put(b)
	s.said = now
	if k.req.Once {
		k.expires = now + onceWait
		k.again = k.expires
	} else {
		k.again = now + s.backoff(k.tries)
	}
	s.arm(min(k.again, k.expires), now)
}

// append adds the request as a message, through the hops of its bridge.
func (k *call) append(b []byte) []byte {
	m := rmcp.Message{
		To: rmcp.AddressBMC, NetFn: uint8(k.req.NetFn), ToLUN: k.req.LUN, Seq: k.seq,
		From: rmcp.AddressConsole, Cmd: k.req.Cmd, Data: k.req.Data,
	}
	for i := len(k.req.Bridge) - 1; i >= 0; i-- {
		m.To, m.From = k.req.Bridge[i].Address, rmcp.AddressBMC
		m = rmcp.Message{
			To: rmcp.AddressBMC, NetFn: rmcp.NetFnApp, Seq: k.seq,
			From: rmcp.AddressConsole, Cmd: rmcp.CmdSendMessage,
			Data: m.AppendBridged(nil, k.req.Bridge[i].Channel, rmcp.TrackRequest),
		}
	}
	return m.Append(b)
}

// answer is a message of the BMC, verified.
func (s *Session) answer(payload []byte, now time.Duration) {
	m, err := rmcp.ParseMessage(payload)
	if err != nil && s.o.quirks.has(QuirkNoChecksum) {
		m, err = rmcp.ParseUnchecked(payload)
	}
	if err != nil {
		s.drop(err)
		return
	}
	k := s.flying.first
	for k != nil && !k.answeredBy(m) {
		k = k.next
	}
	if k == nil || len(m.Data) == 0 {
		s.late++
		return
	}
	if len(k.req.Bridge) > 0 && m.Cmd == rmcp.CmdSendMessage && m.NetFn == rmcp.NetFnApp|1 {
		if s.forwarded(k, m.Data) {
			return
		}
	}
	if k.tries == 1 {
		s.measured(now - k.sent)
	}
	s.answered(k, m, now)
}

// answeredBy tells whether a message is the answer, or that to one of the
// Send Messages around the request.
func (k *call) answeredBy(m rmcp.Message) bool {
	if m.Seq != k.seq {
		return false
	}
	if m.NetFn == uint8(k.req.NetFn)|1 && m.Cmd == k.req.Cmd {
		return true
	}
	return len(k.req.Bridge) > 0 && m.NetFn == rmcp.NetFnApp|1 && m.Cmd == rmcp.CmdSendMessage
}

// forwarded looks at the answer to a Send Message. That it was done says nothing yet: the
// answer proper comes after it, or, from some BMCs, within it. False: it is an error.
func (s *Session) forwarded(k *call, data []byte) bool {
	if Code(data[0]) != CodeOK {
		return false
	}
	if inner, err := rmcp.ParseMessage(data[1:]); err == nil && len(inner.Data) > 0 && inner.Cmd == k.req.Cmd && inner.IsResponse() {
		s.answered(k, inner, s.c.now())
	}
	return true
}

// answered ends a call with its answer, or has it sent again when the BMC was too busy.
func (s *Session) answered(k *call, m rmcp.Message, now time.Duration) {
	code := Code(m.Data[0])
	switch code {
	case CodeOK:
		s.gained()
		s.land(k, m.Data[1:], nil)
	case CodeBusy:
		s.depth = 1
		if k.busy < busyTries {
			k.busy++
			s.aged(k)
			k.undone = true
			k.again = now + s.backoff(k.busy)
			k.expires = max(k.expires, k.again+1)
			s.arm(k.again, now)
			return
		}
		s.land(k, nil, k.refused(m, code))
	case CodeDuplicate:
		// The first arrived, and its answer was lost.
		if !k.req.Once && k.busy < busyTries {
			k.busy++
			k.seq = s.nextSeq()
			s.transmit(k, now)
			return
		}
		if k.req.Once {
			return
		}
		s.land(k, nil, k.refused(m, code))
	default:
		s.land(k, nil, k.refused(m, code))
	}
	s.pump(now)
}

func (k *call) refused(m rmcp.Message, code Code) error {
	return &CodeError{NetFn: NetFn(m.NetFn &^ 1), Cmd: m.Cmd, Code: code, Data: bytes.Clone(m.Data[1:])}
}

// gained counts answers that came at the first try: after enough of them more
// requests may be under way again.
func (s *Session) gained() {
	if s.depth >= s.o.pipeline {
		return
	}
	if s.clean++; s.clean >= 32 {
		s.clean = 0
		s.depth++
	}
}

// land ends a call that is under way.
func (s *Session) land(k *call, data []byte, err error) {
	s.flying.remove(k)
	s.finish(k, data, err)
}

// finish has a call told once the lock is let go. data is somebody else's buffer.
func (s *Session) finish(k *call, data []byte, err error) {
	if err == nil {
		k.data = append(make([]byte, 0, len(data)), data...)
	}
	k.err = err
	s.aged(k)
	s.finished.push(k)
}

// unanswered is the error of a call that is given up.
func (s *Session) unanswered(k *call, cause error) error {
	if k.busy > 0 && (k.undone || !k.req.Once) && errors.Is(cause, ErrNoAnswer) {
		return &CodeError{NetFn: k.req.NetFn, Cmd: k.req.Cmd, Code: CodeBusy}
	}
	if k.req.Once && k.tries > 0 && !k.undone {
		return &UnsureError{NetFn: k.req.NetFn, Cmd: k.req.Cmd, Err: cause}
	}
	return fmt.Errorf("command %02x/%02x to the BMC at %v: %w", uint8(k.req.NetFn), k.req.Cmd, s.addr, cause)
}

// retry does what is due for a call whose answer did not come in time. False: the
// session is being made anew, and nothing is as it was.
func (s *Session) retry(k *call, now time.Duration) bool {
	if k.limit > 0 && k.tries >= k.limit {
		s.land(k, nil, s.unanswered(k, ErrNoAnswer))
		return true
	}
	silent := s.heard <= k.sent || now-s.heard > freshFor
	if k.tries >= silentTries && now-k.sent >= silentFor && silent && s.state == stateReady {
		s.forgotten(now)
		return false
	}
	s.depth = max(1, s.depth/2)
	s.clean = 0
	s.tainted |= 1 << k.seq
	s.retries++
	if k.tries == 1 {
		s.doubted()
	}
	s.transmit(k, now)
	return true
}

// forgotten deals with a BMC that seems to have forgotten the session: it is told to in any case.
// If somebody waits we log in again, otherwise when somebody does.
func (s *Session) forgotten(now time.Duration) {
	s.sayClose()
	needed := s.waiting.n > 0
	var again calls
	for k := s.flying.pop(); k != nil; k = s.flying.pop() {
		switch {
		case k.ours, k.req.Once && !k.undone:
			s.finish(k, nil, s.unanswered(k, ErrNoAnswer))
		default:
			s.aged(k)
			k.tries = 0
			again.push(k)
			needed = true
		}
	}
	for k := s.waiting.pop(); k != nil; k = s.waiting.pop() {
		again.push(k)
	}
	s.waiting = again
	s.leave()
	s.state = stateStale
	if needed {
		s.startLogin(now)
	}
}
