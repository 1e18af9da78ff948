package channel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"millwright.dev/millwright/ipmi"
)

// AuthQuery is the request of Get Channel Authentication Capabilities (section 22.13).
type AuthQuery struct {
	Channel   uint8
	IPMI2     bool // asks for what is new in IPMI 2.0
	Privilege Privilege
}

// ParseAuthQuery reads the request.
func ParseAuthQuery(b []byte) (AuthQuery, error) {
	if err := ipmi.Short("authentication query", b, 2); err != nil {
		return AuthQuery{}, err
	}
	return AuthQuery{b[0] & 0x0f, b[0]&authCapabilitiesIPMI2 != 0, Privilege(b[1] & 0x0f)}, nil
}

// Append adds the request to b.
func (q AuthQuery) Append(b []byte) []byte {
	return append(b, q.Channel&0x0f|bit(q.IPMI2, authCapabilitiesIPMI2), byte(q.Privilege)&0x0f)
}

// AuthTypes are the ways of IPMI 1.5 to authenticate.
type AuthTypes uint8

// The bits of AuthTypes.
const (
	AuthNone     AuthTypes = 1 << 0
	AuthMD2      AuthTypes = 1 << 1
	AuthMD5      AuthTypes = 1 << 2
	AuthPassword AuthTypes = 1 << 4
	AuthOEM      AuthTypes = 1 << 5
)

// Has says whether all of x is there.
func (a AuthTypes) Has(x AuthTypes) bool { return a&x == x }

// AuthCapabilities is the answer of Get Channel Authentication Capabilities.
type AuthCapabilities struct {
	Channel    uint8
	Types      AuthTypes
	Extended   bool // V15 and V20 were told
	KgSet      bool // the BMC has a key of its own
	NoPerMsg   bool // per-message authentication is off
	NoUserAuth bool // commands of privilege User need no authentication
	NamedUsers bool
	NullUsers  bool // users without a name but with a password
	Anonymous  bool // a user with neither
	V20, V15   bool
	Maker      uint32
	Aux        uint8
}

// ParseAuthCapabilities reads the answer.
func ParseAuthCapabilities(b []byte) (AuthCapabilities, error) {
	if err := ipmi.Short("authentication capabilities", b, 8); err != nil {
		return AuthCapabilities{}, err
	}
	return AuthCapabilities{
		Channel: b[0], Types: AuthTypes(b[1] & 0x3f), Extended: b[1]&0x80 != 0,
		KgSet: b[2]&0x20 != 0, NoPerMsg: b[2]&0x10 != 0, NoUserAuth: b[2]&0x08 != 0,
		NamedUsers: b[2]&0x04 != 0, NullUsers: b[2]&0x02 != 0, Anonymous: b[2]&0x01 != 0,
		V20: b[3]&0x02 != 0, V15: b[3]&0x01 != 0,
		Maker: uint32(b[4]) | uint32(b[5])<<8 | uint32(b[6])<<16, Aux: b[7],
	}, nil
}

// Append adds the answer to b.
func (a AuthCapabilities) Append(b []byte) []byte {
	return append(b, a.Channel, byte(a.Types)&0x3f|bit(a.Extended, 0x80),
		bit(a.KgSet, 0x20)|bit(a.NoPerMsg, 0x10)|bit(a.NoUserAuth, 0x08)|
			bit(a.NamedUsers, 0x04)|bit(a.NullUsers, 0x02)|bit(a.Anonymous, 0x01),
		bit(a.V20, 0x02)|bit(a.V15, 0x01), byte(a.Maker), byte(a.Maker>>8), byte(a.Maker>>16), a.Aux)
}

// GetAuthCapabilities asks how one may log in. Some BMCs that know only IPMI 1.5
// refuse to be asked for 2.0: those are asked again without it.
func GetAuthCapabilities(ctx context.Context, d ipmi.Doer, q AuthQuery) (AuthCapabilities, error) {
	ask := func() (AuthCapabilities, error) {
		r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdAuthCapabilities, Data: q.Append(nil)}
		return ipmi.Ask(ctx, d, "read the authentication capabilities", r, ParseAuthCapabilities)
	}
	a, err := ask()
	if q.IPMI2 && errors.Is(err, ipmi.CodeInvalidField) {
		q.IPMI2 = false
		return ask()
	}
	return a, err
}

// ParsePrivilege reads the request or the answer of Set Session Privilege Level (section
// 22.18).
func ParsePrivilege(b []byte) (Privilege, error) {
	if err := ipmi.Short("session privilege", b, 1); err != nil {
		return 0, err
	}
	return Privilege(b[0] & 0x0f), nil
}

// SetPrivilege sets the privilege of the session and gives what it then has; 0 only asks.
func SetPrivilege(ctx context.Context, d ipmi.Doer, p Privilege) (Privilege, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdSetPrivilege, Data: p.Append(nil)}
	return ipmi.Ask(ctx, d, "set the session's privilege", r, ParsePrivilege)
}

// SessionRef names a session in the requests of Close Session and Get Session Info
// (sections 22.19 and 22.20).
type SessionRef struct {
	Index  uint8  // for Get Session Info: 0 is one's own, 1 to 0xfd the nth active one
	ID     uint32 // if not 0, the session of this id (Index is then RefByID)
	Handle uint8  // if not 0, the session of this handle (Index is then RefByHandle)
}

