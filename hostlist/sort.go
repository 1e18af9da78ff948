package hostlist

import (
	"cmp"
	"slices"
	"strings"
)

// Sort orders the ranges by their first names, as [Compare] does, and merges
// neighbours. Duplicates stay: where ranges overlap they are cut so that the
// names come in order, 1-3 with 2-4 becoming 1 2 2 3 3 4.
//
// A range stays whole next to names of another width: web[1-40],web07 is in
// order. It is the only case in which the order of the names is not that of
// Compare, and in which the result depends on the order before; [List.Unique]
// has one result for one set of names.
//
// Nothing is expanded, save names that occur more than once, and bracket groups
// with text after the bracket or numbers above [MaxNumber], which are walked.
func (l *List) Sort() {
	if inOrder(l.spans) {
		l.spans = merged(l.spans)
		return
	}
	spans := l.spans
	if slices.ContainsFunc(spans, func(s span) bool { return s.kind == series }) {
		spans = walked(spans)
	}
	slices.SortFunc(spans, compareFirst)
	out := List{spans: make([]span, 0, min(len(spans), 16))}
	for len(spans) > 0 {
		n := overlapping(spans)
		out.pushOverlap(spans[:n])
		spans = spans[n:]
	}
	l.spans = out.spans
}

// Sorted returns a sorted copy.
func (l List) Sorted() List {
	c := l.Clone()
	c.Sort()
	return c
}

// inOrder reports whether sorting would at most merge.
func inOrder(spans []span) bool {
	for i := range spans {
		if spans[i].kind == series {
			return false
		}
		if i > 0 && (compareFirst(spans[i-1], spans[i]) > 0 || overlapping(spans[i-1:i+1]) > 1) {
			return false
		}
	}
	return true
}

// merged joins neighbours that continue each other, in place.
func merged(spans []span) []span {
	l := List{spans: spans[:0]}
	for _, s := range spans {
		l.push(s)
	}
	return l.spans
}

// walked returns the spans with each series replaced by its names.
func walked(spans []span) []span {
	var l List
	for i := range spans {
		s := &spans[i]
		if s.kind != series {
			l.push(*s)
			continue
		}
		for n := s.lo; n <= s.hi; n++ {
			l.push(spanOf(string(s.appendName(nil, n))))
		}
	}
	return l.spans
}

// compareFirst orders spans by their first names, as Compare does.
func compareFirst(a, b span) int {
	if c := strings.Compare(a.prefix, b.prefix); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.width, b.width), cmp.Compare(a.lo, b.lo))
}

// overlapping returns how many of the sorted spans, from the first on, hang
// together by sharing names.
func overlapping(spans []span) int {
	first := &spans[0]
	hi := first.hi
	for i := 1; i < len(spans); i++ {
		next := &spans[i]
		if first.kind != next.kind || next.lo > hi || first.prefix != next.prefix ||
			first.kind == numbered && first.widthOf(next.lo) != next.width {
			return i
		}
		hi = max(hi, next.hi)
	}
	return len(spans)
}

// pushOverlap adds spans that overlap, name by name where a name occurs more
// than once.
func (l *List) pushOverlap(spans []span) {
	if len(spans) == 1 {
		l.push(spans[0])
		return
	}
	ends := make([]uint64, len(spans))
	for i := range spans {
		ends[i] = spans[i].hi
	}
	slices.Sort(ends)
	begun, ended := 0, 0 // how many spans start at or before at, or end before it
	for at := spans[0].lo; ended < len(ends); {
		for begun < len(spans) && spans[begun].lo <= at {
			begun++
		}
		next := ends[ended] + 1 // up to here the same spans are under way
		if begun < len(spans) {
			next = min(next, spans[begun].lo)
		}
		l.pushTimes(spans[0], at, next-1, begun-ended)
		at = next
		for ended < len(ends) && ends[ended] < at {
			ended++
		}
	}
}

// pushTimes adds lo..hi with the prefix and padding of like, each name the
// given number of times.
func (l *List) pushTimes(like span, lo, hi uint64, times int) {
	if times == 1 {
		l.push(like.part(lo, hi))
		return
	}
	for n := lo; n <= hi; n++ {
		for range times {
			l.push(like.part(n, n))
		}
	}
}

// part returns lo..hi with the prefix and padding of s.
func (s span) part(lo, hi uint64) span {
	s.lo, s.hi = lo, hi
	if s.kind == numbered {
		s.width = s.widthOf(lo)
	}
	return s
}
