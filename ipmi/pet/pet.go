// Package pet reads and writes platform event traps: the SNMP traps by which BMCs tell
// of events ("IPMI Platform Event Trap Format Specification" v1.0, and chapter 17.16 of IPMI 2.0). It takes
// a trap's specific number and the octets of its one variable; SNMP itself is the
// caller's. Traps are described as the event log's entries are, by package sel, so that one event
// has one text however it arrives. Start at Parse.
package pet

import (
	"context"
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/sel"
)

// Enterprise is the object identifier that the traps carry.
const Enterprise = "1.3.6.1.4.1.3183.1.1"

// Size is the least that the variable has.
const Size = 46

// Unspecified is what stands in a byte that tells nothing.
const Unspecified = 0xff

// Trap is one trap. Multi-byte numbers are written with the most significant byte first.
type Trap struct {
	SensorType event.SensorType
	EventType  event.ReadingType
	Offset     uint8
	Deassert   bool

	GUID        [16]byte // of the system
	Sequence    uint16   // repeated while a trap is sent again; 0: unspecified
	LocalTime   uint32   // seconds since 1998-01-01 by the BMC's local time; 0: unspecified. See [Trap.Time]
	UTCOffset   int16    // minutes to add to UTC for local time; -1: unspecified
	TrapSource  uint8    // who sent the trap; see [Source]
	EventSource uint8    // who noticed the event
	Severity    Severity
	Device      uint8 // the owner of the sensor: a slave address, or a program's number with bit 0 set
	Sensor      uint8 // its number
	Entity      event.Entity
	Instance    uint8 // of the entity
	Data        [8]byte
	Language    uint8 // of text in OEM
	Maker       uint32
	System      uint16 // the maker's number for the product
	OEM         []byte // fields of the maker's, as FRU areas have them; it ends with C1
}

// Severity is how bad the sender says the event is.
type Severity uint8

// The severities.
const (
	SeverityUnspecified    Severity = 0x00
	SeverityMonitor        Severity = 0x01
	SeverityInformation    Severity = 0x02
	SeverityOK             Severity = 0x04 // it is well again
	SeverityNonCritical    Severity = 0x08
	SeverityCritical       Severity = 0x10
	SeverityNonRecoverable Severity = 0x20
)

// Level gives the severity as events have it; false: it says none.
func (s Severity) Level() (event.Severity, bool) {
	switch s {
	case SeverityMonitor, SeverityInformation, SeverityOK:
		return event.OK, true
	case SeverityNonCritical:
		return event.Warning, true
	case SeverityCritical:
		return event.Critical, true
	case SeverityNonRecoverable:
		return event.Failed, true
	}
	return event.OK, false
}

// Parse reads a trap.
func Parse(specific uint32, octets []byte) (Trap, error) {
	if err := ipmi.Short("platform event trap", octets, Size); err != nil {
		return Trap{}, err
	}
	b := octets
	t := Trap{
		SensorType: event.SensorType(specific >> 16), EventType: event.ReadingType(specific >> 8),
		Deassert: specific&0x80 != 0, Offset: uint8(specific) & 0x0f,
		GUID: [16]byte(b), Sequence: be16(b[16:]), LocalTime: be32(b[18:]), UTCOffset: int16(be16(b[22:])),
		TrapSource: b[24], EventSource: b[25], Severity: Severity(b[26]), Device: b[27], Sensor: b[28],
		Entity: event.Entity(b[29]), Instance: b[30], Data: [8]byte(b[31:]), Language: b[39],
		Maker: be32(b[40:]), System: be16(b[44:]),
	}
	if len(b) > Size {
		t.OEM = append([]byte(nil), b[Size:]...)
	}
	return t, nil
}

// Specific gives the trap's specific number.
func (t Trap) Specific() uint32 {
	n := uint32(t.SensorType)<<16 | uint32(t.EventType)<<8 | uint32(t.Offset&0x0f)
	if t.Deassert {
		n |= 0x80
	}
	return n
}

// Append adds the octets of the variable to b.
func (t Trap) Append(b []byte) []byte {
	b = append(b, t.GUID[:]...)
	b = append32(append16(b, t.Sequence), t.LocalTime)
	b = append16(b, uint16(t.UTCOffset))
	b = append(b, t.TrapSource, t.EventSource, byte(t.Severity), t.Device, t.Sensor, byte(t.Entity), t.Instance)
	b = append(append(b, t.Data[:]...), t.Language)
	b = append16(append32(b, t.Maker), t.System)
	return append(b, t.OEM...)
}

// epoch is where traps count from: not where the event log does.
func epoch() time.Time { return time.Date(1998, 1, 1, 0, 0, 0, 0, time.UTC) }

// noOffset is a UTC offset that tells nothing.
const noOffset = -1

// Time gives when the event happened by the BMC's clock. Without a UTC offset
// the local time is taken for UTC, and utc is false. A zero time: it says none.
func (t Trap) Time() (at time.Time, utc bool) {
	if t.LocalTime == 0 {
		return time.Time{}, false
	}
	at = epoch().Add(time.Duration(t.LocalTime) * time.Second)
	if t.UTCOffset == noOffset {
		return at, false
	}
	return at.Add(-time.Duration(t.UTCOffset) * time.Minute), true
}

