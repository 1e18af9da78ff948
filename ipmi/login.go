package ipmi

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
)

type stage uint8

// The stages of a login, named for what is waited for.
const (
	stageCaps      stage = iota // Get Channel Authentication Capabilities: only where 1.5 is allowed
	stageChallenge              // Get Session Challenge (1.5)
	stageActivate               // Activate Session (1.5)
	stageOpen                   // Open Session
	stageRAKP2
	stageRAKP4
	stagePrivilege // Set Session Privilege Level, which goes over the new channel
)

const (
	rakpTries      = 2 // without an answer, after which the handshake begins anew
	crowdedTries   = 4 // when all sessions are taken
	crowdedWait    = 500 * time.Millisecond
	handshakeLimit = 12 // beginnings of one login
	doubtTries     = 3  // that end in doubt, before it is believed
	asksAfter      = 2  // silent Open Sessions, after which it is asked what it is
	lowersAfter    = 3  // silent Open Sessions, after which another suite is tried
)

// login is a login under way.
type login struct {
	stage   stage
	again   time.Duration // when to do something though nothing was heard
	expires time.Duration
	sent    time.Duration
	tries   uint8 // at this stage
	begun   uint8 // handshakes
	crowded uint8 // times that all sessions were taken
	address int   // of the session's, the one in use
	suites  []rmcp.Suite
	at      int // the suite in use
	want    Privilege
	alive   bool // something like a BMC has answered

	// What a packet said that nobody vouches for: believed if nothing better comes in time, and
	// not the next times either.
	doubt    LoginKind
	doubtErr error
	doubts   uint8
	doubted  bool // since the last try

	tag      uint8 // of the first Open Session of this handshake; each has its own
	seq      uint8 // of requests without session
	x        rmcp.Exchange
	keys     rmcp.Keys
	code3    []byte
	challeng rmcp.Challenge
	first    uint32 // 1.5: what we want the BMC's numbers to begin with
	auth     rmcp.AuthType
	caps     rmcp.AuthCaps
	oldCaps  bool // ask without the bit that 2.0 added
}

// startLogin begins the first login, or another when the BMC has forgotten us.
func (s *Session) startLogin(now time.Duration) {
	l := &login{expires: now + s.o.timeout, suites: s.o.suites, want: s.o.privilege}
	if l.want == PrivilegeAuto {
		l.want = PrivilegeAdmin
	}
	if s.logins > 0 {
		// What worked before is what it gets.
		l.address = max(0, slices.Index(s.addrs, s.addr))
		l.want = s.privilege
		if !s.old {
			l.suites = []rmcp.Suite{s.suite}
		}
	}
	s.login, s.state = l, stateLogin
	if !s.target(l) {
		return
	}
	if s.o.old && (s.logins == 0 || s.old) {
		s.enter(stageCaps, now)
		return
	}
	s.handshake(now)
}

// target takes up the address in use. False: the login has failed.
func (s *Session) target(l *login) bool {
	var err error
	for range s.addrs {
		s.addr = s.addrs[l.address%len(s.addrs)]
		if s.socket, err = s.c.socket(s.addr); err == nil {
			s.c.station(s, s.addr)
			return true
		}
		l.address++
	}
	s.failLogin(LoginUnresolved, err)
	return false
}

// handshake begins an RMCP+ handshake, with a number and a tag of its own, so that
// nothing of one before is taken for it.
func (s *Session) handshake(now time.Duration) {
	l := s.login
	if l.begun++; l.begun > handshakeLimit {
		kind, err := s.suspicion()
		s.failLogin(kind, err)
		return
	}
	if s.id != 0 {
		s.c.expel(s.id)
	}
	s.id = s.c.enroll(s)
	l.tag += l.tries + 1
	algorithms, _ := l.suites[l.at].Algorithms()
	l.x = rmcp.Exchange{Algorithms: algorithms, Console: s.id, Name: s.o.name, Role: uint8(l.want)}
	if !s.o.byBoth {
		l.x.Role |= rmcp.RoleNameOnly
	}
	_, _ = rand.Read(l.x.ConsoleRandom[:]) // it never fails
	s.enter(stageOpen, now)
}

