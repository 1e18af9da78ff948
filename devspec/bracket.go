package devspec

import (
	"fmt"
	"strings"
)

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
