package event

import "fmt"

// Meaning says what data byte 2 or 3 of an event holds (table 29-6).
type Meaning uint8

// The meanings. Their numbers are those of the two bits in data byte 1.
const (
	Nothing Meaning = iota
	// Standard is, for a threshold sensor, the raw reading (byte 2) or the raw threshold (byte 3)
	// at the event; for others, the previous state and severity (byte 2; see [Data.Previous]).
	Standard
	OEMCode
	Specific // an extension that belongs to the sensor type and state
)

// Data is the three data bytes of an event.
type Data struct {
	Offset uint8 // of the state, 0 to 15
	Means2 Meaning
	Means3 Meaning
	Byte2  uint8
	Byte3  uint8
}

// ParseData reads data bytes 1 to 3.
func ParseData(b [3]byte) Data {
	return Data{Offset: b[0] & 0x0f, Means2: Meaning(b[0] >> 6), Means3: Meaning(b[0] >> 4 & 3), Byte2: b[1], Byte3: b[2]}
}

// Bytes gives data bytes 1 to 3; those that hold nothing are FF.
func (d Data) Bytes() [3]byte {
	b := [3]byte{uint8(d.Means2&3)<<6 | uint8(d.Means3&3)<<4 | d.Offset&0x0f, 0xff, 0xff}
	if d.Means2 != Nothing {
		b[1] = d.Byte2
	}
	if d.Means3 != Nothing {
		b[2] = d.Byte3
	}
	return b
}

// Reading gives the raw value that set off a threshold event.
func (d Data) Reading(r ReadingType) (uint8, bool) {
	return d.Byte2, r == Threshold && d.Means2 == Standard
}

// Limit gives the raw threshold of a threshold event.
func (d Data) Limit(r ReadingType) (uint8, bool) {
	return d.Byte3, r == Threshold && d.Means3 == Standard
}

// Previous gives, for an event that is not about a threshold, the offset of the
// state before and the severity as an offset of reading type [Gravity]. 15 is unspecified.
func (d Data) Previous(r ReadingType) (offset, severity uint8, ok bool) {
	return d.Byte2 & 0x0f, d.Byte2 >> 4, r != Threshold && d.Means2 == Standard
}

// Extra describes bytes 2 and 3 as far as that can be done for any sensor type: makers'
// codes and previous states. Raw readings and sensor-specific extensions are left
// to who knows the sensor.
func (d Data) Extra(t SensorType, r ReadingType) []string {
	var out []string
	if before, severity, ok := d.Previous(r); ok {
		if before != 0x0f {
			out = append(out, "before: "+StateOf(t, r, before, true).Name)
		}
		if severity != 0x0f {
			out = append(out, "severity: "+StateOf(t, Gravity, severity, true).Name)
		}
	}
	if d.Means2 == OEMCode {
		out = append(out, fmt.Sprintf("OEM code %02x in byte 2", d.Byte2))
	}
	if d.Means3 == OEMCode {
		out = append(out, fmt.Sprintf("OEM code %02x in byte 3", d.Byte3))
	}
	return out
}
