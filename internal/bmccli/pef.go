package bmccli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/pef"
)

func (c *caller) pefVerb() *cobra.Command {
	return c.family("pef", "Read and set what a BMC does about events by itself", "bmc7 pef\nbmc7 pef filters",
		c.verb("info", "Tell what the BMC can do about events", "", "bmc7 pef info", cobra.NoArgs, noArgs(job{doer: pefInfo})),
		c.verb("status", "Tell which events were handled", "", "bmc7 pef status", cobra.NoArgs, noArgs(job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			l, err := pef.GetLastEvents(ctx, d)
			return unlessFailed(pairs(l, "last record", fmt.Sprintf("%04x", l.LastRecord), "handled by the BMC", fmt.Sprintf("%04x", l.ByBMC), "handled by software", fmt.Sprintf("%04x", l.BySoftware)), err)
		}})),
		c.verb("filters", "List the events that are acted on", "", "bmc7 pef filters", cobra.NoArgs, noArgs(job{doer: pefFilters})),
		c.verb("filter NUMBER on|off", "Switch a filter on or off", "", "bmc7 pef filter 3 on", cobra.ExactArgs(2), func(args []string) (job, error) {
			n, err := number(args[0], 1, 127)
			if err != nil {
				return job{}, err
			}
			on, err := parseOnOff(args[1])
			return job{danger: "pef filter", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
				return unlessFailed(said("filter %d %s", n, enabled(on)), pef.EnableFilter(ctx, d, uint8(n), on))
			}}, err
		}),
		c.verb("policies", "List who is told", "", "bmc7 pef policies", cobra.NoArgs, noArgs(job{doer: pefPolicies})),
		c.policySetVerb(),
		c.verb("enable on|off", "Switch acting on events on or off", "", "bmc[1-40] pef enable on", cobra.ExactArgs(1), func(args []string) (job, error) {
			on, err := parseOnOff(args[0])
			return job{danger: "pef enable " + args[0], doer: func(ctx context.Context, d ipmi.Doer) (answer, error) { return pefEnable(ctx, d, on) }}, err
		}),
	)
}

func actionNames(a pef.Actions) string {
	var list []string
	for i, name := range []string{"alert", "power off", "reset", "power cycle", "OEM", "diagnostic interrupt"} {
		if a.Has(pef.Actions(1) << i) {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func pefInfo(ctx context.Context, d ipmi.Doer) (answer, error) {
	k, err := pef.GetCapabilities(ctx, d)
	if err != nil {
		return answer{}, err
	}
	a := pairs(nil, "version", fmt.Sprintf("%d.%d", k.Version&0x0f, k.Version>>4), "can", actionNames(k.Actions), "filters", k.Filters)
	if b, err := pef.GetByte(ctx, d, pef.Control); err == nil {
		a.rows = append(a.rows, []Cell{cell("acting"), cell(enabled(pef.ControlBits(b)&pef.EnablePEF != 0))})
	}
	if b, err := pef.GetByte(ctx, d, pef.GlobalActions); err == nil {
		a.rows = append(a.rows, []Cell{cell("may"), cell(actionNames(pef.Actions(b)))})
	}
	return a, nil
}

func pefFilters(ctx context.Context, d ipmi.Doer) (answer, error) {
	list, err := pef.GetFilters(ctx, d)
	a := answer{head: []string{"FILTER", "STATE", "SENSOR", "TYPE", "SEVERITY", "POLICY", "DOES"}, value: list}
	anyOr := func(n uint8) string {
		if n == 0xff {
			return "any"
		}
		return hex8(n)
	}
	for _, f := range list {
		a.rows = append(a.rows, []Cell{numeric(f.Index), cell(enabled(f.Enabled)), cell(anyOr(f.Sensor)), cell(anyOr(f.SensorType)), cell(severityWord(f.Severity)), numeric(f.Policy), cell(actionNames(f.Actions))})
	}
	return a, err
}

func pefPolicies(ctx context.Context, d ipmi.Doer) (answer, error) {
	list, err := pef.GetPolicies(ctx, d)
	a := answer{head: []string{"ENTRY", "POLICY", "STATE", "CHANNEL", "DESTINATION", "WHEN"}, value: list}
	for _, p := range list {
		when := []string{"always", "if the last one failed", "else stop", "else another channel", "else another medium"}
		word := hex8(uint8(p.Next))
		if int(p.Next) < len(when) {
			word = when[p.Next]
		}
		a.rows = append(a.rows, []Cell{numeric(p.Index), numeric(p.Number), cell(enabled(p.Enabled)), numeric(p.Channel), numeric(p.Destination), cell(word)})
	}
	return a, err
}

func (c *caller) policySetVerb() *cobra.Command {
	var p pef.Policy
	v := c.verb("policy ENTRY on|off", "Set an entry of the policies: whom to tell", "Sets an entry of the alert policies: the policy it belongs to, the channel and the destination (see net alert). What is not named stays.", "bmc7 pef policy 1 on --policy 1 --channel 1 --destination 1", cobra.ExactArgs(2), nil)
	fl := v.Flags()
	v.RunE = c.verb("", "", "", "", nil, func(args []string) (job, error) {
		n, err := number(args[0], 1, 127)
		if err != nil {
			return job{}, err
		}
		on, err := parseOnOff(args[1])
		return job{danger: "pef policy", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			now, err := pef.GetPolicy(ctx, d, uint8(n))
			if err != nil {
				return answer{}, err
			}
			now.Index, now.Enabled = uint8(n), on
			for name, set := range map[string]func(){
				"policy": func() { now.Number = p.Number }, "channel": func() { now.Channel = p.Channel }, "destination": func() { now.Destination = p.Destination },
			} {
				if fl.Changed(name) {
					set()
				}
			}
			return unlessFailed(said("set"), pef.SetPolicy(ctx, d, now))
		}}, err
	}).RunE
	fl.Uint8Var(&p.Number, "policy", 1, "the policy's `NUMBER`, 1 to 15")
	fl.Uint8Var(&p.Channel, "channel", 1, "by channel `N`")
	fl.Uint8Var(&p.Destination, "destination", 1, "to destination `N`")
	return v
}

func pefEnable(ctx context.Context, d ipmi.Doer, on bool) (answer, error) {
	b, err := pef.GetByte(ctx, d, pef.Control)
	if err != nil {
		return answer{}, err
	}
	bits := pef.ControlBits(b) &^ pef.EnablePEF
	if on {
		bits |= pef.EnablePEF
	}
	return unlessFailed(said("acting on events is %s", enabled(on)), pef.Change(ctx, d, func() error { return pef.Set(ctx, d, pef.Control, uint8(bits)) }))
}
