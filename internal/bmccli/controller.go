package bmccli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/channel"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/ipmi/mc"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/redfish"
)

func (c *caller) controllerVerbs() []*cobra.Command {
	m := c.family("mc", "Look at and reset the controller itself", "bmc[1-40] mc\nbmc7 mc reset cold",
		c.verb("info", "Tell what the controller is", "", "bmc[1-40] mc info", cobra.NoArgs, noArgs(job{doer: mcInfo, web: webManager})),
		c.verb("guid", "Tell the unique number of the machine", "Tells the GUID of the machine, as its maker most probably meant the bytes, and the other ways to read them.", "bmc[1-40] mc guid", cobra.NoArgs, noArgs(job{doer: mcGUID})),
		c.verb("selftest", "Tell the result of the controller's self test", "", "bmc[1-40] mc selftest", cobra.NoArgs, noArgs(job{doer: mcSelfTest})),
		c.resetVerb(),
		c.enablesVerb(),
		c.verb("sysinfo [NAME [TEXT]]", "Read or set what the controller is told of its system", "Reads what the controller is told of the system that runs on the machine, or sets one of it: firmware, system, os, running-os, os-version, bmc-url, hypervisor-url.", "bmc[1-40] mc sysinfo\nbmc7 mc sysinfo os 'Debian 13'", cobra.MaximumNArgs(2), sysInfo),
		c.verb("acpi", "Tell the ACPI power state that the controller knows", "", "bmc7 mc acpi", cobra.NoArgs, noArgs(job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			a, err := mc.GetACPI(ctx, d)
			return unlessFailed(said("%v", a), err)
		}})),
		c.verb("commands NETFN", "List the commands that the controller takes", "Lists the commands of a network function that the controller knows, and those that its firewall has switched off.", "bmc7 mc commands 0x06", cobra.ExactArgs(1), mcCommands),
	)
	return []*cobra.Command{m, c.watchdogVerb(), c.pefVerb(), c.dcmiVerb()}
}

func mcInfo(ctx context.Context, d ipmi.Doer) (answer, error) {
	id, err := mc.GetDeviceID(ctx, d)
	if err != nil {
		return answer{}, err
	}
	var can []string
	for i, name := range []string{"sensors", "sensor records", "event log", "inventory", "receives events", "sends events", "bridge", "chassis"} {
		if id.Support.Has(mc.Support(1) << i) {
			can = append(can, name)
		}
	}
	maker := oem.MakerName(id.Maker)
	if number := fmt.Sprint(id.Maker); !strings.Contains(maker, number) {
		maker += " (" + number + ")"
	}
	a := pairs(nil, "maker", maker, "product", id.Product, "device", fmt.Sprintf("%d, revision %d", id.ID, id.Revision), "firmware", id.Firmware(), "IPMI", id.IPMI(), "has", strings.Join(can, ", "))
	if id.HasAux {
		a.rows = append(a.rows, []Cell{cell("firmware, more"), cell(fmt.Sprintf("% x", id.Aux))})
	}
	if id.Updating {
		a.rows = append(a.rows, []Cell{cell("state"), toned(Warn, "being updated")})
	}
	a.value = map[string]any{
		"manufacturer": id.Maker, "maker": oem.MakerName(id.Maker), "product": id.Product, "device": id.ID, "revision": id.Revision, "firmware": id.Firmware(),
		"ipmi": id.IPMI(), "has": can, "updating": id.Updating,
	}
	return a, nil
}

func webManager(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
	list, err := s.Managers(ctx)
	a := answer{head: []string{"MANAGER", "MODEL", "FIRMWARE"}, value: list}
	for _, m := range list {
		a.rows = append(a.rows, []Cell{cell(m.Name), cell(m.Model), cell(m.Firmware)})
	}
	return a, err
}

