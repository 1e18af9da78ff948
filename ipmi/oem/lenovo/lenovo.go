// Package lenovo tells Lenovo's kinds of controllers from each other: XCC and IMM2, the
// managers of dense enclosures (FPC, SMM, SMM2), ThinkServer's TSM, those with AMI's or
// ASRock's firmware, and TSMA; and AMI's MegaRAC, which some of them stand on.
//
// Covered are the recognition of all of them; the property store of IMM and XCC as it
// answers, XCC's build ("OEM IPMI commands" of Lenovo's documentation of XCC), the Node Manager
// behind an XCC ("Managing the server power using Node Manager commands"); the power, limit,
// fans, lights and bays of an enclosure ("NeXtScale System Planning and Implementation
// Guide", section 7.2, whose commands SMM and SMM2 took over); and the log records of all. Left
// out, as no document tells their bytes: energy meters (commands 81h and 82h of network
// function 2Eh), ThinkServer's inventory blocks, lights and capping, and MegaRAC's remote images.
// The web interfaces of XCC, SMM and TSMA are not here: what they have more than IPMI, TSMA
// first of all, is served by these machines' Redfish. Start at [Makers].
package lenovo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/oem/intel"
	"millwright.dev/millwright/ipmi/sel"
)

// The manufacturer ids under which Lenovo's machines are met.
const (
	ID      = 19046
	IBM     = 20301
	Generic = 7154
)

const (
	netFn       ipmi.NetFn = 0x3a
	netFnAMI    ipmi.NetFn = 0x32
	cmdKind                = 0xc1
	cmdProperty            = 0xc4
	cmdNode                = 0xc7
	cmdThink               = 0x0f
	cmdAMI                 = 0x80
	cmdASRock              = 0x50
	cmdBuild               = 0x50
	cmdMega                = 0x7e
	thinkDevice            = 32
)

func everywhere() []oem.Product {
	return []oem.Product{
		{Maker: ID, Product: oem.AnyProduct, Device: oem.AnyProduct},
		{Maker: IBM, Product: oem.AnyProduct, Device: oem.AnyProduct},
		{Maker: Generic, Product: oem.AnyProduct, Device: oem.AnyProduct},
	}
}

// Makers gives the variants, those first that the ids tell.
func Makers() []oem.Maker {
	return []oem.Maker{
		{Name: "lenovo fpc", Open: openEnclosure, Products: []oem.Product{{Maker: ID, Product: 1063, Device: thinkDevice}, {Maker: IBM, Product: 462, Device: thinkDevice}}},
		{Name: "lenovo smm", Open: openEnclosure, Products: []oem.Product{{Maker: ID, Product: 1180, Device: thinkDevice}}},
		{Name: "lenovo smm2", Open: openEnclosure, Products: []oem.Product{{Maker: ID, Product: 1360, Device: thinkDevice}, {Maker: ID, Product: 1387, Device: thinkDevice}}},
		{Name: "lenovo tsma", Open: open, Products: []oem.Product{{Maker: ID, Product: 1287, Device: thinkDevice}}},
		{Name: "lenovo ami", Open: open, Probe: knows(netFn, cmdAMI), Products: []oem.Product{{Maker: ID, Product: 13616, Device: oem.AnyProduct}}},
		{Name: "lenovo asrock", Open: open, Probe: knows(netFn, cmdASRock), Products: []oem.Product{{Maker: ID, Product: 1182, Device: oem.AnyProduct}, {Maker: ID, Product: 1184, Device: oem.AnyProduct}}},
		{Name: "lenovo xcc", Open: openXCC, Probe: kind(0x10), Products: everywhere()},
		{Name: "lenovo imm", Open: openXCC, Probe: kind(0x01), Products: everywhere()},
		{Name: "lenovo tsm", Open: open, Probe: knows(netFn, cmdThink), Products: []oem.Product{{Maker: ID, Product: oem.AnyProduct, Device: thinkDevice}}},
		{Name: "megarac", Open: open, Probe: megaRAC, Products: []oem.Product{{Maker: ID, Product: oem.AnyProduct, Device: oem.AnyProduct}, {Maker: 20974, Product: oem.AnyProduct, Device: oem.AnyProduct}}},
	}
}

// kind asks an XCC or IMM which of them it is, by a bit of the second of three bytes.
func kind(mask byte) func(ctx context.Context, t oem.Target) (bool, error) {
	return func(ctx context.Context, t oem.Target) (bool, error) {
		b, err := t.Doer.Do(ctx, ipmi.Request{NetFn: netFn, Cmd: cmdKind})
		return err == nil && len(b) == 3 && b[1]&mask != 0, err
	}
}

