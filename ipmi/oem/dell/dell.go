// Package dell covers what Dell's PowerEdge servers (iDRAC, and the BMCs before it) add to
// IPMI: watts and energy, the power limit, which network port the BMC uses, the identify
// light, and tags and names.
//
// The bytes were learnt by watching ipmi-oem of FreeIPMI and "ipmitool delloem", whose manuals
// say on which PowerEdge they work (2900 to R720, most on the 11th generation). Left out: the
// LCD, MAC addresses, SSH, telnet, web and directory settings, LOM fail-over of the 12th
// generation, drive lights, vFlash, power of PCIe slots and port maps of C410x, and resetting
// the BMC's settings. Start at [Makers].
package dell

import (
	"context"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/sensor"
)

// ID is Dell's number as a manufacturer.
const ID = 674

const netFn ipmi.NetFn = 0x30

const (
	cmdSetNIC   = 0x24
	cmdGetNIC   = 0x25
	cmdIdentify = 0x32
	cmdEnergy   = 0x9c
	cmdNow      = 0xb3
	cmdCapping  = 0xba
)

// Makers gives the variants.
func Makers() []oem.Maker {
	return []oem.Maker{{
		Name:     "dell",
		Products: []oem.Product{{Maker: ID, Product: oem.AnyProduct, Device: oem.AnyProduct}},
		Open:     func(t oem.Target) oem.Machine { return &Machine{t.Doer} },
	}}
}

// Machine is a PowerEdge.
type Machine struct{ d ipmi.Doer }

func u16(b []byte, i int) uint16 { return uint16(b[i]) | uint16(b[i+1])<<8 }
func u32(b []byte, i int) uint32 { return uint32(u16(b, i)) | uint32(u16(b, i+2))<<16 }

func (m *Machine) ask(ctx context.Context, what string, need int, cmd uint8, data ...byte) ([]byte, error) {
	return ipmi.Ask(ctx, m.d, what, ipmi.Request{NetFn: netFn, Cmd: cmd, Data: data}, func(b []byte) ([]byte, error) {
		return b, ipmi.Short("answer", b, need)
	})
}

// info reads a parameter of Get System Info that is Dell's own, without its revision.
func (m *Machine) info(ctx context.Context, what string, parameter uint8, need int) ([]byte, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: mc.CmdGetSystemInfo, Data: []byte{0, parameter, 0, 0}}
	return ipmi.Ask(ctx, m.d, what, r, func(b []byte) ([]byte, error) {
		if err := ipmi.Short("system information", b, 1+need); err != nil {
			return nil, err
		}
		return b[1:], nil
	})
}

// Power reads the watts of the whole machine: now, and over the last hour where the BMC
// keeps statistics.
func (m *Machine) Power(ctx context.Context) (oem.PowerStatistics, error) {
	const wholeMachine = 0
	b, err := m.ask(ctx, "read the power", 4, cmdNow, 0x0a, wholeMachine)
	if err != nil {
		return oem.PowerStatistics{}, err
	}
	p := oem.PowerStatistics{Now: int(u16(b, 0))}
	for _, s := range []struct {
		parameter uint8
		to        *int
	}{{0xeb, &p.Average}, {0xec, &p.Max}, {0xed, &p.Min}} {
		// Of the last minute, hour, day and week; then come the times.
		b, err := m.info(ctx, "read power statistics", s.parameter, 8)
		if oem.Refused(err) {
			return oem.PowerStatistics{Now: p.Now}, nil
		}
		if err != nil {
			return p, err
		}
		*s.to, p.Over = int(u16(b, 2)), time.Hour
	}
	return p, nil
}

// Energy is what the machine has used, and the highest that it drew.
type Energy struct {
	Since     uint32 // seconds since 1970 by the BMC's clock, as are the others
	WattHours uint32
	PeakSince uint32
	PeakAmpAt uint32
	PeakAmps  float64
	PeakAt    uint32
	PeakWatts uint16
}

// ParseEnergy reads the answer of the command 9Ch.
func ParseEnergy(b []byte) (Energy, error) {
	if err := ipmi.Short("power consumption data", b, 24); err != nil {
		return Energy{}, err
	}
	return Energy{
		Since: u32(b, 0), WattHours: u32(b, 4), PeakSince: u32(b, 8), PeakAmpAt: u32(b, 12), PeakAmps: float64(u16(b, 16)) / 10,
		PeakAt: u32(b, 18), PeakWatts: u16(b, 22),
	}, nil
}

