package devspec

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// regcompError is what is wrong with an expression, in the C library's words.
type regcompError string

func (e regcompError) Error() string { return string(e) }

// translateRegex writes a POSIX extended expression in the syntax of package
// regexp.
func translateRegex(src string) (string, error) {
	// A string escape may have left backslash-r and backslash-n: powermand reads
	// these two, anywhere, as the characters they name.
	// NUL is 0xff in what is matched, so it is in the expression.
	src = strings.NewReplacer(`\r`, "\r", `\n`, "\n", "\x00", "\xff").Replace(src)
	t := ereTranslator{src: src}
	if err := t.alternation(0); err != nil {
		return "", err
	}
	return t.out.String(), nil
}

// ereTranslator walks an extended regular expression by recursive descent.
type ereTranslator struct {
	src   string
	off   int
	out   strings.Builder
	after bool // something stands before, so a match does not begin here
}

// maxRegexDepth bounds nested groups; 256 bytes of source cannot need more.
const maxRegexDepth = 128

// neverMatch is what $ means as a rule: the matcher is told that the end of its input is not
// the end of a line.
const neverMatch = `[^\x00-\x{10FFFF}]`

// alternation reads branches up to the end, or to the ) that closes the group.
func (t *ereTranslator) alternation(depth int) error {
	if depth > maxRegexDepth {
		return regcompError("Regular expression too big")
	}
	after := t.after
	for {
		t.after = after
		if err := t.branch(depth); err != nil {
			return err
		}
		if t.off >= len(t.src) || t.src[t.off] != '|' {
			return nil
		}
		t.off++
		t.out.WriteByte('|')
	}
}

// branch reads atoms with their repetitions.
func (t *ereTranslator) branch(depth int) error {
	for t.off < len(t.src) {
		c := t.src[t.off]
		if c == '|' || c == ')' && depth > 0 {
			return nil
		}
		start := t.out.Len()
		anchor, err := t.atom(depth)
		if err != nil {
			return err
		}
		if anchor {
			continue // a repetition after it is an error of its own
		}
		if err := t.repetitions(start); err != nil {
			return err
		}
		t.after = true
	}
	return nil
}

// atom reads one thing that may be repeated; anchors may not.
func (t *ereTranslator) atom(depth int) (anchor bool, err error) {
	c := t.src[t.off]
	t.off++
	switch c {
	case '(':
		t.out.WriteByte('(')
		if err := t.alternation(depth + 1); err != nil {
			return false, err
		}
		if t.off >= len(t.src) {
			return false, regcompError(`Unmatched ( or \(`)
		}
		t.off++
		t.out.WriteByte(')')
	case '[':
		return false, t.bracket()
	case '.':
		t.out.WriteString(`(?s:.)`)
	case '^':
		t.out.WriteString(t.lineStart())
		return true, nil
	case '$':
		if !t.beforeLineEnd() {
			t.out.WriteString(neverMatch)
		}
		return true, nil
	case '\\':
		return t.quoted()
	case '*', '+', '?', '{':
		return false, regcompError("Invalid preceding regular expression")
	default: // an unmatched ) is a literal too
		t.literal(c)
	}
	return false, nil
}

// lineStart gives what ^ means: the start of the input, and, as the C library has
// it, also the place behind a line end that the same match has consumed.
func (t *ereTranslator) lineStart() string {
	if t.after {
		return `(?m:^)`
	}
	return `\A`
}

// beforeLineEnd reports whether a line end follows in the expression. Before it a $
// does match in the C library; anywhere else it never does.
func (t *ereTranslator) beforeLineEnd() bool {
	rest, ok := strings.CutPrefix(t.src[t.off:], "\n")
	return ok && (rest == "" || strings.IndexByte("*?{", rest[0]) < 0)
}

// literal writes one byte as itself.
func (t *ereTranslator) literal(c byte) {
	switch {
	case c >= utf8.RuneSelf || c < ' ' || c == 0x7f:
		fmt.Fprintf(&t.out, `\x{%02x}`, c)
	default:
		t.out.WriteString(regexp.QuoteMeta(string(c)))
	}
}

// quoted reads what follows a backslash outside brackets.
func (t *ereTranslator) quoted() (anchor bool, err error) {
	if t.off >= len(t.src) {
		return false, regcompError("Trailing backslash")
	}
	c := t.src[t.off]
	t.off++
	switch {
	case '1' <= c && c <= '9':
		return false, fmt.Errorf(`back-reference \%c is not supported`, c)
	case c == 'w':
		t.out.WriteString(`[0-9A-Za-z_]`)
	case c == 'W':
		t.out.WriteString(`[^0-9A-Za-z_]`)
	case c == 's':
		t.out.WriteString(`[[:space:]]`)
	case c == 'S':
		t.out.WriteString(`[^[:space:]]`)
	case c == 'b', c == '<', c == '>':
		t.out.WriteString(`\b`)
		return true, nil
	case c == 'B':
		t.out.WriteString(`\B`)
		return true, nil
	case c == '`':
		t.out.WriteString(`\A`)
		return true, nil
	case c == '\'':
		t.out.WriteString(`\z`)
		return true, nil
	default:
		t.literal(c)
	}
	return false, nil
}

