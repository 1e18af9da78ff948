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
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/host"
	"millwright.dev/millwright/redfish"
)

const powerLong = `Reads whether the machine is on, or switches it: on, off (at once, whatever runs), soft
(by asking the operating system), cycle (off and on), reset, boot (on, or reset if it is
on) and diag (a diagnostic interrupt, which mostly makes the system dump and stop).

What the machine is already is left as it is. A cycle, reset or diag that was sent and
not answered is not sent again: then it is unknown whether it was done, and the exit
status is 3.

With --wait, on, off, soft and boot wait until the machine is so, up to that long.`

func (c *caller) powerVerbs() []*cobra.Command {
	var wait time.Duration
	verbs := []string{"status", "on", "off", "cycle", "reset", "diag", "soft", "boot"}
	power := c.verb("power [status|on|off|cycle|reset|diag|soft|boot]", "Read or switch a machine's power", powerLong,
		"bmc[1-40] power\nbmc7 power cycle\nbmc[1-40] power soft --wait 5m", cobra.MaximumNArgs(1), func(args []string) (job, error) {
			if len(args) == 0 || args[0] == "status" {
				return powerStatus(), nil
			}
			verb := host.Verb(args[0])
			if !slices.Contains(verbs, args[0]) && verb != host.Shutdown && verb != host.Softoff {
				return job{}, usagef("power: %q is none of %s", args[0], strings.Join(verbs, ", "))
			}
			return switchPower(verb, wait), nil
		})
	power.ValidArgs = verbs
	power.Args = cobra.MaximumNArgs(1)
	power.Flags().DurationVar(&wait, "wait", 0, "wait until it is so, at most `THIS LONG`")
	return []*cobra.Command{power, c.bootVerb(), c.bootParamVerb(), c.identifyVerb(), c.chassisVerb()}
}

func onOff(on bool) answer {
	if on {
		return answer{line: "on", tone: Good}
	}
	return answer{line: "off", tone: Faint}
}

func powerStatus() job {
	return job{
		host: func(ctx context.Context, h *host.Host) (answer, error) {
			on, err := h.GetPower(ctx)
			if err != nil {
				return answer{}, err
			}
			return onOff(on), nil
		},
		web: func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
			state, err := s.PowerState(ctx)
			if err != nil {
				return answer{}, err
			}
			switch state {
			case redfish.StateOn, redfish.StateOff:
				return onOff(state == redfish.StateOn), nil
			case redfish.StateUnknown:
				return said("unknown"), nil
			}
			return said("%s", state), nil
		},
	}
}

func switchPower(verb host.Verb, wait time.Duration) job {
	j := job{
		host: func(ctx context.Context, h *host.Host) (answer, error) {
			return said("%s", powerDone(verb, wait)), h.SetPower(ctx, verb, wait)
		},
		web: func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
			p, goal := webPower(verb)
			if err := s.Power(ctx, p); err != nil || goal == redfish.StateUnknown || wait <= 0 {
				return said("%s", powerDone(verb, wait)), err
			}
			ctx, stop := context.WithTimeoutCause(ctx, wait, fmt.Errorf("power %s: not done after %v", verb, wait))
			defer stop()
			return said("%s", powerDone(verb, wait)), s.WaitPower(ctx, goal, time.Second)
		},
	}
	if verb != host.On {
		j.danger = "power " + string(verb)
	}
	return quietly(j)
}

// quietly leaves out what a job would say of what it has done when it failed.
func quietly(j job) job {
	if do := j.host; do != nil {
		j.host = func(ctx context.Context, h *host.Host) (answer, error) { return unlessFailed(do(ctx, h)) }
	}
	if do := j.doer; do != nil {
		j.doer = func(ctx context.Context, d ipmi.Doer) (answer, error) { return unlessFailed(do(ctx, d)) }
	}
	if do := j.web; do != nil {
		j.web = func(ctx context.Context, c *redfish.Client, s *redfish.System) (answer, error) {
			return unlessFailed(do(ctx, c, s))
		}
	}
	if do := j.peer; do != nil {
		j.peer = func(ctx context.Context, p *peer) (answer, error) { return unlessFailed(do(ctx, p)) }
	}
	return j
}

