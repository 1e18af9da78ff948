package cli

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/standing"
)

func standingsCommand(p *program) *cobra.Command {
	var asJSON, bad, parts bool
	c := &cobra.Command{
		Use: "standings [TARGETS]", GroupID: groupLook, Short: "Show how nodes stand with what was asked of them",
		Long: `Shows for each node how it stands: OK or OFF when it was brought up or down as it
should, Switching on or off, Failed to start or stop (it is tried again), Permanently
failed (until: millwright clear), Forced on or off by hand; since when, why, and how
often it was tried. With --parts also its plugs, controls and checks.`,
		Example: "  millwright standings --bad\n  millwright standings web1 --parts",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Standings(c.Context(), strings.Join(args, ","), bad)
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(list)
			case len(list) == 0 && bad:
				p.printf("nothing needs an eye\n")
				return nil
			}
			return p.standingTable(list, parts)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	c.Flags().BoolVar(&bad, "bad", false, "only what needs somebody's eye")
	c.Flags().BoolVar(&parts, "parts", false, "plugs, controls and checks too")
	return c
}

func (p *program) standingTable(list []wire.NodeStanding, parts bool) error {
	t := table{style: p.out, head: []string{"NODE", "STANDING", "TRIES", "SINCE", "WHY"}}
	for _, n := range list {
		for i, s := range n.Items {
			if i > 0 && !parts {
				break
			}
			name, why := n.Node, s.Reason
			if i > 0 {
				name = "  " + s.Kind + " " + s.Object
			} else if n.Hold != nil {
				why = strings.TrimPrefix(strings.Join([]string{why, holdText(*n.Hold)}, "; "), "; ")
			}
			if s.Drift {
				why = "DRIFT: " + why
			}
			t.row(text(name), painted(stateColour(s.State), string(s.State)), number(tries(s)), text(p.since(s.Since)), text(why))
		}
	}
	return t.write(p.stdout)
}

func tries(s wire.Standing) string {
	if n := s.Starts + s.Stops; n > 0 {
		return strconv.Itoa(n)
	}
	return ""
}

// stateColour paints a state; the words say the same.
func stateColour(s standing.State) string {
	switch {
	case s == standing.OK || s == standing.Succeeded:
		return green
	case s.ForGood() || s == standing.Failed || s == standing.Disputed:
		return red
	case s.Bad() || s == standing.CannotTell || s.Moving():
		return yellow
	}
	return dim
}

// since says when something began: the time, and the day if it was not today.
func (p *program) since(at time.Time) string {
	switch {
	case at.IsZero():
		return p.out.dash()
	case time.Since(at) < 20*time.Hour:
		return at.Local().Format("15:04:05")
	}
	return at.Local().Format("2006-01-02 15:04")
}

func holdText(h wire.Hold) string {
	return standing.Hold{Kind: standing.HoldKind(h.Kind), Author: h.Author, Reason: h.Reason, Since: h.Since, Until: h.Until}.String()
}

func holdCommand(p *program) *cobra.Command {
	return p.holding(standing.Held, &cobra.Command{
		Use: "hold TARGETS [REASON]", GroupID: groupKeep, Short: "Have nothing automatic touch nodes",
		Long: `Holds nodes: plans leave them as they are and say so, schedules and batteries too.
A person who names a held node in on, off or cycle still switches it.`,
		Example: "  millwright hold db1 'disk is being copied'\n  millwright hold @rack3 --for 2h moving cables",
	})
}

func maintenanceCommand(p *program) *cobra.Command {
	return p.holding(standing.Maintenance, &cobra.Command{
		Use: "maintenance TARGETS [REASON]", Aliases: []string{"maint"}, GroupID: groupKeep, Short: "Hold nodes, and expect nothing of them",
		Long:    "Holds nodes as hold does; besides, their checks rest until it ends.",
		Example: "  millwright maintenance web7 --for 90m new memory\n  millwright maintenance web7 --until 2030-01-31T18:00",
	})
}

func (p *program) holding(kind standing.HoldKind, c *cobra.Command) *cobra.Command {
	var lasts time.Duration
	var until string
	c.Args = cobra.MinimumNArgs(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		h := wire.NewHold{Targets: args[0], Kind: string(kind), Reason: strings.Join(args[1:], " ")}
		switch {
		case lasts > 0:
			h.Until = time.Now().Add(lasts)
		case until != "":
			var err error
			if h.Until, err = moment(until, time.Now()); err != nil {
				return usagef("--until: %w", err)
			}
		}
		cl := p.client()
		defer cl.Close()
		nodes, err := cl.Hold(c.Context(), h)
		if err == nil {
			p.printf("%s: %s\n", clean(nodes), map[standing.HoldKind]string{standing.Held: "held", standing.Maintenance: "in maintenance"}[kind])
		}
		return err
	}
	c.Flags().DurationVar(&lasts, "for", 0, "how long, such as 2h; without an end it lasts until it is released")
	c.Flags().StringVar(&until, "until", "", "`TIME` when it ends by itself")
	c.MarkFlagsMutuallyExclusive("for", "until")
	return c
}

func releaseCommand(p *program) *cobra.Command {
	var maintenance bool
	c := &cobra.Command{
		Use: "release TARGETS", GroupID: groupKeep, Short: "Let go of nodes that were held", Args: cobra.MinimumNArgs(1),
		Long:    "Takes holds off nodes, or with --maintenance ends their maintenance.",
		Example: "  millwright release db1\n  millwright release @rack3 --maintenance",
		RunE: func(c *cobra.Command, args []string) error {
			kind := standing.Held
			if maintenance {
				kind = standing.Maintenance
			}
			cl := p.client()
			defer cl.Close()
			nodes, err := cl.Release(c.Context(), wire.EndHold{Targets: strings.Join(args, ","), Kind: string(kind)})
			switch {
			case err != nil:
				return err
			case nodes == "":
				p.printf("none of them had such a hold\n")
			default:
				p.printf("%s: released\n", clean(nodes))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&maintenance, "maintenance", false, "end maintenance")
	return c
}

func holdsCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "holds", GroupID: groupLook, Short: "List who holds which nodes, and why", Args: cobra.NoArgs,
		Long:    "Lists the holds and the maintenance that count now: who has decided, why, and until\nwhen.",
		Example: "  millwright holds",
		RunE: func(c *cobra.Command, _ []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Holds(c.Context())
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(list)
			case len(list) == 0:
				p.printf("nothing is held\n")
				return nil
			}
			t := table{style: p.out, head: []string{"NODE", "KIND", "SINCE", "UNTIL", "BY", "WHY"}}
			for _, h := range list {
				t.row(text(h.Node), text(h.Kind), text(p.since(h.Since)), text(p.since(h.Until)), text(h.Author), text(orDash(p.out, h.Reason)))
			}
			return t.write(p.stdout)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}
