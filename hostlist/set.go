package hostlist

import (
	"cmp"
	"slices"
	"strings"
)

// The set operations return each name once, in the order of [List.Sort], and
// have one result for one set of names. What they cost goes with the number of
// ranges, not of names, with the exceptions that Sort tells.

// Unique returns the names of l, sorted, each once.
func (l List) Unique() List { return fromPieces(piecesOf(l)) }

// Union returns the names that are in a or in b, sorted, each once.
func Union(a, b List) List { return fromPieces(piecesOf(a, b)) }

// Intersect returns the names that are in both a and b, sorted, each once.
func Intersect(a, b List) List {
	x, y := piecesOf(a), piecesOf(b)
	var both []span
	for len(x) > 0 && len(y) > 0 {
		switch c := comparePieces(&x[0], &y[0]); {
		case c < 0:
			x = x[1:]
		case c > 0:
			y = y[1:]
		default:
			p := x[0]
			p.lo, p.hi = max(p.lo, y[0].lo), min(p.hi, y[0].hi)
			both = append(both, p)
			if x[0].hi < y[0].hi {
				x = x[1:]
			} else {
				y = y[1:]
			}
		}
	}
	return fromPieces(both)
}

// Subtract returns the names that are in a and not in b, sorted, each once.
func Subtract(a, b List) List {
	x, y := piecesOf(a), piecesOf(b)
	var rest []span
	for len(x) > 0 {
		if len(y) == 0 || comparePieces(&x[0], &y[0]) < 0 {
			rest = append(rest, x[0])
			x = x[1:]
			continue
		}
		if comparePieces(&x[0], &y[0]) > 0 {
			y = y[1:]
			continue
		}
		if x[0].lo < y[0].lo {
			before := x[0]
			before.hi = y[0].lo - 1
			rest = append(rest, before)
		}
		if x[0].hi <= y[0].hi {
			x = x[1:]
		} else {
			x[0].lo = y[0].hi + 1
		}
	}
	return fromPieces(rest)
}

// A piece is a span whose width is 0 if its numbers have no leading zeros, and
// whose numbers all have some if it is not. So every name is in one piece of
// one family (prefix, kind, width) only, and a family is a line of numbers on
// which pieces are intervals.

// piecesOf returns the names of the lists as sorted pieces, none of which
// touches another. They belong to the caller.
func piecesOf(lists ...List) []span {
	var pieces []span
	for _, l := range lists {
		pieces = appendPieces(pieces, l.spans)
	}
	slices.SortFunc(pieces, func(a, b span) int {
		return cmp.Or(compareFamily(&a, &b), cmp.Compare(a.lo, b.lo))
	})
	apart := pieces[:0]
	for _, p := range pieces {
		if n := len(apart); n > 0 && compareFamily(&apart[n-1], &p) == 0 && p.lo <= apart[n-1].hi+1 {
			apart[n-1].hi = max(apart[n-1].hi, p.hi)
			continue
		}
		apart = append(apart, p)
	}
	return apart
}

// appendPieces appends the names of spans to dst as pieces, in any order.
func appendPieces(dst, spans []span) []span {
	dst = slices.Grow(dst, len(spans))
	for _, s := range spans {
		switch s.kind {
		case opaque:
			dst = append(dst, s)
		case numbered:
			// Numbers from plain on print without leading zeros.
			if plain := pow10(s.width - 1); s.width > 1 && s.lo < plain {
				padded := s
				padded.hi = min(s.hi, plain-1)
				dst = append(dst, padded)
				s.lo = plain
			}
			if s.width = 0; s.lo <= s.hi {
				dst = append(dst, s)
			}
		case series:
			dst = appendPieces(dst, walked([]span{s}))
		}
	}
	return dst
}

// fromPieces makes a list of pieces. It takes them over.
func fromPieces(pieces []span) List {
	for i := range pieces {
		pieces[i] = pieces[i].part(pieces[i].lo, pieces[i].hi)
	}
	slices.SortFunc(pieces, compareFirst)
	return List{merged(pieces)}
}

// compareFamily orders pieces by all but their numbers.
func compareFamily(a, b *span) int {
	if c := strings.Compare(a.prefix, b.prefix); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.width, b.width))
}

// comparePieces returns 0 if the pieces share a name, and else which of them
// comes first.
func comparePieces(a, b *span) int {
	if c := compareFamily(a, b); c != 0 {
		return c
	}
	if a.hi < b.lo {
		return -1
	}
	if b.hi < a.lo {
		return 1
	}
	return 0
}
