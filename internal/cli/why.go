package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/standing"
)

func whyCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "why NODE", GroupID: groupLook, Short: "Tell why a node stands as it does", Args: cobra.ExactArgs(1),
		Long: `Tells how a node stands and why: its power as last read, devices that are out of reach,
who holds it, which run is at work on it, checks and controls that have failed; and
the same of what it needs, as far as that is not up.`,
		Example: "  millwright why web1",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			why, err := cl.Why(c.Context(), args[0])
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(why)
			}
			p.whyTree(why, "", "")
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

// whyTree writes a reason, and its reasons below it.
func (p *program) whyTree(w wire.Why, first, rest string) {
	p.printf("%s%s\n", first, p.whyLine(w))
	tee, bar, end := "├─ ", "│  ", "└─ "
	if !p.out.utf8 {
		tee, bar, end = "|- ", "|  ", "`- "
	}
	for i, b := range w.Because {
		if i == len(w.Because)-1 {
			p.whyTree(b, rest+end, rest+"   ")
		} else {
			p.whyTree(b, rest+tee, rest+bar)
		}
	}
}

func (p *program) whyLine(w wire.Why) string {
	state := clean(w.State)
	switch w.Kind {
	case "node", "check", "control", "plug":
		state = p.out.paint(stateColour(standing.State(w.State)), state)
	}
	subject := p.out.paint(bold, clean(w.Subject))
	if w.Kind != "node" {
		subject = w.Kind + " " + clean(w.Subject)
	}
	line := subject + ": " + state
	if w.Said != "" && w.Said != w.State {
		line += ": " + clean(w.Said)
	}
	if !w.Since.IsZero() {
		line += p.out.paint(dim, " (since "+p.since(w.Since)+")")
	}
	return line
}

func impactCommand(p *program) *cobra.Command {
	var asJSON bool
	var devices, feeds []string
	c := &cobra.Command{
		Use: "impact [TARGETS]", GroupID: groupLook, Short: "Tell what falls when something goes",
		Long: `Tells which nodes do not work any more when nodes, devices or feeds go: those without
power, those whose needs have fallen; and which have less to hold them up: a cord of
two, the last spare of a choice. Nothing is touched.`,
		Example: "  millwright impact db1\n  millwright impact --feed a\n  millwright impact --device pdu1 --device pdu2",
		RunE: func(c *cobra.Command, args []string) error {
			cl := p.client()
			defer cl.Close()
			out, err := cl.Impact(c.Context(), strings.Join(args, ","), devices, feeds)
			switch {
			case err != nil:
				return err
			case asJSON:
				return p.pretty(out)
			}
			return p.impactTable(out)
		},
	}
	c.Flags().StringArrayVar(&devices, "device", nil, "a `DEVICE` that goes; may be given again")
	c.Flags().StringArrayVar(&feeds, "feed", nil, "a `FEED` that goes, with all that it feeds; may be given again")
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	return c
}

func (p *program) impactTable(out wire.Impact) error {
	if len(out.Fallen)+len(out.Worse) == 0 {
		p.printf("nothing falls, and nothing stands worse\n")
		return nil
	}
	because := map[string]string{
		"gone": "goes", "power": "no power: ", "need": "needs ", "choice": "too few left of what it needs some of, without ",
		"cord": "lives on fewer cords, without ", "spare": "no spare left, without ", "want": "wants ",
	}
	t := table{style: p.out, head: []string{"NODE", "", "BECAUSE"}}
	for _, h := range out.Fallen {
		t.row(text(h.Node), painted(red, "falls"), text(because[h.Cause]+h.By))
	}
	for _, h := range out.Worse {
		t.row(text(h.Node), painted(yellow, "worse off"), text(because[h.Cause]+h.By))
	}
	if err := t.write(p.stdout); err != nil {
		return err
	}
	verb := "fall"
	if len(out.Fallen) == 1 {
		verb = "falls"
	}
	p.printf("%s %s, %s worse off\n", counted(len(out.Fallen), "node"), verb, counted(len(out.Worse), "node"))
	return nil
}

func needsCommand(p *program) *cobra.Command {
	return p.ties(false, &cobra.Command{
		Use: "needs NODE", GroupID: groupLook, Short: "List what a node needs",
		Long:    "Lists what a node needs, what it only wants, and what it needs some of; with --all\nalso what these need in turn, the nearest first.",
		Example: "  millwright needs web1 --all",
	})
}

func neededByCommand(p *program) *cobra.Command {
	return p.ties(true, &cobra.Command{
		Use: "needed-by NODE", GroupID: groupLook, Short: "List what needs a node",
		Long:    "Lists what needs a node, or wants it, or needs it among others; with --all also what\nneeds these in turn, the nearest first.",
		Example: "  millwright needed-by db1 --all",
	})
}

func (p *program) ties(needed bool, c *cobra.Command) *cobra.Command {
	var asJSON, all bool
	c.Args = cobra.ExactArgs(1)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl := p.client()
		defer cl.Close()
		list, err := cl.Ties(c.Context(), args[0], needed, all)
		switch {
		case err != nil:
			return err
		case asJSON:
			return p.pretty(list)
		case len(list) == 0 && needed:
			p.printf("nothing needs %s\n", clean(args[0]))
			return nil
		case len(list) == 0:
			p.printf("%s needs nothing\n", clean(args[0]))
			return nil
		}
		t := table{style: p.out, head: []string{"NODE", "HOW", "AWAY", "STANDING"}}
		for _, tie := range list {
			t.row(text(tie.Node), text(tie.How), number(strconv.Itoa(tie.Away)), painted(stateColour(tie.State), string(tie.State)))
		}
		return t.write(p.stdout)
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON document")
	c.Flags().BoolVar(&all, "all", false, "all the way, rather than directly")
	return c
}
