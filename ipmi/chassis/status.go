package chassis

import (
	"context"
	"fmt"

	"millwright.dev/millwright/ipmi"
)

// The commands of this package, all of network function Chassis.
const (
	CmdCapabilities    = 0x00
	CmdStatus          = 0x01
	CmdControl         = 0x02
	CmdReset           = 0x03
	CmdIdentify        = 0x04
	CmdSetCapabilities = 0x05
	CmdSetPolicy       = 0x06
	CmdRestartCause    = 0x07
	CmdSetBootOption   = 0x08
	CmdGetBootOption   = 0x09
	CmdSetFrontPanel   = 0x0a
	CmdSetCycleTime    = 0x0b
	CmdPowerOnHours    = 0x0f
)

// Status is the answer of Get Chassis Status (section 28.2).
type Status struct {
	On           bool
	Overload     bool // switched off by it
	Interlock    bool
	Fault        bool // of the main power subsystem
	ControlFault bool // switching failed
	Policy       Policy
	Last         LastEvent
	Intrusion    bool
	Lockout      bool // of the front panel
	DriveFault   bool
	FanFault     bool // of cooling
	Identify     Light
	HasIdentify  bool // Identify is told
	FrontPanel   FrontPanel
	HasPanel     bool // FrontPanel was there
}

// LastEvent says why the power last changed.
type LastEvent uint8

// The bits of LastEvent.
const (
	LastACFailed  LastEvent = 1 << iota
	LastOverload            // switched off by it
	LastInterlock           // switched off by it
	LastFault               // switched off by it
	LastCommand             // switched on by IPMI
)

// Light is the state of the identify light.
type Light uint8

// The states.
const (
	LightOff     Light = 0
	LightTimed   Light = 1 // on for a while
	LightForever Light = 2 // on until it is switched off
)

func (l Light) String() string {
	switch l {
	case LightOff:
		return "off"
	case LightTimed:
		return "on for a while"
	case LightForever:
		return "on"
	}
	return fmt.Sprintf("state %d", uint8(l))
}

// FrontPanel says which buttons are disabled (low nibble), and which can be (high nibble).
type FrontPanel uint8

// The buttons of FrontPanel; shifted left by 4 they say that disabling is possible.
const (
	ButtonPower FrontPanel = 1 << iota
	ButtonReset
	ButtonDiag
	ButtonStandby
)

// Policy is what happens when mains power comes back.
type Policy uint8

// The policies.
const (
	PolicyOff      Policy = 0 // stays off
	PolicyPrevious Policy = 1 // as it was
	PolicyOn       Policy = 2
	// PolicyUnknown in a status; in the request of Set Power Restore Policy it changes
	// nothing and only asks for what is possible.
	PolicyUnknown Policy = 3
)

func (p Policy) String() string {
	switch p {
	case PolicyOff:
		return "always-off"
	case PolicyPrevious:
		return "previous"
	case PolicyOn:
		return "always-on"
	}
	return "unknown"
}

// ParseStatus reads the answer of Get Chassis Status. It should have 3 or 4 bytes; one of
// 2 is taken, as what counts is in the first.
func ParseStatus(b []byte) (Status, error) {
	if err := ipmi.Short("chassis status", b, 2); err != nil {
		return Status{}, err
	}
	s := Status{
		On:           b[0]&0x01 != 0,
		Overload:     b[0]&0x02 != 0,
		Interlock:    b[0]&0x04 != 0,
		Fault:        b[0]&0x08 != 0,
		ControlFault: b[0]&0x10 != 0,
		Policy:       Policy(b[0] >> 5 & 0x03),
		Last:         LastEvent(b[1] & 0x1f),
	}
	if len(b) >= 3 {
		s.Intrusion = b[2]&0x01 != 0
		s.Lockout = b[2]&0x02 != 0
		s.DriveFault = b[2]&0x04 != 0
		s.FanFault = b[2]&0x08 != 0
		s.Identify = Light(b[2] >> 4 & 0x03)
		s.HasIdentify = b[2]&0x40 != 0
	}
	if len(b) >= 4 {
		s.FrontPanel, s.HasPanel = FrontPanel(b[3]), true
	}
	return s, nil
}

// Append adds the answer to b.
func (s Status) Append(b []byte) []byte {
	b = append(b,
		flag(s.On, 0x01)|flag(s.Overload, 0x02)|flag(s.Interlock, 0x04)|flag(s.Fault, 0x08)|
			flag(s.ControlFault, 0x10)|byte(s.Policy)&0x03<<5,
		byte(s.Last)&0x1f,
		flag(s.Intrusion, 0x01)|flag(s.Lockout, 0x02)|flag(s.DriveFault, 0x04)|flag(s.FanFault, 0x08)|
			byte(s.Identify)&0x03<<4|flag(s.HasIdentify, 0x40))
	if s.HasPanel {
		b = append(b, byte(s.FrontPanel))
	}
	return b
}

func flag(on bool, mask byte) byte {
	if on {
		return mask
	}
	return 0
}

// GetStatus asks whether the machine is on, and what else is known of its power.
func GetStatus(ctx context.Context, d ipmi.Doer) (Status, error) {
	return ipmi.Ask(ctx, d, "read the chassis status", ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: CmdStatus}, ParseStatus)
}

// Capabilities is the answer of Get Chassis Capabilities (section 28.1): what the chassis
// has, and at which IPMB addresses its devices are (0x20 is the BMC).
type Capabilities struct {
	Intrusion  bool
	Lockout    bool // of the front panel
	Diagnostic bool // diagnostic interrupts
	Interlock  bool
	FRU, SDR   uint8
	SEL, SM    uint8
	Bridge     uint8 // 0x20 where the message has none
	HasBridge  bool  // it was there
}

// ParseCapabilities reads the answer of Get Chassis Capabilities, or the request that sets
// them.
func ParseCapabilities(b []byte) (Capabilities, error) {
	if err := ipmi.Short("chassis capabilities", b, 5); err != nil {
		return Capabilities{}, err
	}
	c := Capabilities{
		Intrusion: b[0]&0x01 != 0, Lockout: b[0]&0x02 != 0, Diagnostic: b[0]&0x04 != 0, Interlock: b[0]&0x08 != 0,
		FRU: b[1], SDR: b[2], SEL: b[3], SM: b[4], Bridge: 0x20,
	}
	if len(b) >= 6 {
		c.Bridge, c.HasBridge = b[5], true
	}
	return c, nil
}

// Append adds the message to b.
func (c Capabilities) Append(b []byte) []byte {
	b = append(b, flag(c.Intrusion, 0x01)|flag(c.Lockout, 0x02)|flag(c.Diagnostic, 0x04)|flag(c.Interlock, 0x08),
		c.FRU, c.SDR, c.SEL, c.SM)
	if c.HasBridge {
		b = append(b, c.Bridge)
	}
	return b
}

// GetCapabilities asks what the chassis has.
func GetCapabilities(ctx context.Context, d ipmi.Doer) (Capabilities, error) {
	return ipmi.Ask(ctx, d, "read the chassis capabilities", ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: CmdCapabilities}, ParseCapabilities)
}

// SetCapabilities tells the BMC what the chassis has (section 28.7).
func SetCapabilities(ctx context.Context, d ipmi.Doer, c Capabilities) error {
	return ipmi.Tell(ctx, d, "set the chassis capabilities",
		ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: CmdSetCapabilities, Data: c.Append(nil)})
}
