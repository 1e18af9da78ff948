// Package supermicro covers what Supermicro's boards add to IPMI: which network port their
// BMC uses, fan modes and whether it serves more than IPMI, versions of the BMC's and the BIOS's
// firmware, the intrusion latch, power supplies, and Intel's Node Manager.
//
// The bytes were learnt by watching ipmi-oem of FreeIPMI and "ipmiutil smcoem"; fan modes and
// the BIOS's version are as people who run these boards (X10 and later) have published them.
// Left out: restoring what the factory set, fan duty, and MAC addresses. Start at [Makers].
package supermicro

import (
	"context"
	"fmt"
	"strings"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/oem/intel"
	"millwright.dev/millwright/ipmi/sel"
)

// The numbers that Supermicro's BMCs give as their manufacturer's.
const (
	ID    = 10876
	NewID = 47488
)

const (
	netFn        ipmi.NetFn = 0x30
	netFnBMC     ipmi.NetFn = 0x3c
	cmdVersion              = 0x20
	cmdIntrusion            = 0x03
	cmdFan                  = 0x45
	cmdMore                 = 0x70
	cmdBIOS                 = 0xac
	morePort                = 0x0c
	moreServices            = 0xf0
)

// Makers gives the variants.
func Makers() []oem.Maker {
	return []oem.Maker{{
		Name: "supermicro",
		Products: []oem.Product{
			{Maker: ID, Product: oem.AnyProduct, Device: oem.AnyProduct},
			{Maker: NewID, Product: oem.AnyProduct, Device: oem.AnyProduct},
		},
		Open: func(t oem.Target) oem.Machine { return Open(t.Doer) },
	}}
}

// Machine is a machine on a board of Supermicro.
type Machine struct {
	d    ipmi.Doer
	node *intel.Machine
}

// Open gives a machine. It sends nothing.
func Open(d ipmi.Doer) *Machine {
	return &Machine{d, intel.Open(d, ipmi.Hop{Channel: intel.EngineChannel, Address: intel.EngineAddress})}
}

// Power reads watts from the Node Manager.
func (m *Machine) Power(ctx context.Context) (oem.PowerStatistics, error) { return m.node.Power(ctx) }

// DecodeEvent puts the management engine's events into words.
func (m *Machine) DecodeEvent(e *sel.Entry) { m.node.DecodeEvent(e) }

// Version is the answer of the command 20h of network function 3Ch.
type Version struct {
	Major, Minor, Sub uint32 // Minor and Sub are shown in hexadecimal
	Build             uint32
	Hardware          uint8
	Tag               string
}

// ParseVersion reads it.
func ParseVersion(b []byte) (Version, error) {
	if err := ipmi.Short("firmware information", b, 17); err != nil {
		return Version{}, err
	}
	u32 := func(i int) uint32 {
		return uint32(b[i]) | uint32(b[i+1])<<8 | uint32(b[i+2])<<16 | uint32(b[i+3])<<24
	}
	tag, _, _ := strings.Cut(string(b[17:]), "\x00")
	return Version{u32(0), u32(4), u32(8), u32(12), b[16], tag}, nil
}

// String words the version as Supermicro does.
func (v Version) String() string { return fmt.Sprintf("%d.%02x.%02x", v.Major, v.Minor, v.Sub) }

// Firmware lists the versions of the BMC's and the BIOS's firmware.
func (m *Machine) Firmware(ctx context.Context) ([]oem.Firmware, error) {
	var list []oem.Firmware
	v, err := ipmi.Ask(ctx, m.d, "read the firmware's version", ipmi.Request{NetFn: netFnBMC, Cmd: cmdVersion}, ParseVersion)
	switch {
	case err == nil:
		list = append(list, oem.Firmware{Name: "BMC firmware", Version: v.String(), Build: fmt.Sprint(v.Build), State: "active"})
	case !oem.Refused(err):
		return nil, err
	}
	b, err := m.d.Do(ctx, ipmi.Request{NetFn: netFn, Cmd: cmdBIOS, Data: []byte{0, 0}})
	switch {
	case err == nil:
		if text := printable(b); text != "" {
			list = append(list, oem.Firmware{Name: "BIOS", Version: text})
		}
	case !oem.Refused(err):
		return list, fmt.Errorf("read the BIOS's version: %w", err)
	}
	return list, nil
}

