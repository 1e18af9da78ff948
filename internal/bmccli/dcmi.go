package bmccli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/dcmi"
	"millwright.dev/millwright/ipmi/host"
)

func (c *caller) dcmiVerb() *cobra.Command {
	return c.family("dcmi", "Power, temperatures and names by DCMI", "bmc[1-40] dcmi power\nbmc7 dcmi limit set 300",
		c.verb("discover", "Tell what the controller has of DCMI", "", "bmc[1-40] dcmi discover", cobra.NoArgs, noArgs(job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			k, err := dcmi.GetCapabilities(ctx, d)
			var periods []string
			for _, p := range k.Periods {
				periods = append(periods, p.String())
			}
			return unlessFailed(pairs(k, "DCMI", fmt.Sprintf("%d.%d", k.Major, k.Minor), "power", yesNo(k.Power), "in band", yesNo(k.InBand), "serial", yesNo(k.Serial), "second LAN", yesNo(k.SecondaryLAN),
				"event log", fmt.Sprintf("%d entries", k.SELEntries), "averages over", strings.Join(periods, ", ")), err)
		}})),
		c.wattsVerb(), c.limitVerb(),
		c.verb("sensors", "List the temperature sensors that DCMI names", "", "bmc7 dcmi sensors", cobra.NoArgs, noArgs(job{doer: dcmiSensors})),
		c.verb("thermal", "Read the temperatures, and the inlet's limit", "", "bmc[1-40] dcmi thermal", cobra.NoArgs, noArgs(job{doer: dcmiThermal})),
		c.textVerb("asset [TAG]", "Read or set the asset tag", "bmc[1-40] dcmi asset\nbmc7 dcmi asset 4711", dcmi.GetAssetTag, dcmi.SetAssetTag),
		c.textVerb("id [NAME]", "Read or set the controller's name, which it offers to DHCP servers", "bmc[1-40] dcmi id", dcmi.GetID, dcmi.SetID),
	)
}

// textVerb reads or sets a text.
func (c *caller) textVerb(use, short, example string, get func(context.Context, ipmi.Doer) (string, error), set func(context.Context, ipmi.Doer, string) error) *cobra.Command {
	name, _, _ := strings.Cut(use, " ")
	return c.verb(use, short, "", example, cobra.MaximumNArgs(1), func(args []string) (job, error) {
		if len(args) == 0 {
			return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
				text, err := get(ctx, d)
				return unlessFailed(said("%s", text), err)
			}}, nil
		}
		return job{danger: "set " + name, doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			return unlessFailed(said("set"), set(ctx, d, args[0]))
		}}, nil
	})
}

func (c *caller) wattsVerb() *cobra.Command {
	return c.verb("power", "Read the watts that a machine draws", "Reads the watts that a machine draws, by DCMI or, where that has none, by a command of its maker.", "bmc[1-40] dcmi power\nbmc7 dcmi power --watch 2s", cobra.NoArgs, noArgs(job{host: func(ctx context.Context, h *host.Host) (answer, error) {
		p, err := h.Power(ctx)
		return unlessFailed(pairs(p, "now", fmt.Sprint(p.Now, " W"), "least", fmt.Sprint(p.Min, " W"), "most", fmt.Sprint(p.Max, " W"), "average", fmt.Sprint(p.Average, " W"), "over", p.Over), err)
	}}))
}

