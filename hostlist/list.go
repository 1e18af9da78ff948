package hostlist

import (
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
)

// List is an ordered list of host names, kept as ranges. Order and duplicates
// are kept. The zero value is an empty list.
//
// A List behaves like a slice: a copy shares its ranges with the original, so
// use [List.Clone] before changing one of the two. Reading one List from
// several goroutines is safe.
type List struct {
	spans []span
}

// kind tells how a span stands for its names.
type kind uint8

const (
	// opaque is a single name, held in prefix.
	opaque kind = iota
	// numbered is prefix plus lo..hi. The prefix does not end in a digit and hi
	// is at most MaxNumber, so that each such name has this one form only.
	numbered
	// series is prefix plus lo..hi plus suffix, for bracket groups whose names
	// are not numbered: those with text after the bracket, or beyond MaxNumber.
	// It is a short way to write its names and nothing more: what compares,
	// sorts or prints walks it.
	series
)

// span is a run of names. width is the number of digits lo prints with; numbers
// with more digits than that print in full.
type span struct {
	prefix, suffix string
	lo, hi         uint64
	width          int
	kind           kind
}

// spanOf returns the span that holds one name.
func spanOf(name string) span {
	h := ParseHost(name)
	if h.Opaque {
		return span{prefix: name}
	}
	return span{prefix: h.Prefix, lo: h.Num, hi: h.Num, width: h.Width, kind: numbered}
}

// widthOf returns how many digits n, a number of this span, prints with.
func (s *span) widthOf(n uint64) int { return max(s.width, digits(n)) }

// count returns how many names the span stands for.
func (s *span) count() uint64 { return s.hi - s.lo + 1 }

// continues reports whether next goes on where s ends, so that both together
// can be written as one range: same prefix, next number, and a width that
// prints both as typed.
func (s *span) continues(next *span) bool {
	return s.kind == numbered && next.kind == numbered &&
		s.hi+1 == next.lo && s.widthOf(next.lo) == next.width && s.prefix == next.prefix
}

// appendName appends the name with number n to dst.
func (s *span) appendName(dst []byte, n uint64) []byte {
	dst = append(dst, s.prefix...)
	if s.kind == opaque {
		return dst
	}
	dst = appendPadded(dst, n, s.width)
	return append(dst, s.suffix...)
}

func appendPadded(dst []byte, n uint64, width int) []byte {
	for pad := width - digits(n); pad > 0; pad-- {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, n, 10)
}

// Append adds one name at the end. It merges into the last range if that has
// the same prefix, ends one below and is compatible in width; then nothing is
// allocated. The name is taken as it is, brackets are not expanded. An empty
// name is ignored. The list keeps a reference to name's text.
func (l *List) Append(name string) {
	if name != "" {
		l.push(spanOf(name))
	}
}

// Extend adds the names of m at the end.
func (l *List) Extend(m List) {
	for _, s := range m.spans {
		l.push(s)
	}
}

// push adds a span at the end, merging it into the last one if it can.
func (l *List) push(s span) {
	if len(l.spans) > 0 {
		last := &l.spans[len(l.spans)-1]
		if last.continues(&s) {
			last.hi = s.hi
			return
		}
		if last.prefix == s.prefix {
			// One text for both: less memory held, and equal prefixes then
			// compare by address when sorting.
			s.prefix = last.prefix
		}
	}
	l.spans = append(l.spans, s)
}

// Clone returns a copy that shares nothing which either could change.
func (l List) Clone() List { return List{slices.Clone(l.spans)} }

// Len returns the number of names, duplicates counted. It does not walk them.
func (l List) Len() int {
	var n uint64
	for i := range l.spans {
		n += l.spans[i].count()
		if n > math.MaxInt {
			return math.MaxInt
		}
	}
	return int(n)
}

// All walks the names in order, making each when it is its turn.
func (l List) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		var buf []byte
		for i := range l.spans {
			s := &l.spans[i]
			if s.kind == opaque {
				if !yield(s.prefix) {
					return
				}
				continue
			}
			for n := s.lo; n <= s.hi; n++ {
				buf = s.appendName(buf[:0], n)
				if !yield(string(buf)) {
					return
				}
			}
		}
	}
}

// Names returns all names in order. They share one block of memory, so it is
// cheaper than collecting [List.All], but a single name kept keeps them all.
func (l List) Names() []string {
	n := l.Len()
	if n == 0 {
		return nil
	}
	ends := make([]int, 0, n)
	var buf []byte
	for i := range l.spans {
		s := &l.spans[i]
		for n := s.lo; n <= s.hi; n++ {
			buf = s.appendName(buf, n)
			ends = append(ends, len(buf))
		}
	}
	text, from := string(buf), 0
	names := make([]string, n)
	for i, end := range ends {
		names[i], from = text[from:end], end
	}
	return names
}

// Contains reports whether name is in the list, character by character: t1 is
// not t01. It expands nothing; the time goes with the number of ranges. To look
// up many names use [Intersect] or [Subtract].
func (l List) Contains(name string) bool {
	if name == "" {
		return false
	}
	want := spanOf(name)
	for i := range l.spans {
		if l.spans[i].contains(&want, name) {
			return true
		}
	}
	return false
}

func (s *span) contains(want *span, name string) bool {
	if s.kind == series {
		return s.seriesContains(name)
	}
	return s.kind == want.kind && s.lo <= want.lo && want.lo <= s.hi &&
		(s.kind == opaque || s.widthOf(want.lo) == want.width) && s.prefix == want.prefix
}

func (s *span) seriesContains(name string) bool {
	middle, ok := strings.CutPrefix(name, s.prefix)
	if !ok {
		return false
	}
	middle, ok = strings.CutSuffix(middle, s.suffix)
	if !ok || trailingDigits(middle) != len(middle) {
		return false
	}
	n, ok := parseNumber(middle, s.hi)
	return ok && n >= s.lo && s.widthOf(n) == len(middle)
}
