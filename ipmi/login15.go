package ipmi

import (
	"errors"
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
)

// appendLogin15 adds the packet of a stage of IPMI 1.5's login (section 6.11 and 22.16 to 22.17).
func (s *Session) appendLogin15(b *buffers, l *login) []byte {
	m, p := b.message[:0], b.packet[:0]
	if l.stage == stageChallenge {
		ask := rmcp.ChallengeRequest{Auth: l.auth, Name: s.o.name}
		return rmcp.AppendPlain15(p, 0, 0, l.request(rmcp.CmdGetChallenge, ask.Append(nil)).Append(m))
	}
	ask := rmcp.ActivateRequest{Auth: l.auth, Privilege: uint8(l.want), Challenge: l.challeng.String, Outbound: l.first}
	m = l.request(rmcp.CmdActivateSession, ask.Append(nil)).Append(m)
	if l.auth == rmcp.AuthNone {
		return rmcp.AppendPlain15(p, l.challeng.ID, 0, m)
	}
	return rmcp.AppendSigned15(p, l.auth, &s.o.password, l.challeng.ID, 0, m)
}

// loginMessage is a message outside a session.
func (s *Session) loginMessage(p *rmcp.Packet, now time.Duration) {
	l := s.login
	m, err := rmcp.ParseMessage(p.Payload)
	if err != nil {
		s.drop(err)
		return
	}
	if m.Seq != l.seq || m.NetFn != rmcp.NetFnApp|1 || len(m.Data) == 0 {
		s.late++
		return
	}
	code, data := Code(m.Data[0]), m.Data[1:]
	switch {
	case m.Cmd == rmcp.CmdGetAuthCaps && l.stage == stageCaps:
		err = s.capsAnswer(code, data, now)
	case m.Cmd == rmcp.CmdGetAuthCaps && l.stage == stageOpen:
		err = s.saidWhatItIs(code, data)
	case m.Cmd == rmcp.CmdGetChallenge && l.stage == stageChallenge:
		err = s.challenged(code, data, now)
	case m.Cmd == rmcp.CmdActivateSession && l.stage == stageActivate:
		err = s.activated(p, code, data, now)
	default:
		s.late++
	}
	if err != nil {
		s.drop(err)
	}
}

// saidWhatItIs is the answer of a BMC that does not answer Open Session.
func (s *Session) saidWhatItIs(code Code, data []byte) error {
	l := s.login
	l.alive = true
	caps, err := rmcp.ParseAuthCaps(data)
	if code != CodeOK || err == nil && !caps.Plus20 && !s.o.quirks.has(QuirkAuthCap) {
		s.suspect(LoginNotBMC, errors.New("it has IPMI 1.5 only, which was not allowed"))
		return nil
	}
	return err
}

// capsAnswer chooses between 2.0 and 1.5.
func (s *Session) capsAnswer(code Code, data []byte, now time.Duration) error {
	l := s.login
	l.alive = true
	if code == CodeInvalidField && !l.oldCaps {
		l.oldCaps = true
		s.enter(stageCaps, now)
		return nil
	}
	if code != CodeOK {
		s.suspect(LoginRefused, code)
		return nil
	}
	caps, err := rmcp.ParseAuthCaps(data)
	if err != nil {
		return err
	}
	l.measure(s, now)
	l.caps = caps
	switch {
	case caps.Plus20 || s.o.quirks.has(QuirkAuthCap) && !l.oldCaps:
		s.handshake(now)
		return nil
	case caps.Offers(rmcp.AuthMD5) || s.o.quirks.has(QuirkAuthCap):
		l.auth = rmcp.AuthMD5
	case s.o.plain && caps.Offers(rmcp.AuthPassword):
		l.auth = rmcp.AuthPassword
	case s.o.plain && caps.Offers(rmcp.AuthNone):
		l.auth = rmcp.AuthNone
	default:
		s.suspect(LoginSuiteRefused, errors.New("it offers no authentication of IPMI 1.5 that is allowed"))
		return nil
	}
	s.enter(stageChallenge, now)
	return nil
}

func (s *Session) challenged(code Code, data []byte, now time.Duration) error {
	l := s.login
	switch code {
	case CodeOK:
	case 0x81, 0x82:
		s.suspect(LoginWrongName, errors.New(code.In(NetFnApp, rmcp.CmdGetChallenge)))
		return nil
	default:
		s.suspect(LoginRefused, errors.New(code.In(NetFnApp, rmcp.CmdGetChallenge)))
		return nil
	}
	var err error
	if l.challeng, err = rmcp.ParseChallenge(data); err != nil {
		return err
	}
	l.measure(s, now)
	l.first = random32()
	s.enter(stageActivate, now)
	return nil
}

// activated is the answer to Activate Session, which only who knows the password can make.
func (s *Session) activated(p *rmcp.Packet, code Code, data []byte, now time.Duration) error {
	l := s.login
	if p.Auth != l.auth && code == CodeOK {
		return rmcp.FaultClear
	}
	if code == CodeOK {
		if err := p.Verify15(&s.o.password); err != nil {
			return err
		}
		return s.begin15(data, now)
	}
	why := errors.New(code.In(NetFnApp, rmcp.CmdActivateSession))
	switch code {
	case 0x81, 0x82, 0x83:
		s.crowded15(why, now)
	case 0x84, 0x85: // it has taken us at our first word, and we did not hear it
		s.challengeAgain(now)
	case 0x86:
		if s.o.privilege == PrivilegeAuto && l.want > PrivilegeUser {
			l.want--
			s.enter(stageChallenge, now)
			return nil
		}
		s.suspect(LoginPrivilege, why)
	default:
		s.suspect(LoginRefused, why)
	}
	return nil
}

const challenges = 4 // of one login that lead to nothing

// challengeAgain begins a login of 1.5 anew: a challenge is good for one answer.
func (s *Session) challengeAgain(now time.Duration) {
	l := s.login
	if l.unheard++; l.unheard >= challenges {
		kind, err := s.suspicion()
		s.failLogin(kind, err)
		return
	}
	s.enter(stageChallenge, now)
}

func (s *Session) crowded15(why error, now time.Duration) {
	l := s.login
	if l.crowded++; l.crowded >= crowdedTries {
		s.failLogin(LoginNoSession, why)
		return
	}
	l.stage, l.tries = stageChallenge, 0
	l.again = now + crowdedWait<<(l.crowded-1)
	s.arm(l.again, now)
}

func (s *Session) begin15(data []byte, now time.Duration) error {
	l := s.login
	a, err := rmcp.ParseActivated(data)
	if err != nil {
		return err
	}
	if a.ID == 0 {
		return rmcp.FaultFormat
	}
	auth := l.auth
	if !l.caps.PerMessage && a.Auth == rmcp.AuthNone && !s.o.quirks.has(QuirkForcePerMessage) {
		auth = rmcp.AuthNone
	}
	c, err := rmcp.NewChannel15(auth, &s.o.password, a.ID, a.Inbound, l.first)
	if err != nil {
		return err
	}
	l.measure(s, now)
	s.channel, s.old = c, true
	s.askPrivilege(now)
	return nil
}
