package hostlist

import "slices"

// Unique returns the names of l sorted, each once.
func (l List) Unique() List { return fromSet(set(l)) }

// Union returns the names that are in a or in b, sorted, each once.
func Union(a, b List) List { return fromSet(set(a, b)) }

// Intersect returns the names that are in both a and b, sorted, each once.
func Intersect(a, b List) List {
	x, y := set(a), set(b)
	var out List
	for len(x) > 0 && len(y) > 0 {
		switch c := compareSets(&x[0], &y[0]); {
		case c < 0:
			x = x[1:]
		case c > 0:
			y = y[1:]
		default:
			both := x[0]
			both.lo, both.hi = max(x[0].lo, y[0].lo), min(x[0].hi, y[0].hi)
			out.push(both)
			if x[0].hi < y[0].hi {
				x = x[1:]
			} else {
				y = y[1:]
			}
		}
	}
	return out
}

// Subtract returns the names that are in a and not in b, sorted, each once.
func Subtract(a, b List) List {
	x, y := set(a), set(b)
	var out List
	for len(x) > 0 {
		if len(y) == 0 || compareSets(&x[0], &y[0]) < 0 {
			out.push(x[0])
			x = x[1:]
			continue
		}
		if compareSets(&x[0], &y[0]) > 0 {
			y = y[1:]
			continue
		}
		if x[0].lo < y[0].lo {
			before := x[0]
			before.hi = y[0].lo - 1
			out.push(before)
		}
		if x[0].hi <= y[0].hi {
			x = x[1:]
		} else {
			x[0].lo = y[0].hi + 1
		}
	}
	return out
}

// set returns the names of the lists as sorted pieces that do not overlap. The
// pieces belong to the caller. The cost goes with the number of ranges, not of
// names, with the exceptions that [List.Sort] tells.
func set(lists ...List) []span {
	var pieces []span
	for _, l := range lists {
		pieces = explode(pieces, l.spans)
	}
	slices.SortFunc(pieces, comparePieces)
	out := pieces[:0]
	for _, p := range pieces {
		if n := len(out); n > 0 && compareFamily(&out[n-1], &p) == 0 && p.lo <= out[n-1].hi {
			out[n-1].hi = max(out[n-1].hi, p.hi)
			continue
		}
		out = append(out, p)
	}
	return out
}

// fromSet makes a list of pieces, merging neighbours.
func fromSet(pieces []span) List { return List{merged(pieces)} }

// compareSets returns 0 if the pieces share a name, and else which comes first.
func compareSets(a, b *span) int {
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
