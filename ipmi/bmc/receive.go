package bmc

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// way is how a datagram came, and how its answer goes back.
type way struct {
	out   sink
	from  netip.AddrPort
	local netip.Addr // of ours, where a socket has many
	port  uint16
}

// sink sends datagrams: a socket.
type sink interface {
	send(b []byte, to netip.AddrPort, from netip.Addr)
}

// packetRoom is what buffers for answers begin with.
const packetRoom = 256

// receive takes a datagram, whoever sent it. Data is good until it returns. Whatever
// goes wrong within stays within this datagram.
func (m *Machine) receive(w way, data []byte) {
	defer func() {
		if r := recover(); r != nil {
			m.report("datagram", "a datagram made us fail", "from", w.from.String(), "panic", fmt.Sprint(r))
		}
	}()
	if f := m.cfg.Faults; f != nil && !f.arrives() {
		return
	}
	if rmcp.IsASF(data) {
		m.pong(w, data)
		return
	}
	var p rmcp.Packet
	if p.Parse(data) != nil {
		return
	}
	switch {
	case p.ID != 0:
		m.inside(w, &p)
	case !p.IsPlus():
		if p.Auth == rmcp.AuthNone {
			m.outside(w, &p)
		}
	case p.Encrypted || p.Authenticated:
	case p.Type == rmcp.PayloadIPMI:
		m.outside(w, &p)
	case p.Type == rmcp.PayloadOpenRequest:
		m.openSession(w, p.Payload)
	case p.Type == rmcp.PayloadRAKP1:
		m.rakp1(w, p.Payload)
	case p.Type == rmcp.PayloadRAKP3:
		m.rakp3(w, p.Payload)
	}
}

// pong answers a presence ping (section 13.2.4).
func (m *Machine) pong(w way, data []byte) {
	ping, err := rmcp.ParseASF(data)
	if err != nil || ping.Type != rmcp.ASFPing || ping.Tag == 0xff {
		return
	}
	pong := rmcp.ASF{Type: rmcp.ASFPong, Tag: ping.Tag, Enterprise: 4542, IPMI: true}
	m.transmit(w, pong.Append(make([]byte, 0, packetRoom)))
}

// outside answers a request that is in no session: few are, and they tell little.
func (m *Machine) outside(w way, p *rmcp.Packet) {
	msg, err := rmcp.ParseMessage(p.Payload)
	if err != nil || msg.IsResponse() || msg.To != rmcp.AddressBMC {
		return
	}
	c := m.newCall(w, nil, msg)
	var data []byte
	var code ipmi.Code
	if !p.IsPlus() && m.cfg.V15 && c.req.NetFn == ipmi.NetFnApp && c.req.Cmd == rmcp.CmdGetChallenge {
		data, code = m.challenge(w, msg.Data)
	} else {
		cmd, known := lookup(c.req.NetFn, c.req.Cmd)
		if !known || cmd.level != 0 {
			return
		}
		data, code = m.do(c)
	}
	answer := msg.Reply(append([]byte{byte(code)}, data...)).Append(nil)
	if p.IsPlus() {
		m.sendPlain(w, rmcp.PayloadIPMI, answer)
		return
	}
	m.transmit(w, rmcp.AppendPlain15(make([]byte, 0, packetRoom), 0, 0, answer))
}

// newCall is a request of a client.
func (m *Machine) newCall(w way, s *session, msg rmcp.Message) *call {
	c := &call{
		ctx: m.ctx, m: m, sess: s, from: w.from, data: msg.Data,
		req: ipmi.Request{NetFn: ipmi.NetFn(msg.NetFn), Cmd: msg.Cmd, LUN: msg.ToLUN, Data: msg.Data},
	}
	if s != nil {
		c.who = Caller{User: s.name, Privilege: s.level, Session: s.id, From: w.from.Addr()}
	}
	return c
}