// enter begins a stage by sending what it is about.
func (s *Session) enter(st stage, now time.Duration) {
	s.login.stage, s.login.tries = st, 0
	s.login.seq = s.nextSeq()
	s.sendLogin(now)
}

func (s *Session) sendLogin(now time.Duration) {
	l := s.login
	l.doubted = false
	if l.tries == 0 {
		l.sent = now
	}
	b := s.c.buffers.Get().(*buffers)
	packet := s.appendLogin(b, l)
	s.sendErr = s.socket.write(packet, s.addr)
	if l.stage == stageOpen && l.tries >= asksAfter && (!l.alive || l.doubt == LoginNotBMC) {
		_ = s.socket.write(s.appendCaps(b, l), s.addr)
	}
	s.c.buffers.Put(b)
	if l.tries < 200 {
		l.tries++
	}
	l.again = min(now+s.backoff(l.tries), l.expires)
	s.arm(l.again, now)
}

// appendLogin adds the packet of the stage.
func (s *Session) appendLogin(b *buffers, l *login) []byte {
	m, p := b.message[:0], b.packet[:0]
	switch l.stage {
	case stageOpen:
		return rmcp.AppendPlain(p, rmcp.PayloadOpenRequest, rmcp.OpenRequest{
			Tag: l.tag + l.tries, Privilege: uint8(l.want), Console: s.id, Algorithms: l.x.Algorithms,
		}.Append(m))
	case stageRAKP2:
		return rmcp.AppendPlain(p, rmcp.PayloadRAKP1, rmcp.RAKP1{
			Tag: l.tag, Managed: l.x.Managed, Random: l.x.ConsoleRandom, Role: l.x.Role, Name: l.x.Name,
		}.Append(m))
	case stageRAKP4:
		return rmcp.AppendPlain(p, rmcp.PayloadRAKP3, rmcp.RAKP3{Tag: l.tag, Managed: l.x.Managed, Code: l.code3}.Append(m))
	case stageCaps:
		return s.appendCaps(b, l)
	}
	return s.appendLogin15(b, l)
}

func (s *Session) appendCaps(b *buffers, l *login) []byte {
	ask := rmcp.AuthCapsRequest{Plus: !l.oldCaps, Channel: rmcp.ChannelThis, Privilege: uint8(l.want)}
	return rmcp.AppendPlain15(b.packet[:0], 0, 0, l.request(rmcp.CmdGetAuthCaps, ask.Append(nil)).Append(b.message[:0]))
}

// request is a request without session.
func (l *login) request(cmd uint8, data []byte) rmcp.Message {
	return rmcp.Message{To: rmcp.AddressBMC, NetFn: rmcp.NetFnApp, From: rmcp.AddressConsole, Seq: l.seq, Cmd: cmd, Data: data}
}

// tickLogin does what is due when nothing came in time.
func (s *Session) tickLogin(now time.Duration) {
	l := s.login
	switch {
	case l.doubts >= doubtTries || now >= l.expires:
		kind, err := s.suspicion()
		s.failLogin(kind, err)
		return
	case l.doubted && l.doubt != LoginNotBMC && l.stage >= stageOpen && l.stage < stagePrivilege:
		s.handshake(now)
		return
	case l.stage == stagePrivilege:
		l.again = l.expires // the request has its own tries
		return
	case l.crowded > 0 && l.stage == stageOpen && l.tries == 0:
	case (l.stage == stageRAKP2 || l.stage == stageRAKP4) && l.tries >= rakpTries:
		s.handshake(now)
		return
	case l.stage == stageOpen && l.tries >= lowersAfter && l.alive && l.at+1 < len(l.suites):
		l.at++ // some say nothing to a suite that they do not know
		s.handshake(now)
		return
	case l.stage <= stageOpen && len(s.addrs) > 1 && !l.alive:
		l.address++
		if !s.target(l) {
			return
		}
	}
	s.sendLogin(now)
}

