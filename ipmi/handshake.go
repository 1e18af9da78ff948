package ipmi

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"millwright.dev/millwright/ipmi/rmcp"
)

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
		// What it has chosen is not taken. Some know one suite and answer it to all: a later
		// proposal of ours may be that one.
		l.alive = true
		if s.nextSuite(now) {
			return nil
		}
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

// nextSuite proposes the next of the suites that may be tried, if there is one.
func (s *Session) nextSuite(now time.Duration) bool {
	l := s.login
	if l.at+1 >= len(l.suites) {
		return false
	}
	l.at++
	s.handshake(now)
	return true
}

func (s *Session) openRefused(status rmcp.Status, now time.Duration) {
	l := s.login
	l.alive = true
	switch status {
	case rmcp.StatusAuthAlgorithm, rmcp.StatusIntegrityAlg, rmcp.StatusConfidentiality, rmcp.StatusNoSuite,
		rmcp.StatusNoAuthMatch, rmcp.StatusNoIntegrityMatch:
		if s.nextSuite(now) {
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

// shortestCode is the least that a code may be cut to: that of the weakest suite in packets.
const shortestCode = 12

// sameCode compares a code with the right one. Some BMCs send more bytes than there are, or fewer.
func (s *Session) sameCode(right, got []byte) bool {
	if s.o.quirks.has(QuirkSupermicro20 | QuirkSun20) {
		n := min(len(right), len(got))
		if n < shortestCode && n < len(right) {
			return false
		}
		right, got = right[:n], got[:n]
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
