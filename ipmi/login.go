package ipmi

import (
	"crypto/rand"
	"errors"
	"net"
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
	oldCaps  bool  // ask without the bit that 2.0 added
	unheard  uint8 // 1.5: challenges that led to nothing
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
	if errors.Is(s.sendErr, net.ErrClosed) {
		s.failLogin(LoginUnresolved, ErrClosed)
		return
	}
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
	s.leaveGate()
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
	case l.stage == stageActivate && l.tries >= rakpTries:
		s.challengeAgain(now)
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
	case l.unheard > 0:
		return LoginWrongPassword, errors.New("it does not answer Activate Session, as BMCs do that think so")
	case l.stage == stageOpen && l.alive:
		return LoginNotBMC, errors.New("it says what it can, and gives no valid answer to Open Session")
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
	if s.login != nil {
		s.login.keys.Zero()
		s.login = nil
	}
	s.leaveGate()
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
	s.leaveGate()
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
