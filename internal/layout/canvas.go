package layout

import (
	"bufio"
	"io"
	"strings"
)

// canvas is a grid of character cells on which lines join.
type canvas struct {
	width int
	rows  [][]cell
	ascii bool
	// clashes counts where lines of different nets lie on each other, so that
	// nobody can tell them apart.
	clashes int
}

// cell is one place: a text, or pieces of a line towards its four sides.
type cell struct {
	text  string // one character; "" is none
	tail  bool   // the second half of a wide character
	sgr   string
	sides uint8 // of a line: up, down, left, right
	style Style
	net   int32 // whose line it is, from 1
}

const (
	sideUp uint8 = 1 << iota
	sideDown
	sideLeft
	sideRight
)

const lineColour = "2" // faint: boxes are what one looks for

// grow makes sure that there are so many rows.
func (c *canvas) grow(rows int) {
	for len(c.rows) < rows {
		c.rows = append(c.rows, make([]cell, c.width))
	}
}

// at gives a cell, or a spare one for places outside.
func (c *canvas) at(x, y int) *cell {
	if x < 0 || x >= c.width || y < 0 || y >= len(c.rows) {
		return &cell{}
	}
	return &c.rows[y][x]
}

// write puts a text on the canvas and gives the column after it.
func (c *canvas) write(x, y int, text, sgr string) int {
	for _, r := range text {
		w := columnsOf(r)
		if w == 0 {
			if before := c.at(x-1, y); before.text != "" {
				before.text += string(r)
			} else if before = c.at(x-2, y); before.text != "" {
				before.text += string(r)
			}
			continue
		}
		*c.at(x, y) = cell{text: string(r), sgr: sgr}
		if w == 2 {
			*c.at(x+1, y) = cell{tail: true}
		}
		x += w
	}
	return x
}

// line joins a piece of a line with what is there. Where lines of different
// nets meet, the upright one passes above.
func (c *canvas) line(x, y int, sides uint8, style Style, net int32) {
	at := c.at(x, y)
	const upright, level = sideUp | sideDown, sideLeft | sideRight
	if at.net != 0 && at.net != net && (at.sides&upright != 0 && sides&upright != 0 || at.sides&level != 0 && sides&level != 0) {
		c.clashes++
	}
	switch {
	case at.net == 0 || at.net == net:
		at.sides |= sides
		at.style, at.net = style, net
	case sides&upright != 0:
		at.sides, at.style, at.net = sides, style, net
	}
}

// down draws an upright line from one row to another, both included.
func (c *canvas) down(x, from, to int, style Style, net int32) {
	for y := from; y <= to; y++ {
		c.line(x, y, sideUp|sideDown, style, net)
	}
}

// The characters of lines, by their sides.
var (
	lightLines = [16]string{"", "╵", "╷", "│", "╴", "╯", "╮", "┤", "╶", "╰", "╭", "├", "─", "┴", "┬", "┼"}
	heavyLines = [16]string{"", "╹", "╻", "┃", "╸", "┛", "┓", "┫", "╺", "┗", "┏", "┣", "━", "┻", "┳", "╋"}
)

// glyph is what a cell shows.
func (c *canvas) glyph(at *cell) string {
	const upright, level = sideUp | sideDown, sideLeft | sideRight
	if c.ascii {
		switch at.sides {
		case upright, sideUp, sideDown:
			return [styles]string{"|", ":", "!", "H"}[at.style]
		case level, sideLeft, sideRight:
			return [styles]string{"-", ".", "~", "="}[at.style]
		}
		return "+"
	}
	switch {
	case at.style == Power:
		return heavyLines[at.sides]
	case at.sides == upright && at.style == Optional:
		return "╎"
	case at.sides == level && at.style == Optional:
		return "╌"
	case at.sides == upright && at.style == Any:
		return "┊"
	case at.sides == level && at.style == Any:
		return "┈"
	}
	return lightLines[at.sides]
}

// flush writes the rows without blanks at their ends.
func (c *canvas) flush(w io.Writer, colour bool) error {
	out := bufio.NewWriter(w)
	for _, row := range c.rows {
		end := len(row)
		for end > 0 && row[end-1].sides == 0 && !row[end-1].tail && strings.TrimSpace(row[end-1].text) == "" {
			end--
		}
		sgr := ""
		for i := range row[:end] {
			at := &row[i]
			text, want := at.text, at.sgr
			switch {
			case at.tail:
				continue
			case text == "" && at.sides != 0:
				text, want = c.glyph(at), lineColour
			case text == "":
				text, want = " ", sgr
			}
			if colour && want != sgr {
				if sgr != "" {
					_, _ = out.WriteString("\x1b[0m")
				}
				if want != "" {
					_, _ = out.WriteString("\x1b[" + want + "m")
				}
				sgr = want
			}
			_, _ = out.WriteString(text)
		}
		if sgr != "" && colour {
			_, _ = out.WriteString("\x1b[0m")
		}
		_ = out.WriteByte('\n')
	}
	return out.Flush() // it keeps the first error of all
}
