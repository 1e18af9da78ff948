package sdr

import (
	"encoding/binary"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
)

// Key says which sensor of which controller (section 43.1, bytes 6 to 8).
type Key struct {
	Owner   uint8 // an 8-bit slave address, or with bit 0 set a software id
	Channel uint8 // on which the owner is, 0 to 15
	LUN     uint8 // of the owner, 0 to 3
	Number  uint8
}

// Software says that the owner is a program, which cannot be asked.
func (k Key) Software() bool { return k.Owner&1 != 0 }

func parseKey(b []byte) Key {
	return Key{Owner: b[0], Channel: b[1] >> 4, LUN: b[1] & 3, Number: b[2]}
}

func (k Key) append(b []byte) []byte { return append(b, k.Owner, k.Channel<<4|k.LUN&3, k.Number) }

// Levels is a set of thresholds, with the bits of the sensor commands (section 35).
type Levels uint8

// The thresholds.
const (
	LowerNonCritical Levels = 1 << iota
	LowerCritical
	LowerNonRecoverable
	UpperNonCritical
	UpperCritical
	UpperNonRecoverable
	AllLevels Levels = 0x3f
)

// LevelCount is how many thresholds there are; arrays of them are in the order of the bits.
const LevelCount = 6

// Has says whether all of x is in the set.
func (l Levels) Has(x Levels) bool { return l&x == x }

// Name gives the name of a single threshold.
func (l Levels) Name() string {
	switch l {
	case LowerNonCritical:
		return "lower non-critical"
	case LowerCritical:
		return "lower critical"
	case LowerNonRecoverable:
		return "lower non-recoverable"
	case UpperNonCritical:
		return "upper non-critical"
	case UpperCritical:
		return "upper critical"
	case UpperNonRecoverable:
		return "upper non-recoverable"
	}
	return "several thresholds"
}

// Access says who may read or set something of a sensor (byte 12 of a full record).
type Access uint8

// The ways of access.
const (
	NoAccess Access = iota
	Readable
	Settable // and readable
	Fixed    // it exists and can neither be read nor set; for thresholds see the masks
)

// Capabilities is byte 12 of a sensor record.
type Capabilities struct {
	Ignore     bool   // ignore the sensor if its entity is not there
	AutoRearm  bool   // event status clears itself
	Hysteresis Access // Settable means that it can be set
	Thresholds Access
	Events     uint8 // 0 per state, 1 the whole sensor, 2 only global, 3 no events
}

func parseCapabilities(b byte) Capabilities {
	return Capabilities{
		Ignore: b&0x80 != 0, AutoRearm: b&0x40 != 0,
		Hysteresis: Access(b >> 4 & 3), Thresholds: Access(b >> 2 & 3), Events: b & 3,
	}
}

func (c Capabilities) byte() byte {
	return bit(c.Ignore, 7) | bit(c.AutoRearm, 6) | byte(c.Hysteresis&3)<<4 | byte(c.Thresholds&3)<<2 | c.Events&3
}

// Masks is bytes 15 to 20 of a full or compact record. What they mean depends on whether
// the sensor has thresholds, so use the methods.
type Masks struct {
	Assert   uint16 // lower threshold reading mask in bits 12 to 14
	Deassert uint16 // upper threshold reading mask in bits 12 to 14
	Reading  uint16 // discrete states, or settable and readable thresholds
}

// Compared gives the thresholds of which Get Sensor Reading says whether they are crossed.
func (m Masks) Compared() Levels {
	return Levels(m.Assert>>12&7) | Levels(m.Deassert>>12&7)<<3
}

// Readable gives the thresholds that can be read.
func (m Masks) Readable() Levels { return Levels(m.Reading) & AllLevels }

// Settable gives the thresholds that can be set.
func (m Masks) Settable() Levels { return Levels(m.Reading>>8) & AllLevels }

// ThresholdMasks makes the masks of a sensor with thresholds. Events are bits
// 0 to 11, by offset.
func ThresholdMasks(compared, readable, settable Levels, asserts, deasserts uint16) Masks {
	return Masks{
		Assert:   asserts&0x0fff | uint16(compared&7)<<12,
		Deassert: deasserts&0x0fff | uint16(compared>>3&7)<<12,
		Reading:  uint16(readable&AllLevels) | uint16(settable&AllLevels)<<8,
	}
}

