package sel

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"millwright.dev/millwright/ipmi/event"
)

// Sensor is what has to be known of a sensor to describe its events.
type Sensor struct {
	Name   string
	Entity string      // what it belongs to, such as "Processor 1"; may be empty
	Units  event.Units // of Value
	// Value converts a raw reading or threshold by the sensor's own formula; false, or
	// a nil Value: it cannot be done.
	Value func(raw uint8) (float64, bool)
}

// Lookup finds a sensor by its owner's address (8 bits, bit 0 set for software), the owner's
// LUN and its number: the key of sensor records.
type Lookup func(owner, lun, number uint8) (Sensor, bool)

// Entry is a record in words.
type Entry struct {
	ID       uint16         `json:"id"`
	When     When           `json:"when"`
	Source   string         `json:"source,omitempty"`    // who noticed
	Sensor   string         `json:"sensor,omitempty"`    // its name
	Kind     string         `json:"kind"`                // of sensor, such as "Temperature"; of OEM records, whose they are
	Entity   string         `json:"entity,omitempty"`    // what the sensor belongs to
	State    event.State    `json:"state"`               // what began or, if Deasserted, ended
	Reading  *Measure       `json:"reading,omitempty"`   // what set off a threshold event
	Limit    *Measure       `json:"threshold,omitempty"` // the threshold that was passed
	Details  []string       `json:"details,omitempty"`   // what else the event's data say
	Severity event.Severity `json:"severity"`
	Record   Record         `json:"-"`
}

// Measure is a value of a sensor. Without a record of the sensor there is only the raw byte.
type Measure struct {
	Raw   uint8   `json:"raw"`
	Known bool    `json:"known"` // Value and Unit hold
	Value float64 `json:"value,omitempty"`
	Unit  string  `json:"unit,omitempty"`
}

func (m Measure) String() string {
	if !m.Known {
		return fmt.Sprintf("raw %02x", m.Raw)
	}
	return strings.TrimSpace(strconv.FormatFloat(math.Round(m.Value*1000)/1000, 'f', -1, 64) + " " + m.Unit)
}

// Text puts the entry into one line, without its time.
func (e Entry) Text() string {
	if e.Sensor == "" {
		return e.Kind + ": " + e.What()
	}
	return e.Kind + " " + e.Sensor + ": " + e.What()
}

// What says what happened, for where Kind and Sensor are shown beside it.
func (e Entry) What() string {
	var parts []string
	if e.State.Name != "" {
		parts = append(parts, e.State.String())
	}
	if e.Reading != nil {
		parts = append(parts, "reading "+e.Reading.String())
	}
	if e.Limit != nil {
		parts = append(parts, "threshold "+e.Limit.String())
	}
	return strings.Join(append(parts, e.Details...), "; ")
}

// Entries describes the whole log, with times as [Log.Times] works them out. lookup may be nil.
func (l Log) Entries(lookup Lookup) []Entry {
	times := l.Times()
	out := make([]Entry, len(l.Records))
	for i, r := range l.Records {
		out[i] = Describe(r, lookup)
		out[i].When = times[i]
	}
	return out
}

// Describe puts a record into words. Its time is as recorded: only a whole log can
// say more. lookup may be nil.
func Describe(r Record, lookup Lookup) Entry {
	e := Entry{ID: r.ID, Record: r}
	if r.Timed() && r.Time.Wall() {
		e.When = When{Time: r.Time.Time(), Quality: AsRecorded}
	}
	switch {
	case r.Type == TypeSystem:
		r.Event.describe(&e, lookup)
	case r.Timed():
		e.Kind = fmt.Sprintf("OEM record %02x of maker %d", r.Type, r.Maker)
		e.Details = []string{fmt.Sprintf("% x", r.OEM[:6])}
	case r.Type >= TypeOEMUntimed:
		e.Kind = fmt.Sprintf("OEM record %02x", r.Type)
		e.Details = []string{fmt.Sprintf("% x", r.OEM[:])}
	default:
		e.Kind = fmt.Sprintf("record of unknown type %02x", r.Type)
		e.Details = []string{fmt.Sprintf("% x", r.OEM[:])}
	}
	return e
}

// DescribeEvent puts an event into words that comes from elsewhere than a log. lookup may be nil.
func DescribeEvent(ev Event, lookup Lookup) Entry {
	e := Entry{Record: Record{Type: TypeSystem, Time: NoStamp, Event: ev}}
	ev.describe(&e, lookup)
	return e
}

func (e Event) describe(out *Entry, lookup Lookup) {
	var s Sensor
	if lookup != nil {
		s, _ = lookup(e.Generator.Address(), e.Generator.LUN(), e.Sensor)
	}
	if s.Name == "" {
		s.Name = fmt.Sprintf("Sensor %d", e.Sensor)
	}
	out.Source, out.Sensor, out.Entity = e.Generator.String(), s.Name, s.Entity
	out.Kind = e.SensorType.NameWith(s.Units)
	out.State = event.StateOf(e.SensorType, e.Type, e.Offset(), !e.Deassert)
	out.Severity = out.State.Severity
	data := event.ParseData(e.Data)
	if raw, ok := data.Reading(e.Type); ok {
		out.Reading = s.measure(raw)
	}
	if raw, ok := data.Limit(e.Type); ok {
		out.Limit = s.measure(raw)
	}
	out.Details = append(data.Extra(e.SensorType, e.Type), e.details(data)...)
}

func (s Sensor) measure(raw uint8) *Measure {
	m := &Measure{Raw: raw}
	if s.Value != nil {
		if m.Value, m.Known = s.Value(raw); m.Known && (math.IsNaN(m.Value) || math.IsInf(m.Value, 0)) {
			m.Value, m.Known = 0, false
		}
	}
	if m.Known {
		m.Unit = s.Units.String()
	}
	return m
}

// String names who noticed an event (table 5-4 for software).
func (g Generator) String() string {
	id, software := g.Software()
	switch {
	case software && id <= 0x0f:
		return "BIOS"
	case software && id <= 0x1f:
		return "SMI handler"
	case software && id <= 0x2f:
		return "system management software"
	case software && id <= 0x3f:
		return fmt.Sprintf("OEM software %02x", id)
	case software && id <= 0x47:
		return "remote console"
	case software:
		return fmt.Sprintf("software %02x", id)
	case g == 0x20:
		return "BMC"
	}
	return fmt.Sprintf("controller %02x, LUN %d, channel %d", g.Address(), g.LUN(), g.Channel())
}
