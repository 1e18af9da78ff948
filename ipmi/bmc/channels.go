package bmc

import (
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/rmcp"
)

// The channels of a machine.
const (
	ipmbChannel   = 0x00
	lanChannel    = 0x01
	thisChannel   = 0x0e
	systemChannel = 0x0f
)

// lan checks that a channel is the one that sessions come in by.
func (c *call) lan(channel byte) error {
	switch channel {
	case lanChannel, thisChannel:
		return nil
	}
	return ipmi.CodeInvalidField
}

// authCapabilities says how to log in (section 22.13).
func authCapabilities(c *call) ([]byte, error) {
	r, err := rmcp.ParseAuthCapsRequest(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if err := c.lan(r.Channel); err != nil {
		return nil, err
	}
	if Privilege(r.Privilege) > OEM || r.Privilege == 0 {
		return nil, ipmi.CodeInvalidField
	}
	a := rmcp.AuthCaps{
		Channel: lanChannel, PlusValid: r.Plus, PerMessage: true, UserLevel: true,
		KgSet: !c.m.kg.IsZero(), Named: true, Plus20: r.Plus, Plus15: r.Plus && c.m.cfg.V15,
	}
	if c.m.cfg.V15 {
		a.Types = 1 << rmcp.AuthMD5
	}
	if f := c.m.cfg.Faults; f != nil && f.Anonymous {
		a.Named, a.Anonymous = false, true
	}
	return a.Append(nil), nil
}

// cipherSuites lists the suites (section 22.15): 16 bytes of the records at a time.
func cipherSuites(c *call) ([]byte, error) {
	r, err := rmcp.ParseCipherSuitesRequest(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if err := c.lan(r.Channel); err != nil {
		return nil, err
	}
	var records []byte
	for _, s := range c.m.cfg.Suites {
		if r.BySuite {
			records = rmcp.AppendSuite(records, s)
		}
	}
	if !r.BySuite {
		records = algorithms(c.m.cfg.Suites)
	}
	at := min(int(r.Index)*16, len(records))
	return channel.SuitesAnswer{Channel: lanChannel, Piece: records[at:min(at+16, len(records))]}.Append(nil), nil
}

// algorithms lists each algorithm once, with its tag.
func algorithms(suites []rmcp.Suite) []byte {
	var all []byte
	for kind, tag := range [3]byte{0x00, 0x40, 0x80} {
		for _, s := range suites {
			a, _ := s.Algorithms()
			b := tag | [3]uint8{a.Auth, a.Integrity, a.Confidentiality}[kind]
			seen := false
			for _, have := range all {
				seen = seen || have == b
			}
			if !seen {
				all = append(all, b)
			}
		}
	}
	return all
}

// channelInfo says what a channel is (section 22.24).
func channelInfo(c *call) ([]byte, error) {
	const ipmb, systemInterface = 1, 5 // protocols
	i := channel.Info{Channel: c.data[0] & 0x0f, Vendor: 7154}
	switch i.Channel {
	case lanChannel, thisChannel:
		i.Channel, i.Medium, i.Protocol = lanChannel, channel.LAN, ipmb
		i.Sessions, i.Active = channel.MultiSession, uint8(min(c.m.sessions.open(), 63))
	case ipmbChannel:
		i.Medium, i.Protocol = channel.IPMB, ipmb
	case systemChannel:
		i.Medium, i.Protocol = channel.SystemBus, systemInterface
		i.Aux = [2]byte{0xff, 0xff} // no interrupts
	default:
		return nil, ipmi.CodeInvalidField
	}
	return i.Append(nil), nil
}

func getChannelAccess(c *call) ([]byte, error) {
	q, err := channel.ParseAccessQuery(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if err := c.lan(q.Channel); err != nil {
		return nil, err
	}
	if q.Store != channel.NonVolatile && q.Store != channel.Volatile {
		return nil, ipmi.CodeInvalidField
	}
	return c.m.channel.Append(nil), nil
}

func setChannelAccess(c *call) ([]byte, error) {
	s, err := channel.ParseAccessSetting(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if err := c.lan(s.Channel); err != nil {
		return nil, err
	}
	const keep channel.Store = 0
	now := &c.m.channel
	limit := now.Limit
	if s.LimitStore != keep {
		if limit = s.Limit; limit == 0 || limit > OEM {
			return nil, ipmi.CodeInvalidField
		}
	}
	if s.Modes != keep {
		if s.Mode > channel.Shared {
			return nil, ipmi.CodeInvalidField
		}
		*now = s.Access
	}
	now.Limit = limit
	return nil, nil
}

// securityKeys reads and sets the machine's key Kg (section 22.25). Kr, which only makers
// use, is as Kg where there is none: not set.
func securityKeys(c *call) ([]byte, error) {
	const read, set, lock = 0, 1, 2
	const notLockable byte = 0
	if err := c.lan(c.data[0] & 0x0f); err != nil {
		return nil, err
	}
	op, key := c.data[1]&3, c.data[2]
	switch {
	case key > 1, op > lock:
		return nil, ipmi.CodeInvalidField
	case key == 0, op == lock:
		return nil, codeParameter
	case c.sess != nil && !c.sess.encrypted():
		return nil, ipmi.CodeState
	case op == read:
		return append([]byte{notLockable}, c.m.kg[:]...), nil
	case len(c.data) != 3+len(c.m.kg):
		return nil, ipmi.CodeLength
	}
	copy(c.m.kg[:], c.data[3:])
	return []byte{notLockable}, nil
}

// The payloads of a machine.
const payloadSOL = byte(rmcp.PayloadSOL)

func payloadSupport(c *call) ([]byte, error) {
	if err := c.lan(c.data[0] & 0x0f); err != nil {
		return nil, err
	}
	return channel.PayloadSupport{Standard: 0x03, Setup: 0x3f}.Append(nil), nil // IPMI and SOL; all of a login
}

func payloadVersion(c *call) ([]byte, error) {
	if err := c.lan(c.data[0] & 0x0f); err != nil {
		return nil, err
	}
	switch t := c.data[1] & 0x3f; {
	case t <= payloadSOL, t >= byte(rmcp.PayloadOpenRequest) && t <= byte(rmcp.PayloadRAKP4):
		return []byte{0x10}, nil
	}
	return nil, codeParameter // this payload is not there
}

func getPayloadAccess(c *call) ([]byte, error) {
	if err := c.lan(c.data[0] & 0x0f); err != nil {
		return nil, err
	}
	a, err := c.m.account(c.data[1])
	if err != nil {
		return nil, err
	}
	var p channel.UserPayloads
	if a.sol {
		p.Standard = 1 << payloadSOL
	}
	return p.Append(nil), nil
}

func setPayloadAccess(c *call) ([]byte, error) {
	if err := c.lan(c.data[0] & 0x0f); err != nil {
		return nil, err
	}
	a, err := c.m.account(c.data[1])
	if err != nil {
		return nil, err
	}
	if c.data[1]>>6 > 1 {
		return nil, ipmi.CodeInvalidField
	}
	s, err := channel.ParseUserPayloadSetting(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	if s.Standard&(1<<payloadSOL) != 0 {
		a.sol = !s.Disable
	}
	return nil, nil
}

// setPrivilege changes to another level within what the session may have (section 22.18).
func setPrivilege(c *call) ([]byte, error) {
	const aboveUser, aboveChannel ipmi.Code = 0x80, 0x81
	if c.sess == nil {
		return nil, ipmi.CodeInvalidCommand
	}
	want := Privilege(c.data[0] & 0x0f)
	switch {
	case want == 0:
		return []byte{byte(c.sess.level)}, nil
	case want == Callback || want > OEM:
		return nil, ipmi.CodeInvalidField
	case want > c.m.channel.Limit:
		return nil, aboveChannel
	case want > c.sess.limit:
		return nil, aboveUser
	}
	c.sess.level = want
	return []byte{byte(want)}, nil
}

// closeSession ends a session: one's own, or as an administrator any (section 22.19).
func closeSession(c *call) ([]byte, error) {
	const noSession, noHandle ipmi.Code = 0x87, 0x88
	r, err := channel.ParseClose(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	var s *session
	if r.Handle != 0 {
		if s = c.m.sessions.handle(r.Handle); s == nil {
			return nil, noHandle
		}
	} else if s = c.m.sessions.find(r.ID); s == nil || !s.active {
		return nil, noSession
	}
	if s != c.sess && c.who.Privilege < Administrator {
		return nil, ipmi.CodePrivilege
	}
	m := c.m
	end := func() {
		m.mu.Lock()
		defer m.unlock()
		m.end(s, LoggedOut)
	}
	if s == c.sess {
		c.later = end
	} else {
		m.end(s, LoggedOut)
	}
	return nil, nil
}

// sessionInfo tells of a session (section 22.20).
func sessionInfo(c *call) ([]byte, error) {
	r, err := channel.ParseSessionQuery(c.data)
	if err != nil {
		return nil, ipmi.CodeLength
	}
	s := c.sess
	switch {
	case r.Index == channel.RefByHandle:
		s = c.m.sessions.handle(r.Handle)
	case r.Index == channel.RefByID:
		s = c.m.sessions.find(r.ID)
	case r.Index != 0:
		s = c.m.sessions.nth(int(r.Index))
	}
	i := channel.SessionInfo{Possible: uint8(min(c.m.cfg.Limits.Sessions, 63)), Active: uint8(min(c.m.sessions.open(), 63))}
	if s == nil || !s.active {
		if r.Index >= channel.RefByHandle {
			return nil, ipmi.CodeNotPresent
		}
		return i.Append(nil), nil
	}
	i.Handle, i.User, i.Privilege, i.Channel, i.IPMI2 = s.number, uint8(s.user), s.level, lanChannel, !s.v15
	i.Peer, i.HasPeer = s.from, true // its MAC is not known
	return i.Append(nil), nil
}

// suspendEncryption would have a session go on in clear (section 24.3): never.
func suspendEncryption(*call) ([]byte, error) { return nil, ipmi.CodeIllegal }
