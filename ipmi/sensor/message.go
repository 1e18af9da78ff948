package sensor

import (
	"encoding/binary"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/sdr"
)

// The commands of this package (sections 29 and 35), of network function Sensor.
const (
	CmdSetReceiver   = 0x00
	CmdGetReceiver   = 0x01
	CmdPlatformEvent = 0x02
	CmdFactors       = 0x23
	CmdSetHysteresis = 0x24
	CmdGetHysteresis = 0x25
	CmdSetThresholds = 0x26
	CmdGetThresholds = 0x27
	CmdSetEvents     = 0x28
	CmdGetEvents     = 0x29
	CmdRearm         = 0x2a
	CmdEventStatus   = 0x2b
	CmdReading       = 0x2d
	CmdSetType       = 0x2e
	CmdGetType       = 0x2f
	CmdSetReading    = 0x30
)

func bit(on bool, n uint) byte {
	if on {
		return 1 << n
	}
	return 0
}

// Number is the request of the commands that name a sensor and nothing else: Get Sensor Reading,
// Thresholds, Event Enable, Event Status and Type.
type Number uint8

// ParseNumber reads the request.
func ParseNumber(b []byte) (Number, error) {
	if err := ipmi.Short("sensor number", b, 1); err != nil {
		return 0, err
	}
	return Number(b[0]), nil
}

// Append adds the request to b.
func (n Number) Append(b []byte) []byte { return append(b, byte(n)) }

// Raw is the answer of Get Sensor Reading (section 35.14).
type Raw struct {
	Reading     uint8
	Events      bool // event messages are on
	Scanning    bool // the sensor is being read
	Unavailable bool // there is no reading now: Reading and States mean nothing
	// States has bit n for state n of a discrete sensor, 0 to 14; for a sensor with thresholds
	// see Crossed.
	States uint16
}

// Crossed gives the thresholds that a sensor with thresholds is beyond.
func (r Raw) Crossed() sdr.Levels { return sdr.Levels(r.States) & sdr.AllLevels }

// ParseRaw reads the answer.
func ParseRaw(b []byte) (Raw, error) {
	if err := ipmi.Short("sensor reading", b, 2); err != nil {
		return Raw{}, err
	}
	r := Raw{Reading: b[0], Events: b[1]&0x80 != 0, Scanning: b[1]&0x40 != 0, Unavailable: b[1]&0x20 != 0}
	if len(b) > 2 {
		r.States = uint16(b[2])
	}
	if len(b) > 3 {
		r.States |= uint16(b[3]&0x7f) << 8
	}
	return r, nil
}

// Append adds the answer to b. The last bit of the states is reserved and 1, as it
// is the two highest bits of thresholds.
func (r Raw) Append(b []byte) []byte {
	b = append(b, r.Reading, bit(r.Events, 7)|bit(r.Scanning, 6)|bit(r.Unavailable, 5))
	return append(b, byte(r.States), byte(r.States>>8)|0x80)
}

// FactorsRequest is the request of Get Sensor Reading Factors (section 35.5); the answer is [sdr.FactorsAt].
type FactorsRequest struct{ Number, Reading uint8 }

// ParseFactorsRequest reads the request.
func ParseFactorsRequest(b []byte) (FactorsRequest, error) {
	if err := ipmi.Short("request for factors", b, 2); err != nil {
		return FactorsRequest{}, err
	}
	return FactorsRequest{Number: b[0], Reading: b[1]}, nil
}

// Append adds the request to b.
func (r FactorsRequest) Append(b []byte) []byte { return append(b, r.Number, r.Reading) }

// Hysteresis is the answer of Get Sensor Hysteresis (section 35.7), in counts. 0 is none.
type Hysteresis struct{ Positive, Negative uint8 }

// ParseHysteresis reads the answer.
func ParseHysteresis(b []byte) (Hysteresis, error) {
	if err := ipmi.Short("hysteresis", b, 2); err != nil {
		return Hysteresis{}, err
	}
	return Hysteresis{Positive: b[0], Negative: b[1]}, nil
}

// Append adds the answer to b.
func (h Hysteresis) Append(b []byte) []byte { return append(b, h.Positive, h.Negative) }

// HysteresisRequest is the request of Set Sensor Hysteresis (section 35.6); that of Get Sensor
// Hysteresis is its first two bytes.
type HysteresisRequest struct {
	Number uint8
	Hysteresis
}

// ParseHysteresisRequest reads the request to set.
func ParseHysteresisRequest(b []byte) (HysteresisRequest, error) {
	if err := ipmi.Short("request to set hysteresis", b, 4); err != nil {
		return HysteresisRequest{}, err
	}
	return HysteresisRequest{Number: b[0], Hysteresis: Hysteresis{Positive: b[2], Negative: b[3]}}, nil
}

// Append adds the request to set to b.
func (r HysteresisRequest) Append(b []byte) []byte {
	return r.Hysteresis.Append(append(b, r.Number, 0xff))
}

// RawThresholds is the answer of Get Sensor Thresholds (section 35.9).
type RawThresholds struct {
	Which sdr.Levels            // which of Values mean something
	At    [sdr.LevelCount]uint8 // in the order of the bits
}

// ParseRawThresholds reads the answer.
func ParseRawThresholds(b []byte) (RawThresholds, error) {
	if err := ipmi.Short("thresholds", b, 7); err != nil {
		return RawThresholds{}, err
	}
	return RawThresholds{Which: sdr.Levels(b[0]) & sdr.AllLevels, At: [sdr.LevelCount]uint8(b[1:7])}, nil
}

// Append adds the answer to b. Thresholds that mean nothing are 0.
func (t RawThresholds) Append(b []byte) []byte {
	b = append(b, byte(t.Which&sdr.AllLevels))
	for i, v := range t.At {
		if !t.Which.Has(1 << i) {
			v = 0
		}
		b = append(b, v)
	}
	return b
}

