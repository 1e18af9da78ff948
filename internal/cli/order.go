package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
)

// orderFlags are what up and down can be told.
type orderFlags struct {
	ask    wire.Order
	dryRun bool
	noWait bool
	json   bool
	list   bool
	yes    bool // what is to be confirmed is confirmed

	expect time.Duration // how long it will probably take; zero if nobody knows

	whenFree, takeOver bool
}

const orderHelp = `
Each node waits for what it depends on, and for nothing else. One that does not come
to its goal is tried again as the room's policy says; then it blocks all that depends
on it. The rest goes on, and the end names who is blocked by whom.

At a terminal the plan is shown first and has to be confirmed, unless --yes is given.

The run belongs to the daemon and goes on when the terminal goes away; look at it
again with: millwright run follow. Ctrl-C cancels it (a second Ctrl-C leaves without
waiting). With --json, a dry run is one JSON document (the plan), otherwise each
line is one update of the run.`

func upCommand(p *program) *cobra.Command {
	return p.orderCommand(always("up"), &cobra.Command{
		Use: "up [TARGETS]", GroupID: groupPower, Short: "Bring nodes up, in the order of what they need",
		Long:    "Brings nodes up, and first of all what they need. Without targets: all.\n" + orderHelp,
		Example: "  millwright up --dry-run\n  millwright up @compute\n  millwright up 'web[1-40],-web7' --nowait",
	})
}

func downCommand(p *program) *cobra.Command {
	return p.orderCommand(always("down"), &cobra.Command{
		Use: "down [TARGETS]", GroupID: groupPower, Short: "Take nodes down, dependents first",
		Long:    "Takes nodes down, and before them all that needs them, asked for or not. In each node\nits controls are asked first, and power is cut when something proves that it has\nhalted. Without targets: all.\n" + orderHelp,
		Example: "  millwright down db1 --dry-run\n  millwright down --yes",
	})
}

func restartCommand(p *program) *cobra.Command {
	var cut bool
	c := p.orderCommand(func() string {
		if cut {
			return "cycle"
		}
		return "restart"
	}, &cobra.Command{
		Use: "restart TARGETS", GroupID: groupPower, Short: "Take nodes down and bring them up again, in order", Args: cobra.MinimumNArgs(1),
		Long: `Takes nodes down, before them what needs them, and brings up again what was up. Nodes
that will not halt are left alone, unless --cut is given. (cycle does it to single
nodes at once, whatever depends on them.)
` + orderHelp,
		Example: "  millwright restart db1\n  millwright restart @web --only",
	})
	c.Flags().BoolVar(&cut, "cut", false, "cut the power of nodes that will not halt")
	return c
}

func always(goal string) func() string { return func() string { return goal } }

func (p *program) orderCommand(goal func() string, c *cobra.Command) *cobra.Command {
	var f orderFlags
	c.RunE = func(c *cobra.Command, args []string) error {
		f.ask.Goal, f.ask.Targets, f.ask.Confirm = goal(), strings.Join(args, ","), f.yes
		switch {
		case f.whenFree:
			f.ask.Conflict = "when-free"
		case f.takeOver:
			f.ask.Conflict = "take-over"
		}
		return p.order(c.Context(), f)
	}
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "show the plan, and do nothing")
	c.Flags().BoolVar(&f.noWait, "nowait", false, "do not wait: print the run's id")
	c.Flags().BoolVar(&f.json, "json", false, "write JSON")
	c.Flags().BoolVarP(&f.list, "list", "l", false, "show each node's result as it comes")
	c.Flags().BoolVar(&f.ask.Dependents, "with-dependents", false, "take along all that needs the nodes (down always does)")
	c.Flags().BoolVar(&f.ask.Dependencies, "with-dependencies", false, "take along all that the nodes need (up always does)")
	c.Flags().BoolVar(&f.ask.Only, "only", false, "touch nothing but these nodes; what stands in the way blocks them")
	c.Flags().BoolVar(&f.ask.Force, "force", false, "pass over what stands in the way, and over attempts that are used up")
	c.Flags().BoolVar(&f.whenFree, "when-free", false, "if another run is at work there, begin when it has ended")
	c.Flags().BoolVar(&f.takeOver, "take-over", false, "if another run is at work there, cancel it, and begin when it has ended")
	c.MarkFlagsMutuallyExclusive("when-free", "take-over")
	c.MarkFlagsMutuallyExclusive("only", "with-dependents")
	c.MarkFlagsMutuallyExclusive("only", "with-dependencies")
	consentFlags(c.Flags(), &f.ask.Consent, &f.yes)
	return c
}

