package bmccli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
)

func (c *caller) chassisVerb() *cobra.Command {
	return c.family("chassis", "Read and set what belongs to a machine's power", "bmc7 chassis\nbmc7 chassis policy previous",
		c.verb("status", "Show what the chassis says of itself", "", "bmc7 chassis status", cobra.NoArgs, noArgs(job{doer: chassisStatus})),
		c.policyVerb(),
		c.verb("cause", "Tell why the machine last started", "", "bmc[1-40] chassis cause", cobra.NoArgs, noArgs(job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			cause, err := chassis.GetCause(ctx, d)
			return unlessFailed(said("%v", cause.Reason), err)
		}})),
		c.verb("hours", "Tell for how long the machine has been on in its life", "", "bmc[1-40] chassis hours", cobra.NoArgs, noArgs(job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			h, err := chassis.GetHours(ctx, d)
			a := said("%d h %02d min", int(h.Duration().Hours()), int(h.Duration().Minutes())%60)
			a.value = map[string]any{"minutes": int(h.Duration().Minutes())}
			return unlessFailed(a, err)
		}})),
		c.verb("capabilities", "Tell what the chassis has, and where its devices are", "", "bmc7 chassis capabilities", cobra.NoArgs, noArgs(job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			k, err := chassis.GetCapabilities(ctx, d)
			return unlessFailed(pairs(k, "intrusion sensor", yesNo(k.Intrusion), "front panel lockout", yesNo(k.Lockout), "diagnostic interrupt", yesNo(k.Diagnostic),
				"power interlock", yesNo(k.Interlock), "inventory at", hex8(k.FRU), "sensor records at", hex8(k.SDR), "event log at", hex8(k.SEL),
				"management at", hex8(k.SM), "bridge at", hex8(k.Bridge)), err)
		}})),
		c.panelVerb(),
		c.verb("cycle-time SECONDS", "Say for how long a power cycle keeps the machine off", "", "bmc7 chassis cycle-time 10", cobra.ExactArgs(1), func(args []string) (job, error) {
			n, err := number(args[0], 0, 255)
			return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
				return unlessFailed(said("a cycle keeps it off for %d s", n), chassis.SetCycleTime(ctx, d, uint8(n)))
			}}, err
		}),
	)
}

func hex8(n uint8) string { return fmt.Sprintf("0x%02x", n) }

func chassisStatus(ctx context.Context, d ipmi.Doer) (answer, error) {
	s, err := chassis.GetStatus(ctx, d)
	if err != nil {
		return answer{}, err
	}
	power := toned(Faint, "off")
	if s.On {
		power = toned(Good, "on")
	}
	var faults []string
	for _, f := range []struct {
		is   bool
		name string
	}{
		{s.Overload, "overload"},
		{s.Interlock, "interlock"},
		{s.Fault, "power fault"},
		{s.ControlFault, "power control fault"},
		{s.DriveFault, "drive fault"},
		{s.FanFault, "cooling fault"},
		{s.Intrusion, "open"},
		{s.Lockout, "front panel locked"},
	} {
		if f.is {
			faults = append(faults, f.name)
		}
	}
	trouble := toned(Good, "none")
	if len(faults) > 0 {
		trouble = toned(Bad, strings.Join(faults, ", "))
	}
	a := pairs(nil, "power", power, "faults", trouble, "after a power failure", s.Policy, "last change", lastEvent(s.Last))
	if s.HasIdentify {
		a.rows = append(a.rows, []Cell{cell("light"), cell(s.Identify)})
	}
	if s.HasPanel {
		a.rows = append(a.rows, []Cell{cell("buttons disabled"), cell(buttons(s.FrontPanel))})
	}
	a.value = map[string]any{
		"on": s.On, "faults": faults, "policy": s.Policy.String(), "last": lastEvent(s.Last), "intrusion": s.Intrusion,
		"light": s.Identify.String(), "disabled": buttons(s.FrontPanel),
	}
	return a, nil
}

func lastEvent(l chassis.LastEvent) string {
	for bit, name := range map[chassis.LastEvent]string{
		chassis.LastACFailed: "mains power failed", chassis.LastOverload: "off by overload", chassis.LastInterlock: "off by interlock",
		chassis.LastFault: "off by a fault", chassis.LastCommand: "on by a command",
	} {
		if l == bit {
			return name
		}
	}
	if l == 0 {
		return "not told"
	}
	return fmt.Sprintf("%#02x", uint8(l))
}

func buttonNames() map[string]chassis.FrontPanel {
	return map[string]chassis.FrontPanel{"power": chassis.ButtonPower, "reset": chassis.ButtonReset, "diag": chassis.ButtonDiag, "standby": chassis.ButtonStandby}
}

func buttons(p chassis.FrontPanel) string {
	var list []string
	for _, name := range []string{"power", "reset", "diag", "standby"} {
		if p&buttonNames()[name] != 0 {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func (c *caller) policyVerb() *cobra.Command {
	v := c.verb("policy [off|previous|on]", "Read or say what happens when mains power comes back", "Reads or says what happens when mains power comes back: the machine stays off, becomes as it was, or goes on.",
		"bmc[1-40] chassis policy\nbmc[1-40] chassis policy previous", cobra.MaximumNArgs(1), func(args []string) (job, error) {
			if len(args) == 0 {
				return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
					s, err := chassis.GetStatus(ctx, d)
					return unlessFailed(said("%v", s.Policy), err)
				}}, nil
			}
			want, ok := map[string]chassis.Policy{"off": chassis.PolicyOff, "always-off": chassis.PolicyOff, "previous": chassis.PolicyPrevious, "on": chassis.PolicyOn, "always-on": chassis.PolicyOn}[args[0]]
			if !ok {
				return job{}, usagef("policy: %q is none of off, previous, on", args[0])
			}
			return job{danger: "chassis policy " + args[0], doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
				_, err := chassis.SetPolicy(ctx, d, want)
				return unlessFailed(said("%v", want), err)
			}}, nil
		})
	v.ValidArgs = []string{"off", "previous", "on"}
	return v
}

func (c *caller) panelVerb() *cobra.Command {
	return c.verb("panel [BUTTON…|none]", "Disable buttons of the front panel", "Disables the named buttons of the front panel (power, reset, diag, standby) and enables the others; none enables all. Without a word it tells which are disabled.",
		"bmc7 chassis panel\nbmc7 chassis panel power reset\nbmc7 chassis panel none", cobra.ArbitraryArgs, func(args []string) (job, error) {
			var p chassis.FrontPanel
			for _, a := range args {
				bit, ok := buttonNames()[a]
				if !ok && (a != "none" || len(args) > 1) {
					return job{}, usagef("panel: %q is none of power, reset, diag, standby", a)
				}
				p |= bit
			}
			return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
				if len(args) > 0 {
					return unlessFailed(said("disabled: %s", buttons(p)), chassis.SetFrontPanel(ctx, d, p))
				}
				s, err := chassis.GetStatus(ctx, d)
				if err == nil && !s.HasPanel {
					err = fmt.Errorf("buttons of the front panel: %w", errNone)
				}
				return unlessFailed(said("disabled: %s", buttons(s.FrontPanel)), err)
			}}, nil
		})
}