func mcGUID(ctx context.Context, d ipmi.Doer) (answer, error) {
	g, err := mc.GetSystemGUID(ctx, d)
	if err != nil {
		if g, err = mc.GetDeviceGUID(ctx, d); err != nil {
			return answer{}, err
		}
	}
	if g.IsZero() {
		return said("never set"), nil
	}
	text := g.String()
	switch g.Order() {
	case "ipmi":
		text = g.IPMI()
	case "plain":
		text = g.Plain()
	}
	a := said("%s", text)
	a.value = map[string]string{"guid": text, "smbios": g.SMBIOS(), "ipmi": g.IPMI(), "plain": g.Plain()}
	return a, nil
}

func mcSelfTest(ctx context.Context, d ipmi.Doer) (answer, error) {
	t, err := mc.GetSelfTest(ctx, d)
	if err != nil {
		return answer{}, err
	}
	a := said("%v", t.Result)
	a.tone = Bad
	switch t.Result {
	case mc.SelfTestPassed:
		a.tone = Good
	case mc.SelfTestNotDone:
		a.tone = Faint
	case mc.SelfTestCorrupt:
		a.line += ": " + strings.Join(t.Faults(), ", ")
	case mc.SelfTestFatal, mc.SelfTestReservedAll:
		a.line = fmt.Sprintf("%s (%02x)", a.line, t.Detail)
	}
	return a, nil
}

func (c *caller) resetVerb() *cobra.Command {
	v := c.verb("reset cold|warm", "Start the controller anew", "Starts the controller, not the machine, anew: cold from the beginning, warm with its settings and, where it can, its sessions. The session ends by it, often before the answer comes, which counts as done.",
		"bmc7 mc reset cold", cobra.ExactArgs(1), func(args []string) (job, error) {
			reset := map[string]func(context.Context, ipmi.Doer) error{"cold": mc.ColdReset, "warm": mc.WarmReset}[args[0]]
			if reset == nil {
				return job{}, usagef("mc reset: %q is neither cold nor warm", args[0])
			}
			return job{
				danger: "mc reset " + args[0],
				doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
					err := reset(ctx, d)
					var unsure *ipmi.UnsureError
					if errors.As(err, &unsure) {
						return said("sent; it starts anew without an answer"), nil
					}
					return unlessFailed(said("it starts anew"), err)
				},
				web: func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
					list, err := s.Managers(ctx)
					if err != nil || len(list) == 0 {
						return answer{}, err
					}
					return unlessFailed(said("it starts anew"), list[0].Reset(ctx))
				},
			}, nil
		})
	v.ValidArgs = []string{"cold", "warm"}
	return v
}

type enable struct {
	name string
	bit  mc.Enables
}

func enables() []enable {
	return []enable{
		{"receive-interrupt", mc.EnableReceiveInterrupt},
		{"buffer-interrupt", mc.EnableBufferInterrupt},
		{"event-buffer", mc.EnableEventBuffer},
		{"event-log", mc.EnableSEL},
		{"oem0", mc.EnableOEM0},
		{"oem1", mc.EnableOEM1},
		{"oem2", mc.EnableOEM2},
	}
}

func (c *caller) enablesVerb() *cobra.Command {
	return c.verb("enables [NAME=on|off…]", "Read or set what the controller passes on and keeps", "Reads what the controller passes on and keeps, or changes some of it: receive-interrupt, buffer-interrupt, event-buffer, event-log, oem0, oem1, oem2.",
		"bmc7 mc enables\nbmc7 mc enables event-log=on", cobra.ArbitraryArgs, func(args []string) (job, error) {
			var set, clear mc.Enables
			for _, a := range args {
				name, text, _ := strings.Cut(a, "=")
				i := slices.IndexFunc(enables(), func(e enable) bool { return e.name == name })
				on, err := parseOnOff(text)
				if i < 0 || err != nil {
					return job{}, usagef("mc enables: %q is not NAME=on or NAME=off", a)
				}
				if on {
					set |= enables()[i].bit
				} else {
					clear |= enables()[i].bit
				}
			}
			return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
				e, err := mc.GetEnables(ctx, d)
				if err != nil {
					return answer{}, err
				}
				if len(args) > 0 {
					return unlessFailed(said("set"), mc.SetEnables(ctx, d, e&^clear|set))
				}
				a := answer{}
				for _, x := range enables() {
					a.rows = append(a.rows, []Cell{cell(x.name), cell(enabled(e.Has(x.bit)))})
				}
				return a, nil
			}}, nil
		})
}

