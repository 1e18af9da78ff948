// Package oracle covers what Oracle's (Sun's) servers add to IPMI: their lights, which sensor
// records name as generic devices.
//
// The bytes were learnt by watching "ipmitool sunoem" and ipmi-oem of FreeIPMI, whose manuals
// say that these commands work on Sun Fire and later machines with ILOM. Left out: ILOM's
// command line within IPMI, values of its tree, files and SSH keys, which SSH has as well.
// Start at [Makers].
package oracle

import (
	"context"
	"fmt"
	"strings"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/ipmi/sdr"
)

// ID is Sun's number as a manufacturer, which Oracle's machines keep.
const ID = 42

const (
	cmdGetLight = 0x21
	cmdSetLight = 0x22
)

// Makers gives the variants.
func Makers() []oem.Maker {
	return []oem.Maker{{
		Name:     "oracle",
		Products: []oem.Product{{Maker: ID, Product: oem.AnyProduct, Device: oem.AnyProduct}},
		Open:     func(t oem.Target) oem.Machine { return &Machine{t.Doer} },
	}}
}

// Machine is a server of Oracle's.
type Machine struct{ d ipmi.Doer }

// Modes are the ways a light is lit: standby is a short blink every three seconds, slow once a
// second, fast four times.
func Modes() oem.Choice {
	return oem.Choice{{Value: 0, Name: "off"}, {Value: 1, Name: "on"}, {Value: 2, Name: "standby"}, {Value: 3, Name: "slow"}, {Value: 4, Name: "fast"}}
}

// lights reads the records of devices that may be lights.
func (m *Machine) lights(ctx context.Context) ([]*sdr.Device, error) {
	set, err := sdr.Read(ctx, m.d, sdr.Options{})
	if err != nil {
		return nil, err
	}
	var all []*sdr.Device
	for _, r := range set.Records {
		if d, ok := r.(*sdr.Device); ok {
			all = append(all, d)
		}
	}
	return all, nil
}

// LEDs reads the lights. Generic devices that are none are left out.
func (m *Machine) LEDs(ctx context.Context) ([]oem.LED, error) {
	devices, err := m.lights(ctx)
	if err != nil {
		return nil, err
	}
	var all []oem.LED
	for _, d := range devices {
		const force = 0
		r := ipmi.Request{NetFn: ipmi.NetFnOEM, Cmd: cmdGetLight, Data: []byte{d.Address, d.OEM, d.Access, d.OEM, byte(d.Entity.Kind), d.Entity.Instance, force}}
		state, err := ipmi.Ask(ctx, m.d, "read the light "+d.Name, r, func(b []byte) (string, error) {
			if err := ipmi.Short("light", b, 1); err != nil {
				return "", err
			}
			return Modes().Name(b[0]), nil
		})
		if oem.Refused(err) {
			continue
		}
		if err != nil {
			return all, err
		}
		all = append(all, oem.LED{Name: d.Name, State: state})
	}
	return all, nil
}

// SetLED lights a light in one of the [Modes].
func (m *Machine) SetLED(ctx context.Context, name, mode string) error {
	v, ok := Modes().Value(mode)
	if !ok {
		return fmt.Errorf("set the light %q: it cannot be %q: it is one of %s", name, mode, strings.Join(Modes().Names(), ", "))
	}
	devices, err := m.lights(ctx)
	if err != nil {
		return err
	}
	for _, d := range devices {
		if d.Name == name {
			const force, role = 0, 0
			r := ipmi.Request{NetFn: ipmi.NetFnOEM, Cmd: cmdSetLight, Data: []byte{
				d.Address, d.OEM, d.Access, d.OEM, v, byte(d.Entity.Kind), d.Entity.Instance, force, role,
			}}
			return ipmi.Tell(ctx, m.d, fmt.Sprintf("set the light %q", name), r)
		}
	}
	return fmt.Errorf("set the light %q: the machine has none of that name", name)
}

var _ oem.LEDs = (*Machine)(nil)
