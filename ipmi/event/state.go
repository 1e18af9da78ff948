package event

import "fmt"

// Severity says how bad a state is. They are ordered: the worst is the greatest.
type Severity uint8

// The severities.
const (
	OK Severity = iota
	Warning
	Critical
	Failed
)

func (s Severity) String() string {
	switch s {
	case OK:
		return "ok"
	case Warning:
		return "warning"
	case Critical:
		return "critical"
	case Failed:
		return "failed"
	}
	return fmt.Sprintf("severity %d", uint8(s))
}

// MarshalText lets severities be words in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Severity) UnmarshalText(text []byte) error {
	for known := OK; known <= Failed; known++ {
		if known.String() == string(text) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("no severity is called %.20q", text)
}

// ReadingType is an event/reading type code: what class of states a sensor has (section 42.1).
type ReadingType uint8

// The reading types (table 42-1). 02 to 0C are generic and discrete, 70 to 7F a maker's own.
const (
	Unspecified    ReadingType = 0x00
	Threshold      ReadingType = 0x01
	Usage          ReadingType = 0x02
	DigitalState   ReadingType = 0x03
	Prediction     ReadingType = 0x04
	Limit          ReadingType = 0x05
	Performance    ReadingType = 0x06
	Gravity        ReadingType = 0x07
	DevicePresence ReadingType = 0x08
	DeviceEnabled  ReadingType = 0x09
	Availability   ReadingType = 0x0a
	Redundancy     ReadingType = 0x0b
	ACPIDevice     ReadingType = 0x0c
	SensorSpecific ReadingType = 0x6f
)

// IsGeneric says whether the states are those of the reading type, whatever the sensor's type.
func (r ReadingType) IsGeneric() bool { return r >= Threshold && r <= ACPIDevice }

// IsOEM says whether the maker chose what the states mean.
func (r ReadingType) IsOEM() bool { return r >= 0x70 && r <= 0x7f }

func (r ReadingType) String() string {
	names := [...]string{
		"unspecified", "threshold", "usage", "digital state", "predictive failure", "limit", "performance",
		"severity", "device presence", "device enabled", "availability", "redundancy", "ACPI device power",
	}
	switch {
	case int(r) < len(names):
		return names[r]
	case r == SensorSpecific:
		return "sensor-specific"
	case r.IsOEM():
		return fmt.Sprintf("OEM %02x", uint8(r))
	}
	return fmt.Sprintf("reading type %02x", uint8(r))
}

// ID names one state of any sensor: sensor type << 16 | reading type << 8 | offset.
type ID uint32

// MakeID puts an ID together. Only the low four bits of offset count.
func MakeID(t SensorType, r ReadingType, offset uint8) ID {
	return ID(t)<<16 | ID(r)<<8 | ID(offset&0x0f)
}

// SensorType gives the sensor's type.
func (id ID) SensorType() SensorType { return SensorType(id >> 16) }

// ReadingType gives the class of the state.
func (id ID) ReadingType() ReadingType { return ReadingType(id >> 8) }

// Offset gives the state's number in its class, 0 to 15.
func (id ID) Offset() uint8 { return uint8(id) & 0x0f }

// State is one state of a sensor.
type State struct {
	ID         ID       `json:"id"`
	Name       string   `json:"name"`
	Severity   Severity `json:"severity"`
	Deasserted bool     `json:"deasserted,omitempty"`
}

// String gives the name, and says so if the state has ended.
func (s State) String() string {
	if s.Deasserted {
		return s.Name + " (deasserted)"
	}
	return s.Name
}

// StateOf describes the state with a number (0 to 15) in its class: tables 42-2
// and 42-3. States that the standard does not know, and makers' own, get a name
// from their number and are [OK].
func StateOf(t SensorType, r ReadingType, offset uint8, asserted bool) State {
	offset &= 0x0f
	s := State{ID: MakeID(t, r, offset), Deasserted: !asserted}
	var names []string
	var severities string
	switch {
	case r.IsGeneric():
		names, severities = genericStates[r], genericSeverities[r]
	case r == SensorSpecific && int(t) < len(specificStates):
		names, severities = specificStates[t], specificSeverities[t]
	}
	if int(offset) < len(names) {
		s.Name = names[offset]
	}
	if s.Name == "" {
		s.Name = unnamed(t, r, offset)
	}
	if !asserted {
		s.Severity = deassertedSeverity(t, r, offset)
	} else if int(offset) < len(severities) {
		s.Severity = severityOf(severities[offset])
	}
	return s
}

func severityOf(letter byte) Severity {
	switch letter {
	case 'W':
		return Warning
	case 'C':
		return Critical
	case 'F':
		return Failed
	}
	return OK
}

// deassertedSeverity is for states whose absence is what is bad.
func deassertedSeverity(t SensorType, r ReadingType, offset uint8) Severity {
	switch {
	case r >= Prediction && r <= Performance && offset == 0:
		return Warning
	case r == Redundancy && offset == 0:
		return Critical
	case r == SensorSpecific && t == LAN && offset == 1:
		return Warning
	}
	return OK
}

func unnamed(t SensorType, r ReadingType, offset uint8) string {
	switch {
	case r.IsOEM():
		return fmt.Sprintf("OEM state %d (reading type %02x)", offset, uint8(r))
	case r == SensorSpecific && t.IsOEM():
		return fmt.Sprintf("OEM state %d (sensor type %02x)", offset, uint8(t))
	}
	return fmt.Sprintf("state %d", offset)
}

// Worst gives the greatest severity of states; [OK] if there are none.
func Worst(states []State) Severity {
	worst := OK
	for _, s := range states {
		worst = max(worst, s.Severity)
	}
	return worst
}

// Asserted lists the states of a discrete sensor whose bits are set: bit 0 is offset 0.
func Asserted(t SensorType, r ReadingType, bits uint16) []State {
	var states []State
	for offset := range uint8(15) {
		if bits&(1<<offset) != 0 {
			states = append(states, StateOf(t, r, offset, true))
		}
	}
	return states
}