func unlessFailed(a answer, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	return a, nil
}

// powerDone words what was done: what was asked for, unless it was waited for.
func powerDone(verb host.Verb, waited time.Duration) string {
	switch verb {
	case host.Soft, host.Shutdown, host.Softoff:
		if waited > 0 {
			return "off"
		}
		return "asked to switch off"
	case host.On, host.Off:
		if waited > 0 {
			return string(verb)
		}
		return "power " + string(verb)
	case host.Cycle, host.Reset, host.Diag, host.Boot:
	}
	return "power " + string(verb)
}

func webPower(verb host.Verb) (redfish.Power, redfish.PowerState) {
	switch verb {
	case host.On:
		return redfish.PowerOn, redfish.StateOn
	case host.Off:
		return redfish.PowerOff, redfish.StateOff
	case host.Cycle:
		return redfish.PowerCycle, redfish.StateUnknown
	case host.Reset:
		return redfish.PowerReset, redfish.StateUnknown
	case host.Diag:
		return redfish.Diagnose, redfish.StateUnknown
	case host.Boot:
		return redfish.PowerBoot, redfish.StateOn
	case host.Soft, host.Shutdown, host.Softoff:
	}
	return redfish.SoftOff, redfish.StateOff
}

const bootLong = `Reads what the machine starts from next, or says it: default, network, disk, optical,
usb, safe, setup, or one of the names that other programs have for them (pxe, hd, cdrom,
bios…). It is for the next start only, unless --persistent is given. The machine is not
started by it.`

func (c *caller) bootVerb() *cobra.Command {
	var persistent, uefi bool
	b := c.verb("bootdev [DEVICE]", "Read or say what a machine starts from", bootLong, "bmc7 bootdev\nbmc[1-40] bootdev network --uefi", cobra.MaximumNArgs(1),
		func(args []string) (job, error) {
			if len(args) == 0 {
				return bootRead(), nil
			}
			dev, err := chassis.ParseDevice(args[0])
			if err != nil {
				return job{}, &UsageError{err}
			}
			return quietly(job{
				host: func(ctx context.Context, h *host.Host) (answer, error) {
					return said("starts from %s", bootWords(chassis.Boot{Device: dev, Persistent: persistent, EFI: uefi})), h.SetBoot(ctx, dev, persistent, uefi)
				},
				web: func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
					b := redfish.Boot{Target: webBoot(dev), Enabled: "Once"}
					switch {
					case dev == chassis.NoOverride:
						b.Enabled = "Disabled"
					case persistent:
						b.Enabled = "Continuous"
					}
					if uefi {
						b.Mode = "UEFI"
					}
					_, err := s.SetBoot(ctx, b)
					return said("starts from %s", bootWords(chassis.Boot{Device: dev, Persistent: persistent, EFI: uefi})), err
				},
			}), nil
		})
	b.Flags().BoolVar(&persistent, "persistent", false, "for every start from now on")
	b.Flags().BoolVar(&uefi, "uefi", false, "by UEFI rather than the legacy way")
	b.ValidArgs = []string{"default", "network", "disk", "optical", "usb", "safe", "setup", "diag"}
	b.Aliases = []string{"boot"}
	return b
}

func bootRead() job {
	return job{
		host: func(ctx context.Context, h *host.Host) (answer, error) {
			b, err := h.GetBoot(ctx)
			if err != nil {
				return answer{}, err
			}
			a := said("%s", bootWords(b))
			a.value = map[string]any{"device": deviceWord(b.Device), "persistent": b.Persistent, "uefi": b.EFI}
			return a, nil
		},
		web: func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
			b, err := s.Boot(ctx)
			if err != nil {
				return answer{}, err
			}
			a := said("%s", strings.Join(slices.DeleteFunc([]string{b.Target, b.Enabled, b.Mode}, func(s string) bool { return s == "" }), ", "))
			a.value = b
			return a, nil
		},
	}
}

