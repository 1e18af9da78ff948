package roomfile

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"millwright.dev/millwright/devspec"
)

// Problem is one thing that is wrong in one place of one file.
type Problem struct {
	File string
	Line int // from one; zero if it is about the whole file
	Col  int // in characters, from one; zero if it is about the whole line
	Msg  string
	Text string // the line

	// powermand is the same mistake in powermand's own words, for files in its
	// language.
	powermand string
	order     int // of the file, for sorting
}

// Error gives "file:line:col: message", without what is not known.
func (p *Problem) Error() string { return p.place() + p.Msg }

func (p *Problem) place() string {
	switch {
	case p.File == "":
		return ""
	case p.Line == 0:
		return p.File + ": "
	case p.Col == 0:
		return fmt.Sprintf("%s:%d: ", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Col)
}

// Powermand gives the problem as powermand(8) prints it, for use under that name.
func (p *Problem) Powermand() string {
	if p.powermand != "" {
		return p.powermand
	}
	return "powermand: " + p.Error()
}

// Problems is everything that is wrong with a room, by file in the order they
// were read, and by place.
type Problems []*Problem

// Error gives one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Render writes each problem with its line and a caret below the place, with
// colours for a terminal if asked.
func (ps Problems) Render(w io.Writer, colour bool) error {
	paint := func(code, s string) string {
		if !colour || s == "" {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	for _, p := range ps {
		text := paint("1", p.place()) + paint("31", printable(p.Msg)) + "\n"
		if p.Text != "" && p.Col > 0 {
			line, pad := window(p.Text, p.Col)
			text += "    " + line + "\n    " + pad + paint("1;32", "^") + "\n"
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

// window gives the part of a line around a column, and what pads a caret out to
// that column.
func window(text string, col int) (line, pad string) {
	const most = 110
	runes := []rune(printable(text))
	at := min(col-1, len(runes))
	from := 0
	if len(runes) > most && at > most*3/4 {
		from = min(at-most/2, len(runes)-most)
	}
	shown := runes[from:min(len(runes), from+most)]
	blank := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(runes[from:at]))
	return string(shown), blank
}

// printable replaces what could confuse a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}

// sorted puts problems into their stable order and drops repeats.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(x, y *Problem) int {
		switch {
		case x.order != y.order:
			return x.order - y.order
		case x.Line != y.Line:
			return x.Line - y.Line
		}
		return x.Col - y.Col
	})
	return slices.CompactFunc(ps, func(x, y *Problem) bool {
		return x.File == y.File && x.Line == y.Line && x.Col == y.Col && x.Msg == y.Msg
	})
}

// fromDevspec takes over what the reader of PowerMan's languages found.
func fromDevspec(err error) Problems {
	var list devspec.ErrorList
	var one *devspec.Error
	switch {
	case errors.As(err, &list):
	case errors.As(err, &one):
		list = devspec.ErrorList{one}
	default:
		return Problems{{Msg: err.Error(), powermand: "powermand: " + err.Error()}}
	}
	out := make(Problems, len(list))
	for i, e := range list {
		col := e.Pos.Col
		if col > 0 && col <= len(e.Text) {
			col = utf8.RuneCountInString(e.Text[:col-1]) + 1
		}
		out[i] = &Problem{
			File: e.Pos.File, Line: e.Pos.Line, Col: col, Msg: e.Msg, Text: e.Text, powermand: e.Powermand(),
		}
	}
	return out
}
