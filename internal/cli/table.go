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

// These stay calls; see clean.

//go:noinline
func text(s string) cell { return cell{text: clean(s)} }

//go:noinline
func painted(code, s string) cell { return cell{text: clean(s), colour: code} }

//go:noinline
func number(s string) cell { return cell{text: s, right: true} }

//go:noinline
func (t *table) row(cells ...cell) { t.rows = append(t.rows, cells) }

// leastLast is the width that the last column has at least, however narrow the
// terminal.
const leastLast = 20

// leastOther is the width that the other columns are not narrowed below.
const leastOther = 12

// write puts the table out.
func (t *table) write(w io.Writer) error {
	widths := t.widths()
	t.fit(widths)
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

// fit narrows columns until the table fits its terminal, the widest first; the last
// one wraps anyway. What is narrowed wraps too.
func (t *table) fit(widths []int) {
	last := len(widths) - 1
	if t.style.width <= 0 || last < 1 {
		return
	}
	over := min(widths[last], max(leastLast, t.style.width/3)) - t.style.width
	for _, w := range widths[:last] {
		over += w + 2
	}
	for over > 0 {
		widest := 0
		for i, w := range widths[:last] {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= leastOther {
			return
		}
		widths[widest]--
		over--
	}
}

// line writes one row, which may take several lines.
func (t *table) line(b *strings.Builder, cells []cell, widths []int) {
	parts := make([][]string, len(cells))
	lines, at := 1, 0
	for i, c := range cells {
		if i == len(widths)-1 {
			room := 0
			if t.style.width > 0 {
				room = max(t.style.width-at, leastLast)
			}
			parts[i] = wrap(c.text, room)
		} else {
			parts[i] = pieces(c.text, widths[i])
			at += widths[i] + 2
		}
		lines = max(lines, len(parts[i]))
	}
	for n := range lines {
		gap := 0 // blanks that are due before the next text
		for i, c := range cells {
			part := ""
			if n < len(parts[i]) {
				part = parts[i][n]
			}
			free := widths[i] - utf8.RuneCountInString(part)
			if part != "" {
				if c.right {
					gap, free = gap+free, 0
				}
				b.WriteString(strings.Repeat(" ", gap) + t.style.paint(c.colour, part))
				gap = 0
			}
			gap += free + 2
		}
		b.WriteByte('\n')
	}
}

// pieces is wrap for columns that must not be wider: what cannot be broken at a
// blank or comma is broken behind a slash, or anywhere.
func pieces(text string, width int) []string {
	var parts []string
	for _, part := range wrap(text, width) {
		for utf8.RuneCountInString(part) > width {
			runes := []rune(part)
			cut := width
			for n := width; n > width/2; n-- {
				if runes[n-1] == '/' {
					cut = n
					break
				}
			}
			parts = append(parts, string(runes[:cut]))
			part = string(runes[cut:])
		}
		parts = append(parts, part)
	}
	return parts
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
