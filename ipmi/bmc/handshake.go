package bmc

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
)

// openSession answers an RMCP+ Open Session request (section 13.17).
func (m *Machine) openSession(w way, payload []byte) {
	o, err := rmcp.ParseOpenRequest(payload)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.unlock()
	answer := rmcp.OpenResponse{Tag: o.Tag, Console: o.Console}
	now := time.Now()
	for _, s := range m.sessions.list { // it came again
		if !s.active && !s.v15 && s.remote == o.Console && s.from == w.from && s.login.tag == o.Tag && !s.login.started {
			m.sendOpen(w, m.opened(answer, s, o))
			return
		}
	}
	s, status := m.newLogin(w, o, now)
	if status != rmcp.StatusOK {
		answer.Status = status
		m.sendOpen(w, answer)
		return
	}
	m.sessions.list = append(m.sessions.list, s)
	m.sendOpen(w, m.opened(answer, s, o))
}

// newLogin chooses a suite and makes room.
func (m *Machine) newLogin(w way, o rmcp.OpenRequest, now time.Time) (*session, rmcp.Status) {
	level := Privilege(o.Privilege)
	if level > OEM {
		return nil, rmcp.StatusRole
	}
	if o.Console == 0 {
		return nil, rmcp.StatusSessionID
	}
	suite, status := m.choose(o.Algorithms)
	if status != rmcp.StatusOK {
		return nil, status
	}
	if m.channel.Mode == 0 || !m.admitLogin(w, now) {
		return nil, rmcp.StatusNoResources
	}
	if level == 0 || level > m.channel.Limit {
		level = m.channel.Limit
	}
	s := &session{
		id: m.sessions.newID(), remote: o.Console, way: w, from: w.from, port: w.port,
		limit: level, suite: suite, used: now, login: &login{tag: o.Tag},
	}
	x := &s.login.exchange
	x.Algorithms, _ = suite.Algorithms()
	x.Console, x.Managed, x.GUID = o.Console, s.id, [16]byte(m.cfg.GUID)
	return s, rmcp.StatusOK
}

// choose finds the best suite that fits a proposal, or says which part fits none.
func (m *Machine) choose(a rmcp.Algorithms) (rmcp.Suite, rmcp.Status) {
	var suites []rmcp.Suite
	for _, s := range rmcp.Suites() {
		if slices.Contains(m.cfg.Suites, s) && (m.cfg.Faults == nil || !slices.Contains(m.cfg.Faults.RefuseSuites, s)) {
			suites = append(suites, s)
		}
	}
	fits := func(want, have uint8) bool { return want == rmcp.AnyAlgorithm || want == have }
	auth, integrity, confidentiality := false, false, false
	for _, s := range suites {
		have, _ := s.Algorithms()
		x, y, z := fits(a.Auth, have.Auth), fits(a.Integrity, have.Integrity), fits(a.Confidentiality, have.Confidentiality)
		if x && y && z {
			return s, rmcp.StatusOK
		}
		auth, integrity, confidentiality = auth || x, integrity || y, confidentiality || z
	}
	switch {
	case !auth:
		return 0, rmcp.StatusAuthAlgorithm
	case !integrity:
		return 0, rmcp.StatusIntegrityAlg
	case !confidentiality:
		return 0, rmcp.StatusConfidentiality
	}
	return 0, rmcp.StatusNoSuite
}

func (m *Machine) opened(r rmcp.OpenResponse, s *session, o rmcp.OpenRequest) rmcp.OpenResponse {
	r.Privilege, r.Managed, r.Algorithms = uint8(s.limit), s.id, s.login.exchange.Algorithms
	if f := m.cfg.Faults; f != nil && f.EchoPrivilege {
		r.Privilege = o.Privilege
	}
	return r
}

func (m *Machine) sendOpen(w way, r rmcp.OpenResponse) {
	if f := m.cfg.Faults; f != nil && f.WrongTags {
		r.Tag++
	}
	m.sendPlain(w, rmcp.PayloadOpenResponse, r.Append(nil))
}

// rakp1 answers who wants in with our proof that we know the password (section 13.20).
func (m *Machine) rakp1(w way, payload []byte) {
	r, err := rmcp.ParseRAKP1(payload)
	if len(payload) < 28 {
		return
	}
	m.mu.Lock()
	defer m.unlock()
	answer := rmcp.RAKP2{Tag: r.Tag}
	s := m.sessions.find(r.Managed)
	if s == nil || s.active || s.v15 || s.from != w.from {
		return // nobody's: there is nothing to tell a stranger
	}
	answer.Console = s.remote
	now := time.Now()
	switch {
	case err != nil:
		answer.Status = rmcp.StatusNameLength
	case Privilege(r.Role&0x0f) > OEM:
		answer.Status = rmcp.StatusRole
	case !s.login.same(r) && !m.mayTry(s.from.Addr(), now):
		answer.Status = rmcp.StatusNoResources
	default:
		answer.Status = m.identify(s, r, now)
	}
	if answer.Status == rmcp.StatusOK {
		x := &s.login.exchange
		answer.Random, answer.GUID = x.ManagedRandom, x.GUID
		answer.Code = m.quirkOfCodes(x, &s.login.key).AppendCode2(nil, &s.login.key)
	} else {
		if answer.Status != rmcp.StatusNoResources { // that one was not even tried
			m.failed(s, answer.Status.String(), now)
		}
		m.drop(s)
	}
	if f := m.cfg.Faults; f != nil {
		answer.Code = f.cut(answer.Code)
		if f.WrongTags {
			answer.Tag++
		}
	}
	m.sendPlain(w, rmcp.PayloadRAKP2, answer.Append(nil))
}