// Energy reads what the machine has used.
func (m *Machine) Energy(ctx context.Context) (Energy, error) {
	r := ipmi.Request{NetFn: netFn, Cmd: cmdEnergy, Data: []byte{0x07, 0x01}}
	return ipmi.Ask(ctx, m.d, "read the energy", r, ParseEnergy)
}

// ExtraSensors gives the energy and the peaks as readings.
func (m *Machine) ExtraSensors(ctx context.Context) ([]sensor.Reading, error) {
	e, err := m.Energy(ctx)
	if oem.Refused(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	reading := func(name, kind, units string, v float64) sensor.Reading {
		return sensor.Reading{Name: name, Type: kind, Value: &v, Units: units, Health: event.OK}
	}
	return []sensor.Reading{
		reading("Energy", "Energy", "kW·h", float64(e.WattHours)/1000),
		reading("Peak Power", "Power", "W", float64(e.PeakWatts)),
		reading("Peak Current", "Current", "A", e.PeakAmps),
	}, nil
}

// LEDs reads the identify light.
func (m *Machine) LEDs(ctx context.Context) ([]oem.LED, error) {
	b, err := m.ask(ctx, "read the identify light", 1, cmdIdentify)
	if err != nil {
		return nil, err
	}
	return []oem.LED{{Name: "identify", State: oem.Choice{{Value: 0, Name: "off"}, {Value: 1, Name: "on"}}.Name(b[0])}}, nil
}

func (m *Machine) knobs() []oem.Knob {
	c := oem.Choice{{Value: 0, Name: "shared"}, {Value: 1, Name: "shared_failover_nic2"}, {Value: 2, Name: "dedicated"}, {Value: 3, Name: "shared_failover_all"}}
	return []oem.Knob{{
		Name: "nic.mode", Help: "which network port the BMC uses", Choice: c,
		Get: func(ctx context.Context) (string, error) {
			b, err := m.ask(ctx, "read which network port the BMC uses", 1, cmdGetNIC)
			if err != nil {
				return "", err
			}
			return c.Name(b[0]), nil
		},
		Set: func(ctx context.Context, value string) error {
			v, _ := c.Value(value)
			return ipmi.Tell(ctx, m.d, "set which network port the BMC uses", ipmi.Request{NetFn: netFn, Cmd: cmdSetNIC, Data: []byte{v}})
		},
	}}
}

// BMCConfig reads the BMC's settings.
func (m *Machine) BMCConfig(ctx context.Context, extended bool) ([]oem.Setting, error) {
	return oem.ReadKnobs(ctx, m.knobs(), extended)
}

// SetBMCConfig changes the BMC's settings.
func (m *Machine) SetBMCConfig(ctx context.Context, changes map[string]string) error {
	return oem.TurnKnobs(ctx, m.knobs(), changes)
}

// ClearBMCConfig is refused, see the package's description.
func (m *Machine) ClearBMCConfig(context.Context) error {
	return &oem.UnsupportedError{What: "clear the BMC's settings", Maker: ID, Variant: "dell"}
}

// Inventory tells the machine's tags and names.
func (m *Machine) Inventory(ctx context.Context) ([]oem.Item, error) {
	item := oem.Item{Name: "Dell"}
	for _, p := range []struct {
		parameter uint8
		name      string
		coded     bool // the text comes after a block number and its encoding
	}{
		{0xd1, "product.name", true},
		{0xc5, "service.tag", false},
		{0xc4, "asset.tag", false},
		{0xc6, "chassis.service.tag", false},
		{0xc8, "board.revision", false},
	} {
		b, err := m.info(ctx, "read the "+p.name, p.parameter, 1)
		if oem.Refused(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if p.coded {
			b = b[min(2, len(b)-1):]
		}
		if text := string(b[1:min(len(b), 1+int(b[0]))]); text != "" {
			item.Fields = append(item.Fields, fru.Field{Name: p.name, Text: text})
		}
	}
	if len(item.Fields) == 0 {
		return nil, nil
	}
	return []oem.Item{item}, nil
}

var (
	_ oem.PowerMeter   = (*Machine)(nil)
	_ oem.ExtraSensors = (*Machine)(nil)
	_ oem.LEDs         = (*Machine)(nil)
	_ oem.BMCConfig    = (*Machine)(nil)
	_ oem.Inventory    = (*Machine)(nil)
)
