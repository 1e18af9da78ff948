package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/door/http/wire"
)

func checksCommand(p *program) *cobra.Command {
	var asJSON, bad bool
	c := &cobra.Command{
		Use: "checks [TARGETS]", GroupID: groupLook, Short: "Show how checks stand",
		Long: `Shows what each check of the nodes found when it was last made. Nothing is looked at
anew; millwright check does that.`,
		Example: "  millwright checks --bad\n  millwright checks @web",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Checks(c.Context(), strings.Join(args, ","), bad)
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(list)
			case len(list) == 0 && bad:
				p.printf("all checks are ok\n")
				return nil
			case len(list) == 0:
				p.printf("there are no checks; rooms have them under checks:\n")
				return nil
			}
			return p.checkTable(list)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	c.Flags().BoolVar(&bad, "bad", false, "only those that are not ok")
	return c
}

func checkCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "check TARGETS [CHECK…]", GroupID: groupPower, Short: "Make checks of nodes now", Args: cobra.MinimumNArgs(1),
		Long: `Has the checks of nodes made now, those that are named or all, and shows what they find.
It ends with 2 if one of them is not ok.`,
		Example: "  millwright check web1\n  millwright check @db sql",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			list, err := cl.Look(c.Context(), args[0], args[1:])
			if err != nil {
				return err
			}
			if asJSON {
				err = p.pretty(list)
			} else {
				err = p.checkTable(list)
			}
			if err == nil && slices.ContainsFunc(list, func(c wire.Check) bool { return c.Last != check.OK }) {
				return exit(ExitFailed)
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func (p *program) checkTable(list []wire.Check) error {
	colours := map[check.Verdict]string{check.OK: green, check.Bad: red, check.Unknown: yellow}
	t := table{style: p.out, head: []string{"NODE", "CHECK", "VERDICT", "SINCE", "LAST", "WHAT WAS SEEN"}}
	for _, c := range list {
		verdict := painted(colours[c.Verdict], c.Verdict.String())
		if c.At.IsZero() {
			verdict = text(p.out.dash())
		}
		said := c.Said
		switch {
		case c.Hangs:
			said = "a look has not ended, though its time is long up; before: " + said
		case c.Flapping:
			said = "keeps changing; last: " + said
		case c.Last != c.Verdict && !c.At.IsZero():
			said = fmt.Sprintf("%v, %s in a row: %s", c.Last, counted(c.Attempt, "look"), said)
		case c.At.IsZero():
			said = "was not looked at yet"
		}
		t.row(text(c.Node), text(c.Check), verdict, text(p.since(c.Since)), text(p.since(c.At)), text(said))
	}
	return t.write(p.stdout)
}

func controlCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "control NODE [CONTROL [off|on|status]]", GroupID: groupPower, Short: "Ask the controls of a node", Args: cobra.RangeArgs(1, 3),
		Long: `Lists the controls of a node, asks one for its status, or has it shut the node down or
start it. Power stays as it is, and nothing that depends on the node is looked at:
millwright down does all of that.`,
		Example: "  millwright control db1\n  millwright control db1 os off",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			if len(args) == 1 {
				list, err := cl.Controls(c.Context(), args[0])
				switch {
				case err != nil:
					return err
				case asJSON:
					return p.pretty(list)
				case len(list) == 0:
					p.printf("%s has no controls\n", clean(args[0]))
					return nil
				}
				t := table{style: p.out, head: []string{"CONTROL", "KIND", "CAN"}}
				for _, one := range list {
					t.row(text(one.Name), text(one.Kind), text(orDash(p.out, strings.Join(one.Can, " "))))
				}
				return t.write(p.stdout)
			}
			op := "status"
			if len(args) == 3 {
				op = args[2]
			}
			if !slices.Contains([]string{"off", "on", "status"}, op) {
				return usagef("a control is asked for off, on or status, and not for %q", op)
			}
			now, err := cl.Control(c.Context(), args[0], args[1], op)
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(now)
			case op == "status":
				p.printf("%s\n", now.State)
			default:
				p.printf("it was asked; it says that it is %s\n", now.State)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}
