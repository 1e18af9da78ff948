// Package inventec covers what Inventec's server boards add to IPMI: the settings of their
// BMC, its DNS domain, board id and fan controller's firmware, and Intel's Node Manager.
//
// The bytes were learnt by watching ipmi-oem of FreeIPMI, which says that these commands work
// on Inventec 5441 and 5442 (Dell Xanadu II and III); package oem/extended has the store.
// Left out: MAC addresses and EEPROMs, authentication, restoring what the factory set (each
// by its own code, of which a wrong one loses the BMC's address). Start at [Makers].
package inventec

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

// Inventec's numbers as a manufacturer.
const (
	ID           = 6569
	EnterpriseID = 20569
)

const netFn ipmi.NetFn = 0x34

const (
	cmdBoardID = 0x11
	cmdFanFW   = 0x16
)

// Makers gives the variants.
func Makers() []oem.Maker {
	return []oem.Maker{{
		Name: "inventec",
		Products: []oem.Product{
			{Maker: ID, Product: oem.AnyProduct, Device: oem.AnyProduct},
			{Maker: EnterpriseID, Product: oem.AnyProduct, Device: oem.AnyProduct},
		},
		Open: func(t oem.Target) oem.Machine { return Open(t.Doer) },
	}}
}

// Machine is a machine on a board of Inventec.
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

func (m *Machine) knobs() []oem.Knob { return m.store.Knobs() }

// BMCConfig reads the BMC's settings.
func (m *Machine) BMCConfig(ctx context.Context, all bool) ([]oem.Setting, error) {
	return oem.ReadKnobs(ctx, m.knobs(), all)
}

// SetBMCConfig changes the BMC's settings.
func (m *Machine) SetBMCConfig(ctx context.Context, changes map[string]string) error {
	return oem.TurnKnobs(ctx, m.knobs(), changes)
}

// ClearBMCConfig is refused, see the package's description.
func (m *Machine) ClearBMCConfig(context.Context) error {
	return &oem.UnsupportedError{What: "clear the BMC's settings", Maker: ID, Variant: "inventec"}
}

// DomainName reads the DNS domain.
func (m *Machine) DomainName(ctx context.Context) (string, error) {
	return m.store.GetText(ctx, extended.DNS, extended.AttributeDomain)
}

// SetDomainName sets the DNS domain.
func (m *Machine) SetDomainName(ctx context.Context, name string) error {
	return m.store.SetText(ctx, extended.DNS, extended.AttributeDomain, name)
}

// Firmware tells of the fan controller's firmware.
func (m *Machine) Firmware(ctx context.Context) ([]oem.Firmware, error) {
	b, err := m.ask(ctx, "read the version of the fan controller", cmdFanFW, 2)
	if oem.Refused(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []oem.Firmware{{Name: "FCB", Version: fmt.Sprintf("%d.%02d", b[0], b[1])}}, nil
}

// Inventory tells the board's id.
func (m *Machine) Inventory(ctx context.Context) ([]oem.Item, error) {
	b, err := m.ask(ctx, "read the board's id", cmdBoardID, 1)
	if oem.Refused(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []oem.Item{{Name: "Board", Fields: []fru.Field{{Name: "board.id", Text: fmt.Sprintf("%#02x", b[0])}}}}, nil
}

func (m *Machine) ask(ctx context.Context, what string, cmd uint8, need int) ([]byte, error) {
	return ipmi.Ask(ctx, m.d, what, ipmi.Request{NetFn: netFn, Cmd: cmd}, func(b []byte) ([]byte, error) {
		return b, ipmi.Short("answer", b, need)
	})
}

var (
	_ oem.Events       = (*Machine)(nil)
	_ oem.PowerMeter   = (*Machine)(nil)
	_ oem.BMCConfig    = (*Machine)(nil)
	_ oem.DomainName   = (*Machine)(nil)
	_ oem.FirmwareList = (*Machine)(nil)
	_ oem.Inventory    = (*Machine)(nil)
)
