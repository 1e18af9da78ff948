package cli

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// style is how one output stream is written to.
type style struct {
	terminal bool
	colour   bool
	utf8     bool
	width    int // columns; 0 is no limit, for files and pipes
	set      bool
}

// dress finds out what the streams can show.
func (p *program) dress() {
	p.out, p.err = p.styleOf(p.stdout), p.styleOf(p.stderr)
}

func (p *program) styleOf(w io.Writer) style {
	s := style{utf8: isUTF8(), set: true}
	if o, ok := w.(*output); ok {
		w = o.to
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.terminal = true
		s.width = 80
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			s.width = width
		}
	} else if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n >= 20 {
		s.width = n
	}
	switch p.colour {
	case "always":
		s.colour = true
	case "never":
	default:
		s.colour = s.terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return s
}

// isUTF8 says whether the locale can show more than ASCII.
func isUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// The colours. Each has a sign or a word beside it, so that nothing is said by
// colour alone.
const (
	plain  = ""
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

//go:noinline // see clean
func (s style) paint(code, text string) string {
	if !s.colour || code == "" || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bad(text string) string   { return s.paint(red, text) }
func (s style) faint(text string) string { return s.paint(dim, text) }
func (s style) head(text string) string  { return s.paint(bold, text) }

// mark is a sign with its colour.
type mark struct{ sign, ascii, colour string }

// The marks.
var (
	markOn       = mark{"●", "+", green}
	markOff      = mark{"○", "-", dim}
	markDegraded = mark{"◐", "~", yellow}
	markUnknown  = mark{"?", "?", yellow}
	markGood     = mark{"✓", "+", green}
	markSoft     = mark{"✓", "+", yellow} // done as far as can be told
	markBad      = mark{"✗", "x", red}
	markWaiting  = mark{"·", ".", dim}
	markAgain    = mark{"↻", "~", yellow}
	markPlain    = mark{"•", "*", plain}
)

//go:noinline // see clean
func (s style) mark(m mark) string {
	c := s.sign(m)
	return s.paint(c.colour, c.text)
}

// sign is a mark as a cell.
//
//go:noinline // see clean
func (s style) sign(m mark) cell {
	if s.utf8 {
		return cell{text: m.sign, colour: m.colour}
	}
	return cell{text: m.ascii, colour: m.colour}
}

// dash stands for nothing.
func (s style) dash() string {
	if s.utf8 {
		return "–"
	}
	return "-"
}

// clean makes text from elsewhere harmless for a terminal.
//
// It and the other small functions of this package that every command uses stay calls
// and are not copied to where they are used, some hundred times: copies were quicker by
// what nobody sees here, and made the program larger by 100 kB.
//
//go:noinline
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0:
			return '?'
		case unicode.Is(unicode.Bidi_Control, r): // would show what follows back to front
			return '?'
		}
		return r
	}, text)
}
