package processor

import (
	"context"
	"math"

	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/sdr"
)

// The sensors of a machine.
const (
	sensorCPU uint8 = iota + 1
	sensorInlet
	sensorFan
	sensorPower
)

// gauge is one of them: what it is called, and how many units a count is.
type gauge struct {
	number uint8
	name   string
	kind   event.SensorType
	unit   event.Unit
	of     event.Entity
	count  int16
	high   uint8 // from which on it is critical, in counts; 0 is never
}

func gauges() []gauge {
	return []gauge{
		{sensorCPU, "CPU Temp", event.Temperature, event.Celsius, event.EntityProcessor, 1, 90},
		{sensorInlet, "Inlet Temp", event.Temperature, event.Celsius, event.EntityAirInlet, 1, 45},
		{sensorFan, "Fan 1", event.Fan, event.RPM, event.EntityFan, 50, 0},
		{sensorPower, "Power", event.OtherUnits, event.Watts, event.EntityPowerSupply, 2, 0},
	}
}

// records gives the sensors' data records.
func records() [][]byte {
	var list [][]byte
	for _, g := range gauges() {
		r := sdr.Full{
			ID: sdr.ID(g.number), Name: g.name, Factors: sdr.Factors{M: g.count}, Max: 255,
			Common: sdr.Common{
				Key: sdr.Key{Owner: 0x20, Number: g.number}, Entity: sdr.Entity{Kind: g.of, Instance: 1}, Init: 0x7f,
				Capabilities: sdr.Capabilities{AutoRearm: true}, Type: g.kind, Reading: event.Threshold, Units: event.Units{Base: g.unit},
			},
		}
		if g.high > 0 {
			const criticalHigh = 1 << 9 // upper critical, going high
			r.Capabilities.Thresholds = sdr.Readable
			r.Masks = sdr.ThresholdMasks(sdr.UpperCritical, sdr.UpperCritical, 0, criticalHigh, criticalHigh)
			r.Thresholds[4] = g.high
		}
		list = append(list, r.Append(nil))
	}
	return list
}

// Sense implements [bmc.Sensing].
func (h *host) Sense(_ context.Context, _, number uint8) (bmc.Reading, error) {
	now := h.measure()
	value, silent := 0.0, false
	switch number {
	case sensorCPU:
		value, silent = now.processor, !now.running
	case sensorInlet:
		value = inletTemp
	case sensorFan:
		value, silent = now.fan, !now.running
	case sensorPower:
		value = now.watts
	default:
		return bmc.Reading{}, bmc.ErrUnchanged
	}
	g := gauges()[number-1]
	return bmc.Reading{Raw: uint8(min(255, math.Round(value/float64(g.count)))), Unavailable: silent}, nil
}

// inventory says what a machine is.
func inventory(name string) map[uint8][]byte {
	i := fru.Inventory{Product: &fru.Product{}}
	for field, text := range map[string]string{
		"product.manufacturer": maker, "product.name": model, "product.serial": serial(name), "product.asset": textOf(name),
	} {
		if _, err := i.Set(field, text); err != nil {
			return nil // a name that no inventory takes
		}
	}
	image, err := i.Append(nil)
	if err != nil {
		return nil
	}
	return map[uint8][]byte{0: image}
}
