package devspec

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// Limits of a regular expression, as in powermand.
const (
	MaxRegexBytes  = 256 // of source
	MaxRegexGroups = 20  // that $N can reach
)

// Regex is a POSIX extended regular expression as powermand's matcher takes it:
// leftmost-longest, byte oriented, . and [^x] match a line end, ^ matches only at
// the start of the unread input (and behind a line end within the match), and $
// never matches (but before a line end that is written behind it). It is immutable.
type Regex struct {
	src    string
	re     *regexp.Regexp
	groups int

	// The ways around the general matcher, each with the same answer.
	lit   []byte   // the whole expression is this text
	alts  [][]byte // it is one of these texts, and only whether it matches is asked
	need  []byte   // every match holds this text
	never bool     // it holds a $ that no match can get around
}

// CompileRegex compiles one expression.
func CompileRegex(src string) (*Regex, error) {
	if len(src) > MaxRegexBytes {
		return nil, errors.New("refusing to compile regex > 256 bytes")
	}
	translated, err := translateRegex(src)
	if err != nil {
		return nil, fmt.Errorf("regcomp failed: %w", err)
	}
	re, err := regexp.Compile("(?s)" + translated)
	if err != nil {
		var se *syntax.Error
		if errors.As(err, &se) {
			err = errors.New(se.Code.String())
		}
		return nil, fmt.Errorf("regcomp failed: %w", err)
	}
	re.Longest()
	r := &Regex{src: src, re: re, groups: min(re.NumSubexp(), MaxRegexGroups)}
	r.analyse("(?s)" + translated)
	return r, nil
}

// String gives the source.
func (r *Regex) String() string { return r.src }

// Groups says how many groups $1, $2... can be used after a match.
func (r *Regex) Groups() int { return r.groups }

// analyse finds the shortcuts.
func (r *Regex) analyse(translated string) {
	tree, err := syntax.Parse(translated, syntax.Perl)
	if err != nil {
		return
	}
	tree = tree.Simplify()
	r.never = mustFail(tree)
	r.alts = literals(tree)
	if len(r.alts) == 1 && r.groups == 0 && len(r.alts[0]) > 0 {
		r.lit = r.alts[0]
	} else {
		r.need = required(tree)
	}
	// The matcher sees NUL as 0xff, a search for bytes does not.
	for _, text := range append([][]byte{r.need}, r.alts...) {
		if bytes.IndexByte(text, 0xff) >= 0 {
			r.lit, r.alts, r.need = nil, nil, nil
			break
		}
	}
	if len(r.need) == 0 {
		r.need = nil
	}
}

// maxLiterals bounds the texts that a choice is spelt out to.
const maxLiterals = 16

// literals spells out an expression that is a choice of a few texts, such as
// "Off|On"; nil when it is anything else.
func literals(t *syntax.Regexp) [][]byte {
	switch t.Op {
	case syntax.OpLiteral:
		if b := literalBytes(t); b != nil {
			return [][]byte{b}
		}
	case syntax.OpEmptyMatch:
		return [][]byte{{}}
	case syntax.OpCapture:
		return literals(t.Sub[0])
	case syntax.OpCharClass:
		return classLiterals(t.Rune)
	case syntax.OpAlternate:
		var all [][]byte
		for _, sub := range t.Sub {
			some := literals(sub)
			if some == nil || len(all)+len(some) > maxLiterals {
				return nil
			}
			all = append(all, some...)
		}
		return all
	case syntax.OpConcat:
		all := [][]byte{{}}
		for _, sub := range t.Sub {
			if all = product(all, literals(sub)); all == nil {
				return nil
			}
		}
		return all
	}
	return nil
}

// product joins each head with each tail; nil when there are none or too many.
func product(heads, tails [][]byte) [][]byte {
	if tails == nil || len(heads)*len(tails) > maxLiterals {
		return nil
	}
	var out [][]byte
	for _, h := range heads {
		for _, t := range tails {
			out = append(out, append(bytes.Clone(h), t...))
		}
	}
	return out
}

// classLiterals spells out a small class.
func classLiterals(ranges []rune) [][]byte {
	var out [][]byte
	for i := 0; i < len(ranges); i += 2 {
		for c := ranges[i]; c <= ranges[i+1]; c++ {
			if c > 0xff || len(out) == maxLiterals {
				return nil
			}
			out = append(out, []byte{byte(c)})
		}
	}
	return out
}

// literalBytes gives the bytes of a literal, nil when it is no plain text.
func literalBytes(t *syntax.Regexp) []byte {
	if t.Flags&syntax.FoldCase != 0 {
		return nil
	}
	out := make([]byte, 0, len(t.Rune))
	for _, r := range t.Rune {
		if r > 0xff {
			return nil
		}
		out = append(out, byte(r))
	}
	return out
}

// required gives the longest text that every match must hold.
func required(t *syntax.Regexp) []byte {
	switch t.Op {
	case syntax.OpLiteral:
		return literalBytes(t)
	case syntax.OpCapture, syntax.OpPlus:
		return required(t.Sub[0])
	case syntax.OpRepeat:
		if t.Min > 0 {
			return required(t.Sub[0])
		}
	case syntax.OpConcat:
		var best []byte
		for _, sub := range t.Sub {
			// A later text is the better one: it shows that the whole has arrived.
			if b := required(sub); len(b) >= len(best) {
				best = b
			}
		}
		return best
	}
	return nil
}

// mustFail reports whether no input can match.
func mustFail(t *syntax.Regexp) bool {
	switch t.Op {
	case syntax.OpNoMatch:
		return true
	case syntax.OpCharClass:
		return len(t.Rune) == 0
	case syntax.OpCapture, syntax.OpPlus:
		return mustFail(t.Sub[0])
	case syntax.OpRepeat:
		return t.Min > 0 && mustFail(t.Sub[0])
	case syntax.OpConcat:
		for _, sub := range t.Sub {
			if mustFail(sub) {
				return true
			}
		}
	case syntax.OpAlternate:
		for _, sub := range t.Sub {
			if !mustFail(sub) {
				return false
			}
		}
		return true
	}
	return false
}

// Match reports whether the expression matches anywhere in b.
func (r *Regex) Match(b []byte) bool {
	switch {
	case r.never:
		return false
	case r.alts != nil:
		for _, a := range r.alts {
			if bytes.Contains(b, a) {
				return true
			}
		}
		return false
	case isASCII(b):
		return r.re.Match(b)
	}
	return r.re.Match(appendWide(nil, b))
}

// find gives the leftmost-longest match in text that the matcher can take, and its
// groups, or nil.
func (r *Regex) find(text []byte) []int {
	loc := r.re.FindSubmatchIndex(text)
	if len(loc) > 2*(MaxRegexGroups+1) {
		loc = loc[:2*(MaxRegexGroups+1)]
	}
	return loc
}

// isASCII reports whether the matcher can take b as it stands: no byte is above
// 0x7f, and there is no NUL, which the matcher sees as 0xff.
func isASCII(b []byte) bool {
	for _, c := range b {
		if c == 0 || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// appendWide appends b as Latin-1 in UTF-8, so that one byte is one rune to the
// matcher; NUL becomes 0xff as in powermand.
func appendWide(dst, b []byte) []byte {
	for _, c := range b {
		switch {
		case c == 0:
			dst = utf8.AppendRune(dst, 0xff)
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			dst = utf8.AppendRune(dst, rune(c))
		}
	}
	return dst
}