// Values of the index of a session that choose another way to name it.
const (
	RefByHandle = 0xfe
	RefByID     = 0xff
)

// ParseClose reads the request of Close Session.
func ParseClose(b []byte) (SessionRef, error) {
	if err := ipmi.Short("close session", b, 4); err != nil {
		return SessionRef{}, err
	}
	r := SessionRef{ID: u32(b)}
	if r.ID == 0 && len(b) >= 5 {
		r.Handle = b[4]
	}
	return r, nil
}

// AppendClose adds the request of Close Session to b.
func (r SessionRef) AppendClose(b []byte) []byte {
	b = appendU32(b, r.ID)
	if r.ID == 0 {
		b = append(b, r.Handle)
	}
	return b
}

// ParseSessionQuery reads the request of Get Session Info.
func ParseSessionQuery(b []byte) (SessionRef, error) {
	if err := ipmi.Short("session query", b, 1); err != nil {
		return SessionRef{}, err
	}
	r := SessionRef{Index: b[0]}
	switch {
	case b[0] == RefByHandle && len(b) >= 2:
		r.Handle = b[1]
	case b[0] == RefByID && len(b) >= 5:
		r.ID = u32(b[1:])
	case b[0] >= RefByHandle:
		return r, fmt.Errorf("session query of %d bytes: %w", len(b), ipmi.ErrShort)
	}
	return r, nil
}

// AppendQuery adds the request of Get Session Info to b.
func (r SessionRef) AppendQuery(b []byte) []byte {
	switch {
	case r.ID != 0 || r.Index == RefByID:
		return appendU32(append(b, RefByID), r.ID)
	case r.Handle != 0 || r.Index == RefByHandle:
		return append(b, RefByHandle, r.Handle)
	}
	return append(b, r.Index)
}

// CloseSession closes a session that need not be one's own.
func CloseSession(ctx context.Context, d ipmi.Doer, s SessionRef) error {
	return ipmi.Tell(ctx, d, "close the session", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdCloseSession, Data: s.AppendClose(nil)})
}

// SessionInfo is the answer of Get Session Info (section 22.20).
type SessionInfo struct {
	Handle    uint8 // 0: there is no such session, and only Possible and Active are told
	Possible  uint8 // how many sessions there can be
	Active    uint8
	User      uint8 // id, 1 to 63
	Privilege Privilege
	IPMI2     bool // by RMCP+, else by IPMI 1.5
	Channel   uint8
	Peer      netip.AddrPort // for LAN channels
	MAC       [6]byte
	HasPeer   bool // Peer and MAC were there
}

// ParseSessionInfo reads the answer. The peer is read as that of a LAN channel.
func ParseSessionInfo(b []byte) (SessionInfo, error) {
	if err := ipmi.Short("session info", b, 3); err != nil {
		return SessionInfo{}, err
	}
	s := SessionInfo{Handle: b[0], Possible: b[1] & 0x3f, Active: b[2] & 0x3f}
	if len(b) >= 6 {
		s.User, s.Privilege, s.IPMI2, s.Channel = b[3]&0x3f, Privilege(b[4]&0x0f), b[5]>>4 == 1, b[5]&0x0f
	}
	if len(b) >= 18 {
		s.Peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[6:10])), uint16(b[16])|uint16(b[17])<<8)
		s.MAC, s.HasPeer = [6]byte(b[10:16]), true
	}
	return s, nil
}

// Append adds the answer to b. A peer that has no IPv4 address is sent as 0.0.0.0.
func (s SessionInfo) Append(b []byte) []byte {
	b = append(b, s.Handle, s.Possible&0x3f, s.Active&0x3f)
	if s.Handle == 0 {
		return b
	}
	b = append(b, s.User&0x3f, byte(s.Privilege)&0x0f, bit(s.IPMI2, 0x10)|s.Channel&0x0f)
	if s.HasPeer {
		var ip [4]byte
		if a := s.Peer.Addr().Unmap(); a.Is4() {
			ip = a.As4()
		}
		b = append(append(b, ip[:]...), s.MAC[:]...)
		b = append(b, byte(s.Peer.Port()), byte(s.Peer.Port()>>8))
	}
	return b
}

// GetSession asks for one session.
func GetSession(ctx context.Context, d ipmi.Doer, s SessionRef) (SessionInfo, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdSessionInfo, Data: s.AppendQuery(nil)}
	return ipmi.Ask(ctx, d, "read the session's info", r, ParseSessionInfo)
}

// GetSessions asks for all active sessions.
func GetSessions(ctx context.Context, d ipmi.Doer) ([]SessionInfo, error) {
	var all []SessionInfo
	for i := uint8(1); i < 64; i++ {
		s, err := GetSession(ctx, d, SessionRef{Index: i})
		if errors.Is(err, ipmi.CodeNotPresent) || errors.Is(err, ipmi.CodeInvalidField) || errors.Is(err, ipmi.CodeOutOfRange) {
			break
		}
		if err != nil {
			return all, err
		}
		if s.Handle != 0 {
			all = append(all, s)
		}
		if i >= s.Active {
			break
		}
	}
	return all, nil
}