// ThresholdsRequest is the request of Set Sensor Thresholds (section 35.8): those
// in Which are set, the others stay.
type ThresholdsRequest struct {
	Number uint8
	RawThresholds
}

// ParseThresholdsRequest reads the request.
func ParseThresholdsRequest(b []byte) (ThresholdsRequest, error) {
	if err := ipmi.Short("request to set thresholds", b, 8); err != nil {
		return ThresholdsRequest{}, err
	}
	t, err := ParseRawThresholds(b[1:])
	return ThresholdsRequest{Number: b[0], RawThresholds: t}, err
}

// Append adds the request to b.
func (r ThresholdsRequest) Append(b []byte) []byte {
	return r.RawThresholds.Append(append(b, r.Number))
}

// Bits is a bit for each event of a sensor, by offset; for thresholds see table 42-2.
type Bits uint16

// EventState is the answer of Get Sensor Event Enable (section 35.11), where the bits say which events are
// on, and of Get Sensor Event Status (section 35.13), where they say which have happened.
type EventState struct {
	Messages    bool // event messages are on
	Scanning    bool
	Unavailable bool // only of the status
	Asserted    Bits
	Deasserted  Bits
}

// ParseEventState reads the answer. Bits that are left out are 0.
func ParseEventState(b []byte) (EventState, error) {
	if err := ipmi.Short("sensor event state", b, 1); err != nil {
		return EventState{}, err
	}
	s := EventState{Messages: b[0]&0x80 != 0, Scanning: b[0]&0x40 != 0, Unavailable: b[0]&0x20 != 0}
	s.Asserted, s.Deasserted = parseBits(b[1:])
	return s, nil
}

// Append adds the answer to b.
func (s EventState) Append(b []byte) []byte {
	b = append(b, bit(s.Messages, 7)|bit(s.Scanning, 6)|bit(s.Unavailable, 5))
	return appendBits(b, s.Asserted, s.Deasserted)
}

// parseBits reads up to four bytes, as many as there are.
func parseBits(b []byte) (asserted, deasserted Bits) {
	var v [4]byte
	copy(v[:], b)
	return Bits(binary.LittleEndian.Uint16(v[:])), Bits(binary.LittleEndian.Uint16(v[2:]))
}

func appendBits(b []byte, asserted, deasserted Bits) []byte {
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, uint16(asserted)), uint16(deasserted))
}

// Change says what Set Sensor Event Enable does with the named events.
type Change uint8

// The changes.
const (
	Leave Change = iota
	Enable
	Disable
)

// EventsRequest is the request of Set Sensor Event Enable (section 35.10).
type EventsRequest struct {
	Number     uint8
	Messages   bool // event messages as a whole
	Scanning   bool
	Change     Change
	Asserted   Bits
	Deasserted Bits
}

// ParseEventsRequest reads the request.
func ParseEventsRequest(b []byte) (EventsRequest, error) {
	if err := ipmi.Short("request to set event enables", b, 2); err != nil {
		return EventsRequest{}, err
	}
	r := EventsRequest{Number: b[0], Messages: b[1]&0x80 != 0, Scanning: b[1]&0x40 != 0, Change: Change(b[1] >> 4 & 3)}
	r.Asserted, r.Deasserted = parseBits(b[2:])
	return r, nil
}

// Append adds the request to b.
func (r EventsRequest) Append(b []byte) []byte {
	b = append(b, r.Number, bit(r.Messages, 7)|bit(r.Scanning, 6)|byte(r.Change&3)<<4)
	return appendBits(b, r.Asserted, r.Deasserted)
}

// RearmRequest is the request of Re-arm Sensor Events (section 35.12).
type RearmRequest struct {
	Number     uint8
	Some       bool // only those named; otherwise all
	Asserted   Bits
	Deasserted Bits
}

// ParseRearmRequest reads the request.
func ParseRearmRequest(b []byte) (RearmRequest, error) {
	if err := ipmi.Short("request to re-arm", b, 2); err != nil {
		return RearmRequest{}, err
	}
	r := RearmRequest{Number: b[0], Some: b[1]&0x80 != 0}
	r.Asserted, r.Deasserted = parseBits(b[2:])
	return r, nil
}

// Append adds the request to b.
func (r RearmRequest) Append(b []byte) []byte {
	b = append(b, r.Number, bit(r.Some, 7))
	if !r.Some {
		return b
	}
	return appendBits(b, r.Asserted, r.Deasserted)
}

// Kind is the answer of Get Sensor Type (section 35.16).
type Kind struct {
	Type    event.SensorType
	Reading event.ReadingType
}

// ParseKind reads the answer.
func ParseKind(b []byte) (Kind, error) {
	if err := ipmi.Short("sensor type", b, 2); err != nil {
		return Kind{}, err
	}
	return Kind{Type: event.SensorType(b[0]), Reading: event.ReadingType(b[1] & 0x7f)}, nil
}

// Append adds the answer to b.
func (k Kind) Append(b []byte) []byte { return append(b, byte(k.Type), byte(k.Reading)&0x7f) }

// KindRequest is the request of Set Sensor Type (section 35.15).
type KindRequest struct {
	Number uint8
	Kind
}

// ParseKindRequest reads the request.
func ParseKindRequest(b []byte) (KindRequest, error) {
	if err := ipmi.Short("request to set a sensor's type", b, 3); err != nil {
		return KindRequest{}, err
	}
	k, err := ParseKind(b[1:])
	return KindRequest{Number: b[0], Kind: k}, err
}

// Append adds the request to b.
func (r KindRequest) Append(b []byte) []byte { return r.Kind.Append(append(b, r.Number)) }