// suspicion is what is known about why there is no session.
func (s *Session) suspicion() (LoginKind, error) {
	switch l := s.login; {
	case l == nil:
		return LoginNoAnswer, s.sendErr
	case l.doubt != 0:
		return l.doubt, l.doubtErr
	case l.crowded > 0:
		return LoginNoSession, rmcp.StatusNoResources
	case l.stage == stageOpen && l.alive:
		return LoginNotBMC, errors.New("it says what it can, and does not answer Open Session")
	case l.stage > stageOpen || l.alive:
		return LoginNoAnswer, errors.New("it stopped answering on the way")
	case s.sendErr != nil:
		return LoginUnresolved, s.sendErr
	}
	return LoginNoAnswer, nil
}

// suspect notes what an unproven packet says: the answer that is true has until the next try to come.
func (s *Session) suspect(kind LoginKind, err error) {
	l := s.login
	if l.doubted {
		return
	}
	l.doubted = true
	l.doubts++
	l.doubt, l.doubtErr = kind, err
}

// failLogin ends the login, and all calls that wait for it.
func (s *Session) failLogin(kind LoginKind, err error) {
	e := &LoginError{Address: s.addr.String(), Kind: kind, Err: err}
	if s.channel != nil {
		s.sayClose()
	}
	s.login.keys.Zero()
	s.login = nil
	s.leave()
	for k := s.flying.pop(); k != nil; k = s.flying.pop() {
		s.finish(k, nil, e)
	}
	for k := s.waiting.pop(); k != nil; k = s.waiting.pop() {
		s.finish(k, nil, e)
	}
	s.state = stateStale
	if k := s.opening; k != nil {
		s.opening = nil
		s.finish(k, nil, e)
		s.end()
	}
}

// loginPacket is a packet that may be part of the login.
func (s *Session) loginPacket(p *rmcp.Packet, from netip.AddrPort, now time.Duration) {
	l := s.login
	if !slices.Contains(s.addrs, from) {
		s.drop(rmcp.FaultSession)
		return
	}
	if !p.IsPlus() || p.Type == rmcp.PayloadIPMI {
		if from == s.addr {
			s.loginMessage(p, now)
		}
		return
	}
	if p.ID != 0 && !s.o.quirks.has(QuirkPreSessionID) || p.Encrypted || p.Authenticated {
		s.drop(rmcp.FaultSession)
		return
	}
	var err error
	switch {
	case p.Type == rmcp.PayloadOpenResponse && l.stage == stageOpen:
		err = s.opened(p.Payload, from, now)
	case p.Type == rmcp.PayloadRAKP2 && (l.stage == stageRAKP2 || l.stage == stageRAKP4):
		err = s.rakp2(p.Payload, now)
	case p.Type == rmcp.PayloadRAKP4 && l.stage == stageRAKP4:
		err = s.rakp4(p.Payload, now)
	default:
		s.late++
	}
	if err != nil {
		s.drop(err)
	}
}

func (l *login) measure(s *Session, now time.Duration) {
	if l.tries == 1 {
		s.measured(now - l.sent)
	}
}

// opened is an Open Session response.
func (s *Session) opened(b []byte, from netip.AddrPort, now time.Duration) error {
	l := s.login
	r, err := rmcp.ParseOpenResponse(b)
	if err != nil {
		return err
	}
	if r.Tag-l.tag >= l.tries {
		return rmcp.FaultSession // no try of ours had this tag
	}
	if r.Status != rmcp.StatusOK {
		s.openRefused(r.Status, now)
		return nil
	}
	if r.Console != s.id {
		return rmcp.FaultSession
	}
	if r.Managed == 0 {
		return rmcp.FaultFormat
	}
	if r.Algorithms != l.x.Algorithms {
		s.suspect(LoginSuiteChanged, fmt.Errorf("it was to be %v, it is %v", l.x.Algorithms, r.Algorithms))
		return nil
	}
	if from != s.addr {
		s.addr = from
		l.address = slices.Index(s.addrs, from)
		if !s.target(l) {
			return nil
		}
	}
	l.alive = true
	l.measure(s, now)
	l.x.Managed = r.Managed
	s.enter(stageRAKP2, now)
	return nil
}

