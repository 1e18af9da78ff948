// Package nec covers what NEC's Express5800 servers add to IPMI: the watts that they draw.
//
// Source: "Express5800 Maintenance Guide", "Accessing Data for Electric Power, Temperature,
// and Processor Utilization". Nothing else is documented in public. Start at [Makers].
package nec

import (
	"context"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/oem"
)

// ID is NEC's number as a manufacturer.
const ID = 119

const netFn ipmi.NetFn = 0x3e

const (
	cmdWatts = 0x0b // Get Current Sensor Data
)

// Makers gives the variants.
func Makers() []oem.Maker {
	return []oem.Maker{{
		Name:     "nec",
		Products: []oem.Product{{Maker: ID, Product: oem.AnyProduct, Device: oem.AnyProduct}},
		Open:     func(t oem.Target) oem.Machine { return &Machine{t.Doer} },
	}}
}

// Machine is a server of NEC.
type Machine struct{ d ipmi.Doer }

// Power reads the watts that the machine draws now; the BMC keeps no others.
func (m *Machine) Power(ctx context.Context) (oem.PowerStatistics, error) {
	return ipmi.Ask(ctx, m.d, "read the power", ipmi.Request{NetFn: netFn, Cmd: cmdWatts}, func(b []byte) (oem.PowerStatistics, error) {
		if err := ipmi.Short("watts", b, 2); err != nil {
			return oem.PowerStatistics{}, err
		}
		return oem.PowerStatistics{Now: int(b[0]) | int(b[1])<<8}, nil
	})
}

var _ oem.PowerMeter = (*Machine)(nil)
