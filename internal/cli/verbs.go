package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

// verb is a command that does one operation at once.
type verb struct {
	op      room.Op
	use     string
	short   string
	long    string
	example string
	group   string

	ask     wire.Do
	noCheck bool // --no-verify
	soft    bool // --soft
	list    bool
	json    bool
	watch   bool // --watch
	timeout time.Duration
}

const changeHelp = `
The outcome is read back from the devices, until the room's (or the device's) time
for that is over. A node whose outcome cannot be known is told of as unknown, and
nothing is ever done a second time by itself.

Ctrl-C cancels what has not begun, and shows what was done; a second Ctrl-C leaves
without waiting. If the terminal just goes away, the change is finished.`

func onCommand(p *program) *cobra.Command {
	return p.verb(&verb{
		op: room.On, use: "on TARGETS", group: groupPower, short: "Switch nodes on, at once",
		long:    "Switches nodes on at once, in no order. To respect what they need, use up.\n" + changeHelp,
		example: "  millwright on web7\n  millwright on 'web[1-40],-web7' --follow\n  millwright on @rack1 --dry-run",
	})
}

func offCommand(p *program) *cobra.Command {
	return p.verb(&verb{
		op: room.Off, use: "off TARGETS", group: groupPower, short: "Switch nodes off, at once",
		long:    "Switches nodes off at once, in no order, all cords of each. To shut down what\ndepends on them first, use down.\n" + changeHelp,
		example: "  millwright off web7\n  millwright off @rack1 --nowait",
	})
}

func cycleCommand(p *program) *cobra.Command {
	return p.verb(&verb{
		op: room.Cycle, use: "cycle TARGETS", group: groupPower, short: "Switch nodes off and on again",
		long:    "Switches nodes off and on again. A node with several cords has them all taken off\nbefore the first goes on.\n" + changeHelp,
		example: "  millwright cycle web7 --follow",
	})
}

func resetCommand(p *program) *cobra.Command {
	return p.verb(&verb{
		op: room.Reset, use: "reset TARGETS", group: groupPower, short: "Reset nodes hard; their power stays",
		long:    "Resets nodes by the machine's own hard reset, where a device can do that. No\nread-back can prove a reset, so it counts as done when the device took it.\n" + changeHelp,
		example: "  millwright reset web7",
	})
}

func statusCommand(p *program) *cobra.Command {
	return p.verb(&verb{
		op: room.Status, use: "status [TARGETS]", group: groupLook, short: "Read which nodes are on",
		long: `Reads from the devices which nodes are on. Without targets: all.

A node with several cords is on when all of them are, and degraded when only some
are. One whose devices do not say is unknown, with the reason below the table. What
the daemon remembers, without asking the devices, is shown by: millwright nodes
` + watchHelp,
		example: "  millwright status\n  millwright status 'web[1-40]' --list\n  millwright status @rack1 --json | jq -r 'select(.state==\"off\").node'",
	})
}

func tempCommand(p *program) *cobra.Command {
	return p.verb(&verb{
		op: room.Temp, use: "temp [TARGETS]", group: groupLook, short: "Read temperatures",
		long:    "Reads the temperature of nodes, as their devices give it. Without targets: all.",
		example: "  millwright temp @rack1",
	})
}

func beaconCommand(p *program) *cobra.Command {
	return p.group(&cobra.Command{
		Use: "beacon on|off|status TARGETS", GroupID: groupPower, Short: "Light the locator lamps of nodes, or read them",
		Long:    "Lights the locator lamp (beacon) of nodes, so that somebody in the room finds them.",
		Example: "  millwright beacon on web7\n  millwright beacon status",
	},
		p.verb(&verb{op: room.BeaconOn, use: "on TARGETS", short: "Light the locator lamps", long: "Lights the locator lamps of nodes.", example: "  millwright beacon on web7"}),
		p.verb(&verb{op: room.BeaconOff, use: "off TARGETS", short: "Put the locator lamps out", long: "Puts the locator lamps of nodes out.", example: "  millwright beacon off @all"}),
		p.verb(&verb{op: room.Beacon, use: "status [TARGETS]", short: "Read which locator lamps are lit", long: "Reads which locator lamps are lit. Without targets: all.", example: "  millwright beacon status"}),
	)
}

const outputHelp = `
Nodes come back under the names that were typed. With --json, each line is one
JSON object: begin, then result, fault and diagnostic, then end (a dry run has work
instead of result).`

