package layout

import (
	"fmt"
	"io"
	"slices"
)

// list writes the layers one after the other: nodes that need the same stand
// together, and below them what they need.
func list(w io.Writer, g *Graph, o TerminalOptions) error {
	from, to := g.ends()
	edge := make([]int32, len(g.Edges))
	for i := range edge {
		edge[i] = int32(i)
	}
	n := len(g.Nodes)
	l, err := layers(g, link(n, from, to), link(n, to, from))
	if err != nil {
		return err
	}
	p := listing{g: g, o: o, needs: link(n, to, edge), c: canvas{width: o.Width, ascii: o.ASCII}}
	rows := make([][]int32, l.count)
	for v, at := range l.of {
		rows[at] = append(rows[at], int32(v))
	}
	for r, row := range rows {
		if r > 0 {
			p.line()
		}
		y := p.line()
		x := p.c.write(0, y, fmt.Sprintf("layer %d", r+1), "1")
		p.c.write(x+1, y, fmt.Sprintf("(%d)", len(row)), "2")
		for _, same := range p.together(row) {
			p.nodes(same)
		}
	}
	s := sheet{g: g, o: o, c: p.c}
	s.legend(stateLegend(g, o.ASCII)) // there are no lines to explain
	return s.c.flush(w, o.Colour)
}

// listing is a list in the making.
type listing struct {
	g     *Graph
	o     TerminalOptions
	needs links // edges by whom they lead to
	c     canvas
}

// line begins a new line.
func (p *listing) line() int {
	p.c.grow(len(p.c.rows) + 1)
	return len(p.c.rows) - 1
}

// together parts a layer into nodes that need the same, in the order given.
func (p *listing) together(row []int32) [][]int32 {
	var all [][]int32
	index := make(map[string]int)
	for _, v := range row {
		needs := make([]string, 0, len(p.needs.of(v)))
		for _, e := range p.needs.of(v) {
			needs = append(needs, fmt.Sprintf("%d:%d", p.g.Edges[e].From, p.g.Edges[e].Style))
		}
		slices.Sort(needs)
		key := fmt.Sprint(needs)
		at, ok := index[key]
		if !ok {
			at = len(all)
			index[key] = at
			all = append(all, nil)
		}
		all[at] = append(all[at], v)
	}
	return all
}

// nodes writes nodes that need the same, in columns, and what they need: behind
// them if there is room, else below.
func (p *listing) nodes(same []int32) {
	const indent = 2
	text := make([]string, len(same))
	wide := 0
	for i, v := range same {
		text[i] = tidy(p.g.Nodes[v].Label, p.o.Width/3)
		if note := tidy(p.g.Nodes[v].Note, p.o.Width/3); note != "" {
			text[i] += " (" + note + ")"
		}
		wide = max(wide, columns(text[i])+4)
	}
	x, y := indent, p.line()
	for i, v := range same {
		look := p.g.Nodes[v].State.Look()
		sign := look.Sign
		switch {
		case p.o.ASCII && sign != "":
			sign = look.ASCII
		case p.o.ASCII:
			sign = "*"
		case sign == "":
			sign = "•"
		}
		if x > indent && x+columns(text[i])+2 > p.o.Width {
			x, y = indent, p.line()
		}
		p.c.write(x, y, sign, look.sgr)
		p.c.write(x+2, y, text[i], "")
		x += wide
	}
	p.below(same, x, y)
}

// below writes what nodes need, by the kind of need.
func (p *listing) below(same []int32, x, y int) {
	var by [styles][]string
	needs := p.needs.of(same[0])
	if len(needs) == 0 {
		return
	}
	all := 0
	for _, e := range needs {
		edge := p.g.Edges[e]
		label := tidy(p.g.Nodes[edge.From].Label, p.o.Width/3)
		by[edge.Style] = append(by[edge.Style], label)
		all += columns(label) + 12
	}
	const indent, lines = 6, 3
	arrow := "←"
	if p.o.ASCII {
		arrow = "<-"
	}
	if len(same) > 1 || x+all > p.o.Width {
		x, y = indent, p.line()
	}
	x = p.c.write(x, y, arrow, "2") + 1
	last := y + lines
	left := len(needs)
	for style, labels := range by {
		word := Style(style).word()
		for i, label := range labels {
			after := ""
			if i+1 < len(labels) {
				after = ","
			}
			room := columns(label + after)
			if i == 0 && Style(style) != Hard {
				room += columns(word) + 1
			}
			if x+room > p.o.Width {
				if y++; y == last || left == 0 {
					p.c.write(indent, p.line(), fmt.Sprintf("and %d more", left), "2")
					return
				}
				x, y = indent, p.line()
			}
			if i == 0 && Style(style) != Hard {
				x = p.c.write(x, y, word, "2") + 1
			}
			x = p.c.write(x, y, label+after, "") + 1
			left--
		}
		if len(labels) > 0 {
			x++
		}
	}
}