func infoNames() []string {
	return []string{"", "firmware", "system", "os", "running-os", "os-version", "bmc-url", "hypervisor-url"}
}

func sysInfo(args []string) (job, error) {
	which := 0
	if len(args) > 0 {
		if which = slices.Index(infoNames(), args[0]); which < 1 {
			return job{}, usagef("mc sysinfo: %q is none of %s", args[0], strings.Join(infoNames()[1:], ", "))
		}
	}
	return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		switch {
		case len(args) == 2:
			return unlessFailed(said("set"), mc.SetSystemInfo(ctx, d, mc.SystemInfo(which), args[1]))
		case which > 0:
			text, err := mc.GetSystemInfo(ctx, d, mc.SystemInfo(which))
			return unlessFailed(said("%s", text), err)
		}
		a := answer{}
		var last error
		for i, name := range infoNames() {
			if i == 0 {
				continue
			}
			text, err := mc.GetSystemInfo(ctx, d, mc.SystemInfo(i))
			if err != nil {
				last = err
				continue
			}
			a.rows = append(a.rows, []Cell{cell(name), cell(text)})
		}
		if len(a.rows) == 0 {
			return answer{}, last
		}
		return a, nil
	}}, nil
}

func mcCommands(args []string) (job, error) {
	n, err := number(args[0], 0, 0x3e)
	return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
		k, err := mc.GetCommands(ctx, d, mc.CommandQuery{Channel: channel.Present, NetFn: ipmi.NetFn(n), Group: 0xdc})
		if err != nil {
			return answer{}, err
		}
		a := answer{head: []string{"COMMAND", "CAN BE SWITCHED OFF", "STATE"}}
		for i, is := range k.Supported {
			if is {
				a.rows = append(a.rows, []Cell{cell(hex8(uint8(i))), cell(yesNo(k.Configurable[i])), cell(enabled(k.Enabled[i] || !k.Configurable[i]))})
			}
		}
		return a, nil
	}}, err
}

const watchdogLong = `Reads the watchdog timer, sets it, starts it (again), or switches it off. What happens
when it runs out is nothing, reset, off or cycle.`

func (c *caller) watchdogVerb() *cobra.Command {
	w := mc.Watchdog{Use: mc.WatchdogSMSOS}
	action, before := "reset", "none"
	set := c.verb("set DURATION", "Set the timer, and start it", watchdogLong, "bmc7 watchdog set 5m --action cycle", cobra.ExactArgs(1), func(args []string) (job, error) {
		length, err := time.ParseDuration(args[0])
		if err != nil || length <= 0 || length > 6553*time.Second {
			return job{}, usagef("watchdog: %q is no time up to 6553s", args[0])
		}
		actions := []string{"nothing", "reset", "off", "cycle"}
		interrupts := []string{"none", "smi", "nmi", "message"}
		i, n := slices.Index(actions, action), slices.Index(interrupts, before)
		if i < 0 || n < 0 {
			return job{}, usagef("watchdog: --action is one of %s, --before of %s", strings.Join(actions, ", "), strings.Join(interrupts, ", "))
		}
		w := w
		w.Initial, w.Action, w.PreInterrupt = length, mc.WatchdogAction(i), mc.WatchdogInterrupt(n)
		return job{danger: "watchdog set", host: func(ctx context.Context, h *host.Host) (answer, error) {
			return unlessFailed(said("it counts down"), h.SetWatchdog(ctx, w, true))
		}}, nil
	})
	set.Flags().StringVar(&action, "action", "reset", "`WHAT` happens when it runs out: nothing, reset, off or cycle")
	set.Flags().StringVar(&before, "before", "none", "`WHAT` happens before: none, smi, nmi or message")
	set.Flags().DurationVar(&w.PreTimeout, "before-time", 0, "how long before")
	set.Flags().BoolVar(&w.DontLog, "no-log", false, "do not log that it ran out")
	f := c.family("watchdog", "Read and set the watchdog timer", "bmc[1-40] watchdog\nbmc7 watchdog off",
		c.verb("get", "Show the timer", "", "bmc[1-40] watchdog get", cobra.NoArgs, noArgs(job{host: func(ctx context.Context, h *host.Host) (answer, error) {
			w, err := h.Watchdog(ctx)
			return unlessFailed(pairs(w, "for", w.Use, "counts", yesNo(w.Running), "then", w.Action, "before", w.PreInterrupt, "begins with", w.Initial, "left", w.Left, "logs", yesNo(!w.DontLog)), err)
		}})),
		set,
		c.verb("reset", "Start the timer again from its beginning", "", "bmc7 watchdog reset", cobra.NoArgs, noArgs(job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			return unlessFailed(said("it counts down"), mc.ResetWatchdog(ctx, d))
		}})),
		c.verb("off", "Switch the timer off", "", "bmc[1-40] watchdog off", cobra.NoArgs, noArgs(job{danger: "watchdog off", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			w, err := mc.GetWatchdog(ctx, d)
			if err != nil {
				return answer{}, err
			}
			w.Running, w.Action = false, mc.WatchdogNothing
			return unlessFailed(said("off"), mc.SetWatchdog(ctx, d, w))
		}})),
	)
	return f
}

