package rmcp

import "encoding/binary"

// Commands around a session, all of network function 06 (section 22.13 to 22.19).
const (
	CmdGetCipherSuites uint8 = 0x54
	CmdGetAuthCaps     uint8 = 0x38
	CmdGetChallenge    uint8 = 0x39
	CmdActivateSession uint8 = 0x3a
	CmdSetPrivilege    uint8 = 0x3b
	CmdCloseSession    uint8 = 0x3c
	ChannelThis        uint8 = 0x0e // the channel that the request came in by
	authCapsPlus       uint8 = 0x80
	suitesBySuite      uint8 = 0x80
	suiteRecord        uint8 = 0xc0
	suiteRecordOEM     uint8 = 0xc1
	suiteTagIntegrity  uint8 = 0x40
	suiteTagSecrecy    uint8 = 0x80
)

// AuthCapsRequest is Get Channel Authentication Capabilities (section 22.13).
type AuthCapsRequest struct {
	Plus      bool // ask for what 2.0 added; some BMCs of 1.5 refuse it with code CC
	Channel   uint8
	Privilege uint8
}

// Append adds the request's data.
func (r AuthCapsRequest) Append(b []byte) []byte {
	channel := r.Channel & 0x0f
	if r.Plus {
		channel |= authCapsPlus
	}
	return append(b, channel, r.Privilege&0x0f)
}

// ParseAuthCapsRequest reads the request's data.
func ParseAuthCapsRequest(b []byte) (AuthCapsRequest, error) {
	if len(b) < 2 {
		return AuthCapsRequest{}, FaultShort
	}
	return AuthCapsRequest{Plus: b[0]&authCapsPlus != 0, Channel: b[0] & 0x0f, Privilege: b[1] & 0x0f}, nil
}

// AuthCaps is the answer.
type AuthCaps struct {
	Channel    uint8
	Types      uint8 // bit n: AuthType n is there for 1.5
	PlusValid  bool  // Plus15 and Plus20 mean something
	KgSet      bool  // logging in needs the BMC's key
	PerMessage bool  // each message is authenticated, not only the login (1.5)
	UserLevel  bool  // commands of privilege user are authenticated, too (1.5)
	Named      bool  // there are users with names,
	Null       bool  // without a name and with a password,
	Anonymous  bool  // with neither
	Plus20     bool  // 2.0 can be had
	Plus15     bool  // 1.5 can be had
	Maker      uint32
	MakerAux   uint8
}

// Offers tells whether the type can be had for 1.5.
func (a AuthCaps) Offers(t AuthType) bool { return t < AuthRMCPPlus && a.Types>>t&1 != 0 }

// Append adds the answer's data after the completion code.
func (a AuthCaps) Append(b []byte) []byte {
	types := a.Types & 0x37
	if a.PlusValid {
		types |= 0x80
	}
	status := flag(a.KgSet, 5) | flag(!a.PerMessage, 4) | flag(!a.UserLevel, 3) |
		flag(a.Named, 2) | flag(a.Null, 1) | flag(a.Anonymous, 0)
	plus := flag(a.Plus20, 1) | flag(a.Plus15, 0)
	return append(b, a.Channel, types, status, plus, uint8(a.Maker), uint8(a.Maker>>8), uint8(a.Maker>>16), a.MakerAux)
}

func flag(on bool, bit uint8) uint8 {
	if on {
		return 1 << bit
	}
	return 0
}

// ParseAuthCaps reads the answer's data after the completion code.
func ParseAuthCaps(b []byte) (AuthCaps, error) {
	if len(b) < 3 {
		return AuthCaps{}, FaultShort
	}
	a := AuthCaps{
		Channel: b[0], Types: b[1] & 0x37, PlusValid: b[1]&0x80 != 0,
		KgSet: b[2]&0x20 != 0, PerMessage: b[2]&0x10 == 0, UserLevel: b[2]&0x08 == 0,
		Named: b[2]&0x04 != 0, Null: b[2]&0x02 != 0, Anonymous: b[2]&0x01 != 0,
	}
	if len(b) > 3 && a.PlusValid {
		a.Plus20, a.Plus15 = b[3]&0x02 != 0, b[3]&0x01 != 0
	}
	if len(b) >= 7 {
		a.Maker = uint32(b[4]) | uint32(b[5])<<8 | uint32(b[6])<<16
	}
	if len(b) >= 8 {
		a.MakerAux = b[7]
	}
	return a, nil
}

// CipherSuitesRequest is Get Channel Cipher Suites (section 22.15).
type CipherSuitesRequest struct {
	Channel uint8
	Payload PayloadType
	BySuite bool  // one record a suite, not one for each algorithm
	Index   uint8 // of the piece of 16 bytes, 0 to 63
}

// Append adds the request's data.
func (r CipherSuitesRequest) Append(b []byte) []byte {
	index := r.Index & 0x3f
	if r.BySuite {
		index |= suitesBySuite
	}
	return append(b, r.Channel&0x0f, uint8(r.Payload)&payloadMask, index)
}

