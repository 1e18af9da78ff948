package hostlist

import (
	"errors"
	"fmt"
	"strings"
)

// Reasons for which a text is not a host list. They are found in a
// [*SyntaxError] with [errors.Is].
var (
	// ErrUnbalanced is a bracket without its partner.
	ErrUnbalanced = errors.New("unbalanced brackets")
	// ErrRange is a range item that is not N, N- or N-M with N <= M.
	ErrRange = errors.New("invalid range")
	// ErrLimit is a list larger than its [Limits] allow.
	ErrLimit = errors.New("too many hosts")
)

// SyntaxError says what is wrong with a host list and where. PowerMan's
// protocol answers every one of them with "205 Hostlist error: invalid range".
type SyntaxError struct {
	Offset int    // byte of the input at which Text begins
	Text   string // the part that is wrong, shortened if it is long
	Reason string // what is wrong with it
	Err    error  // ErrUnbalanced, ErrRange or ErrLimit
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("host list: %v at byte %d, %q: %s", e.Err, e.Offset, e.Text, e.Reason)
}

// Unwrap returns the kind of error.
func (e *SyntaxError) Unwrap() error { return e.Err }

// The limits that apply where [Limits] does not say otherwise. The first two
// are PowerMan's. The third bounds what one line of hostile input can ask for;
// a list of so many names is walked and sorted in a fraction of a second. A door
// that knows how many names can be meant should set less.
const (
	DefaultRange = 16384
	DefaultItems = 10240
	DefaultNames = 1 << 18
)

const (
	// bytesPerName times Limits.Names is how much text the names made by
	// brackets may have together, so that a long prefix cannot multiply.
	bytesPerName = 64
	// maxValue is the largest number that a bracket may hold.
	maxValue = 1e18 - 1
	// maxLimit is the largest value that a field of Limits takes effect with; on
	// every platform a List of so many names has its Len in an int.
	maxLimit = 1 << 30
	// maxText is how much of the wrong input a SyntaxError repeats.
	maxText = 40
)

// Limits bounds what a list may stand for. A zero field means its default.
// Ranges are not expanded when read, so generous limits cost nothing by
// themselves; they matter to those who then walk the list. No field goes beyond
// 2^30.
type Limits struct {
	Range int // members of one N-M
	Items int // items in one bracket
	Names int // names of the whole list; their text may have 64 bytes for each
}

// Parse reads a host list with the default limits. An empty text is an empty
// list. Any error is a [*SyntaxError].
func Parse(s string) (List, error) { return Limits{}.Parse(s) }

// Expand returns all names of a host list in the order written, with the
// default limits.
func Expand(s string) ([]string, error) {
	l, err := Parse(s)
	if err != nil {
		return nil, err
	}
	return l.Names(), nil
}

// Parse reads a host list as [Parse] does, with these limits.
func (lim Limits) Parse(s string) (List, error) {
	p := parser{text: s, lim: lim.orDefault()}
	for at := 0; at < len(s); {
		if isSeparator(s[at]) {
			at++
			continue
		}
		end, err := p.tokenEnd(at)
		if err == nil {
			err = p.token(at, end)
		}
		if err != nil {
			return List{}, err
		}
		at = end
	}
	return p.list, nil
}

func (lim Limits) orDefault() Limits {
	for _, f := range []struct {
		field *int
		value int
	}{{&lim.Range, DefaultRange}, {&lim.Items, DefaultItems}, {&lim.Names, DefaultNames}} {
		if *f.field <= 0 {
			*f.field = f.value
		}
		*f.field = min(*f.field, maxLimit)
	}
	return lim
}

type parser struct {
	text  string
	lim   Limits
	list  List
	names uint64 // how many names so far
	bytes uint64 // how much text those made by brackets have
}

func (p *parser) fail(from, to int, kind error, reason string) error {
	return &SyntaxError{
		Offset: from, Text: strings.Clone(p.text[from:min(to, from+maxText)]),
		Reason: reason, Err: kind,
	}
}

// tokenEnd returns where the token that starts at from ends: at the first
// separator outside brackets.
func (p *parser) tokenEnd(from int) (int, error) {
	depth, opened := 0, from
	for i := from; i < len(p.text); i++ {
		switch c := p.text[i]; c {
		case '[':
			if depth == 0 {
				opened = i
			}
			depth++
		case ']':
			if depth == 0 {
				return 0, p.fail(i, i+1, ErrUnbalanced, "a ']' closes no '['")
			}
			depth--
		case ',', ' ', '\t':
			if depth == 0 {
				return i, nil
			}
			if c != ',' {
				return 0, p.fail(opened, i+1, ErrRange, "there is a blank inside brackets")
			}
		}
	}
	if depth > 0 {
		return 0, p.fail(opened, len(p.text), ErrUnbalanced, "this '[' is not closed")
	}
	return len(p.text), nil
}

