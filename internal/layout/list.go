package layout

import (
	"fmt"
	"io"
	"strings"
)

// list writes the layers one after the other, a line for each node, with what
// the node needs.
func list(w io.Writer, l *Layout, o TerminalOptions) error {
	g := &l.graph
	p := listing{g: g, o: o, needs: make([][]int, len(g.Nodes)), c: canvas{width: o.Width, ascii: o.ASCII}}
	for _, e := range g.Edges {
		p.needs[e.To] = append(p.needs[e.To], e.From)
	}
	rows := make([][]int, l.Layers)
	for i := range l.Nodes {
		rows[l.Nodes[i].Layer] = append(rows[l.Nodes[i].Layer], i)
	}
	for r, row := range rows {
		inOrder := make([]int, len(row))
		for _, v := range row {
			inOrder[l.Nodes[v].Order] = v
		}
		p.layer(r, inOrder)
	}
	s := sheet{g: g, o: o, c: p.c}
	s.legend()
	return s.c.flush(w, o.Colour)
}

// listing is a list in the making.
type listing struct {
	g     *Graph
	o     TerminalOptions
	needs [][]int
	c     canvas
}

func (p *listing) layer(r int, row []int) {
	y := len(p.c.rows)
	if y > 0 {
		y++
	}
	p.c.grow(y + 1)
	p.c.write(0, y, fmt.Sprintf("%d", r+1), "1")
	label, note := 0, 0
	for _, v := range row {
		n := &p.g.Nodes[v]
		label = max(label, columns(tidy(n.Label, p.o.Width/3)))
		note = max(note, columns(tidy(n.Note, p.o.Width/4)))
	}
	for _, v := range row {
		y := len(p.c.rows) - 1
		if p.c.rows[y][4].text != "" { // the first stands beside the layer's number
			y++
			p.c.grow(y + 1)
		}
		p.node(y, v, label, note)
	}
}

// node writes one line: sign, label, note, needs.
func (p *listing) node(y, v, label, note int) {
	n := &p.g.Nodes[v]
	look := n.State.Look()
	sign, arrow := look.Sign, "←"
	if p.o.ASCII {
		sign, arrow = look.ASCII, "<-"
	}
	if sign == "" {
		sign = "•"
		if p.o.ASCII {
			sign = "*"
		}
	}
	p.c.write(4, y, sign, look.sgr)
	p.c.write(6, y, tidy(n.Label, p.o.Width/3), "")
	x := 6 + label + 2
	if note > 0 {
		p.c.write(x, y, tidy(n.Note, p.o.Width/4), "2")
		x += note + 2
	}
	if len(p.needs[v]) == 0 || x+columns(arrow)+8 > p.o.Width {
		return
	}
	x = p.c.write(x, y, arrow, "2") + 1
	for i, need := range p.needs[v] {
		text := tidy(p.g.Nodes[need].Label, p.o.Width/3)
		rest := fmt.Sprintf("+%d", len(p.needs[v])-i)
		room := p.o.Width - x
		if i+1 < len(p.needs[v]) {
			text += ","
			room -= columns(rest) + 1
		}
		if columns(text) > room {
			p.c.write(x, y, strings.TrimSpace(rest), "2")
			return
		}
		x = p.c.write(x, y, text, "") + 1
	}
}