// Common is what full and compact records have in common (bytes 6 to 23).
type Common struct {
	Key
	Entity       Entity
	Init         uint8 // what the initialisation agent sets, and what is on at power-up: byte 11
	Capabilities Capabilities
	Type         event.SensorType
	Reading      event.ReadingType
	Masks        Masks
	Format       Format
	Units        event.Units
}

const commonSize = 18

func parseCommon(b []byte) Common {
	return Common{
		Key: parseKey(b), Entity: parseEntity(b[3], b[4]), Init: b[5], Capabilities: parseCapabilities(b[6]),
		Type: event.SensorType(b[7]), Reading: event.ReadingType(b[8]),
		Masks: Masks{
			Assert:   binary.LittleEndian.Uint16(b[9:]),
			Deassert: binary.LittleEndian.Uint16(b[11:]),
			Reading:  binary.LittleEndian.Uint16(b[13:]),
		},
		Format: Format(b[15] >> 6), Units: event.ParseUnits([3]byte(b[15:18])),
	}
}

func (c *Common) append(b []byte) []byte {
	b = c.Entity.append(c.Key.append(b))
	b = append(b, c.Init, c.Capabilities.byte(), byte(c.Type), byte(c.Reading))
	b = binary.LittleEndian.AppendUint16(b, c.Masks.Assert)
	b = binary.LittleEndian.AppendUint16(b, c.Masks.Deassert)
	b = binary.LittleEndian.AppendUint16(b, c.Masks.Reading)
	units := c.Units.Bytes()
	return append(b, units[0]|byte(c.Format&3)<<6, units[1], units[2])
}

// Full is a full sensor record (section 43.1). Numbers are raw: [Formula] makes values of them.
type Full struct {
	ID
	Common
	Linear    Linearization
	Factors   Factors
	Direction uint8 // 0 unspecified, 1 input, 2 output

	// Of these three, only those are meant whose flag is set.
	Nominal, NormalMax, NormalMin          uint8
	HasNominal, HasNormalMax, HasNormalMin bool

	Max, Min   uint8             // the range of readings
	Thresholds [LevelCount]uint8 // in the order of [Levels]
	Positive   uint8             // hysteresis, in counts; 0 is none
	Negative   uint8
	OEM        uint8
	Name       string
}

func parseFull(id ID, b []byte) (*Full, error) {
	if err := ipmi.Short("full sensor record", b, 43); err != nil {
		return nil, err
	}
	return &Full{
		ID: id, Common: parseCommon(b),
		Linear: Linearization(b[18] & 0x7f), Factors: parseFactors(b[19:25]), Direction: b[23] & 3,
		HasNominal: b[25]&1 != 0, HasNormalMax: b[25]&2 != 0, HasNormalMin: b[25]&4 != 0,
		Nominal: b[26], NormalMax: b[27], NormalMin: b[28], Max: b[29], Min: b[30],
		Thresholds: [LevelCount]uint8{b[36], b[35], b[34], b[33], b[32], b[31]},
		Positive:   b[37], Negative: b[38], OEM: b[41], Name: parseName(b[42:]),
	}, nil
}

// RecordType gives [TypeFull].
func (r *Full) RecordType() Type { return TypeFull }

// Append adds the record to b.
func (r *Full) Append(b []byte) []byte {
	return record(b, r.ID, TypeFull, func(b []byte) []byte {
		b = append(r.Common.append(b), byte(r.Linear)&0x7f)
		b = r.Factors.append(b)
		b[len(b)-2] |= r.Direction & 3
		b = append(b, bit(r.HasNominal, 0)|bit(r.HasNormalMax, 1)|bit(r.HasNormalMin, 2),
			r.Nominal, r.NormalMax, r.NormalMin, r.Max, r.Min)
		for i := LevelCount - 1; i >= 0; i-- {
			b = append(b, r.Thresholds[i])
		}
		b = append(b, r.Positive, r.Negative, 0, 0, r.OEM)
		return appendName(b, r.Name)
	})
}

// Formula gives the way from raw numbers to values.
func (r *Full) Formula() Formula {
	return Formula{Factors: r.Factors, Format: r.Format, Linear: r.Linear}
}
