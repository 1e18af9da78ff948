package chassis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millwright.dev/millwright/ipmi"
)

// Action is what Chassis Control does (section 28.3).
type Action uint8

// The actions.
const (
	PowerOff   Action = 0 // at once, whatever runs
	PowerOn    Action = 1
	PowerCycle Action = 2
	HardReset  Action = 3
	DiagInt    Action = 4 // a diagnostic interrupt, often an NMI
	SoftOff    Action = 5 // asks the operating system by a fatal over-temperature
)

func (a Action) String() string {
	switch a {
	case PowerOff:
		return "power off"
	case PowerOn:
		return "power on"
	case PowerCycle:
		return "power cycle"
	case HardReset:
		return "hard reset"
	case DiagInt:
		return "diagnostic interrupt"
	case SoftOff:
		return "soft off"
	}
	return fmt.Sprintf("action %d", uint8(a))
}

// ParseAction reads the request of Chassis Control.
func ParseAction(b []byte) (Action, error) {
	if err := ipmi.Short("chassis control", b, 1); err != nil {
		return 0, err
	}
	return Action(b[0] & 0x0f), nil
}

// Append adds the request to b.
func (a Action) Append(b []byte) []byte { return append(b, byte(a)&0x0f) }

// Control switches the machine. Cycle, reset and the diagnostic interrupt are sent in a way
// that never does them twice: without an answer the error is an [*ipmi.UnsureError]. On, off
// and soft off may be repeated without harm.
func Control(ctx context.Context, d ipmi.Doer, a Action) error {
	once := a == PowerCycle || a == HardReset || a == DiagInt
	r := ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: CmdControl, Data: a.Append(nil), Once: once}
	return ipmi.Tell(ctx, d, a.String(), r)
}

// WaitFor reads the status every interval (1 s where it is 0) until the machine is on, or
// off. Errors of reading do not end it, as a BMC may be busy while a machine
// changes state; the end of ctx does, and the last of them is then told.
func WaitFor(ctx context.Context, d ipmi.Doer, on bool, interval time.Duration) error {
	if interval <= 0 {
		interval = time.Second
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var last error
	for {
		s, err := GetStatus(ctx, d)
		switch {
		case err == nil && s.On == on:
			return nil
		case err == nil:
			last = nil
		case ctx.Err() == nil:
			last = err
		}
		select {
		case <-ctx.Done():
			want := "off"
			if on {
				want = "on"
			}
			return fmt.Errorf("wait until the machine is %s: %w", want, errors.Join(context.Cause(ctx), last))
		case <-tick.C:
		}
	}
}

// PolicySupport is the answer of Set Power Restore Policy (section 28.8): which policies
// can be set; bit n is Policy n.
type PolicySupport uint8

// Has says whether a policy can be set.
func (s PolicySupport) Has(p Policy) bool { return s&(1<<p) != 0 }

// ParsePolicySupport reads the answer.
func ParsePolicySupport(b []byte) (PolicySupport, error) {
	if err := ipmi.Short("power restore policies", b, 1); err != nil {
		return 0, err
	}
	return PolicySupport(b[0] & 0x07), nil
}

// Append adds the answer to b.
func (s PolicySupport) Append(b []byte) []byte { return append(b, byte(s)&0x07) }

// ParsePolicy reads the request of Set Power Restore Policy.
func ParsePolicy(b []byte) (Policy, error) {
	if err := ipmi.Short("power restore policy", b, 1); err != nil {
		return 0, err
	}
	return Policy(b[0] & 0x07), nil
}

// Append adds the request to b.
func (p Policy) Append(b []byte) []byte { return append(b, byte(p)&0x07) }

// SetPolicy sets what happens when mains power comes back. With PolicyUnknown it changes
// nothing and tells what can be set.
func SetPolicy(ctx context.Context, d ipmi.Doer, p Policy) (PolicySupport, error) {
	r := ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: CmdSetPolicy, Data: p.Append(nil)}
	return ipmi.Ask(ctx, d, "set the power restore policy", r, ParsePolicySupport)
}