func (p *program) order(ctx context.Context, f orderFlags) error {
	cl := p.client()
	defer cl.Close()
	if f.dryRun {
		done := p.patience(readingStates)
		planned, err := cl.Plan(ctx, f.ask)
		done()
		if err != nil {
			return err
		}
		if f.json {
			return p.pretty(planned.Plan)
		}
		p.planText(planned.Text)
		return nil
	}
	if !f.yes && !f.json {
		var err error
		if f.ask.Shown, err = p.confirmPlan(ctx, cl, f.ask); err != nil {
			return err
		}
	}
	done := p.patience(readingStates)
	planned, err := p.submit(ctx, cl, f.ask)
	done()
	if again, why := p.confirmed(ctx, err, &f.ask.Consent); again {
		planned, err = p.submit(ctx, cl, f.ask)
	} else {
		err = why
	}
	if f.ask.Conflict == "" && room.CodeOf(err) == room.CodeBusy && strings.Contains(err.Error(), "at work there") {
		p.errorf("%s", wording(err))
		p.hint("To begin when that has ended: --when-free. To cancel it first: --take-over.")
		return exit(ExitRefused)
	}
	if err != nil {
		return err
	}
	if f.noWait {
		p.printf("%s\n", planned.Run)
		return nil
	}
	f.expect = foreseen(planned.Plan.Forecast, len(planned.Plan.Steps))
	return p.followRun(ctx, cl, planned.Run, f, true)
}

// foreseen gives the time that a forecast gives, if it knows most steps.
func foreseen(f *plan.ForecastView, steps int) time.Duration {
	if f == nil || 2*f.Guessed > steps {
		return 0
	}
	return time.Duration(f.Seconds * float64(time.Second))
}

// submit begins a run. An interrupt gives the daemon a moment to answer, so that
// a run that has just begun can be cancelled by its id; after that, the daemon is
// still reading from the devices, and gives up without beginning anything.
func (p *program) submit(ctx context.Context, cl *client.Client, o wire.Order) (wire.Planned, error) {
	const moment = time.Second
	asking, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	defer context.AfterFunc(ctx, func() {
		select {
		case <-asking.Done():
		case <-time.After(moment):
			leave()
		}
	})()
	return cl.Order(asking, o)
}

// readingStates is what happens before there is a plan.
const readingStates = "reading from the devices how it stands:"

// confirmPlan shows a person what would be done, asks whether it shall, and gives the
// digest of what was agreed to. Programs are not asked: they have typed it.
func (p *program) confirmPlan(ctx context.Context, cl *client.Client, o wire.Order) (shown string, _ error) {
	if in, ok := p.stdin.(*os.File); !ok || !term.IsTerminal(int(in.Fd())) {
		return "", nil
	}
	done := p.patience(readingStates)
	planned, err := cl.Plan(ctx, o)
	done()
	if err != nil {
		return "", err
	}
	if planned.Plan.Totals.Switched == 0 {
		return "", nil
	}
	p.planText(planned.Text)
	question := "Go on? [y/N] "
	if o.Targets == "" && o.Goal != "up" {
		question = fmt.Sprintf("This takes all %s of the room down. %s", counted(planned.Plan.Totals.Switched, "node"), question)
	}
	yes, _ := p.agree(ctx, question)
	switch {
	case ctx.Err() != nil:
		return "", exit(ExitStopped)
	case !yes:
		p.hint("Nothing was done.")
		return "", exit(ExitRefused)
	}
	return planned.Digest, nil
}