// token reads one token, which has balanced brackets.
func (p *parser) token(from, to int) error {
	token := p.text[from:to]
	opening := strings.IndexByte(token, '[')
	if opening < 0 {
		p.list.push(spanOf(token))
		return p.grow(from, to, 1, 0)
	}
	closing := opening + strings.IndexByte(token[opening:], ']')
	group := span{prefix: token[:opening], suffix: token[closing+1:]}

	at, end := from+opening+1, from+closing
	for items := 1; ; items++ {
		if items > p.lim.Items {
			return p.fail(at, end, ErrLimit, fmt.Sprintf("more than %d items in one bracket", p.lim.Items))
		}
		stop := end
		if comma := strings.IndexByte(p.text[at:end], ','); comma >= 0 {
			stop = at + comma
		}
		if err := p.item(group, at, stop); err != nil {
			return err
		}
		if stop == end {
			return nil
		}
		at = stop + 1
	}
}

// item reads one N, N- or N-M and adds its names, group telling the text
// around them.
func (p *parser) item(group span, from, to int) error {
	first, last, isRange := strings.Cut(p.text[from:to], "-")
	bad := func(reason string) error { return p.fail(from, to, ErrRange, reason) }
	if first == "" {
		if isRange {
			return bad("a range does not start with a number")
		}
		return bad("a number is missing")
	}
	if last == "" {
		last = first
	}
	for _, n := range []string{first, last} {
		if trailingDigits(n) != len(n) {
			return bad("want a number, or two joined by '-'")
		}
	}
	lo, okLo := parseNumber(first, maxValue)
	hi, okHi := parseNumber(last, maxValue)
	if !okLo || !okHi || len(first) > maxDigits {
		return bad("the number is too long")
	}
	if hi < lo {
		return bad("the range runs backwards")
	}
	if hi-lo >= uint64(p.lim.Range) {
		return p.fail(from, to, ErrLimit, fmt.Sprintf("more than %d hosts in one range", p.lim.Range))
	}

	group.lo, group.hi, group.width = lo, hi, len(first)
	size := len(group.prefix) + len(group.suffix) + group.widthOf(hi)
	if err := p.grow(from, to, group.count(), uint64(size)); err != nil {
		return err
	}
	p.list.pushGroup(group)
	return nil
}

// grow accounts for so many names of at most size bytes each.
func (p *parser) grow(from, to int, names, size uint64) error {
	limit := uint64(p.lim.Names)
	if p.names += names; p.names > limit {
		return p.fail(from, to, ErrLimit, fmt.Sprintf("more than %d hosts in the list", limit))
	}
	if left := limit*bytesPerName - p.bytes; size > left/names {
		return p.fail(from, to, ErrLimit, fmt.Sprintf("the names have more than %d bytes together", limit*bytesPerName))
	}
	p.bytes += names * size
	return nil
}

// pushGroup adds the names of one bracket item in the form that List keeps: as
// numbered spans where the names end in numbers, else as a series.
func (l *List) pushGroup(g span) {
	switch {
	case g.suffix == "" && trailingDigits(g.prefix) == 0:
		l.pushNumbers(g, g)
	case g.lo == g.hi:
		l.push(spanOf(string(g.appendGroup(nil))))
	case g.suffix != "":
		g.kind = series
		l.push(g)
	default:
		// x1[2-3] is x12 x13, so it is x[12-13]. With a fixed number of
		// digits per piece, the digits before the bracket just add to each.
		for _, piece := range byWidth(nil, g) {
			first := spanOf(string(piece.appendGroup(nil)))
			if first.kind == opaque {
				piece.kind = series
				l.push(piece)
				continue
			}
			first.hi = first.lo + (piece.hi - piece.lo)
			l.pushNumbers(first, piece)
		}
	}
}

// byWidth appends s to dst, cut where its numbers get one digit longer.
func byWidth(dst []span, s span) []span {
	end := pow10(s.width) // first number that is too long for the width
	for s.hi >= end {
		part := s
		part.hi = end - 1
		if part.lo <= part.hi {
			dst = append(dst, part)
			s.lo = end
		}
		s.width++
		end *= 10
	}
	return append(dst, s)
}

// pow10 returns 10^n, or the largest such power that fits where n is larger.
func pow10(n int) uint64 {
	p := uint64(1)
	for range min(n, 19) {
		p *= 10
	}
	return p
}

// appendGroup appends the first name of a bracket item.
func (s *span) appendGroup(dst []byte) []byte {
	dst = append(dst, s.prefix...)
	dst = appendPadded(dst, s.lo, s.width)
	return append(dst, s.suffix...)
}

// pushNumbers adds the names of s, of which those up to MaxNumber are numbered.
// typed is the same names as they were typed, for the rest.
func (l *List) pushNumbers(s, typed span) {
	over := uint64(0) // how many names are beyond MaxNumber
	if s.hi > MaxNumber {
		over = min(s.hi-MaxNumber, s.count())
	}
	if over < s.count() {
		s.hi -= over
		s.width = s.widthOf(s.lo)
		s.kind = numbered
		l.push(s)
	}
	if over > 0 {
		typed.lo = typed.hi - over + 1
		typed.width = typed.widthOf(typed.lo)
		typed.kind = series
		l.push(typed)
	}
}

func isSeparator(c byte) bool { return c == ',' || c == ' ' || c == '\t' }
