package hostlist

// Fold returns names as one sorted, compressed list, "t[0-3,7]". Duplicates
// stay. Names already in order are folded in one pass.
func Fold(names []string) string {
	var l List
	for _, name := range names {
		l.Append(name)
	}
	l.Sort()
	return l.String()
}

// String returns the list in compressed form, in its own order: neighbours with
// one prefix share a bracket, groups are joined by commas. An empty list is "".
// See [List.Sorted] for sorted output.
func (l List) String() string {
	var room [256]byte
	return string(l.AppendTo(room[:0]))
}

// AppendTo appends what String returns to dst.
func (l List) AppendTo(dst []byte) []byte {
	w := writer{dst: dst, first: true}
	for i := range l.spans {
		s := &l.spans[i]
		if s.kind != series {
			w.add(s)
			continue
		}
		for n := s.lo; n <= s.hi; n++ {
			one := spanOf(string(s.appendName(nil, n)))
			w.add(&one)
		}
	}
	w.flush(nil)
	return w.dst
}

// writer puts spans into text. It holds one back, because whether a group gets
// a bracket is known only when the next span is seen.
type writer struct {
	dst   []byte
	held  span
	full  bool // held is set
	first bool // nothing has been written yet
	open  bool // inside a bracket
}

func (w *writer) add(s *span) {
	if w.full && w.held.continues(s) {
		w.held.hi = s.hi
		return
	}
	w.flush(s)
	w.held, w.full = *s, true
}

// flush writes the span held back; next is what follows it, or nil at the end.
func (w *writer) flush(next *span) {
	if !w.full {
		return
	}
	s := &w.held
	if !w.first {
		w.dst = append(w.dst, ',')
	}
	w.first = false
	if s.kind == opaque {
		w.dst = append(w.dst, s.prefix...)
		return
	}
	shared := next != nil && next.kind == numbered && next.prefix == s.prefix
	if !w.open {
		w.dst = append(w.dst, s.prefix...)
		if shared || s.lo != s.hi {
			w.dst = append(w.dst, '[')
			w.open = true
		}
	}
	w.dst = appendPadded(w.dst, s.lo, s.width)
	if s.lo != s.hi {
		w.dst = append(w.dst, '-')
		w.dst = appendPadded(w.dst, s.hi, s.width)
	}
	if w.open && !shared {
		w.dst = append(w.dst, ']')
		w.open = false
	}
}