// planText writes a plan, its headings set off and its long lines wrapped.
func (p *program) planText(plan string) {
	for line := range strings.Lines(plan) {
		line = clean(strings.TrimRight(line, "\n"))
		if !strings.HasPrefix(line, " ") {
			p.printf("%s\n", p.out.head(line))
			continue
		}
		for i, part := range wrap(line, max(p.out.width-6, 0)) {
			if i > 0 {
				p.printf("      ")
			}
			p.printf("%s\n", part)
		}
	}
}

// pretty writes one document for programs that people can read too.
func (p *program) pretty(v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	p.printf("%s\n", data)
	return nil
}

// followRun shows a run to its end. If it is ours, Ctrl-C cancels it.
func (p *program) followRun(ctx context.Context, cl *client.Client, id string, f orderFlags, ours bool) error {
	following, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	stopped := context.AfterFunc(ctx, func() {
		if !ours {
			leave()
			return
		}
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if cl.CancelRun(asking, id) != nil {
			leave()
		}
	})
	defer stopped()

	info, missing := cl.Run(following, id)
	total := info.Counts.Total
	show := p.progress(id, total, f)
	defer show.close()
	end, err := p.updates(following, cl, id, show)
	show.close()
	switch {
	case err != nil && ctx.Err() != nil:
		p.hint("The run goes on: millwright run follow " + id)
		return exit(ExitStopped)
	case err != nil:
		if missing == nil { // the daemon went away, and not the run
			p.hint("The run goes on when the daemon is there again: millwright run follow " + id)
		}
		return err
	case f.json:
	default:
		p.runEnd(following, cl, id, end)
	}
	if ctx.Err() != nil {
		return exit(ExitStopped)
	}
	return verdictOf(end, show.unknown())
}

// updates tells each update to a display, and gives the last one.
func (p *program) updates(ctx context.Context, cl *client.Client, id string, show display) (wire.Update, error) {
	var last wire.Update
	for u, err := range cl.Updates(ctx, id, 0) {
		if err != nil {
			return last, err
		}
		last = u
		show.take(u)
	}
	if last.Kind != run.Ended {
		return last, fmt.Errorf("the daemon stopped telling of run %s: %w", id, io.ErrUnexpectedEOF)
	}
	return last, nil
}

// verdictOf gives the exit status of a run as an error.
func verdictOf(end wire.Update, unknown bool) error {
	switch {
	case end.State == run.Done:
		return nil
	case unknown:
		return exit(ExitUnknown)
	}
	return exit(ExitFailed)
}

// runEnd writes the summary of a run that has ended.
func (p *program) runEnd(ctx context.Context, cl *client.Client, id string, end wire.Update) {
	info, err := cl.Run(ctx, id)
	if err != nil { // it has ended all the same
		p.printf("%s\n", clean(end.Text()))
		return
	}
	p.runSummary(info)
}

// runSummary writes how a run ended.
func (p *program) runSummary(info wire.Run) {
	m := map[run.State]mark{
		run.Done: markGood, run.Partial: markBad, run.Failed: markBad,
		run.Cancelled: markWaiting,
	}[info.State]
	head := info.Op + " " + string(info.State)
	if p.out.terminal { // elsewhere, equal ends are equal bytes
		head += ", " + elapsed(info.Ended.Sub(info.Began))
	}
	p.printf("%s %s\n", p.out.mark(m), p.out.head(clean(head)))
	if info.Outcomes == nil {
		p.printf("  %s\n", clean(info.Said))
		return
	}
	o := info.Outcomes
	t := table{style: p.out}
	for _, part := range []struct {
		m           mark
		word, nodes string
	}{
		{markGood, "ok", o.OK},
		{markSoft, "not verified", o.Unverified},
		{markBad, "failed", o.Failed},
		{markUnknown, "unknown", o.Unknown},
		{markBad, "blocked", o.Blocked},
		{markWaiting, "not begun", o.NotBegun},
		{markWaiting, "nothing to do", o.Passed},
		{markWaiting, "was there", o.Skipped},
	} {
		if part.nodes == "" {
			continue
		}
		sign := p.out.sign(part.m)
		sign.text = "  " + sign.text
		t.row(sign, painted(part.m.colour, part.word), text(part.nodes))
	}
	_ = t.write(p.stdout)
}

// elapsed gives a time as people say it.
func elapsed(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