func bootWords(b chassis.Boot) string {
	text := deviceWord(b.Device)
	if b.Device == chassis.NoOverride {
		return text
	}
	if b.EFI {
		text += ", by UEFI"
	}
	if b.Persistent {
		return text + ", always"
	}
	return text + ", once"
}

// deviceWord names a device as the program does elsewhere.
func deviceWord(d chassis.Device) string {
	switch d {
	case chassis.Disk:
		return "disk"
	case chassis.FloppyOrUSB:
		return "usb"
	}
	return d.String()
}

func webBoot(d chassis.Device) string {
	switch d {
	case chassis.PXE:
		return "Pxe"
	case chassis.Disk, chassis.DiskSafeMode, chassis.RemoteDisk:
		return "Hdd"
	case chassis.DiagPartition:
		return "Diags"
	case chassis.CDROM, chassis.RemoteCDROM:
		return "Cd"
	case chassis.Setup:
		return "BiosSetup"
	case chassis.FloppyOrUSB, chassis.RemoteMedia:
		return "Usb"
	case chassis.RemoteFloppy:
		return "Floppy"
	}
	return "None"
}

func (c *caller) bootParamVerb() *cobra.Command {
	return c.verb("bootparam NUMBER [HEX…]", "Read or write a boot parameter as bytes",
		"Reads or writes a parameter of the system boot options (0 to 127) as it is. Parameter 7, the mailbox, is read and written in blocks: its first byte is the block.",
		"bmc7 bootparam 5\nbmc7 bootparam 5 80 04 00 00 00", cobra.MinimumNArgs(1), func(args []string) (job, error) {
			n, err := number(args[0], 0, 127)
			if err != nil {
				return job{}, err
			}
			data, err := hexBytes(args[1:])
			if err != nil {
				return job{}, err
			}
			return job{doer: func(ctx context.Context, d ipmi.Doer) (answer, error) {
				if len(data) > 0 {
					return unlessFailed(said("written"), chassis.SetBootOption(ctx, d, chassis.BootSetting{Option: chassis.BootOption(n), Data: data}))
				}
				a, err := chassis.GetBootOption(ctx, d, chassis.BootQuery{Option: chassis.BootOption(n)})
				return unlessFailed(said("% x", a.Data), err)
			}}, nil
		})
}

func (c *caller) identifyVerb() *cobra.Command {
	i := c.verb("identify [on|off|SECONDS]", "Switch the light by which a machine is found", "Switches the identify light on for 15 seconds, for as long as is said, on until it is switched off, or off.",
		"bmc7 identify\nbmc7 identify on\nbmc7 identify off", cobra.MaximumNArgs(1), func(args []string) (job, error) {
			length := 15 * time.Second
			word := "on for 15 s"
			if len(args) > 0 {
				switch args[0] {
				case "on", "force":
					length, word = -1, "on"
				case "off":
					length, word = 0, "off"
				default:
					n, err := number(args[0], 0, 255)
					if err != nil {
						return job{}, err
					}
					length, word = time.Duration(n)*time.Second, fmt.Sprintf("on for %d s", n)
				}
			}
			return quietly(job{
				host: func(ctx context.Context, h *host.Host) (answer, error) {
					return said("light %s", word), h.Identify(ctx, length)
				},
				web: func(ctx context.Context, _ *redfish.Client, s *redfish.System) (answer, error) {
					switch {
					case length == 0:
						return said("light off"), s.SetLight(ctx, redfish.LightOff)
					case length > 0 && len(args) > 0:
						return answer{}, fmt.Errorf("%w: Redfish has no light for a while; on or off", errNotHere)
					}
					return said("light on"), s.SetLight(ctx, redfish.LightBlinking)
				},
			}), nil
		})
	i.ValidArgs = []string{"on", "off"}
	return i
}

var errNone = errors.New("there is none")
