package layout

import (
	"io"
	"math"
	"slices"
	"strings"
)

// TerminalOptions say what the terminal is like.
type TerminalOptions struct {
	Width  int  // columns; 0 is 100, less than 20 is 20, more than 400 is 400
	Colour bool // by ANSI escapes; signs say the same
	ASCII  bool // nothing but ASCII for lines and signs; labels stay as they are
	List   bool // the list in any case
}

// Limits of drawings with boxes: beyond them nobody could follow a line.
const (
	drawNodes = 400 // nodes
	drawLines = 14  // lines that pass through one layer
)

// Terminal draws a layout for a terminal, with layers from top, what is needed,
// to bottom. Layers that are too wide are wrapped. Where that is no good any
// more, because too many lines would have to pass, it writes a list by layers
// that says for each node what it needs. Ends of lines have no blanks.
func Terminal(w io.Writer, l *Layout, o TerminalOptions) error {
	switch {
	case o.Width == 0:
		o.Width = 100
	default:
		o.Width = min(max(o.Width, 20), 400)
	}
	g := &l.graph
	if !o.List && len(g.Nodes) <= drawNodes {
		for _, most := range []int{30, 20, 13} {
			s := newSheet(g, o, most)
			ok, err := s.arrange()
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if s.draw(); s.c.clashes == 0 {
				s.legend(newLegend(g, o.ASCII))
				return s.c.flush(w, o.Colour)
			}
		}
	}
	return list(w, g, o)
}

// sheet is a drawing with boxes in the making.
type sheet struct {
	g    *Graph
	o    TerminalOptions
	text []boxText
	m    *mesh
	left []int // of each item
	top  []int // of each box
	c    canvas
	gaps []gap // below each layer
}

// boxText is what stands in a box.
type boxText struct {
	label, note string
	look        Look
	width       int // of the box
	height      int
}

func newSheet(g *Graph, o TerminalOptions, most int) *sheet {
	s := &sheet{g: g, o: o, text: make([]boxText, len(g.Nodes)), c: canvas{width: o.Width, ascii: o.ASCII}}
	in, out := make([]int, len(g.Nodes)), make([][styles]bool, len(g.Nodes))
	for _, e := range g.Edges {
		in[e.To]++
		out[e.From][e.Style] = true
	}
	most = min(most, o.Width-6)
	for i, n := range g.Nodes {
		t := &s.text[i]
		t.look = n.State.Look()
		if o.ASCII {
			t.look.Sign = t.look.ASCII
		}
		t.label, t.note = s.plain(tidy(n.Label, most)), s.plain(tidy(n.Note, most))
		if t.label == "" {
			t.label = "?"
		}
		inner := columns(t.label)
		if t.look.Sign != "" {
			inner += 2
		}
		ports := 0
		for _, has := range out[i] {
			if has {
				ports++
			}
		}
		ports = max(ports, min(in[i], 12))
		inner = max(inner, columns(t.note), 2*ports-3, 3)
		t.width, t.height = min(inner+4, o.Width), 3
		if t.note != "" {
			t.height = 4
		}
	}
	return s
}

// plain gives a text that the terminal can show: "…" is ours.
func (s *sheet) plain(text string) string {
	if r := []rune(text); s.o.ASCII && len(r) > 0 && r[len(r)-1] == '…' {
		return string(r[:len(r)-1]) + "~"
	}
	return text
}

// arrange finds where everything stands, and says whether it can be drawn.
func (s *sheet) arrange() (bool, error) {
	const apart = 2
	m, err := arrange(s.g, func(i int) float64 { return float64(s.text[i].width) }, apart, float64(s.o.Width))
	if err != nil {
		return false, err
	}
	if slices.Contains(m.straight, true) {
		return false, nil
	}
	s.m, s.top = m, make([]int, len(s.g.Nodes))
	p := placer{m: m, width: func(v int32) float64 { return float64(s.width(v)) }, gap: func(a, b int32) float64 {
		if int(a) < m.n && int(b) < m.n {
			return apart
		}
		return 1
	}, bound: float64(s.o.Width)}
	for _, row := range m.rows {
		total, lines := 0, 0
		for i, v := range row {
			total += s.width(v)
			if i > 0 {
				total += int(p.gap(row[i-1], v))
			}
			if int(v) >= m.n {
				lines++
			}
		}
		if total > s.o.Width || lines > drawLines {
			return false, nil
		}
	}
	p.place()
	s.snap(&p)
	return true, nil
}

// snap puts everything in whole columns, and then makes lines run straight.
func (s *sheet) snap(p *placer) {
	least := math.Inf(1)
	half := func(v int) float64 { return float64(s.width(int32(v))) / 2 }
	for v, x := range p.x {
		left := math.Floor(x - half(v) + 0.5 + 1e-6)
		least = min(least, left)
		p.x[v] = left + half(v)
	}
	p.straighten()
	s.left = make([]int, len(p.x))
	for v, x := range p.x {
		s.left[v] = max(0, int(x-half(v)-least))
	}
}

func (s *sheet) width(v int32) int {
	if int(v) < s.m.n {
		return s.text[v].width
	}
	return 1
}