// printable gives the text of an answer: boards put other bytes around it.
func printable(b []byte) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, string(b)))
}

// ResetIntrusion clears the latch that says that the chassis was opened.
func (m *Machine) ResetIntrusion(ctx context.Context) error {
	return ipmi.Tell(ctx, m.d, "clear the intrusion latch", ipmi.Request{NetFn: netFn, Cmd: cmdIntrusion})
}

// Supply tells how a power supply is, from 1, as those say that have PMBus: "good", "bad", or
// the byte that it gave.
func (m *Machine) Supply(ctx context.Context, n int) (string, error) {
	const bus, first, read, status = 0x07, 0x78, 1, 0x78
	if n < 1 || n > 4 {
		return "", fmt.Errorf("read the state of power supply %d: there are 1 to 4", n)
	}
	r := ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: 0x52, Data: []byte{bus, byte(first + 2*(n-1)), read, status}}
	return ipmi.Ask(ctx, m.d, fmt.Sprintf("read the state of power supply %d", n), r, func(b []byte) (string, error) {
		if err := ipmi.Short("state", b, 1); err != nil {
			return "", err
		}
		return oem.Choice{{Value: 0, Name: "bad"}, {Value: 1, Name: "good"}}.Name(b[0]), nil
	})
}

// knob is a setting that is read and written by one command: by the bytes get, and by those of
// set with the value after them.
func (m *Machine) knob(name, help string, c oem.Choice, cmd uint8, get, set []byte) oem.Knob {
	return oem.Knob{
		Name: name, Help: help, Choice: c,
		Get: func(ctx context.Context) (string, error) {
			return ipmi.Ask(ctx, m.d, "read the "+name, ipmi.Request{NetFn: netFn, Cmd: cmd, Data: get}, func(b []byte) (string, error) {
				if err := ipmi.Short("setting", b, 1); err != nil {
					return "", err
				}
				return c.Name(b[0]), nil
			})
		},
		Set: func(ctx context.Context, value string) error {
			v, _ := c.Value(value)
			data := append(append([]byte(nil), set...), v)
			return ipmi.Tell(ctx, m.d, "set the "+name, ipmi.Request{NetFn: netFn, Cmd: cmd, Data: data})
		},
	}
}

func (m *Machine) knobs() []oem.Knob {
	return []oem.Knob{
		m.knob("nic.mode", "which network port the BMC uses",
			oem.Choice{{Value: 0, Name: "dedicated"}, {Value: 1, Name: "shared"}, {Value: 2, Name: "failover"}},
			cmdMore, []byte{morePort, 0}, []byte{morePort, 1}),
		m.knob("fan.mode", "how the fans are driven",
			oem.Choice{{Value: 0, Name: "standard"}, {Value: 1, Name: "full"}, {Value: 2, Name: "optimal"}, {Value: 4, Name: "heavy_io"}},
			cmdFan, []byte{0}, []byte{1}),
		m.knob("services", "whether the BMC serves more than IPMI", oem.Switch(), cmdMore, []byte{moreServices, 2}, []byte{moreServices}),
	}
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
	return &oem.UnsupportedError{What: "clear the BMC's settings", Maker: ID, Variant: "supermicro"}
}

var (
	_ oem.Events       = (*Machine)(nil)
	_ oem.PowerMeter   = (*Machine)(nil)
	_ oem.FirmwareList = (*Machine)(nil)
	_ oem.BMCConfig    = (*Machine)(nil)
)