// knows asks whether a controller knows a command at all; it may refuse it as it came.
func knows(fn ipmi.NetFn, cmd uint8) func(ctx context.Context, t oem.Target) (bool, error) {
	return func(ctx context.Context, t oem.Target) (bool, error) {
		_, err := t.Doer.Do(ctx, ipmi.Request{NetFn: fn, Cmd: cmd})
		var no *ipmi.CodeError
		if errors.As(err, &no) {
			return no.Code != ipmi.CodeInvalidCommand, nil
		}
		return err == nil, err
	}
}

func megaRAC(ctx context.Context, t oem.Target) (bool, error) {
	b, err := t.Doer.Do(ctx, ipmi.Request{NetFn: netFnAMI, Cmd: cmdMega})
	return err == nil && len(b) == 1 && b[0] <= 1, err
}

// Machine is any of the controllers.
type Machine struct{ doer ipmi.Doer }

func open(t oem.Target) oem.Machine { return &Machine{t.Doer} }

// XCC is a machine with an XCC or IMM2.
type XCC struct {
	Machine
	node *intel.Machine
}

func openXCC(t oem.Target) oem.Machine {
	return &XCC{Machine{t.Doer}, intel.Open(t.Doer, ipmi.Hop{Channel: 0, Address: intel.EngineAddress})}
}

// Firmware tells the build of the controller's firmware.
func (m *XCC) Firmware(ctx context.Context) ([]oem.Firmware, error) {
	const name, date = 9, 13 // how long these are, each ended by a zero
	f, err := ipmi.Ask(ctx, m.doer, "read the build", ipmi.Request{NetFn: netFn, Cmd: cmdBuild}, func(b []byte) (oem.Firmware, error) {
		if err := ipmi.Short("build", b, name+date); err != nil {
			return oem.Firmware{}, err
		}
		f := oem.Firmware{Name: "XCC build", Version: text(b[:name]), State: "active"}
		f.Build = text(b[name : name+date])
		return f, nil
	})
	if oem.Refused(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []oem.Firmware{f}, nil
}

// text gives what is before the zero that ends it.
func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return strings.TrimSpace(s)
}

// Property reads a property from the store of an IMM or XCC and gives the answer as it is.
func (m *XCC) Property(ctx context.Context, name string) ([]byte, error) {
	if len(name) > 255 {
		return nil, fmt.Errorf("read the property %.20q…: its name has %d bytes, more than 255", name, len(name))
	}
	b, err := m.doer.Do(ctx, ipmi.Request{NetFn: netFn, Cmd: cmdProperty, Data: append([]byte{0, 0, byte(len(name))}, name...)})
	if err != nil {
		return nil, fmt.Errorf("read the property %q: %w", name, err)
	}
	return b, nil
}

// AllowNodeManager lets commands through to the Node Manager, or not. It is off when a machine
// comes from the factory, as its policies get in the way of XCC's own.
func (m *XCC) AllowNodeManager(ctx context.Context, on bool) error {
	var data byte
	if on {
		data = 1
	}
	return ipmi.Tell(ctx, m.doer, "let commands through to the Node Manager", ipmi.Request{NetFn: netFn, Cmd: cmdNode, Data: []byte{data}})
}

// Power reads the watts of the whole machine from the Node Manager, see AllowNodeManager.
func (m *XCC) Power(ctx context.Context) (oem.PowerStatistics, error) { return m.node.Power(ctx) }

// DecodeEvent puts the controllers' own log records into words, and the management
// engine's events.
func (m *Machine) DecodeEvent(e *sel.Entry) {
	intel.DecodeEvent(e)
	name, severity := "", event.OK
	switch e.Record.Type {
	case 0xd0:
		name = "firmware update"
	case 0xd1:
		name = "BIOS recovery"
	case 0xd2:
		name, severity = "eMMC", event.Warning
	case 0xd3:
		name = "privilege change"
	default:
		return
	}
	e.State.Name, e.State.Severity, e.Severity = name, severity, severity
	e.Details = append(e.Details, fmt.Sprintf("data % x", e.Record.OEM[:6]))
}

var (
	_ oem.PowerMeter   = (*XCC)(nil)
	_ oem.FirmwareList = (*XCC)(nil)
	_ oem.Events       = (*Machine)(nil)
)