func (p *program) verb(v *verb) *cobra.Command {
	c := &cobra.Command{
		Use: v.use, GroupID: v.group, Short: v.short, Long: v.long + "\n" + outputHelp, Example: v.example,
		RunE: func(c *cobra.Command, args []string) error {
			v.ask.Targets = strings.Join(args, ",")
			if v.watch {
				return p.watch(c.Context(), v.ask.Targets, true)
			}
			return p.do(c.Context(), v)
		},
	}
	if v.op.Changes() {
		c.Args = targetsNeeded
	}
	f := c.Flags()
	f.BoolVarP(&v.list, "list", "l", false, "one line for each node, in order")
	f.BoolVarP(&v.ask.Live, "follow", "f", false, "show each result as soon as it comes")
	f.BoolVar(&v.json, "json", false, "write JSON, one object a line")
	f.BoolVar(&v.ask.Trace, "trace", false, "show the conversations with the devices, on stderr")
	f.DurationVar(&v.timeout, "timeout", 0, "give up what is not done after this `TIME`, such as 30s")
	if v.op.Changes() {
		f.BoolVar(&v.ask.DryRun, "dry-run", false, "show what would be switched, and do nothing")
		consentFlags(f, &v.ask.Consent, &v.ask.Confirm)
		f.BoolVar(&v.ask.NoWait, "nowait", false, "do not wait: print the request's id (see millwright events)")
	}
	if _, provable := v.op.Wants(); provable {
		f.BoolVar(&v.noCheck, "no-verify", false, "do not read the outcome back")
	}
	if v.op == room.Status {
		f.BoolVarP(&v.watch, "watch", "w", false, "go on showing states as they change")
		c.MarkFlagsMutuallyExclusive("watch", "list")
		c.MarkFlagsMutuallyExclusive("watch", "json")
		c.MarkFlagsMutuallyExclusive("watch", "follow")
		c.MarkFlagsMutuallyExclusive("watch", "trace")
		f.BoolVar(&v.soft, "soft", false, "ask whether the operating system is up, not the power")
	}
	return c
}

// targetsNeeded is what changes something must be given.
func targetsNeeded(_ *cobra.Command, args []string) error {
	if strings.TrimSpace(strings.Join(args, "")) == "" {
		return usagef("it must be said which nodes; for all of them write @all")
	}
	return nil
}

// do asks, and asks again if a veto hook wants it confirmed and a person does.
func (p *program) do(ctx context.Context, v *verb) error {
	err := p.once(ctx, v)
	again, err := p.confirmed(ctx, err, &v.ask.Consent)
	if again {
		return p.once(ctx, v)
	}
	return err
}

// once asks, and shows what becomes of it.
func (p *program) once(ctx context.Context, v *verb) error {
	if v.timeout < 0 {
		return usagef("--timeout cannot be negative")
	}
	op := v.op
	if v.soft {
		op = room.StatusSoft
	}
	v.ask.Op, v.ask.Timeout = op.String(), v.timeout.Seconds()
	_, provable := op.Wants()
	v.ask.Verify = provable && !v.noCheck
	v.ask.Fold = !v.list && !v.json && !v.ask.Live
	a := &answer{program: p, verb: v, op: op}
	cl := p.client()
	defer cl.Close()

	asking, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	stopped := context.AfterFunc(ctx, func() { p.interrupt(ctx, cl, a, leave) })
	defer stopped()
	done := func() {}
	if !v.ask.Live && !v.ask.Trace {
		done = p.patience("waiting for the devices:")
	}
	defer done()
	for line, err := range cl.Do(asking, v.ask) {
		if err != nil || line.Kind == wire.KindEnd {
			done()
		}
		if err != nil {
			return a.broken(ctx, err)
		}
		a.take(line)
		if line.Kind == wire.KindBegin && line.Request != "" && ctx.Err() != nil {
			p.interrupt(ctx, cl, a, leave)
		}
	}
	if op == room.Status && !v.json {
		p.warnBroken(asking, cl)
	}
	return a.end(ctx)
}

// interrupt answers Ctrl-C: a change is cancelled and its end awaited, a read is
// left.
func (p *program) interrupt(ctx context.Context, cl *client.Client, a *answer, leave func()) {
	switch id := a.request.Load(); {
	case !a.op.Changes():
		leave()
	case id == nil: // not begun yet: see do
	default:
		a.cancelled.Do(func() { p.cancel(ctx, cl, *id, leave) })
	}
}

// cancel asks the daemon to stop a change; if it cannot, we leave.
func (p *program) cancel(ctx context.Context, cl *client.Client, id string, leave func()) {
	p.hint("cancelling what has not begun; Ctrl-C again leaves without waiting")
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := cl.Cancel(asking, id); err != nil && room.CodeOf(err) != room.CodeNotFound {
		leave()
	}
}

func softOffCommand(p *program) *cobra.Command {
	return p.verb(&verb{
		op: room.SoftOff, use: "soft-off TARGETS", group: groupPower, short: "Ask the operating systems of nodes to shut down",
		long:    "Asks the operating systems of nodes to shut down, as pressing the power button\nonce does. It counts as done when the service processor took it; when a machine\nis off, status says so.\n" + changeHelp,
		example: "  millwright soft-off 'web[1-40]'",
	})
}

func diagCommand(p *program) *cobra.Command {
	return p.verb(&verb{
		op: room.Diag, use: "diag TARGETS", group: groupPower, short: "Send nodes a diagnostic interrupt (NMI)",
		long:    "Sends nodes a diagnostic interrupt (NMI). What their operating systems do with it\nis up to them: most write a dump of their memory, and many start again.\n" + changeHelp,
		example: "  millwright diag web7",
	})
}
