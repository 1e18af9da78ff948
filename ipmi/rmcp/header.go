package rmcp

import "encoding/binary"

// Port is the UDP port of RMCP (section 13.1.2).
const Port = 623

// MaxPacket is more than any packet of ours: an RMCP+ packet has at most 64 kB by
// its length field, but no BMC takes more than an Ethernet frame.
const MaxPacket = 1500

// The classes of RMCP messages that we know (section 13.1.3).
const (
	classASF  = 0x06
	classIPMI = 0x07
)

const (
	version    = 0x06
	noAck      = 0xff // the sequence number of messages that want no acknowledgement
	headerSize = 4
)

// IsASF tells whether a datagram is an ASF message rather than one of IPMI.
func IsASF(b []byte) bool {
	return len(b) >= headerSize && b[0] == version && b[3] == classASF
}

// ASF message types (ASF specification 2.0, section 3.2.4).
const (
	ASFPing uint8 = 0x80
	ASFPong uint8 = 0x40
)

const asfEnterprise = 4542

// ASF is a presence ping, or the pong that answers it (section 13.2.3 and 13.2.4).
type ASF struct {
	Type uint8
	Tag  uint8 // the pong has that of the ping; 255 wants no answer

	// Of a pong only.
	Enterprise uint32 // 4542, or the maker's number when OEM has a meaning
	OEM        uint32
	IPMI       bool  // it can be talked to by IPMI
	Supported  uint8 // interactions; bit 7: RMCP security extensions
}

// Append adds the whole datagram.
func (a ASF) Append(b []byte) []byte {
	b = append(b, version, 0, noAck, classASF)
	b = binary.BigEndian.AppendUint32(b, asfEnterprise)
	if a.Type != ASFPong {
		return append(b, a.Type, a.Tag, 0, 0)
	}
	b = append(b, a.Type, a.Tag, 0, 16)
	b = binary.BigEndian.AppendUint32(b, a.Enterprise)
	b = binary.BigEndian.AppendUint32(b, a.OEM)
	entities := uint8(0x01) // ASF version 1.0
	if a.IPMI {
		entities |= 0x80
	}
	return append(b, entities, a.Supported, 0, 0, 0, 0, 0, 0)
}

// ParseASF reads a datagram that is a ping or a pong.
func ParseASF(b []byte) (ASF, error) {
	if len(b) < headerSize+8 {
		return ASF{}, FaultShort
	}
	if !IsASF(b) || binary.BigEndian.Uint32(b[4:]) != asfEnterprise {
		return ASF{}, FaultHeader
	}
	a := ASF{Type: b[8], Tag: b[9]}
	data := b[12:]
	if int(b[11]) > len(data) {
		return ASF{}, FaultLength
	}
	switch a.Type {
	case ASFPing:
		return a, nil
	case ASFPong:
		if b[11] < 10 { // some leave out the reserved bytes
			return ASF{}, FaultShort
		}
		a.Enterprise = binary.BigEndian.Uint32(data)
		a.OEM = binary.BigEndian.Uint32(data[4:])
		a.IPMI = data[8]&0x80 != 0
		a.Supported = data[9]
		return a, nil
	}
	return ASF{}, FaultFormat
}
