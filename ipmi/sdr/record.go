package sdr

import (
	"encoding/binary"
	"errors"
	"fmt"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/field"
)

// Type is a record type.
type Type uint8

// The record types (section 43). 0A to 0F are reserved, C0 is a maker's own.
const (
	TypeFull           Type = 0x01
	TypeCompact        Type = 0x02
	TypeEventOnly      Type = 0x03
	TypeAssociation    Type = 0x08
	TypeDeviceRelative Type = 0x09
	TypeDevice         Type = 0x10
	TypeFRU            Type = 0x11
	TypeController     Type = 0x12
	TypeConfirmation   Type = 0x13
	TypeChannels       Type = 0x14
	TypeOEM            Type = 0xc0
)

func (t Type) String() string {
	switch t {
	case TypeFull:
		return "full sensor"
	case TypeCompact:
		return "compact sensor"
	case TypeEventOnly:
		return "event-only sensor"
	case TypeAssociation:
		return "entity association"
	case TypeDeviceRelative:
		return "device-relative entity association"
	case TypeDevice:
		return "generic device locator"
	case TypeFRU:
		return "FRU device locator"
	case TypeController:
		return "management controller locator"
	case TypeConfirmation:
		return "management controller confirmation"
	case TypeChannels:
		return "BMC message channel info"
	case TypeOEM:
		return "OEM"
	}
	return fmt.Sprintf("record type %02x", uint8(t))
}

// Version is the version of records that this package writes. Older ones are read as well.
const Version = 0x51

// headerSize is that of a record's header; maxBody what its length byte can say.
const (
	headerSize = 5
	maxBody    = 255
)

// ErrVersion is the cause of errors about records of a version that nobody knows.
var ErrVersion = errors.New("unknown version of sensor records")

// Record is one record; the types are [Full], [Compact], [EventOnly], [Association], [DeviceRelative],
// [Device], [FRU], [Controller], [Confirmation], [Channels], [OEM] and [Unknown].
type Record interface {
	// RecordID is the record's number in its repository.
	RecordID() uint16
	// RecordType says which type it is.
	RecordType() Type
	// Append adds the record to b, header and all.
	Append(b []byte) []byte
}

// ID is a record's number in its repository. FFFF is none, 0 may also mean the first.
type ID uint16

// RecordID gives the number.
func (id ID) RecordID() uint16 { return uint16(id) }

// Header is the first five bytes of a record (section 43).
type Header struct {
	ID      ID
	Version uint8
	Type    Type
	Length  uint8 // of what follows
}

// ParseHeader reads the first five bytes of a record.
func ParseHeader(b []byte) (Header, error) {
	if err := ipmi.Short("record header", b, headerSize); err != nil {
		return Header{}, err
	}
	return Header{ID: ID(binary.LittleEndian.Uint16(b)), Version: b[2], Type: Type(b[3]), Length: b[4]}, nil
}

// record adds a header, the body that fill adds, and corrects the length. What is beyond
// 255 bytes cannot be said and is cut.
func record(b []byte, id ID, t Type, fill func(b []byte) []byte) []byte {
	start := len(b)
	b = append(b, byte(id), byte(id>>8), Version, byte(t), 0)
	b = fill(b)
	if over := len(b) - start - headerSize - maxBody; over > 0 {
		b = b[:len(b)-over]
	}
	b[start+4] = byte(len(b) - start - headerSize)
	return b
}

// Parse reads one record, header and all. Bytes after it are left alone; a record that ends
// before its length says so is an error with [ipmi.ErrShort]. A type that is not known
// gives an [Unknown].
func Parse(b []byte) (Record, error) {
	h, err := ParseHeader(b)
	if err != nil {
		return nil, err
	}
	if h.Version != Version && h.Version != 0x01 && h.Version != 0x02 {
		return nil, fmt.Errorf("record %04x has version %02x: %w", uint16(h.ID), h.Version, ErrVersion)
	}
	body := b[headerSize:]
	if err := ipmi.Short(h.Type.String()+" record", body, int(h.Length)); err != nil {
		return nil, err
	}
	r, err := parseBody(h, body[:h.Length])
	if err != nil {
		return nil, fmt.Errorf("record %04x: %w", uint16(h.ID), err)
	}
	return r, nil
}

