package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
)

// timeForm is how times are shown: local, and sortable.
const timeForm = "2006-01-02 15:04:05"

// shortID is how much of an id is shown in tables. It is enough to name a run by.
const shortID = 8

func runsCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "runs", GroupID: groupLook, Short: "List runs of up and down, the newest first", Args: cobra.NoArgs,
		Long:    "Lists the runs of up and down that the daemon remembers, the newest first. Those\nthat ended long ago are in the events.",
		Example: "  millwright runs\n  millwright run follow",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Runs(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return p.pretty(list)
			}
			t := table{style: p.out, head: []string{"RUN", "OP", "STATE", "DONE", "BEGAN", "BY", "ASKED"}}
			for i := range list {
				t.row(runCells(&list[i])...)
			}
			return t.write(p.stdout)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func runCells(r *wire.Run) []cell {
	colour := map[run.State]string{run.Running: cyan, run.Done: green, run.Partial: red, run.Failed: red, run.Cancelled: yellow, run.Queued: yellow, run.Paused: yellow}[r.State]
	return []cell{
		text(r.ID[:min(len(r.ID), shortID)]), text(r.Op), painted(colour, string(r.State)),
		number(fmt.Sprintf("%d/%d", r.Counts.Good, r.Counts.Total)),
		text(r.Began.Local().Format(timeForm)), text(r.Actor), text(r.Asked),
	}
}

func runCommand(p *program) *cobra.Command {
	return p.group(&cobra.Command{
		Use: "run show|follow|report|pause|resume|cancel [RUN]", GroupID: groupKeep, Short: "Look at a run, follow it, pause or cancel it",
		Long:    "Looks at one run of up or down. RUN is its id, or the beginning of it; without one\nit is the newest.",
		Example: "  millwright run show\n  millwright run follow K7QX\n  millwright run cancel",
	}, p.runShow(), p.runFollow(), p.runReport(), p.runPause(), p.runResume(), p.runCancel())
}

func (p *program) runShow() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "show [RUN]", Short: "Show how it stands with a run", Args: cobra.MaximumNArgs(1),
		Long: "Shows how it stands with a run, and how it ended.", Example: "  millwright run show",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			info, err := findRun(c.Context(), cl, args)
			if err != nil {
				return err
			}
			if asJSON {
				return p.pretty(info)
			}
			p.showRun(&info)
			if list, err := cl.Questions(c.Context()); err == nil && !info.State.Final() && slices.ContainsFunc(list, func(q wire.Question) bool { return q.Device == "" }) {
				p.hint("People are asked, and their answer is waited for: millwright questions")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func (p *program) showRun(info *wire.Run) {
	t := table{style: p.out}
	t.row(painted(bold, "run"), text(info.ID))
	t.row(painted(bold, "asked"), text(info.Op+" "+info.Asked+" by "+orDash(p.out, info.Actor)))
	t.row(painted(bold, "began"), text(info.Began.Local().Format(timeForm)))
	if !info.State.Final() {
		t.row(painted(bold, "state"), text(fmt.Sprintf("%s, %d of %d done, %d under way, %d failed, %d blocked, for %s", info.State,
			info.Counts.Good, info.Counts.Total, info.Counts.Active, info.Counts.Bad, info.Counts.Blocked, elapsed(time.Since(info.Began)))))
		if len(info.Behind) > 0 {
			t.row(painted(bold, "waits for"), text("run "+strings.Join(info.Behind, ", ")))
		}
		if info.Trouble != "" {
			t.row(painted(bold, "trouble"), text(info.Trouble))
		}
		if info.Cancel != "" {
			t.row(painted(bold, "stopping"), text(info.Cancel))
		}
	}
	_ = t.write(p.stdout)
	if info.State.Final() {
		p.runSummary(*info)
	}
}

func orDash(s style, what string) string {
	if what == "" {
		return s.dash()
	}
	return what
}

func (p *program) runFollow() *cobra.Command {
	var f orderFlags
	c := &cobra.Command{
		Use: "follow [RUN]", Short: "Follow a run to its end", Args: cobra.MaximumNArgs(1),
		Long:    "Follows a run to its end, from its beginning. Ctrl-C leaves it, and it goes on.",
		Example: "  millwright run follow\n  millwright run follow --json",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			info, err := findRun(c.Context(), cl, args)
			if err != nil {
				return err
			}
			return p.followRun(c.Context(), cl, info.ID, f, false)
		},
	}
	c.Flags().BoolVar(&f.json, "json", false, "write JSON, one update a line")
	c.Flags().BoolVarP(&f.list, "list", "l", false, "show each node's result as it comes")
	return c
}

