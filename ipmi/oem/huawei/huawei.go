// Package huawei covers what Huawei's BMCs (iBMC, openUBMC) add to IPMI: watts and energy.
//
// Source: the commands "Get Power Statistic" of openUBMC's documentation of IPMI. Left out are
// the others that it documents (firmware, fans, BIOS settings, equipment tests): these
// machines have them by Redfish as well. Start at [Makers].
package huawei

import (
	"context"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/sensor"
)

// ID is Huawei's number as a manufacturer.
const ID = 2011

const netFn ipmi.NetFn = 0x30

const (
	cmdProperties = 0x93
	powerStats    = 0x11
)

// What there is to be asked of the power.
const (
	now     = 0
	peak    = 1
	average = 2
	used    = 3 // in units of 10 watt minutes
)

// Makers gives the variants.
func Makers() []oem.Maker {
	return []oem.Maker{{
		Name:     "huawei",
		Products: []oem.Product{{Maker: ID, Product: oem.AnyProduct, Device: oem.AnyProduct}},
		Open:     func(t oem.Target) oem.Machine { return &Machine{t.Doer} },
	}}
}

// Machine is a machine with a BMC of Huawei's.
type Machine struct{ d ipmi.Doer }

func (m *Machine) statistic(ctx context.Context, what string, kind byte) (uint32, error) {
	r := ipmi.Request{NetFn: netFn, Cmd: cmdProperties, Data: oem.Before(ID, powerStats, kind)}
	return ipmi.Ask(ctx, m.d, what, r, func(b []byte) (uint32, error) {
		b, err := oem.After("power statistic", ID, b, 4)
		if err != nil {
			return 0, err
		}
		return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24, nil
	})
}

// Power reads the watts of the machine; peak and average are those since the BMC's
// statistics were cleared, as far as it tells them.
func (m *Machine) Power(ctx context.Context) (oem.PowerStatistics, error) {
	var p oem.PowerStatistics
	for _, ask := range []struct {
		what string
		kind byte
		to   *int
	}{
		{"read the power", now, &p.Now},
		{"read the peak of the power", peak, &p.Max},
		{"read the average of the power", average, &p.Average},
	} {
		v, err := m.statistic(ctx, ask.what, ask.kind)
		if err != nil && (ask.kind == now || !oem.Refused(err)) {
			return p, err
		}
		*ask.to = int(v)
	}
	return p, nil
}

// ExtraSensors reads the energy that was used.
func (m *Machine) ExtraSensors(ctx context.Context) ([]sensor.Reading, error) {
	v, err := m.statistic(ctx, "read the energy", used)
	if oem.Refused(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	kWh := float64(v) * 10 / 60 / 1000
	return []sensor.Reading{{Name: "Energy", Type: "Energy", Value: &kWh, Units: "kW·h", Health: event.OK}}, nil
}

var (
	_ oem.PowerMeter   = (*Machine)(nil)
	_ oem.ExtraSensors = (*Machine)(nil)
)