// SetTime sets when the event happened, in UTC.
func (t *Trap) SetTime(at time.Time) {
	t.LocalTime, t.UTCOffset = uint32(at.Sub(epoch())/time.Second), 0
}

// Event gives what happened as the event log has it.
func (t Trap) Event() sel.Event {
	e := sel.Event{
		Generator: sel.Generator(t.Device), Revision: 0x04, SensorType: t.SensorType, Sensor: t.Sensor,
		Deassert: t.Deassert, Type: t.EventType & 0x7f, Data: [3]byte(t.Data[:]),
	}
	if e.Data[0] == Unspecified {
		e.Data = [3]byte{0, 0xff, 0xff}
	}
	// Software that sends traps may leave the offset to the trap's number.
	e.Data[0] = e.Data[0]&0xf0 | t.Offset&0x0f
	return e
}

// FromEvent makes a trap of an event. Time, GUID, sequence and what else only the sender
// knows are left to the caller.
func FromEvent(e sel.Event) Trap {
	t := Trap{
		SensorType: e.SensorType, EventType: e.Type, Offset: e.Offset(), Deassert: e.Deassert,
		UTCOffset: noOffset, TrapSource: 0x20, EventSource: 0x20, Device: e.Generator.Address(), Sensor: e.Sensor,
		Data: [8]byte{e.Data[0], e.Data[1], e.Data[2]}, Language: Unspecified,
	}
	switch event.StateOf(e.SensorType, e.Type, e.Offset(), !e.Deassert).Severity {
	case event.OK:
		t.Severity = SeverityInformation
	case event.Warning:
		t.Severity = SeverityNonCritical
	case event.Critical:
		t.Severity = SeverityCritical
	case event.Failed:
		t.Severity = SeverityNonRecoverable
	}
	return t
}

// Describe puts the trap into words. lookup may be nil. Where the sender tells a severity it
// counts, not that of the standard tables.
func (t Trap) Describe(lookup sel.Lookup) sel.Entry {
	e := sel.DescribeEvent(t.Event(), lookup)
	if t.Device == Unspecified {
		e.Source = ""
	}
	if at, utc := t.Time(); !at.IsZero() {
		e.When = sel.When{Time: at, Quality: sel.AsRecorded}
		if !utc {
			e.Details = append(e.Details, "its time may be local time")
		}
	}
	if level, ok := t.Severity.Level(); ok {
		e.Severity = level
	}
	if e.Entity == "" && t.Entity != 0 {
		e.Entity = fmt.Sprintf("%s %d", t.Entity, t.Instance)
	}
	return e
}

// Source names who sent a trap or noticed an event, by its number in the trap.
func Source(n uint8) string {
	names := [...]string{
		"platform firmware", "SMI handler", "system management software", "alert ASIC", "IPMI", "BIOS", "system board",
		"system integrator", "add-in card", "operating system", "network card", "system management card",
	}
	if int(n>>3) < len(names) {
		return names[n>>3]
	}
	return "unspecified"
}

// CmdAcknowledge is PET Acknowledge, of network function Sensor/Event (section 30.8).
const CmdAcknowledge = 0x17

// Ack is the request of PET Acknowledge: which trap has arrived.
type Ack struct {
	Sequence    uint16
	LocalTime   uint32
	EventSource uint8
	Device      uint8
	Sensor      uint8
	Data        [3]byte
}

// Ack gives what acknowledges the trap.
func (t Trap) Ack() Ack {
	return Ack{t.Sequence, t.LocalTime, t.EventSource, t.Device, t.Sensor, [3]byte(t.Data[:])}
}

// ParseAck reads the request. Its numbers have the least significant byte first.
func ParseAck(b []byte) (Ack, error) {
	if err := ipmi.Short("trap acknowledgement", b, 12); err != nil {
		return Ack{}, err
	}
	return Ack{
		Sequence: uint16(b[0]) | uint16(b[1])<<8, LocalTime: uint32(b[2]) | uint32(b[3])<<8 | uint32(b[4])<<16 | uint32(b[5])<<24,
		EventSource: b[6], Device: b[7], Sensor: b[8], Data: [3]byte(b[9:12]),
	}, nil
}

// Append adds the request to b.
func (a Ack) Append(b []byte) []byte {
	b = append(b, byte(a.Sequence), byte(a.Sequence>>8), byte(a.LocalTime), byte(a.LocalTime>>8), byte(a.LocalTime>>16), byte(a.LocalTime>>24))
	return append(b, a.EventSource, a.Device, a.Sensor, a.Data[0], a.Data[1], a.Data[2])
}

// Acknowledge tells a BMC that a trap has arrived, so that it is not sent again.
func Acknowledge(ctx context.Context, d ipmi.Doer, a Ack) error {
	return ipmi.Tell(ctx, d, "acknowledge a trap", ipmi.Request{NetFn: ipmi.NetFnSensor, Cmd: CmdAcknowledge, Data: a.Append(nil)})
}

func be16(b []byte) uint16 { return uint16(b[0])<<8 | uint16(b[1]) }

func be32(b []byte) uint32 { return uint32(be16(b))<<16 | uint32(be16(b[2:])) }

func append16(b []byte, v uint16) []byte { return append(b, byte(v>>8), byte(v)) }

func append32(b []byte, v uint32) []byte { return append16(append16(b, uint16(v>>16)), uint16(v)) }