func (p *program) runCancel() *cobra.Command {
	return p.runControl("is being cancelled", (*client.Client).CancelRun, &cobra.Command{
		Use: "cancel [RUN]", Short: "Cancel a run",
		Long:    "Cancels a run: no further node is begun. It does not wait for what devices are doing.",
		Example: "  millwright run cancel && millwright run follow",
	})
}

func (p *program) runPause() *cobra.Command {
	return p.runControl("begins nothing new until it is resumed", (*client.Client).PauseRun, &cobra.Command{
		Use: "pause [RUN]", Short: "Have a run begin nothing new",
		Long:    "Pauses a run: what devices are doing is brought to its end, and nothing new is begun\nuntil it is resumed, also when the daemon is restarted meanwhile.",
		Example: "  millwright run pause",
	})
}

func (p *program) runResume() *cobra.Command {
	return p.runControl("goes on", (*client.Client).ResumeRun, &cobra.Command{
		Use: "resume [RUN]", Short: "Have a paused run go on",
		Long: "Has a paused run go on.", Example: "  millwright run resume && millwright run follow",
	})
}

// runControl is a command that does something with one run.
//
//go:noinline // see clean
func (p *program) runControl(said string, do func(*client.Client, context.Context, string) error, c *cobra.Command) *cobra.Command {
	c.Args = cobra.MaximumNArgs(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl := p.client()
		defer cl.Close()
		info, err := findRun(c.Context(), cl, args)
		if err != nil {
			return err
		}
		if err := do(cl, c.Context(), info.ID); err != nil {
			return err
		}
		p.printf("run %s %s\n", info.ID, said)
		return nil
	}
	return c
}

func (p *program) runReport() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "report [RUN]", Short: "Show all that a run has told", Args: cobra.MaximumNArgs(1),
		Long:    "Shows each thing that a run has done, with its time: which nodes it began, what was\ntried again and why, what witnesses said, who was blocked by whom, and the end.",
		Example: "  millwright run report\n  millwright run report K7QX --json > run.json",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			info, err := findRun(c.Context(), cl, args)
			if err != nil {
				return err
			}
			report, err := cl.RunReport(c.Context(), info.ID)
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(report)
			}
			p.showRun(&report.Run)
			t := table{style: p.out, head: []string{"AT", "WHAT"}}
			for _, u := range report.Updates {
				t.row(text(u.Time.Local().Format("15:04:05.000")), text(u.Text()))
			}
			p.printf("\n")
			return t.write(p.stdout)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

// findRun finds the run that is meant: by its id, the beginning of its id, or
// the newest.
func findRun(ctx context.Context, cl *client.Client, args []string) (wire.Run, error) {
	list, err := cl.Runs(ctx)
	if err != nil {
		return wire.Run{}, err
	}
	var found []wire.Run
	if len(args) == 0 && len(list) > 0 {
		found = list[:1]
	}
	for i := range list {
		if len(args) > 0 && args[0] != "" && strings.HasPrefix(list[i].ID, strings.ToUpper(args[0])) {
			found = append(found, list[i])
		}
	}
	switch {
	case len(found) == 1:
		return cl.Run(ctx, found[0].ID)
	case len(found) > 1:
		return wire.Run{}, &room.Error{Code: room.CodeInvalid, Op: "run", Subject: args[0], Said: strconv.Itoa(len(found)) + " runs begin like this"}
	case len(args) > 0:
		return cl.Run(ctx, args[0])
	}
	return wire.Run{}, &room.Error{Code: room.CodeNotFound, Op: "run", Said: "there has been no run"}
}
