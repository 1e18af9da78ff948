package bmc

import "math/bits"

// Tags of the few kinds of values that a trap is made of (RFC 1157, section 4.1.6, and RFC 1155).
const (
	tagInteger   = 0x02
	tagText      = 0x04
	tagObject    = 0x06
	tagSequence  = 0x30
	tagIPAddress = 0x40
	tagTicks     = 0x43
	tagTrap      = 0xa4
)

// enterpriseSpecific is the generic number of traps that are not SNMP's own.
const enterpriseSpecific = 6

// petEnterprise is pet.Enterprise as it is on the wire.
const petEnterprise = "\x2b\x06\x01\x04\x01\x98\x6f\x01\x01"

// snmpTrap is a trap of SNMPv1 with one variable, the octets of a platform event trap, whose name
// is the enterprise's with a 1 behind it (Platform Event Trap Format, section 3).
type snmpTrap struct {
	community string
	agent     [4]byte
	specific  uint32
	ticks     uint32 // hundredths of a second since the machine's start
	octets    []byte
}

func (t snmpTrap) append(b []byte) []byte {
	variable := appendValue(nil, tagObject, []byte(petEnterprise+"\x01"))
	variable = appendValue(variable, tagText, t.octets)

	body := appendValue(nil, tagObject, []byte(petEnterprise))
	body = appendValue(body, tagIPAddress, t.agent[:])
	body = appendNumber(body, tagInteger, enterpriseSpecific)
	body = appendNumber(body, tagInteger, t.specific)
	body = appendNumber(body, tagTicks, t.ticks)
	body = appendValue(body, tagSequence, appendValue(nil, tagSequence, variable))

	message := appendNumber(nil, tagInteger, 0) // the version
	message = appendValue(message, tagText, []byte(t.community))
	message = appendValue(message, tagTrap, body)
	return appendValue(b, tagSequence, message)
}

// appendValue adds a value of at most 65,535 bytes by the basic encoding rules.
func appendValue(b []byte, tag byte, value []byte) []byte {
	b = append(b, tag)
	switch n := len(value); {
	case n < 0x80:
		b = append(b, byte(n))
	case n < 0x100:
		b = append(b, 0x81, byte(n))
	default:
		b = append(b, 0x82, byte(n>>8), byte(n))
	}
	return append(b, value...)
}

// appendNumber adds a number that is not negative, in as few bytes as show that.
func appendNumber(b []byte, tag byte, n uint32) []byte {
	size := bits.Len32(n)/8 + 1
	v := make([]byte, size)
	for i := range v {
		if shift := 8 * (size - 1 - i); shift < 32 {
			v[i] = byte(n >> shift)
		}
	}
	return appendValue(b, tag, v)
}