func (c *caller) limitVerb() *cobra.Command {
	var l dcmi.Limit
	var exception string
	set := c.verb("set WATTS", "Set the limit", "Sets the limit; activate has it count. What is not named stays.", "bmc[1-40] dcmi limit set 300 && millwright bmc bmc[1-40] dcmi limit activate", cobra.ExactArgs(1), nil)
	fl := set.Flags()
	set.RunE = c.verb("", "", "", "", nil, func(args []string) (job, error) {
		watts, err := number(args[0], 1, 0xffff)
		if err != nil {
			return job{}, err
		}
		exceptions := map[string]dcmi.Exception{"none": dcmi.ExceptionNone, "off": dcmi.ExceptionOff, "log": dcmi.ExceptionLog}
		what, ok := exceptions[exception]
		if !ok {
			return job{}, usagef("--exception: %q is none of none, off, log", exception)
		}
		return job{danger: "dcmi limit set " + args[0], doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			now, err := dcmi.GetLimit(ctx, d)
			if err != nil {
				return answer{}, err
			}
			now.Watts = uint16(watts)
			if fl.Changed("exception") {
				now.Exception = what
			}
			if fl.Changed("correction") {
				now.Correction = l.Correction
			}
			if fl.Changed("sampling") {
				now.Sampling = l.Sampling
			}
			return unlessFailed(said("%d W", watts), dcmi.SetLimit(ctx, d, now))
		}}, nil
	}).RunE
	fl.StringVar(&exception, "exception", "none", "`WHAT` happens when it cannot be kept: none, off or log")
	fl.DurationVar(&l.Correction, "correction", time.Second, "how long it may be exceeded")
	fl.DurationVar(&l.Sampling, "sampling", time.Second, "over how long power is averaged for it")
	activate := func(name, short string, on bool) *cobra.Command {
		return c.verb(name, short, "", "bmc[1-40] dcmi limit "+name, cobra.NoArgs, noArgs(job{danger: "dcmi limit " + name, doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			return unlessFailed(said("the limit is %s", enabled(on)), dcmi.ActivateLimit(ctx, d, on))
		}}))
	}
	return c.family("limit", "Read and set the limit of a machine's power", "bmc[1-40] dcmi limit\nbmc7 dcmi limit set 300",
		c.verb("get", "Show the limit", "", "bmc[1-40] dcmi limit get", cobra.NoArgs, noArgs(job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			l, err := dcmi.GetLimit(ctx, d)
			return unlessFailed(pairs(l, "limit", fmt.Sprint(l.Watts, " W"), "counts", yesNo(l.Active), "when exceeded", l.Exception, "for longer than", l.Correction, "averaged over", l.Sampling), err)
		}})),
		set, activate("activate", "Make the limit count", true), activate("deactivate", "Make the limit not count", false),
	)
}

func dcmiEntities() []uint8 { return []uint8{dcmi.EntityInlet, dcmi.EntityCPU, dcmi.EntityBaseboard} }

func dcmiEntity(e uint8) string {
	return []string{"inlet", "CPU", "baseboard"}[slices.Index(dcmiEntities(), e)]
}

func dcmiSensors(ctx context.Context, d ipmi.Doer) (answer, error) {
	a := answer{head: []string{"AT", "RECORD"}}
	for _, e := range dcmiEntities() {
		list, err := dcmi.GetSensors(ctx, d, dcmi.SensorTemperature, e)
		if err != nil {
			return a, err
		}
		for _, id := range list {
			a.rows = append(a.rows, []Cell{cell(dcmiEntity(e)), cell(fmt.Sprintf("%04x", id))})
		}
	}
	return a, nil
}

func dcmiThermal(ctx context.Context, d ipmi.Doer) (answer, error) {
	a := answer{head: []string{"AT", "NUMBER", "TEMPERATURE"}}
	for _, e := range dcmiEntities() {
		list, err := dcmi.GetTemperatures(ctx, d, e)
		if err != nil {
			return a, err
		}
		for _, t := range list {
			a.rows = append(a.rows, []Cell{cell(dcmiEntity(e)), numeric(t.Instance), numeric(fmt.Sprintf("%d °C", t.Celsius))})
		}
	}
	if l, err := dcmi.GetThermalLimit(ctx, d, dcmi.EntityInlet, 1); err == nil && l.Celsius > 0 {
		a.notes = append(a.notes, fmt.Sprintf("The inlet's limit is %d °C for %v.", l.Celsius, l.After))
	}
	return a, nil
}
