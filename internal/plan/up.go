package plan

import (
	"slices"

	"millwright.dev/millwright/internal/room"
)

// gatherUp finds the scope of a way up, the nearest to a target first, so that each
// node's reason is the shortest way to one.
func (p *part) gatherUp(targets []room.NodeID) {
	for _, id := range targets {
		p.add(id, Why{Asked, room.None})
	}
	if p.order.Only {
		return
	}
	if p.order.Dependents {
		for i := 0; i < len(p.scope); i++ { //nolint:intrange // it grows
			for _, id := range p.room.NeededBy(p.scope[i]) {
				p.add(id, Why{Needs, p.scope[i]})
			}
		}
	}
	for done, chosen := 0, 0; ; {
		for ; done < len(p.scope); done++ {
			id := p.scope[done]
			for _, need := range p.room.Nodes[id].Hard() {
				p.add(need, Why{NeededBy, id})
			}
			for _, want := range p.room.Nodes[id].Wants {
				p.add(want, Why{NeededBy, id})
			}
		}
		// What some are needed of comes last: members may be there for other reasons.
		for ; chosen < len(p.scope) && done == len(p.scope); chosen++ {
			p.choose(p.scope[chosen])
		}
		if done == len(p.scope) {
			return
		}
	}
}

// choose takes as many members of a node's choices into the scope as it needs.
func (p *part) choose(id room.NodeID) {
	for _, c := range p.room.Nodes[id].Choices {
		have := 0
		var others []room.NodeID
		for _, m := range c.Of {
			switch n := p.look(m); {
			case n.in && !n.blocked, n.there:
				have++
				p.add(m, Why{NeededBy, id})
			case !n.blocked:
				others = append(others, m)
			}
		}
		slices.SortFunc(others, func(x, y room.NodeID) int {
			if p.before(x, y) {
				return -1
			}
			return 1
		})
		for i := 0; have < c.Least && i < len(others); i++ {
			if p.viable(others[i], map[room.NodeID]bool{}) {
				p.add(others[i], Why{NeededBy, id})
				have++
			}
		}
	}
}

// viable says whether nothing is known that keeps a node from coming up.
func (p *part) viable(id room.NodeID, seen map[room.NodeID]bool) bool {
	for open := []room.NodeID{id}; len(open) > 0; {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		if n := p.look(at); n.blocked {
			return false
		}
		open = append(open, p.room.Nodes[at].Hard()...)
	}
	return true
}

// decideUp looks at what a node needs.
func (p *part) decideUp(id room.NodeID, n *node) {
	def := &p.room.Nodes[id]
	for _, need := range def.Hard() {
		switch before := &p.nodes[need]; {
		case before.in:
			p.inherit(n, need)
		case p.loose || p.look(need).there || n.there:
		case p.order.Force:
			p.over = append(p.over, Block{Node: id, By: need, Reason: p.notUp(need), Why: n.why})
		case !n.blocked:
			n.blocked, n.by = true, need
			if before.blocked && before.by != room.None {
				n.by = before.by
			} else {
				p.reasons[need] = p.notUp(need)
			}
		}
	}
	for _, c := range def.Choices {
		p.decideChoice(id, n, c)
	}
}

// notUp says what is wrong with a node that is not up and will not be touched.
func (p *part) notUp(id room.NodeID) string {
	if reason, found := p.reasons[id]; found {
		return reason
	}
	if n := &p.nodes[id]; n.state != room.StateUnknown {
		return "is " + n.state.String() + ", and was not asked for"
	}
	return "is not known to be up, and was not asked for"
}

// decideChoice sees whether enough of several can be up.
func (p *part) decideChoice(id room.NodeID, n *node, c room.Choice) {
	have, can, by, part := 0, 0, room.NodeID(room.None), false
	for _, m := range c.Of {
		before := p.look(m)
		part = part || before.in
		switch {
		case before.blocked:
			if by == room.None {
				by = before.by
			}
		case before.there && !before.active:
			have++
			can++
		case before.in:
			can++
		case by == room.None:
			by = m
			if _, found := p.reasons[m]; !found {
				p.reasons[m] = p.notUp(m)
			}
		}
	}
	switch {
	case have >= c.Least:
	case n.there && !(part && p.cordless(id)): // a group is there only when its members are
	case can < c.Least && p.loose:
	case can < c.Least && p.order.Force:
		p.over = append(p.over, Block{Node: id, By: by, Reason: p.reasons[by], Why: n.why})
	case can < c.Least && !n.blocked:
		n.blocked, n.by = true, by
	default:
		for _, m := range c.Of {
			n.active = n.active || p.nodes[m].in && p.nodes[m].active
		}
	}
}