// inside takes a packet of a session. What is not verified is dropped without a word.
func (m *Machine) inside(w way, p *rmcp.Packet) {
	m.mu.Lock()
	now := time.Now()
	s := m.sessions.find(p.ID)
	switch {
	case s == nil || s.v15 == p.IsPlus():
		m.unlock()
		return
	case s.v15 && p.Seq == 0 || !s.active:
		if s.v15 {
			m.activate15(w, s, p)
		}
		m.unlock()
		return
	}
	payload, err := s.channel.Open(p)
	if err != nil {
		m.unlock()
		return
	}
	if now.Sub(s.used) > m.cfg.Limits.Idle {
		m.end(s, SessionExpired)
		m.unlock()
		return
	}
	s.used, s.way = now, w
	if p.Type == rmcp.PayloadSOL {
		line := m.line
		m.unlock()
		if line != nil && line.session == s {
			line.receive(payload)
		}
		return
	}
	if p.Type != rmcp.PayloadIPMI {
		m.unlock()
		return
	}
	m.request(s, w, payload, now)
}

// request carries out a message of a session. It is called with the lock and gives it back.
func (m *Machine) request(s *session, w way, payload []byte, now time.Time) {
	msg, err := rmcp.ParseMessage(payload)
	if err != nil || msg.IsResponse() || msg.To != rmcp.AddressBMC {
		m.unlock()
		return
	}
	if r := s.again(msg, now); r != nil {
		if !r.running {
			m.answer(s, w, msg, r.answer)
		}
		m.unlock()
		return
	}
	if msg.NetFn == rmcp.NetFnApp && msg.Cmd == rmcp.CmdSendMessage {
		if m.bridgesFast() {
			m.unlock()
			m.bridge(s, w, msg)
			return
		}
		m.inBackground(s, w, msg, func(msg rmcp.Message) { m.bridge(s, w, msg) })
		return
	}
	cmd, _ := lookup(ipmi.NetFn(msg.NetFn), msg.Cmd)
	_, extended := m.host.(Extender)
	slow := (cmd.host || extended) && !m.quick
	if cmd.once || slow {
		if !s.begin(msg, now) {
			m.answer(s, w, msg, []byte{byte(ipmi.CodeBusy)})
			m.unlock()
			return
		}
	}
	if !slow {
		m.unlock()
		m.carryOut(s, w, msg, cmd)
		return
	}
	m.inBackground(s, w, msg, func(msg rmcp.Message) { m.carryOut(s, w, msg, cmd) })
}

// inBackground carries a request out beside the others, as many at a time as the limits
// allow. It is called with the lock and gives it back.
func (m *Machine) inBackground(s *session, w way, msg rmcp.Message, act func(rmcp.Message)) {
	if m.closed || m.running >= m.cfg.Limits.Running {
		s.finish(msg, nil, false, time.Time{})
		m.answer(s, w, msg, []byte{byte(ipmi.CodeBusy)})
		m.unlock()
		return
	}
	m.running++
	msg.Data = bytes.Clone(msg.Data)
	m.wait.Go(func() {
		act(msg)
		m.mu.Lock()
		m.running--
		m.unlock()
	})
	m.unlock()
}

// hostPatience is for how long a host may take over one command.
const hostPatience = 2 * time.Minute

// carryOut does a request and answers it. The machine is not locked.
func (m *Machine) carryOut(s *session, w way, msg rmcp.Message, cmd command) {
	m.mu.Lock()
	c := m.newCall(w, s, msg)
	m.unlock()
	told := false // under the lock
	if cmd.host && !m.quick {
		ctx, cancel := context.WithTimeout(m.ctx, hostPatience)
		defer cancel()
		c.ctx = ctx
		stop := context.AfterFunc(ctx, func() { m.giveUp(s, w, msg, cmd, &told) })
		defer stop()
	}
	data, code := m.do(c)
	var room [64]byte
	answer := append(append(room[:0], byte(code)), data...)
	if s.v15 && len(answer) > 200 {
		answer = []byte{byte(ipmi.CodeTooManyBytes)}
	}
	m.mu.Lock()
	if !s.over && !told {
		told = true
		s.finish(msg, answer, cmd.once, time.Now())
		if f := m.cfg.Faults; f == nil || !f.swallow(msg.NetFn, msg.Cmd) {
			m.answer(s, w, msg, answer)
		}
	}
	m.unlock()
	if c.later != nil {
		c.later()
	}
}

