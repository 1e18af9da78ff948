package sel

import (
	"strings"
	"testing"

	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/sdr"
)

// TestValuesByTheSensorsOwnFormula holds that raw bytes of an event become values.
func TestValuesByTheSensorsOwnFormula(t *testing.T) {
	full := &sdr.Full{
		Common: sdr.Common{
			Key: sdr.Key{Owner: 0x20, LUN: 1, Number: 5}, Type: event.Fan, Reading: event.Threshold, Units: event.Units{Base: 18},
		},
		Factors: sdr.Factors{M: 40}, Name: "Fan 5",
	}
	lookup := FromSensors(sdr.Sensors([]sdr.Record{full}))
	r := Record{Type: TypeSystem, Event: Event{
		Generator: NewGenerator(0x20, 1, 0), SensorType: event.Fan, Sensor: 5, Type: event.Threshold, Data: [3]byte{0x52, 10, 25},
	}}
	if got := Describe(r, lookup).Text(); !strings.HasPrefix(got, "Fan Fan 5: ") || !strings.HasSuffix(got, "reading 400 RPM; threshold 1000 RPM") {
		t.Error(got)
	}
	r.Event.Generator = 0x20
	if got := Describe(r, lookup).Text(); !strings.Contains(got, "Sensor 5") || !strings.Contains(got, "raw 0a") {
		t.Errorf("another LUN's sensor was taken: %s", got)
	}
}
