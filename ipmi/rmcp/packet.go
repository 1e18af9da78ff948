package rmcp

import "encoding/binary"

// AuthType is the first byte of a session packet (section 13.6): how packets of 1.5 are
// authenticated, or that this is one of 2.0.
type AuthType uint8

// The authentication types.
const (
	AuthNone     AuthType = 0
	AuthMD2      AuthType = 1
	AuthMD5      AuthType = 2
	AuthPassword AuthType = 4 // the password itself, in clear
	AuthOEM      AuthType = 5
	AuthRMCPPlus AuthType = 6
)

// String names the type.
func (a AuthType) String() string {
	switch a {
	case AuthNone:
		return "none"
	case AuthMD2:
		return "MD2"
	case AuthMD5:
		return "MD5"
	case AuthPassword:
		return "password"
	case AuthOEM:
		return "OEM"
	case AuthRMCPPlus:
		return "RMCP+"
	}
	return "reserved"
}

// PayloadType is what an RMCP+ packet carries (section 13.27.3).
type PayloadType uint8

// The payload types.
const (
	PayloadIPMI         PayloadType = 0x00
	PayloadSOL          PayloadType = 0x01
	PayloadOEM          PayloadType = 0x02 // whose, says the packet
	PayloadOpenRequest  PayloadType = 0x10
	PayloadOpenResponse PayloadType = 0x11
	PayloadRAKP1        PayloadType = 0x12
	PayloadRAKP2        PayloadType = 0x13
	PayloadRAKP3        PayloadType = 0x14
	PayloadRAKP4        PayloadType = 0x15

	payloadMask       = 0x3f
	flagEncrypted     = 0x80
	flagAuthenticated = 0x40
)

// Packet is a session packet as it came (section 13.6 and 13.27), nothing of it verified.
// Before a session ID and Seq are 0, and Payload is what it says; inside one,
// [Channel.Open] gives the payload.
type Packet struct {
	Auth          AuthType
	Type          PayloadType // 0 in packets of 1.5
	Encrypted     bool
	Authenticated bool
	Maker         uint32 // of payload type OEM: whose it is,
	MakerPayload  uint16 // and which of theirs
	ID            uint32 // the receiver's number of the session in 2.0, the BMC's in 1.5
	Seq           uint32
	Payload       []byte

	code    []byte // 1.5: the authentication code
	signed  []byte // 2.0: from the authentication type to the end of the payload
	trailer []byte // 2.0: what came after the payload
}

// IsPlus tells packets of 2.0 from those of 1.5.
func (p *Packet) IsPlus() bool { return p.Auth == AuthRMCPPlus }

// Parse reads a datagram that is a session packet into p, which keeps slices of b.
func (p *Packet) Parse(b []byte) error {
	*p = Packet{}
	if len(b) < headerSize+10 {
		return FaultShort
	}
	if b[0] != version || b[3] != classIPMI {
		return FaultHeader
	}
	body := b[headerSize:]
	p.Auth = AuthType(body[0])
	if p.IsPlus() {
		return p.parsePlus(body)
	}
	return p.parse15(body)
}

func (p *Packet) parse15(b []byte) error {
	p.Seq = binary.LittleEndian.Uint32(b[1:])
	p.ID = binary.LittleEndian.Uint32(b[5:])
	rest := b[9:]
	if p.Auth != AuthNone {
		if len(rest) < 17 {
			return FaultShort
		}
		p.code, rest = rest[:16], rest[16:]
	}
	n := int(rest[0])
	if n > len(rest)-1 {
		return FaultLength
	}
	p.Payload = rest[1 : 1+n] // what comes after it is the legacy pad
	return nil
}

func (p *Packet) parsePlus(b []byte) error {
	p.Type = PayloadType(b[1] & payloadMask)
	p.Encrypted = b[1]&flagEncrypted != 0
	p.Authenticated = b[1]&flagAuthenticated != 0
	at := 2
	if p.Type == PayloadOEM {
		if len(b) < 8 {
			return FaultShort
		}
		p.Maker = binary.LittleEndian.Uint32(b[2:])
		p.MakerPayload = binary.LittleEndian.Uint16(b[6:])
		at = 8
	}
	if len(b) < at+10 {
		return FaultShort
	}
	p.ID = binary.LittleEndian.Uint32(b[at:])
	p.Seq = binary.LittleEndian.Uint32(b[at+4:])
	n := int(binary.LittleEndian.Uint16(b[at+8:]))
	at += 10
	if n > len(b)-at {
		return FaultLength
	}
	p.Payload = b[at : at+n]
	p.signed = b[:at+n]
	p.trailer = b[at+n:]
	return nil
}

// AppendPlain adds a packet of 2.0 outside any session: neither authenticated nor
// encrypted, both numbers 0.
func AppendPlain(b []byte, t PayloadType, payload []byte) []byte {
	b = appendPlusHeader(b, uint8(t), 0, 0, len(payload))
	return append(b, payload...)
}

func appendPlusHeader(b []byte, t uint8, id, seq uint32, n int) []byte {
	b = append(b, version, 0, noAck, classIPMI, uint8(AuthRMCPPlus), t)
	b = binary.LittleEndian.AppendUint32(b, id)
	b = binary.LittleEndian.AppendUint32(b, seq)
	return binary.LittleEndian.AppendUint16(b, uint16(n))
}

// AppendPlain15 adds a packet of 1.5 without authentication: outside a session
// both numbers are 0.
func AppendPlain15(b []byte, id, seq uint32, payload []byte) []byte {
	start := len(b)
	b = append15Header(b, AuthNone, id, seq)
	b = append(b, uint8(len(payload)))
	b = append(b, payload...)
	return appendLegacyPad(b, start)
}

func append15Header(b []byte, auth AuthType, id, seq uint32) []byte {
	b = append(b, version, 0, noAck, classIPMI, uint8(auth))
	b = binary.LittleEndian.AppendUint32(b, seq)
	return binary.LittleEndian.AppendUint32(b, id)
}

// appendLegacyPad adds the byte that packets of certain lengths need, because some
// network chips could not receive them otherwise (section 13.6, note 3). The lengths
// count the Ethernet, IP and UDP headers, 42 bytes less the 8 that the lengths leave out.
func appendLegacyPad(b []byte, start int) []byte {
	switch 34 + len(b) - start {
	case 56, 84, 112, 128, 156:
		return append(b, 0)
	}
	return b
}
