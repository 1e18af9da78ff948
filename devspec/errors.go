package devspec

import (
	"fmt"
	"sort"
	"strings"
)

// Pos is a place in a configuration or device file. Line and Col count from one;
// Col counts bytes. The zero Pos means "no particular place".
type Pos struct {
	File string
	Line int
	Col  int
}

// IsValid reports whether p names a place.
func (p Pos) IsValid() bool { return p.Line > 0 }

// String gives file:line:col, or less where less is known.
func (p Pos) String() string {
	if !p.IsValid() {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Error is one thing that is wrong in a file.
type Error struct {
	Pos  Pos
	Msg  string // what is wrong, in words a user can act on
	Text string // the whole line it stands on, without its line end

	// powermand is the text that powermand gives for the same mistake; with place
	// set it adds its FILE::LINE.
	powermand string
	place     bool
}

// Error gives "file:line:col: message".
func (e *Error) Error() string {
	if p := e.Pos.String(); p != "" {
		return p + ": " + e.Msg
	}
	return e.Msg
}

// Powermand gives the error the way powermand(8) prints it, for example
// "powermand: duplicate node name: /etc/powerman/powerman.conf::12". The line is
// that of the offending token; powermand itself may name the line after.
func (e *Error) Powermand() string {
	msg := e.powermand
	if msg == "" {
		msg = e.Msg
	}
	if !e.place || !e.Pos.IsValid() {
		return "powermand: " + msg
	}
	return fmt.Sprintf("powermand: %s: %s::%d", msg, e.Pos.File, e.Pos.Line)
}

// Caret gives the error followed by the line it stands on and a line with a caret
// under the place. Lines longer than 120 bytes are shown in part.
func (e *Error) Caret() string { return e.Error() + caret(e.Pos, e.Text) }

// caretWindow bounds how much of a line a caret rendering shows.
const caretWindow = 120

func caret(p Pos, text string) string {
	if !p.IsValid() || text == "" {
		return ""
	}
	col := min(max(p.Col-1, 0), len(text))
	start := 0
	if col > caretWindow*3/4 && len(text) > caretWindow {
		start = col - caretWindow/2
	}
	end := min(len(text), start+caretWindow)
	pad := make([]byte, 0, col-start)
	for _, c := range []byte(text[start:col]) {
		if c != '\t' {
			c = ' '
		}
		pad = append(pad, c)
	}
	shown := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return '?'
		}
		return r
	}, text[start:end])
	return "\n\t" + shown + "\n\t" + string(pad) + "^"
}

// ErrorList is all that is wrong, in order of place. It works with errors.Is and
// errors.As as errors.Join does.
type ErrorList []*Error

// Error gives one line per error.
func (l ErrorList) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Caret gives all errors with their lines and carets.
func (l ErrorList) Caret() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Caret()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single errors to errors.Is and errors.As.
func (l ErrorList) Unwrap() []error {
	out := make([]error, len(l))
	for i, e := range l {
		out[i] = e
	}
	return out
}

// err gives the list as an error, nil when it is empty.
func (l ErrorList) err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// sortByPlace orders errors of one file by line; files keep the order in which
// they were first complained about.
func (l ErrorList) sortByPlace() {
	rank := make(map[string]int)
	for _, e := range l {
		if _, ok := rank[e.Pos.File]; !ok {
			rank[e.Pos.File] = len(rank)
		}
	}
	sort.SliceStable(l, func(i, j int) bool {
		a, b := l[i].Pos, l[j].Pos
		if a.IsValid() != b.IsValid() {
			return a.IsValid() // what has no place comes last
		}
		if a.File != b.File {
			return rank[a.File] < rank[b.File]
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Col < b.Col
	})
}
