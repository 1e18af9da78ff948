package bmc

import (
	"encoding/binary"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// The channels of a machine.
const (
	ipmbChannel   = 0x00
	lanChannel    = 0x01
	thisChannel   = 0x0e
	systemChannel = 0x0f
)

const accessAlways = 2

// access is who may come in by the LAN channel (section 22.22).
type access struct {
	mode  byte // 0 disabled, 1 before the system starts, 2 always, 3 shared
	flags byte // alerting, per message and user level authentication off, as on the wire
	limit Privilege
}

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
	return append([]byte{lanChannel}, records[at:min(at+16, len(records))]...), nil
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
	maker := [3]byte{0xf2, 0x1b, 0x00} // the IPMI forum
	info := func(channel, medium, protocol, sessions byte) []byte {
		return append([]byte{channel, medium, protocol, sessions}, maker[0], maker[1], maker[2], 0, 0)
	}
	switch c.data[0] & 0x0f {
	case lanChannel, thisChannel:
		return info(lanChannel, 0x04, 0x01, 0x80|byte(c.m.sessions.open())&0x3f), nil
	case ipmbChannel:
		return info(ipmbChannel, 0x01, 0x01, 0x00), nil
	case systemChannel:
		b := info(systemChannel, 0x0c, 0x05, 0x00)
		b[7], b[8] = 0xff, 0xff // no interrupts
		return b, nil
	}
	return nil, ipmi.CodeInvalidField
}

func getChannelAccess(c *call) ([]byte, error) {
	if err := c.lan(c.data[0] & 0x0f); err != nil {
		return nil, err
	}
	if w := c.data[1] >> 6; w != 1 && w != 2 {
		return nil, ipmi.CodeInvalidField
	}
	a := c.m.channel
	return []byte{a.flags | a.mode, byte(a.limit)}, nil
}

func setChannelAccess(c *call) ([]byte, error) {
	if err := c.lan(c.data[0] & 0x0f); err != nil {
		return nil, err
	}
	if c.data[1]>>6 != 0 {
		mode := c.data[1] & 0x07
		if mode > 3 {
			return nil, ipmi.CodeInvalidField
		}
		c.m.channel.mode, c.m.channel.flags = mode, c.data[1]&0x38
	}
	if c.data[2]>>6 != 0 {
		limit := Privilege(c.data[2] & 0x0f)
		if limit == 0 || limit > OEM {
			return nil, ipmi.CodeInvalidField
		}
		c.m.channel.limit = limit
	}
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
	return []byte{0x03, 0x00, 0x3f, 0x00, 0x00, 0x00, 0x00, 0x00}, nil // IPMI and SOL; all of a login
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
	b := []byte{0, 0, 0, 0}
	if a.sol {
		b[0] = 1 << payloadSOL
	}
	return b, nil
}

func setPayloadAccess(c *call) ([]byte, error) {
	if err := c.lan(c.data[0] & 0x0f); err != nil {
		return nil, err
	}
	a, err := c.m.account(c.data[1])
	if err != nil {
		return nil, err
	}
	switch op := c.data[1] >> 6; op {
	case 0, 1:
		if c.data[2]&(1<<payloadSOL) != 0 {
			a.sol = op == 0
		}
		return nil, nil
	}
	return nil, ipmi.CodeInvalidField
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
	case want > c.m.channel.limit:
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
	id := binary.LittleEndian.Uint32(c.data)
	var s *session
	if id == 0 && len(c.data) > 4 {
		if s = c.m.sessions.handle(c.data[4]); s == nil {
			return nil, noHandle
		}
	} else if s = c.m.sessions.find(id); s == nil || !s.active {
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
	var s *session
	switch index := c.data[0]; {
	case index == 0x00:
		s = c.sess
	case index == 0xfe && len(c.data) >= 2:
		s = c.m.sessions.handle(c.data[1])
	case index == 0xff && len(c.data) >= 5:
		s = c.m.sessions.find(binary.LittleEndian.Uint32(c.data[1:]))
	case index < 0xfe:
		s = c.m.sessions.nth(int(index))
	default:
		return nil, ipmi.CodeLength
	}
	limit, open := byte(min(c.m.cfg.Limits.Sessions, 63)), byte(min(c.m.sessions.open(), 63))
	if s == nil || !s.active {
		if c.data[0] >= 0xfe {
			return nil, ipmi.CodeNotPresent
		}
		return []byte{0, limit, open}, nil
	}
	channel := byte(lanChannel)
	if !s.v15 {
		channel |= 0x10
	}
	b := []byte{s.number, limit, open, byte(s.user), byte(s.level), channel}
	ip := s.from.Addr().Unmap()
	if ip.Is4() {
		four := ip.As4()
		b = append(b, four[:]...)
	} else {
		b = append(b, 0, 0, 0, 0)
	}
	b = append(b, 0, 0, 0, 0, 0, 0) // the client's MAC is not known
	return binary.LittleEndian.AppendUint16(b, s.from.Port()), nil
}

// suspendEncryption would have a session go on in clear (section 24.3): never.
func suspendEncryption(*call) ([]byte, error) { return nil, ipmi.CodeIllegal }
