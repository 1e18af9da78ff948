package sensor

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
)

// Write says what Set Sensor Reading And Event Status does with the bits that it is given.
type Write uint8

// The ways to write.
const (
	Keep    Write = iota // the bits are ignored
	Replace              // they become the sensor's
	Raise                // those that are 1 are set
	Clear                // those that are 1 are cleared
)

// SetReading is the request of Set Sensor Reading And Event Status (section 35.17).
type SetReading struct {
	Number         uint8
	WriteReading   bool
	WriteAsserts   Write
	WriteDeasserts Write
	WriteData      uint8 // 0 leaves event data alone, 1 writes it with its offset, 2 without
	Reading        uint8
	Asserted       Bits
	Deasserted     Bits
	Data           [3]byte
}

// ParseSetReading reads the request. What is left out at its end is 0.
func ParseSetReading(b []byte) (SetReading, error) {
	if err := ipmi.Short("request to set a reading", b, 3); err != nil {
		return SetReading{}, err
	}
	var v [10]byte
	copy(v[:], b)
	s := SetReading{
		Number: v[0], WriteReading: v[1]&3 == 1, WriteDeasserts: Write(v[1] >> 2 & 3), WriteAsserts: Write(v[1] >> 4 & 3),
		WriteData: v[1] >> 6, Reading: v[2], Data: [3]byte(v[7:]),
	}
	s.Asserted, s.Deasserted = parseBits(v[3:7])
	return s, nil
}

// Append adds the request to b.
func (s SetReading) Append(b []byte) []byte {
	op := bit(s.WriteReading, 0) | byte(s.WriteDeasserts&3)<<2 | byte(s.WriteAsserts&3)<<4 | s.WriteData&3<<6
	b = appendBits(append(b, s.Number, op, s.Reading), s.Asserted, s.Deasserted)
	return append(b, s.Data[:]...)
}

// Set writes a reading or event status into a sensor that allows it.
func Set(ctx context.Context, d ipmi.Doer, s SetReading) error {
	return ipmi.Tell(ctx, d, fmt.Sprintf("set the reading of sensor %02x", s.Number),
		ipmi.Request{NetFn: ipmi.NetFnSensor, Cmd: CmdSetReading, Data: s.Append(nil)})
}

// Event is the request of Platform Event (section 29.3): an event message.
type Event struct {
	// Generator is an odd software id; 0 leaves it out, as messages over a network do:
	// who sent them says it.
	Generator  uint8
	Revision   uint8 // 04 for IPMI 1.5 and 2.0; 0 becomes 04
	Type       event.SensorType
	Number     uint8
	Reading    event.ReadingType
	Deasserted bool
	Data       [3]byte // see [event.Data]
}

// ParseEvent reads the request: with a generator if it has 8 bytes.
func ParseEvent(b []byte) (Event, error) {
	if err := ipmi.Short("event message", b, 5); err != nil {
		return Event{}, err
	}
	var e Event
	if len(b) >= 8 {
		e.Generator, b = b[0], b[1:]
	}
	e.Data = [3]byte{0xff, 0xff, 0xff}
	e.Revision, e.Type, e.Number = b[0], event.SensorType(b[1]), b[2]
	e.Reading, e.Deasserted = event.ReadingType(b[3]&0x7f), b[3]&0x80 != 0
	copy(e.Data[:], b[4:])
	return e, nil
}

// Append adds the request to b.
func (e Event) Append(b []byte) []byte {
	if e.Generator != 0 {
		b = append(b, e.Generator)
	}
	if e.Revision == 0 {
		e.Revision = 0x04
	}
	b = append(b, e.Revision, byte(e.Type), e.Number, byte(e.Reading)&0x7f|bit(e.Deasserted, 7))
	return append(b, e.Data[:]...)
}

// Send has the BMC take an event as if a sensor had sent it: it is logged, filtered
// and may set off alerts. It is sent at most once.
func Send(ctx context.Context, d ipmi.Doer, e Event) error {
	return ipmi.Tell(ctx, d, "send an event", ipmi.Request{NetFn: ipmi.NetFnSensor, Cmd: CmdPlatformEvent, Data: e.Append(nil), Once: true})
}

// Receiver is the request of Set Event Receiver and the answer of Get Event Receiver (sections 29.1, 29.2).
type Receiver struct {
	Address uint8 // 8-bit slave address; FF turns event messages off
	LUN     uint8
}

// ParseReceiver reads it.
func ParseReceiver(b []byte) (Receiver, error) {
	if err := ipmi.Short("event receiver", b, 2); err != nil {
		return Receiver{}, err
	}
	return Receiver{Address: b[0], LUN: b[1] & 3}, nil
}

// Append adds it to b.
func (r Receiver) Append(b []byte) []byte { return append(b, r.Address, r.LUN&3) }