// draw draws all layers and what leads from one to the next.
func (s *sheet) draw() {
	s.connect()
	y := 0
	for r, row := range s.m.rows {
		height := 0
		for _, v := range row {
			if int(v) < s.m.n {
				height = max(height, s.text[v].height)
			}
		}
		s.c.grow(y + height)
		for _, v := range row {
			if int(v) < s.m.n {
				s.box(v, s.left[v], y)
				continue
			}
			k := s.m.owner[int(v)-s.m.n]
			s.c.down(s.left[v], y, y+height-1, Style(k%int32(styles)), k+1)
		}
		if r+1 == len(s.m.rows) {
			break
		}
		g := &s.gaps[r]
		top := y + height
		next := top + g.rows
		s.c.grow(next + 3)
		for i := range g.nets {
			n := &g.nets[i]
			from := top
			if int(n.from) < s.m.n {
				from = y + s.text[n.from].height
			}
			s.net(n, from, top, next)
		}
		y = next
	}
	s.ports()
}

// net draws the lines of a net: down from its box, along its track, and down to
// each of its targets.
func (s *sheet) net(n *net, from, top, next int) {
	if n.track < 0 {
		s.c.down(n.col, from, next-1, n.style, n.id)
		return
	}
	at := top + n.track
	s.c.down(n.col, from, at-1, n.style, n.id)
	s.c.line(n.col, at, sideUp, n.style, n.id)
	lo, hi := n.span()
	for x := lo; x <= hi; x++ {
		sides := sideLeft | sideRight
		switch x {
		case lo:
			sides = sideRight
		case hi:
			sides = sideLeft
		}
		s.c.line(x, at, sides, n.style, n.id)
	}
	for _, t := range n.to {
		s.c.line(t.col, at, sideDown, n.style, n.id)
		s.c.down(t.col, at+1, next-1, n.style, n.id)
	}
}

// ports draws where lines leave boxes and where they arrive.
func (s *sheet) ports() {
	for _, g := range s.gaps {
		for _, n := range g.nets {
			if int(n.from) < s.m.n {
				at := s.c.at(n.col, s.top[n.from]+s.text[n.from].height-1)
				at.text = s.leaves(s.g.Nodes[n.from].Kind, n.style)
			}
			for _, t := range n.to {
				if int(t.item) < s.m.n {
					at := s.c.at(t.col, s.top[t.item])
					if at.text = "▼"; s.o.ASCII {
						at.text = "v"
					}
				}
			}
		}
	}
}

// leaves is a port in the lower side of a box.
func (s *sheet) leaves(k Kind, style Style) string {
	switch {
	case s.o.ASCII:
		return "+"
	case k == UPS:
		return "╤"
	case k == Feed && style == Power:
		return "┳"
	case k == Feed:
		return "┯"
	case style == Power:
		return "┰"
	}
	return "┬"
}

// borders are the corners and sides of a box: left top, level, right top,
// upright, left bottom, right bottom.
func (s *sheet) borders(k Kind) [6]string {
	if s.o.ASCII {
		return [kinds][6]string{
			{".", "-", ".", "|", "'", "'"},
			{".", "~", ".", ":", "'", "'"},
			{"+", "-", "+", "|", "+", "+"},
			{"#", "=", "#", "#", "#", "#"},
			{"#", "=", "#", "H", "#", "#"},
		}[k]
	}
	return [kinds][6]string{
		{"╭", "─", "╮", "│", "╰", "╯"},
		{"╭", "╌", "╮", "┆", "╰", "╯"},
		{"┌", "─", "┐", "│", "└", "┘"},
		{"┏", "━", "┓", "┃", "┗", "┛"},
		{"╔", "═", "╗", "║", "╚", "╝"},
	}[k]
}

// box draws a node. What needs attention has a border in its colour.
func (s *sheet) box(v int32, x, y int) {
	t := &s.text[v]
	s.top[v] = y
	b := s.borders(s.g.Nodes[v].Kind)
	border, label := t.look.sgr, ""
	switch t.look.Class {
	case "good":
		border = ""
	case "off":
		label = "2"
	case "bad":
		label = "1"
	}
	right, bottom := x+t.width-1, y+t.height-1
	s.c.write(x, y, b[0]+strings.Repeat(b[1], t.width-2)+b[2], border)
	s.c.write(x, bottom, b[4]+strings.Repeat(b[1], t.width-2)+b[5], border)
	inner := columns(t.label)
	if t.look.Sign != "" {
		inner += 2
	}
	lines := []string{t.label}
	if t.note != "" {
		lines = append(lines, t.note)
	}
	for i, text := range lines {
		at := y + 1 + i
		s.c.write(x, at, b[3], border)
		s.c.write(right, at, b[3], border)
		if i > 0 {
			s.c.write(x+(t.width-columns(text))/2, at, text, "2")
			continue
		}
		from := x + (t.width-inner)/2
		if t.look.Sign != "" {
			from = s.c.write(from, at, t.look.Sign, t.look.sgr) + 1
		}
		s.c.write(from, at, text, label)
	}
}

// legend says below the drawing what its signs mean.
func (s *sheet) legend(legend []legendEntry) {
	y := len(s.c.rows) + 1
	for len(s.c.rows) > 0 && blank(s.c.rows[len(s.c.rows)-1]) {
		s.c.rows = s.c.rows[:len(s.c.rows)-1]
		y--
	}
	x := 0
	for _, entry := range legend {
		width := columns(entry.sign) + 1 + columns(entry.word)
		if x > 0 && x+width > s.o.Width {
			x = 0
			y++
		}
		s.c.grow(y + 1)
		x = s.c.write(x, y, entry.sign, entry.sgr) + 1
		x = s.c.write(x, y, entry.word, "2") + 3
	}
}

func blank(row []cell) bool {
	for i := range row {
		if row[i].text != "" || row[i].sides != 0 {
			return false
		}
	}
	return true
}
