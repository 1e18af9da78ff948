package sdr

import (
	"strconv"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/field"
)

// Sharing says how one record stands for several sensors (section 43.2, bytes 24 and 25).
type Sharing struct {
	Direction uint8 // 0 unspecified, 1 input, 2 output
	Letters   bool  // names end in letters, not in numbers
	Count     uint8 // how many sensors, 0 to 15; 0 and 1 are one
	Step      bool  // the entity's instance counts up, too
	Offset    uint8 // of the first name's suffix, 0 to 127
}

func parseSharing(b []byte) Sharing {
	return Sharing{
		Direction: b[0] >> 6, Letters: b[0]>>4&3 == 1, Count: b[0] & 0x0f,
		Step: b[1]&0x80 != 0, Offset: b[1] & 0x7f,
	}
}

func (s Sharing) append(b []byte) []byte {
	return append(b, s.Direction<<6|bit(s.Letters, 4)|s.Count&0x0f, bit(s.Step, 7)|s.Offset&0x7f)
}

// sensors is how many the record stands for.
func (s Sharing) sensors() int { return max(1, int(s.Count)) }

// suffix is what follows the name of sensor n, counted from 0.
func (s Sharing) suffix(n int) string {
	if s.Count < 2 {
		return ""
	}
	v := int(s.Offset) + n
	switch {
	case !s.Letters:
		return strconv.Itoa(v)
	case v < 26:
		return string(rune('A' + v))
	}
	return string(rune('A'+v/26-1)) + string(rune('A'+v%26))
}

// parseStem reads the name of a record that may be shared; share is its share count. The blank
// at the end of such a name is what stands before the suffix.
func parseStem(b []byte, share byte) string {
	name := parseName(b)
	if share&0x0f < 2 || len(b) == 0 || b[0]>>6 != byte(field.Text) {
		return name
	}
	if end := int(b[0] & 0x1f); name != "" && end < len(b) && b[end] == ' ' {
		name += " "
	}
	return name
}

// Compact is a compact sensor record (section 43.2): sensors without a formula.
type Compact struct {
	ID
	Common
	Sharing  Sharing
	Positive uint8 // hysteresis, in counts; 0 is none
	Negative uint8
	OEM      uint8
	Name     string
}

func parseCompact(id ID, b []byte) (*Compact, error) {
	if err := ipmi.Short("compact sensor record", b, 27); err != nil {
		return nil, err
	}
	return &Compact{
		ID: id, Common: parseCommon(b), Sharing: parseSharing(b[commonSize:]),
		Positive: b[20], Negative: b[21], OEM: b[25], Name: parseStem(b[26:], b[18]),
	}, nil
}

// RecordType gives [TypeCompact].
func (r *Compact) RecordType() Type { return TypeCompact }

// Append adds the record to b.
func (r *Compact) Append(b []byte) []byte {
	return record(b, r.ID, TypeCompact, func(b []byte) []byte {
		b = r.Sharing.append(r.Common.append(b))
		return appendName(append(b, r.Positive, r.Negative, 0, 0, 0, r.OEM), r.Name)
	})
}

// EventOnly is an event-only record (section 43.3): a sensor that sends events and cannot be read.
type EventOnly struct {
	ID
	Key
	FRULUN  uint8 // of the FRU inventory device, 0 to 3
	Entity  Entity
	Type    event.SensorType
	Reading event.ReadingType
	Sharing Sharing
	OEM     uint8
	Name    string
}

func parseEventOnly(id ID, b []byte) (*EventOnly, error) {
	if err := ipmi.Short("event-only record", b, 12); err != nil {
		return nil, err
	}
	return &EventOnly{
		ID: id, Key: parseKey(b), FRULUN: b[1] >> 2 & 3, Entity: parseEntity(b[3], b[4]),
		Type: event.SensorType(b[5]), Reading: event.ReadingType(b[6]), Sharing: parseSharing(b[7:]),
		OEM: b[10], Name: parseStem(b[11:], b[7]),
	}, nil
}

// RecordType gives [TypeEventOnly].
func (r *EventOnly) RecordType() Type { return TypeEventOnly }

// Append adds the record to b.
func (r *EventOnly) Append(b []byte) []byte {
	return record(b, r.ID, TypeEventOnly, func(b []byte) []byte {
		start := len(b)
		b = r.Entity.append(r.Key.append(b))
		b[start+1] |= r.FRULUN & 3 << 2
		b = r.Sharing.append(append(b, byte(r.Type), byte(r.Reading)))
		return appendName(append(b, 0, r.OEM), r.Name)
	})
}