// ParseCipherSuitesRequest reads the request's data.
func ParseCipherSuitesRequest(b []byte) (CipherSuitesRequest, error) {
	if len(b) < 3 {
		return CipherSuitesRequest{}, FaultShort
	}
	return CipherSuitesRequest{
		Channel: b[0] & 0x0f, Payload: PayloadType(b[1] & payloadMask),
		BySuite: b[2]&suitesBySuite != 0, Index: b[2] & 0x3f,
	}, nil
}

// AppendSuite adds the record of a suite that we have. The answers to a
// [CipherSuitesRequest] are the channel and then 16 bytes of all records at a time.
func AppendSuite(b []byte, s Suite) []byte {
	a, ok := s.Algorithms()
	if !ok {
		return b
	}
	b = append(b, suiteRecord, uint8(s), a.Auth)
	b = append(b, suiteTagIntegrity|a.Integrity)
	return append(b, suiteTagSecrecy|a.Confidentiality)
}

// ParseSuites reads records put together, and gives the standard suites among
// them; those of makers are left out.
func ParseSuites(b []byte) []Suite {
	var suites []Suite
	for len(b) > 0 {
		switch {
		case b[0] == suiteRecord && len(b) >= 2:
			suites = append(suites, Suite(b[1]))
			b = b[2:]
		case b[0] == suiteRecordOEM && len(b) >= 5:
			b = b[5:]
		default: // an algorithm of the record before
			b = b[1:]
		}
	}
	return suites
}

// ChallengeRequest is Get Session Challenge (section 22.16).
type ChallengeRequest struct {
	Auth AuthType
	Name []byte // at most 16 bytes
}

// Append adds the request's data.
func (r ChallengeRequest) Append(b []byte) []byte {
	var name [MaxName]byte
	copy(name[:], r.Name)
	return append(append(b, uint8(r.Auth)), name[:]...)
}

// ParseChallengeRequest reads the request's data.
func ParseChallengeRequest(b []byte) (ChallengeRequest, error) {
	if len(b) < 1+MaxName {
		return ChallengeRequest{}, FaultShort
	}
	name := b[1 : 1+MaxName]
	for len(name) > 0 && name[len(name)-1] == 0 {
		name = name[:len(name)-1]
	}
	return ChallengeRequest{Auth: AuthType(b[0] & 0x0f), Name: name}, nil
}

// Challenge is the answer.
type Challenge struct {
	ID     uint32 // the temporary session id
	String [16]byte
}

// Append adds the answer's data after the completion code.
func (c Challenge) Append(b []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, c.ID), c.String[:]...)
}

// ParseChallenge reads the answer's data after the completion code.
func ParseChallenge(b []byte) (Challenge, error) {
	if len(b) < 20 {
		return Challenge{}, FaultShort
	}
	return Challenge{ID: binary.LittleEndian.Uint32(b), String: [16]byte(b[4:20])}, nil
}

// ActivateRequest is Activate Session (section 22.17), sent with the temporary id.
type ActivateRequest struct {
	Auth      AuthType
	Privilege uint8 // at most
	Challenge [16]byte
	Outbound  uint32 // the number that the BMC's packets begin with; not 0
}

// Append adds the request's data.
func (r ActivateRequest) Append(b []byte) []byte {
	b = append(b, uint8(r.Auth), r.Privilege&0x0f)
	b = append(b, r.Challenge[:]...)
	return binary.LittleEndian.AppendUint32(b, r.Outbound)
}

// ParseActivateRequest reads the request's data.
func ParseActivateRequest(b []byte) (ActivateRequest, error) {
	if len(b) < 22 {
		return ActivateRequest{}, FaultShort
	}
	return ActivateRequest{
		Auth: AuthType(b[0] & 0x0f), Privilege: b[1] & 0x0f,
		Challenge: [16]byte(b[2:18]), Outbound: binary.LittleEndian.Uint32(b[18:]),
	}, nil
}

// Activated is the answer.
type Activated struct {
	Auth      AuthType // of the packets from now on
	ID        uint32
	Inbound   uint32 // the number that the console's packets begin with
	Privilege uint8  // at most
}

// Append adds the answer's data after the completion code.
func (a Activated) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(append(b, uint8(a.Auth)), a.ID)
	return append(binary.LittleEndian.AppendUint32(b, a.Inbound), a.Privilege)
}

// ParseActivated reads the answer's data after the completion code.
func ParseActivated(b []byte) (Activated, error) {
	if len(b) < 10 {
		return Activated{}, FaultShort
	}
	return Activated{
		Auth: AuthType(b[0] & 0x0f), ID: binary.LittleEndian.Uint32(b[1:]),
		Inbound: binary.LittleEndian.Uint32(b[5:]), Privilege: b[9] & 0x0f,
	}, nil
}