func (s *Session) openRefused(status rmcp.Status, now time.Duration) {
	l := s.login
	l.alive = true
	switch status {
	case rmcp.StatusAuthAlgorithm, rmcp.StatusIntegrityAlg, rmcp.StatusConfidentiality, rmcp.StatusNoSuite,
		rmcp.StatusNoAuthMatch, rmcp.StatusNoIntegrityMatch:
		if l.at+1 < len(l.suites) {
			l.at++
			s.handshake(now)
			return
		}
		s.suspect(LoginSuiteRefused, status)
	case rmcp.StatusRole, rmcp.StatusPrivilege:
		s.lower(LoginPrivilege, status, now)
	default:
		s.refused(status, now)
	}
}

// lower tries again with less privilege, where that was left to us.
func (s *Session) lower(kind LoginKind, err error, now time.Duration) {
	l := s.login
	if s.o.privilege == PrivilegeAuto && l.want > PrivilegeUser {
		l.want--
		s.handshake(now)
		return
	}
	s.suspect(kind, err)
}

// refused deals with statuses that any message of the handshake may have.
func (s *Session) refused(status rmcp.Status, now time.Duration) {
	l := s.login
	switch status {
	case rmcp.StatusNoResources, rmcp.StatusNoRoleResources:
		if l.crowded++; l.crowded >= crowdedTries {
			s.failLogin(LoginNoSession, status)
			return
		}
		// Somebody's session may end, or time out, meanwhile.
		wait := crowdedWait << (l.crowded - 1)
		l.stage, l.tag, l.tries = stageOpen, l.tag+l.tries, 0
		l.again = now + wait
		s.arm(l.again, now)
	case rmcp.StatusSessionID, rmcp.StatusInactiveSession:
		s.handshake(now) // it has dropped the handshake
	case rmcp.StatusName, rmcp.StatusNameLength:
		s.suspect(LoginWrongName, status)
	case rmcp.StatusRole, rmcp.StatusPrivilege:
		s.suspect(LoginPrivilege, status)
	default:
		s.suspect(LoginRefused, status)
	}
}

// rakp2 is the BMC's proof that it knows the password. One that differs from one before, because
// the BMC has taken two of our tries for two, takes its place.
func (s *Session) rakp2(b []byte, now time.Duration) error {
	l := s.login
	r, err := rmcp.ParseRAKP2(b)
	switch {
	case err != nil:
		return err
	case r.Tag != l.tag:
		return rmcp.FaultSession
	case r.Status != rmcp.StatusOK && l.stage == stageRAKP4:
		return nil // about a try that another has overtaken
	case r.Status == rmcp.StatusRole, r.Status == rmcp.StatusPrivilege, r.Status == rmcp.StatusName:
		kind := LoginPrivilege
		if r.Status == rmcp.StatusName {
			kind = LoginWrongName
		}
		s.lower(kind, r.Status, now)
		return nil
	case r.Status != rmcp.StatusOK:
		s.refused(r.Status, now)
		return nil
	case r.Console != s.id:
		return rmcp.FaultSession
	}
	x := l.x
	x.ManagedRandom, x.GUID = r.Random, r.GUID
	if s.o.quirks.has(QuirkOpenPrivilege | QuirkSun20) {
		x.Role = uint8(l.want)
	}
	if !s.sameCode(x.AppendCode2(nil, &s.o.password), r.Code) {
		s.suspect(LoginWrongPassword, nil)
		return rmcp.FaultCode
	}
	if s.o.guid != nil && *s.o.guid != r.GUID {
		s.failLogin(LoginWrongGUID, fmt.Errorf("it says %x, and should say %x", r.GUID, *s.o.guid))
		return nil
	}
	if l.stage == stageRAKP4 && r.Random == l.x.ManagedRandom {
		return nil // the same again
	}
	l.doubt, l.doubted = 0, false
	l.measure(s, now)
	l.x.ManagedRandom, l.x.GUID = r.Random, r.GUID
	l.keys = x.Keys(&s.o.kg, &s.o.password)
	if s.o.quirks.has(QuirkRAKP3Role) {
		x.Role &^= rmcp.RoleNameOnly
	}
	l.code3 = x.AppendCode3(nil, &s.o.password)
	s.enter(stageRAKP4, now)
	return nil
}

