package hostlist

import (
	"cmp"
	"slices"
	"strings"
)

// Sort puts the names into the order of [Compare] and merges neighbours.
// Duplicates stay. A list already in order is only merged. Ranges are not
// expanded, save where they overlap, and bracket groups with text after the
// bracket or numbers above [MaxNumber], whose names are opaque.
func (l *List) Sort() {
	if inOrder(l.spans) {
		l.spans = merged(l.spans)
		return
	}
	pieces := explode(nil, l.spans)
	slices.SortFunc(pieces, comparePieces)
	out := List{spans: make([]span, 0, min(len(pieces), 16))}
	for len(pieces) > 0 {
		n := overlapping(pieces)
		out.pushOverlap(pieces[:n])
		pieces = pieces[n:]
	}
	l.spans = out.spans
}

// Sorted returns a sorted copy.
func (l List) Sorted() List {
	c := l.Clone()
	c.Sort()
	return c
}

// inOrder reports whether the spans are in order, name by name.
func inOrder(spans []span) bool {
	for i := range spans {
		if spans[i].kind == series || i > 0 && compareEnds(&spans[i-1], &spans[i]) > 0 {
			return false
		}
	}
	return true
}

// compareEnds compares the last name of a with the first of b.
func compareEnds(a, b *span) int {
	if c := strings.Compare(a.prefix, b.prefix); c != 0 {
		return c
	}
	if a.kind != b.kind || a.kind == opaque {
		return cmp.Compare(a.kind, b.kind)
	}
	return cmp.Or(cmp.Compare(a.widthOf(a.hi), b.width), cmp.Compare(a.hi, b.lo))
}

// merged joins neighbours that continue each other, in place.
func merged(spans []span) []span {
	l := List{spans: spans[:0]}
	for _, s := range spans {
		l.push(s)
	}
	return l.spans
}

// explode appends spans to dst as pieces: opaque single names, and numbered
// runs whose numbers all print with the same number of digits. Within one
// prefix, pieces are plain intervals in the order of (width, number).
func explode(dst, spans []span) []span {
	dst = slices.Grow(dst, len(spans))
	for i := range spans {
		s := &spans[i]
		switch s.kind {
		case opaque:
			dst = append(dst, *s)
		case numbered:
			dst = byWidth(dst, *s)
		case series:
			for n := s.lo; n <= s.hi; n++ {
				dst = append(dst, spanOf(string(s.appendName(nil, n))))
			}
		}
	}
	return dst
}

// byWidth appends s to dst, cut where its numbers get one digit longer.
func byWidth(dst []span, s span) []span {
	end := pow10(s.width) // first number that is too long for the width
	for s.hi >= end {
		part := s
		part.hi = end - 1
		dst = append(dst, part)
		s.lo, s.width = end, s.width+1
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

func comparePieces(a, b span) int {
	if c := compareFamily(&a, &b); c != 0 {
		return c
	}
	return cmp.Compare(a.lo, b.lo)
}

// compareFamily orders pieces by all but their numbers. Pieces of one family
// are intervals of the same line.
func compareFamily(a, b *span) int {
	if c := strings.Compare(a.prefix, b.prefix); c != 0 {
		return c
	}
	if a.kind != b.kind {
		return cmp.Compare(a.kind, b.kind)
	}
	return cmp.Compare(a.width, b.width)
}

// overlapping returns how many pieces from the first on hang together by
// sharing names.
func overlapping(pieces []span) int {
	hi := pieces[0].hi
	for i := 1; i < len(pieces); i++ {
		if pieces[i].lo > hi || compareFamily(&pieces[0], &pieces[i]) != 0 {
			return i
		}
		hi = max(hi, pieces[i].hi)
	}
	return len(pieces)
}

// pushOverlap adds pieces that overlap, name by name where a name occurs more
// than once: 1-3 with 2-4 becomes 1 2 2 3 3 4.
func (l *List) pushOverlap(pieces []span) {
	if len(pieces) == 1 {
		l.push(pieces[0])
		return
	}
	ends := make([]uint64, len(pieces))
	for i := range pieces {
		ends[i] = pieces[i].hi
	}
	slices.Sort(ends)
	begun, ended := 0, 0 // how many pieces start at or before at, or end before it
	for at := pieces[0].lo; ended < len(ends); {
		for begun < len(pieces) && pieces[begun].lo <= at {
			begun++
		}
		next := ends[ended] + 1 // up to here the same pieces are under way
		if begun < len(pieces) {
			next = min(next, pieces[begun].lo)
		}
		l.pushTimes(pieces[0], at, next-1, begun-ended)
		at = next
		for ended < len(ends) && ends[ended] < at {
			ended++
		}
	}
}

// pushTimes adds lo..hi of s's family, each name the given number of times.
func (l *List) pushTimes(s span, lo, hi uint64, times int) {
	if times == 1 {
		s.lo, s.hi = lo, hi
		l.push(s)
		return
	}
	for n := lo; n <= hi; n++ {
		s.lo, s.hi = n, n
		for range times {
			l.push(s)
		}
	}
}