// Cause is why the machine last started: the answer of Get System Restart Cause (section
// 28.11).
type Cause struct {
	Reason  Reason
	Channel uint8 // by which it was asked for, for CauseCommand
}

// Reason is the reason of a restart.
type Reason uint8

// The reasons.
const (
	CauseUnknown      Reason = 0
	CauseCommand      Reason = 1 // Chassis Control
	CauseResetButton  Reason = 2
	CausePowerButton  Reason = 3
	CauseWatchdog     Reason = 4
	CauseOEM          Reason = 5
	CausePolicyOn     Reason = 6
	CausePolicyBefore Reason = 7
	CausePEFReset     Reason = 8
	CausePEFCycle     Reason = 9
	CauseSoftReset    Reason = 10
	CauseClock        Reason = 11 // a power up by the real-time clock
)

func (r Reason) String() string {
	names := [...]string{
		"unknown", "chassis control command", "reset by the push-button", "power-up by the push-button",
		"watchdog", "OEM", "power restore policy: always on", "power restore policy: as it was",
		"reset by PEF", "power cycle by PEF", "soft reset", "power-up by the real-time clock",
	}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("cause %d", uint8(r))
}

// ParseCause reads the answer of Get System Restart Cause.
func ParseCause(b []byte) (Cause, error) {
	if err := ipmi.Short("restart cause", b, 1); err != nil {
		return Cause{}, err
	}
	c := Cause{Reason: Reason(b[0] & 0x0f)}
	if len(b) > 1 {
		c.Channel = b[1]
	}
	return c, nil
}

// Append adds the answer to b.
func (c Cause) Append(b []byte) []byte { return append(b, byte(c.Reason)&0x0f, c.Channel) }

// GetCause asks why the machine last started.
func GetCause(ctx context.Context, d ipmi.Doer) (Cause, error) {
	return ipmi.Ask(ctx, d, "read the restart cause", ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: CmdRestartCause}, ParseCause)
}

// Hours is the answer of Get POH Counter (section 28.14): for how long the machine has
// been on in its life.
type Hours struct {
	MinutesPerCount uint8
	Count           uint32
}

// ParseHours reads the answer.
func ParseHours(b []byte) (Hours, error) {
	if err := ipmi.Short("power-on hours", b, 5); err != nil {
		return Hours{}, err
	}
	return Hours{b[0], uint32(b[1]) | uint32(b[2])<<8 | uint32(b[3])<<16 | uint32(b[4])<<24}, nil
}

// Append adds the answer to b.
func (h Hours) Append(b []byte) []byte {
	return append(b, h.MinutesPerCount, byte(h.Count), byte(h.Count>>8), byte(h.Count>>16), byte(h.Count>>24))
}

// Duration gives the time in minutes' steps.
func (h Hours) Duration() time.Duration {
	return time.Duration(h.Count) * time.Duration(h.MinutesPerCount) * time.Minute
}

// GetHours asks for how long the machine has been on.
func GetHours(ctx context.Context, d ipmi.Doer) (Hours, error) {
	return ipmi.Ask(ctx, d, "read the power-on hours", ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: CmdPowerOnHours}, ParseHours)
}

// SetCycleTime sets for how long a power cycle keeps the power off (section 28.10), in
// seconds; 0 is the least that the machine can do.
func SetCycleTime(ctx context.Context, d ipmi.Doer, seconds uint8) error {
	return ipmi.Tell(ctx, d, "set the power cycle interval",
		ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: CmdSetCycleTime, Data: []byte{seconds}})
}

// SetFrontPanel disables the buttons that are set (section 28.6), and enables the others.
func SetFrontPanel(ctx context.Context, d ipmi.Doer, disabled FrontPanel) error {
	return ipmi.Tell(ctx, d, "set the front panel",
		ipmi.Request{NetFn: ipmi.NetFnChassis, Cmd: CmdSetFrontPanel, Data: []byte{byte(disabled) & 0x0f}})
}