// sameCode compares a code with the right one. Some BMCs send more bytes than there are.
func (s *Session) sameCode(right, got []byte) bool {
	if s.o.quirks.has(QuirkSupermicro20|QuirkSun20) && len(got) > len(right) {
		got = got[:len(right)]
	}
	return rmcp.Equal(right, got)
}

// rakp4 is the BMC's proof that it has the same keys: with it the session begins.
func (s *Session) rakp4(b []byte, now time.Duration) error {
	l := s.login
	r, err := rmcp.ParseRAKP4(b)
	switch {
	case err != nil:
		return err
	case r.Tag != l.tag:
		return rmcp.FaultSession
	case r.Status == rmcp.StatusIntegrity:
		// It has seen our proof of the password and believes something else. The password is right, so
		// that it must have mixed up two tries.
		s.handshake(now)
		return nil
	case r.Status != rmcp.StatusOK:
		s.refused(r.Status, now)
		return nil
	case r.Console != s.id:
		return rmcp.FaultSession
	}
	if s.o.quirks.has(QuirkIntegrityCheck) && len(l.keys.Check()) == 0 {
		r.Code = nil
	}
	if !s.sameCode(l.keys.Check(), r.Code) {
		s.suspect(LoginWrongKey, nil)
		return rmcp.FaultCode
	}
	c, err := rmcp.NewChannel(&l.keys, s.id, l.x.Managed)
	l.keys.Zero()
	if err != nil {
		s.failLogin(LoginRefused, err)
		return nil
	}
	l.measure(s, now)
	s.channel, s.old, s.suite, s.guid = c, false, l.suites[l.at], l.x.GUID
	s.c.station(s, netip.AddrPort{})
	s.askPrivilege(now)
	return nil
}

const cmdSetPrivilege = 0x3b

// askPrivilege raises the session from user, where each begins, to what is wanted.
func (s *Session) askPrivilege(now time.Duration) {
	l := s.login
	l.stage, l.doubt, l.again = stagePrivilege, 0, l.expires
	s.heard = now
	s.urgent(&call{
		req:   Request{NetFn: NetFnApp, Cmd: cmdSetPrivilege, Data: []byte{uint8(l.want)}},
		limit: silentTries,
		tell:  nil,
	}, now)
	s.flying.last.tell = s.privileged(s.flying.last, l)
}

// privileged is told the answer to askPrivilege.
func (s *Session) privileged(k *call, l *login) func([]byte, error) {
	return func(data []byte, err error) {
		s.mu.Lock()
		defer s.unlock()
		if s.login != l {
			return
		}
		now := s.c.now()
		switch {
		case err == nil:
			s.loggedIn(data, now)
		case errors.Is(err, Code(0x80)), errors.Is(err, Code(0x81)), errors.Is(err, CodePrivilege):
			if s.o.privilege != PrivilegeAuto || l.want <= PrivilegeUser {
				s.failLogin(LoginPrivilege, err)
				return
			}
			l.want--
			s.askPrivilege(now)
		case k.tries >= silentTries:
			s.relogin(now)
		default:
			s.failLogin(LoginRefused, err)
		}
	}
}

// relogin begins the login anew after the session that it made fell silent.
func (s *Session) relogin(now time.Duration) {
	s.sayClose()
	s.leave()
	l := s.login
	l.doubt = 0
	if !s.target(l) {
		return
	}
	if s.old {
		s.enter(stageCaps, now)
		return
	}
	s.handshake(now)
}

// loggedIn is the end of a login that succeeded. data is the answer to Set Session
// Privilege Level; some BMCs say 0 there, or nothing.
func (s *Session) loggedIn(data []byte, now time.Duration) {
	s.privilege = s.login.want
	if len(data) > 0 && data[0]&0x0f != 0 {
		s.privilege = min(s.privilege, Privilege(data[0]&0x0f))
	}
	s.login = nil
	s.state = stateReady
	s.logins++
	if k := s.opening; k != nil {
		s.opening = nil
		s.finish(k, nil, nil)
	}
	if s.keepAlive > 0 {
		s.arm(s.said+s.keepAlive, now)
	}
	s.pump(now)
}
