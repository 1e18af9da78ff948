package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/layout"
)

// graphFlags are what graph can be told.
type graphFlags struct {
	ask              client.Picture
	svg, dot, json   bool
	all, list, ascii bool
	out              string
}

func graphCommand(p *program) *cobra.Command {
	var f graphFlags
	c := &cobra.Command{
		Use: "graph [TARGETS]", GroupID: groupLook, Short: "Draw what needs what",
		Long: `Draws the room: what is needed stands above what needs it, each box with the state of
its node as a sign, a word and a colour. Nodes that are tied alike share a box. With
targets it shows these, what they need and what needs them. On a line that is not a
terminal it is drawn for 100 columns, without colours.`,
		Example: "  millwright graph\n  millwright graph web1 --power\n  millwright graph --svg -o room.svg\n  millwright graph --dot | dot -Tpdf > room.pdf",
		RunE: func(c *cobra.Command, args []string) error {
			f.ask.Targets, f.ask.Fold = strings.Join(args, ","), !f.all
			return p.graph(c.Context(), f)
		},
	}
	c.Flags().BoolVar(&f.ask.Power, "power", false, "devices and feeds too")
	c.Flags().BoolVar(&f.all, "all", false, "a box for every node")
	c.Flags().BoolVar(&f.list, "list", false, "a list by layers, not boxes and lines")
	c.Flags().BoolVar(&f.ascii, "ascii", false, "draw with plain ASCII characters")
	c.Flags().BoolVar(&f.svg, "svg", false, "write a picture, in SVG")
	c.Flags().BoolVar(&f.dot, "dot", false, "write a graph for Graphviz")
	c.Flags().BoolVar(&f.json, "json", false, "write one JSON document")
	c.Flags().StringVarP(&f.out, "out", "o", "", "`FILE` to write to")
	c.MarkFlagsMutuallyExclusive("svg", "dot", "json")
	return c
}

func (p *program) graph(ctx context.Context, f graphFlags) error {
	cl := p.client()
	defer cl.Close()
	g, err := cl.Graph(ctx, f.ask)
	if err != nil {
		return err
	}
	if f.json {
		return p.pretty(g)
	}
	draw := func(w io.Writer) error { return p.drawTerminal(w, g.Layout(), f) }
	switch {
	case f.svg:
		draw = func(w io.Writer) error {
			l, err := layout.Compute(g.Layout(), layout.Options{})
			if err != nil {
				return err
			}
			return layout.SVG(w, l, layout.SVGOptions{})
		}
	case f.dot:
		draw = func(w io.Writer) error { return layout.DOT(w, g.Layout()) }
	}
	if f.out == "" {
		return draw(p.stdout)
	}
	return writeWhole(f.out, true, draw)
}

func (p *program) drawTerminal(w io.Writer, g layout.Graph, f graphFlags) error {
	if len(g.Nodes) == 0 {
		p.printf("there is nothing to draw\n")
		return nil
	}
	l, err := layout.Compute(g, layout.Options{MaxWidth: -1})
	if err != nil {
		return err
	}
	return layout.Terminal(w, l, layout.TerminalOptions{
		Width: p.out.width, Colour: p.out.colour && f.out == "", ASCII: f.ascii, List: f.list,
	})
}
