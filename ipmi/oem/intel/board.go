package intel

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/oem"
)

const netFnBoard ipmi.NetFn = 0x30

// The commands of the BMC on Intel's own boards.
const (
	cmdSetDelay    = 0x54
	cmdGetDelay    = 0x55
	cmdSetServices = 0xb1
	cmdGetServices = 0xb2
)

// Board is a machine on a board of Intel's.
type Board struct{ *Machine }

func (m *Board) delay() oem.Knob {
	return oem.Knob{
		Name: "power.restore.delay", Help: "seconds before the machine is switched on when mains power comes back",
		Get: func(ctx context.Context) (string, error) {
			return ipmi.Ask(ctx, m.doer, "read the restore delay", ipmi.Request{NetFn: netFnBoard, Cmd: cmdGetDelay}, func(b []byte) (string, error) {
				if err := ipmi.Short("restore delay", b, 2); err != nil {
					return "", err
				}
				return fmt.Sprint(int(b[0])<<8 | int(b[1])), nil // the high byte is first
			})
		},
		Set: func(ctx context.Context, value string) error {
			n, err := oem.Number(value, 0xffff)
			if err != nil {
				return err
			}
			return ipmi.Tell(ctx, m.doer, "set the restore delay", ipmi.Request{NetFn: netFnBoard, Cmd: cmdSetDelay, Data: []byte{byte(n >> 8), byte(n)}})
		},
	}
}

// service is the setting of one service, which is a bit of two bytes.
func (m *Board) service(name string, bit uint16) oem.Knob {
	return oem.Knob{
		Name: "service." + name, Help: "whether the BMC serves " + name, Choice: oem.Switch(),
		Get: func(ctx context.Context) (string, error) {
			return ipmi.Ask(ctx, m.doer, "read the services", ipmi.Request{NetFn: netFnBoard, Cmd: cmdGetServices}, func(b []byte) (string, error) {
				if err := ipmi.Short("services", b, 2); err != nil {
					return "", err
				}
				if (uint16(b[0])|uint16(b[1])<<8)&bit != 0 {
					return "enabled", nil
				}
				return "disabled", nil
			})
		},
		Set: func(ctx context.Context, value string) error {
			v, _ := oem.Switch().Value(value)
			return ipmi.Tell(ctx, m.doer, "switch "+name, ipmi.Request{NetFn: netFnBoard, Cmd: cmdSetServices, Data: []byte{v, byte(bit), byte(bit >> 8)}})
		},
	}
}

func (m *Board) knobs() []oem.Knob {
	return []oem.Knob{m.delay(), m.service("ssh", 0x0080), m.service("http", 0x0020), m.service("rmcp", 0x0008), m.service("kvm", 0x8000)}
}

// BMCConfig reads the BMC's settings.
func (m *Board) BMCConfig(ctx context.Context, extended bool) ([]oem.Setting, error) {
	return oem.ReadKnobs(ctx, m.knobs(), extended)
}

// SetBMCConfig changes the BMC's settings. Whoever switches rmcp off cannot come back by IPMI.
func (m *Board) SetBMCConfig(ctx context.Context, changes map[string]string) error {
	return oem.TurnKnobs(ctx, m.knobs(), changes)
}

// ClearBMCConfig is refused, see the package's description.
func (m *Board) ClearBMCConfig(context.Context) error {
	return &oem.UnsupportedError{What: "clear the BMC's settings", Maker: ID, Variant: "intel"}
}

var _ oem.BMCConfig = (*Board)(nil)
