package sel

import (
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
)

// Size is the length of every record in bytes (section 32.1).
const Size = 16

// Numbers of records that mean a place in the log (section 31.5).
const (
	First uint16 = 0x0000
	Last  uint16 = 0xffff
)

// The kinds of records (sections 32.1 to 32.3).
const (
	TypeSystem       uint8 = 0x02 // an event of the platform
	TypeOEMTimed     uint8 = 0xc0 // to DF: a maker's own, with time
	TypeOEMUntimed   uint8 = 0xe0 // to FF: a maker's own, without
	typeOEMTimedLast uint8 = 0xdf
)

// Stamp is a time as a BMC writes it: seconds since 1970 by its clock (chapter 37).
type Stamp uint32

// NoStamp is what stands for no time. Values below [PreInit] count from the start of the BMC.
const (
	NoStamp Stamp = 0xffffffff
	PreInit Stamp = 0x20000000
)

// Wall says whether the stamp is a date: neither missing nor counted from the start of the BMC.
func (s Stamp) Wall() bool { return s >= PreInit && s != NoStamp }

// Time gives a wall-clock stamp as a time, in UTC, as the BMC's clock had it.
func (s Stamp) Time() time.Time { return time.Unix(int64(s), 0).UTC() }

func (s Stamp) String() string {
	switch {
	case s == NoStamp:
		return "no time"
	case s < PreInit:
		return fmt.Sprintf("%s after start", time.Duration(s)*time.Second)
	}
	return s.Time().Format("2006-01-02 15:04:05")
}

// Record is one entry of the log.
type Record struct {
	ID   uint16
	Type uint8
	Time Stamp // of system records and timed OEM records

	Event Event // of system records

	Maker uint32   // of timed OEM records: the IANA enterprise number, 24 bits
	OEM   [13]byte // of the maker's own records: the first 6 bytes if timed, else all 13
}

// Event is what a system record tells (section 32.1); packages pet and bmc have it
// from elsewhere.
type Event struct {
	Generator  Generator
	Revision   uint8 // of the message: 04, or 03 in IPMI 1.0
	SensorType event.SensorType
	Sensor     uint8 // its number
	Deassert   bool  // the state ended
	Type       event.ReadingType
	Data       [3]byte
}

// Offset is the number of the state or threshold that the event is about, 0 to 15.
func (e Event) Offset() uint8 { return e.Data[0] & 0x0f }

// Generator says who noticed an event: a controller or a program (section 32.1).
type Generator uint16

// Software says whether it was a program, and its number.
func (g Generator) Software() (id uint8, ok bool) { return uint8(g) >> 1, g&1 != 0 }

// Address is the owner as sensor records have it: an 8-bit slave address, or
// a program's number with bit 0 set.
func (g Generator) Address() uint8 { return uint8(g) }

// LUN is the owner's unit that the sensor belongs to.
func (g Generator) LUN() uint8 { return uint8(g>>8) & 3 }

// Channel is where the event came in.
func (g Generator) Channel() uint8 { return uint8(g >> 12) }

// NewGenerator makes the number of a controller on a channel.
func NewGenerator(address, lun, channel uint8) Generator {
	return Generator(uint16(channel&15)<<12 | uint16(lun&3)<<8 | uint16(address))
}

// Timed says whether the record carries a time.
func (r Record) Timed() bool {
	return r.Type == TypeSystem || r.Type >= TypeOEMTimed && r.Type <= typeOEMTimedLast
}

// Append adds the record's 16 bytes to b.
func (r Record) Append(b []byte) []byte {
	b = append(b, byte(r.ID), byte(r.ID>>8), r.Type)
	if !r.Timed() {
		return append(b, r.OEM[:]...)
	}
	b = append(b, byte(r.Time), byte(r.Time>>8), byte(r.Time>>16), byte(r.Time>>24))
	if r.Type == TypeSystem {
		return r.Event.Append(b)
	}
	b = append(b, byte(r.Maker), byte(r.Maker>>8), byte(r.Maker>>16))
	return append(b, r.OEM[:6]...)
}

// ParseRecord reads a record. Types that nobody has defined are kept like untimed OEM records.
func ParseRecord(b []byte) (Record, error) {
	if err := ipmi.Short("event log record", b, Size); err != nil {
		return Record{}, err
	}
	r := Record{ID: le16(b), Type: b[2]}
	if !r.Timed() {
		copy(r.OEM[:], b[3:])
		return r, nil
	}
	r.Time = Stamp(le32(b[3:]))
	if r.Type == TypeSystem {
		var err error
		r.Event, err = ParseEvent(b[7:])
		return r, err
	}
	r.Maker = uint32(b[7]) | uint32(b[8])<<8 | uint32(b[9])<<16
	copy(r.OEM[:], b[10:Size])
	return r, nil
}

// Append adds the event's 9 bytes to b: generator, revision, sensor, and what happened.
func (e Event) Append(b []byte) []byte {
	kind := byte(e.Type) & 0x7f
	if e.Deassert {
		kind |= 0x80
	}
	return append(b, byte(e.Generator), byte(e.Generator>>8), e.Revision, byte(e.SensorType), e.Sensor, kind,
		e.Data[0], e.Data[1], e.Data[2])
}

// ParseEvent reads the 9 bytes of an event.
func ParseEvent(b []byte) (Event, error) {
	if err := ipmi.Short("event", b, 9); err != nil {
		return Event{}, err
	}
	return Event{
		Generator: Generator(le16(b)), Revision: b[2], SensorType: event.SensorType(b[3]), Sensor: b[4],
		Deassert: b[5]&0x80 != 0, Type: event.ReadingType(b[5] & 0x7f), Data: [3]byte(b[6:9]),
	}, nil
}

func le16(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }

func le32(b []byte) uint32 { return uint32(le16(b)) | uint32(le16(b[2:]))<<16 }

func append16(b []byte, v uint16) []byte { return append(b, byte(v), byte(v>>8)) }

func append32(b []byte, v uint32) []byte { return append16(append16(b, uint16(v)), uint16(v>>16)) }
