package room

// ResolveKnown reads a target expression that was right once and is kept, such as
// a grant's: nodes and groups that have left the room since are passed over. It
// fails like [Room.Resolve] for what is no target expression, and when something
// that was to be left out is not known any more: to pass over that would mean
// more nodes than were ever meant.
func (r *Room) ResolveKnown(expr string) ([]NodeID, error) {
	s := resolver{room: r, set: collector{room: r}}
	for at := 0; at < len(expr); {
		if separates(expr[at]) {
			at++
			continue
		}
		end := wordEnd(expr, at)
		before := len(s.unknown)
		if err := s.word(expr[at:end], at); err != nil {
			return nil, err
		}
		if expr[at] == '-' && len(s.unknown) > before {
			return nil, r.noSuch(s.unknown[before:], false)
		}
		at = end
	}
	if !s.added {
		return nil, invalid(0, expr, "no node is named")
	}
	return s.set.nodes(), nil
}
