package mc

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// ACPI is the power state that system software told the controller: the answer of Get ACPI
// Power State and, with the two top bits as "set", the request of its counterpart (sections
// 20.6 and 20.7).
type ACPI struct {
	System uint8 // 0 to 0x7f, see ACPISystem
	Device uint8 // 0 to 0x7f: 0 to 3 are D0 to D3, 0x2a unknown
}

// ACPIUnchanged leaves a state as it is when it is set.
const ACPIUnchanged = 0x7f

// String names the system's state, such as "S0/G0".
func (a ACPI) String() string {
	switch a.System {
	case 0x00:
		return "S0/G0 working"
	case 0x01, 0x02, 0x03:
		return fmt.Sprintf("S%d", a.System)
	case 0x04:
		return "S4 suspended to disk"
	case 0x05:
		return "S5/G2 soft off"
	case 0x06:
		return "S4 or S5"
	case 0x07:
		return "G3 mechanical off"
	case 0x08:
		return "sleeping in S1, S2 or S3"
	case 0x09:
		return "G1 sleeping"
	case 0x0a:
		return "S5 entered by override"
	case 0x20:
		return "legacy on"
	case 0x21:
		return "legacy off"
	case 0x2a:
		return "unknown"
	}
	return fmt.Sprintf("state %02x", a.System)
}

// ParseACPI reads the answer of Get ACPI Power State.
func ParseACPI(b []byte) (ACPI, error) {
	if err := ipmi.Short("ACPI state", b, 2); err != nil {
		return ACPI{}, err
	}
	return ACPI{System: b[0] & 0x7f, Device: b[1] & 0x7f}, nil
}

// Append adds the answer of Get ACPI Power State to b.
func (a ACPI) Append(b []byte) []byte { return append(b, a.System&0x7f, a.Device&0x7f) }

// SetACPIRequest is the request of Set ACPI Power State (section 20.6).
type SetACPIRequest struct {
	ACPI
	SetSystem, SetDevice bool // whether the state is taken
}

// ParseSetACPIRequest reads the request of Set ACPI Power State.
func ParseSetACPIRequest(b []byte) (SetACPIRequest, error) {
	a, err := ParseACPI(b)
	if err != nil {
		return SetACPIRequest{}, err
	}
	return SetACPIRequest{ACPI: a, SetSystem: b[0]&0x80 != 0, SetDevice: b[1]&0x80 != 0}, nil
}

// Append adds the request to b.
func (r SetACPIRequest) Append(b []byte) []byte {
	return append(b, r.System&0x7f|bit(r.SetSystem, 0x80), r.Device&0x7f|bit(r.SetDevice, 0x80))
}

func bit(on bool, mask byte) byte {
	if on {
		return mask
	}
	return 0
}

// GetACPI asks which ACPI power state the machine is in, as far as the controller was told.
func GetACPI(ctx context.Context, d ipmi.Doer) (ACPI, error) {
	return ipmi.Ask(ctx, d, "read the ACPI state", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdGetACPI}, ParseACPI)
}

// SetACPI tells the controller both states. It switches nothing.
func SetACPI(ctx context.Context, d ipmi.Doer, a ACPI) error {
	r := SetACPIRequest{ACPI: a, SetSystem: a.System != ACPIUnchanged, SetDevice: a.Device != ACPIUnchanged}
	return ipmi.Tell(ctx, d, "set the ACPI state", ipmi.Request{NetFn: ipmi.NetFnApp, Cmd: CmdSetACPI, Data: r.Append(nil)})
}
