// Package quanta covers what Quanta's (QCT's) server boards add to IPMI: the settings of
// their BMC (which of its network ports it uses, its services, DNS, web server, SOL's idle
// time, power-on delays), its DNS domain, processors, and Intel's Node Manager.
//
// The bytes were learnt by watching ipmi-oem of FreeIPMI, which says that these commands work
// on Quanta S99Q (Dell FS12-TY); package oem/extended has the store. Left out: MAC addresses
// in EEPROMs, account states, the time-outs and ports of the web server. Start at [Makers].
package quanta

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/oem/extended"
	"millwright.dev/millwright/ipmi/oem/intel"
	"millwright.dev/millwright/ipmi/sel"
)

// ID is Quanta's number as a manufacturer.
const ID = 7244

const netFn ipmi.NetFn = 0x30

const (
	cmdProcessor  = 0x18
	maxProcessors = 8
	resetAll      = 0xff
)

// Makers gives the variants.
func Makers() []oem.Maker {
	return []oem.Maker{{
		Name:     "quanta",
		Products: []oem.Product{{Maker: ID, Product: oem.AnyProduct, Device: oem.AnyProduct}},
		Open:     func(t oem.Target) oem.Machine { return Open(t.Doer) },
	}}
}

// Machine is a machine on a board of Quanta.
type Machine struct {
	d     ipmi.Doer
	store extended.Store
	node  *intel.Machine
}

// Open gives a machine. It sends nothing.
func Open(d ipmi.Doer) *Machine {
	return &Machine{d, extended.Open(d), intel.Open(d, ipmi.Hop{Channel: intel.EngineChannel, Address: intel.EngineAddress})}
}

// Power reads watts from the Node Manager.
func (m *Machine) Power(ctx context.Context) (oem.PowerStatistics, error) { return m.node.Power(ctx) }

// DecodeEvent puts the management engine's events into words.
func (m *Machine) DecodeEvent(e *sel.Entry) { m.node.DecodeEvent(e) }

func (m *Machine) knobs() []oem.Knob {
	s := m.store
	return append(s.Knobs(),
		s.Choice("web.server", extended.Web, 1, oem.Switch(), "whether there is a web server"),
		s.Choice("sol.redirect", extended.SOL, 2, oem.Switch(), "whether telnet and SSH lead to SOL"),
		s.Choice("power.stagger", extended.PowerGroup, 2, oem.Choice{{Value: 0, Name: "immediate"}, {Value: 1, Name: "auto"}, {Value: 2, Name: "user"}}, "how the machine is switched on when mains power comes back"),
		s.Number("power.delay", extended.PowerGroup, 3, "seconds before that", true),
		s.Number("power.delay.min", extended.PowerGroup, 4, "the least that auto takes", false),
		s.Number("power.delay.max", extended.PowerGroup, 5, "the most that auto takes", true),
	)
}

// BMCConfig reads the BMC's settings.
func (m *Machine) BMCConfig(ctx context.Context, all bool) ([]oem.Setting, error) {
	return oem.ReadKnobs(ctx, m.knobs(), all)
}

// SetBMCConfig changes the BMC's settings.
func (m *Machine) SetBMCConfig(ctx context.Context, changes map[string]string) error {
	return oem.TurnKnobs(ctx, m.knobs(), changes)
}

// ClearBMCConfig puts all settings of the BMC back, its users and addresses too.
func (m *Machine) ClearBMCConfig(ctx context.Context) error { return m.store.Reset(ctx, resetAll) }

// DomainName reads the DNS domain.
func (m *Machine) DomainName(ctx context.Context) (string, error) {
	return m.store.GetText(ctx, extended.DNS, extended.AttributeDomain)
}

// SetDomainName sets the DNS domain.
func (m *Machine) SetDomainName(ctx context.Context, name string) error {
	return m.store.SetText(ctx, extended.DNS, extended.AttributeDomain, name)
}

// Inventory lists the processors.
func (m *Machine) Inventory(ctx context.Context) ([]oem.Item, error) {
	var items []oem.Item
	for n := byte(1); n <= maxProcessors; n++ {
		what := fmt.Sprintf("read what processor %d is", n)
		p, err := ipmi.Ask(ctx, m.d, what, ipmi.Request{NetFn: netFn, Cmd: cmdProcessor, Data: []byte{n}}, parseProcessor)
		if oem.Refused(err) {
			break
		}
		if err != nil {
			return items, err
		}
		items = append(items, oem.Item{Name: fmt.Sprintf("CPU %d", n), Fields: p})
	}
	return items, nil
}

func parseProcessor(b []byte) ([]fru.Field, error) {
	if err := ipmi.Short("processor", b, 3); err != nil {
		return nil, err
	}
	return []fru.Field{
		{Name: "processor.type", Text: oem.Choice{{Value: 1, Name: "Pentium 3"}, {Value: 2, Name: "Pentium 4"}, {Value: 3, Name: "Xeon"}}.Name(b[0])},
		{Name: "processor.mhz", Text: fmt.Sprint(uint16(b[1]) | uint16(b[2])<<8)},
	}, nil
}

var (
	_ oem.Events     = (*Machine)(nil)
	_ oem.PowerMeter = (*Machine)(nil)
	_ oem.BMCConfig  = (*Machine)(nil)
	_ oem.DomainName = (*Machine)(nil)
	_ oem.Inventory  = (*Machine)(nil)
)
