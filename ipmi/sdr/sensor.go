package sdr

import "millwright.dev/millwright/ipmi/event"

// Sensor is one sensor, whatever record tells of it.
type Sensor struct {
	Record uint16 // which record; several sensors may share one
	Common
	Name string

	// Full is the full record, if that is what tells of the sensor. Only then
	// can it have values, thresholds as values and a range.
	Full *Full
	// EventOnly means that it cannot be read.
	EventOnly bool
	// Hysteresis in counts.
	Positive, Negative uint8
}

// Analog says whether readings have values.
func (s *Sensor) Analog() bool {
	if s.Full == nil || s.Format == NonNumeric {
		return false
	}
	return s.Reading == event.Threshold || s.Units.Base != event.Unspec || s.Units.Percent
}

// Formula gives the way from raw readings to values; for sensors that are not
// [Sensor.Analog] its Format is [NonNumeric].
func (s *Sensor) Formula() Formula {
	if !s.Analog() {
		return Formula{Format: NonNumeric}
	}
	return s.Full.Formula()
}

// TypeName is the sensor type's name, with power and energy told apart from other units.
func (s *Sensor) TypeName() string { return s.Type.NameWith(s.Units) }

// Sensors makes the sensors that the records tell of, in their order. A shared record gives as
// many as share it, with consecutive numbers, and letters or numbers after the name.
func Sensors(records []Record) []Sensor {
	var out []Sensor
	for _, r := range records {
		switch r := r.(type) {
		case *Full:
			out = append(out, Sensor{
				Record: r.RecordID(), Common: r.Common, Name: r.Name, Full: r, Positive: r.Positive, Negative: r.Negative,
			})
		case *Compact:
			first := Sensor{Record: r.RecordID(), Common: r.Common, Name: r.Name, Positive: r.Positive, Negative: r.Negative}
			out = first.share(out, r.Sharing)
		case *EventOnly:
			first := Sensor{
				Record: r.RecordID(), Name: r.Name, EventOnly: true,
				Common: Common{Key: r.Key, Entity: r.Entity, Type: r.Type, Reading: r.Reading, Format: NonNumeric},
			}
			out = first.share(out, r.Sharing)
		}
	}
	return out
}

func (s Sensor) share(out []Sensor, how Sharing) []Sensor {
	for n := range how.sensors() {
		one := s
		one.Number += uint8(n)
		one.Name += how.suffix(n)
		if how.Step {
			one.Entity.Instance = (one.Entity.Instance + uint8(n)) & 0x7f
		}
		out = append(out, one)
	}
	return out
}

// Find gives the sensor that an event or a command names, or nil. Channel is ignored where
// no sensor has the right one: controllers do not agree on what to say there.
func Find(sensors []Sensor, k Key) *Sensor {
	var near *Sensor
	for i := range sensors {
		s := &sensors[i]
		if s.Key == k {
			return s
		}
		if near == nil && s.Owner == k.Owner && s.LUN == k.LUN && s.Number == k.Number {
			near = s
		}
	}
	return near
}