// repetitions reads any number of * + ? {m,n} behind the atom that was written
// from start on. Each is wrapped, for a*? is (a*)? here and not a lazy star.
func (t *ereTranslator) repetitions(start int) error {
	for t.off < len(t.src) {
		op := ""
		switch t.src[t.off] {
		case '*', '+', '?':
			op = t.src[t.off : t.off+1]
			t.off++
		case '{':
			var err error
			if op, err = t.interval(); err != nil {
				return err
			}
		default:
			return nil
		}
		whole := t.out.String()
		head, atom := whole[:start], whole[start:]
		t.out.Reset()
		t.out.WriteString(head + "(?:" + atom + op + ")")
		if t.out.Len() > 1<<16 {
			return regcompError("Regular expression too big")
		}
	}
	return nil
}

// interval reads {m}, {m,}, {m,n} or {,n}.
func (t *ereTranslator) interval() (string, error) {
	end := strings.IndexByte(t.src[t.off:], '}')
	if end < 0 {
		return "", regcompError(`Unmatched \{`)
	}
	text := t.src[t.off+1 : t.off+end]
	t.off += end + 1
	lo, hi, comma := strings.Cut(text, ",")
	bad := regcompError(`Invalid content of \{\}`)
	if !digits(lo) || !digits(hi) || lo == "" && (hi == "" || !comma) {
		return "", bad
	}
	if lo == "" {
		lo = "0"
	}
	switch {
	case !comma:
		return "{" + lo + "}", nil
	case hi == "":
		return "{" + lo + ",}", nil
	case len(lo) > len(hi) || len(lo) == len(hi) && lo > hi:
		return "", bad
	}
	return "{" + lo + "," + hi + "}", nil
}

func digits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// bracket reads a bracket expression, whose opening [ was read, and writes it as a
// class of package regexp. Inside, a backslash is only a backslash.
func (t *ereTranslator) bracket() error {
	errOpen := regcompError("Unmatched [, [^, [:, [., or [=")
	t.out.WriteByte('[')
	if t.peek('^') {
		t.off++
		t.out.WriteByte('^')
	}
	for first := true; ; first = false {
		if t.off >= len(t.src) {
			return errOpen
		}
		if t.src[t.off] == ']' && !first {
			t.off++
			t.out.WriteByte(']')
			return nil
		}
		if strings.HasPrefix(t.src[t.off:], "[:") {
			if err := t.namedClass(); err != nil {
				return err
			}
			continue
		}
		lo, err := t.member()
		if err != nil {
			return err
		}
		hi := lo
		if t.peek('-') && t.off+1 < len(t.src) && t.src[t.off+1] != ']' {
			t.off++
			if hi, err = t.member(); err != nil {
				return err
			}
		}
		if hi < lo {
			return regcompError("Invalid range end")
		}
		fmt.Fprintf(&t.out, `\x{%02x}-\x{%02x}`, lo, hi)
	}
}

func (t *ereTranslator) peek(c byte) bool { return t.off < len(t.src) && t.src[t.off] == c }

// member reads one character of a bracket expression, also written [.x.] or [=x=].
func (t *ereTranslator) member() (byte, error) {
	if t.off >= len(t.src) {
		return 0, regcompError("Unmatched [, [^, [:, [., or [=")
	}
	for _, mark := range []byte{'.', '='} {
		rest := t.src[t.off:]
		if len(rest) >= 2 && rest[0] == '[' && rest[1] == mark {
			if len(rest) >= 5 && rest[3] == mark && rest[4] == ']' {
				t.off += 5
				return rest[2], nil
			}
			return 0, regcompError("Invalid collation character")
		}
	}
	c := t.src[t.off]
	t.off++
	return c, nil
}

// namedClass reads [:digit:] and the like.
func (t *ereTranslator) namedClass() error {
	end := strings.Index(t.src[t.off:], ":]")
	name := ""
	if end >= 0 {
		name = t.src[t.off+2 : t.off+end]
	}
	switch name {
	case "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit":
		t.out.WriteString("[:" + name + ":]")
		t.off += end + 2
		return nil
	}
	return regcompError("Invalid character class name")
}