// giveUp answers for a host that takes too long and does not heed its context. What it does in
// the end is told to nobody.
func (m *Machine) giveUp(s *session, w way, msg rmcp.Message, cmd command, told *bool) {
	m.mu.Lock()
	defer m.unlock()
	if s.over || *told {
		return
	}
	*told = true
	answer := []byte{byte(ipmi.CodeTimeout)}
	s.finish(msg, answer, cmd.once, time.Now())
	m.answer(s, w, msg, answer)
}

// answer sends what came of a request. The lock is held.
func (m *Machine) answer(s *session, w way, msg rmcp.Message, data []byte) {
	if s.over {
		return
	}
	var room [packetRoom]byte
	b := msg.Reply(data).Append(room[:0])
	if f := m.cfg.Faults; f != nil && f.WrongChecksums {
		b[len(b)-1]++
	}
	packet := s.channel.Seal(make([]byte, 0, packetRoom), rmcp.PayloadIPMI, b)
	if s.v15 {
		// Without the pad byte that old network chips needed for certain lengths (section
		// 13.6): FreeIPMI takes no answer that has it.
		packet = packet[:size15+len(b)]
	}
	m.transmit(w, packet)
}

// size15 is what stands before the message in an authenticated packet of IPMI 1.5.
const size15 = 4 + 9 + 16 + 1

// sendPlain sends a payload of 2.0 outside any session.
func (m *Machine) sendPlain(w way, t rmcp.PayloadType, payload []byte) {
	m.transmit(w, rmcp.AppendPlain(make([]byte, 0, packetRoom), t, payload))
}

// transmit sends a datagram, through the faults if there are any.
func (m *Machine) transmit(w way, b []byte) {
	if f := m.cfg.Faults; f != nil {
		f.transmit(m, w, b)
		return
	}
	w.out.send(b, w.from, w.local)
}

// bridgesFast says that nothing behind this machine takes its time.
func (m *Machine) bridgesFast() bool {
	for _, behind := range m.cfg.Behind {
		if !behind.quick || len(behind.cfg.Behind) > 0 {
			return false
		}
	}
	return true
}

// bridge passes a message on to a controller behind this one (section 6.13). Two answers
// come: that it was sent, and what the other says. The machine is not locked.
func (m *Machine) bridge(s *session, w way, msg rmcp.Message) {
	inner, channel, _, err := rmcp.ParseBridged(msg.Data)
	code := ipmi.CodeOK
	behind := m.cfg.Behind[ipmi.Hop{Channel: channel, Address: inner.To}]
	switch {
	case s.level < User:
		code = ipmi.CodePrivilege
	case err != nil:
		code = ipmi.CodeInvalidField
	case behind == nil:
		code = ipmi.CodeDestination
	}
	var data []byte
	if code == ipmi.CodeOK {
		data = behind.forward(s, w, inner)
	}
	m.mu.Lock()
	defer m.unlock()
	m.answer(s, w, msg, []byte{byte(code)})
	if code == ipmi.CodeOK && data != nil {
		outer := inner
		outer.From = msg.From
		m.answer(s, w, outer, data)
	}
}

