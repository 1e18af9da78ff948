package roomfile

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/hostlist"
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

	// Problems that many entries of one range have in the same place become
	// one: kind and names say whose they are, and objects, where Msg has a hole
	// for them, what it is about.
	kind           string
	names, objects []string
}

// hole stands in a Msg for the objects.
const hole = "\x00"

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
			line, pad := window(masked(p.Text), p.Col)
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
		if unicode.IsControl(r) && r != '\t' && r != '\n' || unicode.Is(unicode.Cf, r) || r == utf8.RuneError {
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
	ps = ps.toldOnce()
	out := ps[:0]
	for _, p := range ps {
		i := len(out) - 1
		for i >= 0 && out[i].at(p) && (out[i].Msg != p.Msg || out[i].kind != p.kind) {
			i--
		}
		if i < 0 || !out[i].at(p) {
			out = append(out, p)
			continue
		}
		out[i].names = append(out[i].names, p.names...)
		out[i].objects = append(out[i].objects, p.objects...)
	}
	for _, p := range out {
		p.fill()
	}
	return out
}

// toldOnce drops what the room has to say of a line on which the reader of
// PowerMan's languages has found the same already.
func (ps Problems) toldOnce() Problems {
	type line struct {
		file string
		line int
	}
	told := make(map[line]bool)
	for _, p := range ps {
		if p.powermand != "" && p.Line > 0 {
			told[line{p.File, p.Line}] = true
		}
	}
	if len(told) == 0 {
		return ps
	}
	return slices.DeleteFunc(ps, func(p *Problem) bool { return p.powermand == "" && told[line{p.File, p.Line}] })
}

func (p *Problem) at(q *Problem) bool {
	return p.File == q.File && p.Line == q.Line && p.Col == q.Col
}

// fill puts names and objects into the message.
func (p *Problem) fill() {
	if p.objects != nil {
		objects, _ := few(p.objects)
		p.Msg = strings.Replace(p.Msg, hole, strconv.Quote(objects), 1)
	}
	if p.kind != "" {
		kind := p.kind
		names, n := few(p.names)
		if n > 1 {
			kind += "s"
		}
		p.Msg = kind + " " + names + ": " + p.Msg
	}
	p.kind, p.names, p.objects = "", nil, nil
	p.Msg = middleCut(p.Msg)
}

// middleCut takes the middle out of a message that is long because what it quotes
// from a file is.
func middleCut(msg string) string {
	const most, end = 1000, 200
	if len(msg) <= most {
		return msg
	}
	return strings.ToValidUTF8(msg[:most-end], "") + " … " + strings.ToValidUTF8(msg[len(msg)-end:], "")
}

// few folds names, each once, into a text of bearable length, and counts them.
func few(names []string) (text string, n int) {
	slices.SortFunc(names, hostlist.Compare)
	names = slices.Compact(names)
	text = hostlist.Fold(names)
	const most = 200
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text, len(names)
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
