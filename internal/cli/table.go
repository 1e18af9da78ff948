package cli

import (
	"io"
	"strings"
	"unicode/utf8"
)

// table lines up cells. The last column is as wide as what is left of the line,
// and goes on below itself, broken at commas and blanks.
type table struct {
	style style
	head  []string
	rows  [][]cell
}

type cell struct {
	text   string
	colour string
	right  bool // to the right edge of its column
}

func text(s string) cell           { return cell{text: clean(s)} }
func painted(code, s string) cell  { return cell{text: clean(s), colour: code} }
func number(s string) cell         { return cell{text: s, right: true} }
func (t *table) row(cells ...cell) { t.rows = append(t.rows, cells) }

// leastLast is the width that the last column has at least, however narrow the
// terminal.
const leastLast = 20

// write puts the table out.
func (t *table) write(w io.Writer) error {
	widths := t.widths()
	var b strings.Builder
	if len(t.head) > 0 {
		cells := make([]cell, len(t.head))
		for i, h := range t.head {
			cells[i] = cell{text: h, colour: bold, right: len(t.rows) > 0 && i < len(t.rows[0]) && t.rows[0][i].right}
		}
		t.line(&b, cells, widths)
	}
	for _, row := range t.rows {
		t.line(&b, row, widths)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *table) widths() []int {
	var widths []int
	note := func(i int, s string) {
		for len(widths) <= i {
			widths = append(widths, 0)
		}
		widths[i] = max(widths[i], utf8.RuneCountInString(s))
	}
	for i, h := range t.head {
		note(i, h)
	}
	for _, row := range t.rows {
		for i, c := range row {
			note(i, c.text)
		}
	}
	return widths
}

func (t *table) line(b *strings.Builder, cells []cell, widths []int) {
	at := 0
	last := len(cells) - 1
	for last > 0 && cells[last].text == "" { // no blanks at the end of a line
		last--
	}
	for i, c := range cells[:last+1] {
		gap := widths[i] - utf8.RuneCountInString(c.text)
		if i == len(widths)-1 {
			t.wrapped(b, c, at)
			break
		}
		if c.right {
			b.WriteString(strings.Repeat(" ", gap))
		}
		b.WriteString(t.style.paint(c.colour, c.text))
		if i < last && !c.right {
			b.WriteString(strings.Repeat(" ", gap))
		}
		if i < last {
			b.WriteString("  ")
		}
		at += widths[i] + 2
	}
	b.WriteByte('\n')
}

// wrapped writes the last cell, which begins at column at.
func (t *table) wrapped(b *strings.Builder, c cell, at int) {
	room := 0
	if t.style.width > 0 {
		room = max(t.style.width-at, leastLast)
	}
	for i, part := range wrap(c.text, room) {
		if i > 0 {
			b.WriteByte('\n')
			b.WriteString(strings.Repeat(" ", at))
		}
		b.WriteString(t.style.paint(c.colour, part))
	}
}

// wrap breaks text behind commas and at blanks so that each part fits the width;
// 0 is no limit. What cannot be broken stays whole.
func wrap(text string, width int) []string {
	if width <= 0 || utf8.RuneCountInString(text) <= width {
		return []string{text}
	}
	var parts []string
	for utf8.RuneCountInString(text) > width {
		cut := breakAt(text, width)
		if cut == 0 {
			break
		}
		parts = append(parts, strings.TrimRight(text[:cut], " "))
		text = strings.TrimLeft(text[cut:], " ")
	}
	return append(parts, text)
}

// breakAt gives the last place at which text can be broken to fit the width, or
// the first place at all if none fits, or 0.
func breakAt(text string, width int) int {
	cut, count := 0, 0
	for i, r := range text {
		count++
		if r != ' ' && r != ',' || i+1 == len(text) || i == 0 {
			continue
		}
		fits := count <= width || r == ' ' && count == width+1
		if fits || cut == 0 {
			cut = i + 1
		}
		if !fits {
			break
		}
	}
	return cut
}

// clip shortens a line to the width of a terminal.
func clip(text string, width int) string {
	if width <= 0 || utf8.RuneCountInString(text) <= width {
		return text
	}
	runes := []rune(text)
	return string(runes[:max(width-1, 0)]) + "…"
}