// forward carries out a message that came by a bridge: with the privilege of
// the session it came from. The answer to a further bridge is that of its far end.
func (m *Machine) forward(s *session, w way, msg rmcp.Message) []byte {
	if msg.NetFn == rmcp.NetFnApp && msg.Cmd == rmcp.CmdSendMessage {
		inner, channel, _, err := rmcp.ParseBridged(msg.Data)
		behind := m.cfg.Behind[ipmi.Hop{Channel: channel, Address: inner.To}]
		if err != nil || behind == nil {
			return []byte{byte(ipmi.CodeDestination)}
		}
		answer := inner.Reply(behind.forward(s, w, inner))
		return answer.Append([]byte{byte(ipmi.CodeOK)})
	}
	cmd, known := lookup(ipmi.NetFn(msg.NetFn), msg.Cmd)
	if known && cmd.level == Callback { // what is about the session is not for satellites
		return []byte{byte(ipmi.CodeInvalidCommand)}
	}
	c := m.newCall(w, nil, msg)
	c.who = Caller{User: s.name, Privilege: s.level, From: w.from.Addr()}
	ctx, cancel := context.WithTimeout(m.ctx, hostPatience)
	defer cancel()
	c.ctx = ctx
	data, code := m.do(c)
	return append([]byte{byte(code)}, data...)
}

// challenge begins a login of IPMI 1.5 (section 22.16).
func (m *Machine) challenge(w way, data []byte) ([]byte, ipmi.Code) {
	const badName ipmi.Code = 0x81
	r, err := rmcp.ParseChallengeRequest(data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if r.Auth != rmcp.AuthMD5 {
		return nil, ipmi.CodeInvalidField
	}
	m.mu.Lock()
	defer m.unlock()
	now := time.Now()
	if m.channel.Mode == 0 || !m.admitLogin(w, now) {
		return nil, ipmi.CodeBusy
	}
	s := &session{
		id: m.sessions.newID(), v15: true, way: w, from: w.from, port: w.port, used: now,
		login: &login{auth: r.Auth, tag: 0},
	}
	l := s.login
	if m.identify(s, rmcp.RAKP1{Name: slices.Clone(r.Name), Role: rmcp.RoleNameOnly}, now) != rmcp.StatusOK {
		return nil, badName
	}
	s.limit = m.channel.Limit
	m.sessions.list = append(m.sessions.list, s)
	return rmcp.Challenge{ID: s.id, String: l.exchange.ManagedRandom}.Append(nil), ipmi.CodeOK
}

// activate15 answers Activate Session, the first packet of a session of 1.5 (section 22.17).
func (m *Machine) activate15(w way, s *session, p *rmcp.Packet) {
	l := s.login
	if l == nil || p.Auth != l.auth || p.Seq != 0 || s.from != w.from {
		return
	}
	now := time.Now()
	if !s.active && !m.mayTry(s.from.Addr(), now) {
		m.drop(s)
		return
	}
	if err := p.Verify15(&l.key); err != nil || s.user == 0 {
		if !s.active { // one challenge is good for one guess
			m.failed(s, "the password is wrong", now)
			m.drop(s)
		}
		return
	}
	msg, err := rmcp.ParseMessage(p.Payload)
	if err != nil || msg.NetFn != uint8(ipmi.NetFnApp) || msg.Cmd != rmcp.CmdActivateSession {
		return
	}
	r, err := rmcp.ParseActivateRequest(msg.Data)
	if err != nil || r.Challenge != l.exchange.ManagedRandom || r.Outbound == 0 {
		return
	}
	if !s.active && !m.begin15(s, r) {
		return
	}
	s.used, s.way = now, w
	m.answer(s, w, msg, l.v15.Append([]byte{byte(ipmi.CodeOK)}))
}

// begin15 makes a login of 1.5 a session.
func (m *Machine) begin15(s *session, r rmcp.ActivateRequest) bool {
	l := s.login
	want := Privilege(r.Privilege)
	if want == 0 || want > OEM {
		return false
	}
	s.limit = min(want, m.accounts[s.user-1].level, m.channel.Limit)
	inbound := max(1, binary.LittleEndian.Uint32(l.exchange.ManagedRandom[:])>>1)
	ch, err := rmcp.NewChannel15(l.auth, &l.key, s.id, r.Outbound, inbound)
	if err != nil {
		return false
	}
	s.channel = ch
	if !m.activate(s) {
		return false
	}
	l.v15 = rmcp.Activated{Auth: l.auth, ID: s.id, Inbound: inbound, Privilege: uint8(s.limit)}
	return true
}
