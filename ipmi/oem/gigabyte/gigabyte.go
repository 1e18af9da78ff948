// Package gigabyte covers what Gigabyte's server boards add to IPMI: which network port
// their BMC uses, and which services it has beside IPMI.
//
// The bytes were learnt by watching ipmi-oem of FreeIPMI, which says that these commands work
// on MD90-FS0-ZB. Left out: restoring what the factory set, and whatever else these BMCs
// have: no public document tells it. Start at [Makers].
package gigabyte

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/oem"
)

// ID is Gigabyte's number as a manufacturer. Some of its BMC's commands are Avocent's.
const (
	ID      = 15370
	Avocent = 11102
)

const (
	cmdSetService = 0x20
	cmdGetService = 0x21
	service       = 0x15
	cmdAvocent    = 0xcc
	groupPort     = 0x0c
	set, get      = 0x01, 0x02
)

// Makers gives the variants.
func Makers() []oem.Maker {
	return []oem.Maker{{
		Name:     "gigabyte",
		Products: []oem.Product{{Maker: ID, Product: oem.AnyProduct, Device: oem.AnyProduct}},
		Open:     func(t oem.Target) oem.Machine { return &Machine{t.Doer} },
	}}
}

// Machine is a machine on a board of Gigabyte.
type Machine struct{ d ipmi.Doer }

func (m *Machine) port() oem.Knob {
	c := oem.Choice{{Value: 1, Name: "dedicated"}, {Value: 2, Name: "shared"}, {Value: 3, Name: "failover"}}
	request := func(data ...byte) ipmi.Request {
		return ipmi.Request{NetFn: ipmi.NetFnOEM, Cmd: cmdAvocent, Data: oem.Before(Avocent, append([]byte{groupPort}, data...)...)}
	}
	return oem.Knob{
		Name: "nic.mode", Help: "which network port the BMC uses", Choice: c,
		Get: func(ctx context.Context) (string, error) {
			return ipmi.Ask(ctx, m.d, "read which network port the BMC uses", request(get), func(b []byte) (string, error) {
				const at = 2 // after the group and a byte that is 0
				b, err := oem.After("network port", Avocent, b, at+1)
				if err != nil {
					return "", err
				}
				return c.Name(b[at]), nil
			})
		},
		Set: func(ctx context.Context, value string) error {
			v, _ := c.Value(value)
			return ipmi.Tell(ctx, m.d, "set which network port the BMC uses", request(set, v))
		},
	}
}

// knob is the setting of a service, which is told by its port.
func (m *Machine) knob(name string, port uint16) oem.Knob {
	request := func(cmd uint8, data ...byte) ipmi.Request {
		return ipmi.Request{NetFn: ipmi.NetFnOEM, Cmd: cmd, Data: append(oem.Before(ID, service, byte(port), byte(port>>8)), data...)}
	}
	return oem.Knob{
		Name: "service." + name, Help: fmt.Sprintf("whether the BMC serves %s at port %d", name, port), Choice: oem.Switch(),
		Get: func(ctx context.Context) (string, error) {
			return ipmi.Ask(ctx, m.d, "read whether there is "+name, request(cmdGetService), func(b []byte) (string, error) {
				b, err := oem.After("service", ID, b, 1)
				if err != nil {
					return "", err
				}
				return oem.Switch().Name(b[0]), nil
			})
		},
		Set: func(ctx context.Context, value string) error {
			v, _ := oem.Switch().Value(value)
			return ipmi.Tell(ctx, m.d, "switch "+name, request(cmdSetService, v))
		},
	}
}

func (m *Machine) knobs() []oem.Knob {
	return []oem.Knob{
		m.port(),
		m.knob("ssh", 22), m.knob("http", 80), m.knob("https", 443), m.knob("rpcbind", 111), m.knob("svrloc", 427),
		m.knob("avocentkvm", 2068), m.knob("wbem-http", 5988), m.knob("wbem-https", 5989),
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

// ClearBMCConfig is refused: how is not known.
func (m *Machine) ClearBMCConfig(context.Context) error {
	return &oem.UnsupportedError{What: "clear the BMC's settings", Maker: ID, Variant: "gigabyte"}
}

var _ oem.BMCConfig = (*Machine)(nil)