func (c *caller) sessionVerb() *cobra.Command {
	return c.family("session", "Look at and end sessions", "bmc[1-40] session",
		c.verb("list", "List the sessions with a BMC", "", "bmc[1-40] session list", cobra.NoArgs, noArgs(job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
			list, err := channel.GetSessions(ctx, d)
			a := answer{head: []string{"HANDLE", "USER", "PRIVILEGE", "CHANNEL", "PROTOCOL", "FROM"}}
			for _, s := range list {
				protocol, from := "IPMI 1.5", "-"
				if s.IPMI2 {
					protocol = "IPMI 2.0"
				}
				if s.HasPeer {
					from = s.Peer.String()
				}
				a.rows = append(a.rows, []Cell{numeric(s.Handle), numeric(s.User), cell(s.Privilege), numeric(s.Channel), cell(protocol), cell(from)})
			}
			return a, err
		}})),
		c.verb("info", "Show the session of this call", "Logs in and shows what came of it: cipher suite, privilege, how many sessions there can be, and how long answers take.", "bmc[1-40] session info", cobra.NoArgs, noArgs(job{peer: sessionInfo})),
		c.verb("close HANDLE", "End a session of anybody's", "", "bmc7 session close 3", cobra.ExactArgs(1), func(args []string) (job, error) {
			n, err := number(args[0], 1, 255)
			return job{danger: "session close", doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
				return unlessFailed(said("closed"), channel.CloseSession(ctx, d, channel.SessionRef{Handle: uint8(n)}))
			}}, err
		}),
	)
}

func sessionInfo(ctx context.Context, p *peer) (answer, error) {
	s, err := p.login(ctx)
	if err != nil {
		return answer{}, err
	}
	suite, v2 := s.Suite()
	protocol, protected := "IPMI 1.5", "not encrypted"
	if v2 {
		protocol, protected = "IPMI 2.0", suite.String()
	}
	a := pairs(nil, "at", s.Addr(), "protocol", protocol, "cipher suite", protected, "privilege", s.Privilege())
	value := map[string]any{"address": s.Addr().String(), "protocol": protocol, "encrypted": s.Encrypted(), "privilege": s.Privilege().String()}
	if v2 {
		value["suite"] = uint8(suite)
	}
	if i, err := channel.GetSession(ctx, s, channel.SessionRef{}); err == nil {
		a.rows = append(a.rows, []Cell{cell("sessions"), cell(fmt.Sprintf("%d of %d", i.Active, i.Possible))}, []Cell{cell("user"), cell(i.User)})
		value["sessions"], value["possible"] = i.Active, i.Possible
	}
	a.value = value
	return a, nil
}