// same says whether a RAKP message 1 is the one that has come before.
func (l *login) same(r rmcp.RAKP1) bool {
	x := &l.exchange
	return l.started && x.ConsoleRandom == r.Random && x.Role == r.Role && bytes.Equal(x.Name, r.Name)
}

// identify looks the user up, and keeps what the codes are made of.
func (m *Machine) identify(s *session, r rmcp.RAKP1, now time.Time) rmcp.Status {
	l := s.login
	x := &l.exchange
	if l.same(r) {
		return rmcp.StatusOK // it came again
	}
	l.started = true
	s.used = now
	m.watch(l)
	_, _ = rand.Read(x.ManagedRandom[:]) // it never fails
	x.ConsoleRandom, x.Role, x.Name = r.Random, r.Role, bytes.Clone(r.Name)
	s.name = strings.ToValidUTF8(string(r.Name), "?")
	level := Privilege(r.Role & 0x0f)
	s.user = m.findUser(r.Name, level, r.Role&rmcp.RoleNameOnly != 0)
	dummy := hmac.New(sha256.New, m.dummy)
	dummy.Write(r.Name)
	copy(l.key[:], dummy.Sum(nil))
	if s.user == 0 {
		if m.cfg.TellUnknownUsers {
			return rmcp.StatusName
		}
		return rmcp.StatusOK
	}
	a := &m.accounts[s.user-1]
	l.key = a.password
	if level == 0 {
		level = s.limit
	}
	s.limit = min(s.limit, level, a.level)
	return rmcp.StatusOK
}

// rakp3 is the console's proof, on which the session begins (section 13.22).
func (m *Machine) rakp3(w way, payload []byte) {
	r, err := rmcp.ParseRAKP3(payload)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.unlock()
	s := m.sessions.find(r.Managed)
	if s == nil || s.v15 || s.from != w.from || s.login == nil || !s.login.started {
		return
	}
	l := s.login
	if s.active {
		if l.last != nil && r.Status == rmcp.StatusOK && rmcp.Equal(r.Code, l.code) { // it came again
			m.sendPlain(w, rmcp.PayloadRAKP4, l.last)
		}
		return
	}
	now := time.Now()
	if r.Status != rmcp.StatusOK { // it did not believe us: mostly a wrong password at its end
		m.failed(s, r.Status.String(), now)
		m.drop(s)
		return
	}
	answer := rmcp.RAKP4{Tag: r.Tag, Console: s.remote}
	keys := m.believe(s, r.Code)
	switch {
	case keys == nil:
		answer.Status = rmcp.StatusIntegrity
		m.failed(s, "the password is wrong", now)
		m.drop(s)
	case !m.activate(s):
		answer.Status = rmcp.StatusNoResources
		m.drop(s)
	default:
		s.used, s.way = now, w
		answer.Code = keys.Check()
		l.key.Zero()
		l.code = bytes.Clone(r.Code)
	}
	if f := m.cfg.Faults; f != nil {
		answer.Code = f.cut(answer.Code)
		if f.WrongTags {
			answer.Tag++
		}
	}
	l.last = answer.Append(nil)
	m.sendPlain(w, rmcp.PayloadRAKP4, l.last)
}

// believe verifies the console's proof and makes the session's keys. Users that do not
// exist take the same way to their refusal.
func (m *Machine) believe(s *session, code []byte) *rmcp.Keys {
	x := m.quirkOfCodes(&s.login.exchange, &s.login.key)
	right := rmcp.Equal(code, x.AppendCode3(nil, &s.login.key))
	if !right || s.user == 0 {
		return nil
	}
	keys := x.Keys(&m.kg, &s.login.key)
	ch, err := rmcp.NewChannel(&keys, s.id, s.remote)
	if err != nil {
		return nil
	}
	s.channel = ch
	return &keys
}

// quirkOfCodes gives the exchange as the codes are made of it.
func (m *Machine) quirkOfCodes(x *rmcp.Exchange, key *rmcp.Key) *rmcp.Exchange {
	if f := m.cfg.Faults; f != nil {
		return f.exchange(x, key)
	}
	return x
}
