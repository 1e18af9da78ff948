package sel

import "millwright.dev/millwright/ipmi/sdr"

// FromSensors makes a Lookup of the sensors that a BMC's records tell of.
func FromSensors(sensors []sdr.Sensor) Lookup {
	type key struct{ owner, lun, number uint8 }
	found := make(map[key]*sdr.Sensor, len(sensors))
	for i := range sensors {
		s := &sensors[i]
		k := key{s.Owner, s.LUN, s.Number}
		if found[k] == nil {
			found[k] = s
		}
	}
	return func(owner, lun, number uint8) (Sensor, bool) {
		s := found[key{owner, lun, number}]
		if s == nil {
			return Sensor{}, false
		}
		out := Sensor{Name: s.Name, Entity: s.Entity.String(), Units: s.Units}
		if f := s.Formula(); s.Analog() && !f.Linear.PerReading() {
			out.Value = func(raw uint8) (float64, bool) { return f.Value(raw), true }
		}
		return out, true
	}
}