func parseBody(h Header, body []byte) (Record, error) {
	switch h.Type {
	case TypeFull:
		return parseFull(h.ID, body)
	case TypeCompact:
		return parseCompact(h.ID, body)
	case TypeEventOnly:
		return parseEventOnly(h.ID, body)
	case TypeAssociation:
		return parseAssociation(h.ID, body)
	case TypeDeviceRelative:
		return parseDeviceRelative(h.ID, body)
	case TypeDevice:
		return parseDevice(h.ID, body)
	case TypeFRU:
		return parseFRU(h.ID, body)
	case TypeController:
		return parseController(h.ID, body)
	case TypeConfirmation:
		return parseConfirmation(h.ID, body)
	case TypeChannels:
		return parseChannels(h.ID, body)
	case TypeOEM:
		return parseOEM(h.ID, body)
	}
	return &Unknown{ID: h.ID, Type: h.Type, Body: append([]byte(nil), body...)}, nil
}

// Unknown is a record of a reserved type, kept as it is.
type Unknown struct {
	ID
	Type Type
	Body []byte
}

// RecordType gives Type.
func (r *Unknown) RecordType() Type { return r.Type }

// Append adds the record to b.
func (r *Unknown) Append(b []byte) []byte {
	return record(b, r.ID, r.Type, func(b []byte) []byte { return append(b, r.Body...) })
}

// OEM is a record of a maker's own (section 43.12).
type OEM struct {
	ID
	Maker uint32 // the IANA enterprise number
	Data  []byte
}

func parseOEM(id ID, b []byte) (*OEM, error) {
	if err := ipmi.Short("OEM record", b, 3); err != nil {
		return nil, err
	}
	return &OEM{ID: id, Maker: uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16, Data: append([]byte(nil), b[3:]...)}, nil
}

// RecordType gives [TypeOEM].
func (r *OEM) RecordType() Type { return TypeOEM }

// Append adds the record to b.
func (r *OEM) Append(b []byte) []byte {
	return record(b, r.ID, TypeOEM, func(b []byte) []byte {
		b = append(b, byte(r.Maker), byte(r.Maker>>8), byte(r.Maker>>16))
		return append(b, r.Data...)
	})
}

// Entity says which thing a sensor or device belongs to.
type Entity struct {
	Kind     event.Entity
	Instance uint8 // 0 to 127; from 60 hex on it counts within its controller
	Logical  bool  // it is a container, not a thing that can be touched
}

// String gives a name such as "power supply 2".
func (e Entity) String() string { return fmt.Sprintf("%s %d", e.Kind, e.Instance) }

func parseEntity(id, instance byte) Entity {
	return Entity{Kind: event.Entity(id), Instance: instance & 0x7f, Logical: instance&0x80 != 0}
}

func (e Entity) append(b []byte) []byte {
	return append(b, byte(e.Kind), e.Instance&0x7f|bit(e.Logical, 7))
}

func bit(on bool, n uint) byte {
	if on {
		return 1 << n
	}
	return 0
}

// parseName reads the name at the end of a record. Names that are cut off give what is there:
// a record with a bad name is still worth having.
func parseName(b []byte) string {
	text, _, _ := field.ParseSDR(b)
	return text
}

// appendName adds a name; one that does not fit in 16 bytes (section 43.15) is cut.
func appendName(b []byte, name string) []byte {
	const most = 16
	runes := []rune(name)
	if len(runes) > most {
		runes = runes[:most]
	}
	for {
		out, err := field.AppendSDR(b, string(runes))
		if err == nil && len(out)-len(b) <= most+1 {
			return out
		}
		if len(runes) == 0 {
			return append(b, byte(field.Text)<<6)
		}
		runes = runes[:len(runes)-1]
	}
}
