package plan

import (
	"slices"

	"millwright.dev/millwright/internal/room"
)

// bond is how a node depends on another.
type bond uint8

const (
	noBond bond = iota
	wanted      // it can do without
	chosen      // it needs some of several, of which the other is one
	needed      // it cannot do without
)

// bond tells how one node depends on another.
func (b *builder) bond(dependent, on room.NodeID) bond {
	def := &b.room.Nodes[dependent]
	if len(def.Wants) == 0 && len(def.Choices) == 0 {
		return needed
	}
	if _, hard := slices.BinarySearch(def.Hard(), on); hard {
		return needed
	}
	for i := range def.Choices {
		if slices.Contains(def.Choices[i].Of, on) {
			return chosen
		}
	}
	return wanted
}

// choiceAt names one choice of a node.
type choiceAt struct {
	node  room.NodeID
	index int
}

// gatherDown finds the scope of a way down: the targets, and what cannot do without what
// goes down.
func (p *part) gatherDown(targets []room.NodeID) {
	for _, id := range targets {
		p.add(id, Why{Asked, room.None})
	}
	if p.order.Only {
		return
	}
	if p.order.Dependencies {
		for i := 0; i < len(p.scope); i++ { //nolint:intrange // it grows
			for _, need := range p.room.Nodes[p.scope[i]].Hard() {
				p.add(need, Why{NeededBy, p.scope[i]})
			}
		}
	}
	left := make(map[choiceAt]int)
	for i := 0; i < len(p.scope); i++ { //nolint:intrange // it grows
		going := p.scope[i]
		for _, id := range p.room.NeededBy(going) {
			if p.nodes[id].in {
				continue
			}
			switch p.bond(id, going) {
			case needed:
				p.add(id, Why{Needs, going})
			case chosen:
				if p.starved(id, going, left) {
					p.add(id, Why{Needs, going})
				}
			case wanted, noBond:
			}
		}
	}
}

// starved says whether too few are left of what a node needs some of, now that one more
// goes. Left are those that do not go and are not known to be off.
func (p *part) starved(id, going room.NodeID, left map[choiceAt]int) bool {
	for i, c := range p.room.Nodes[id].Choices {
		if !slices.Contains(c.Of, going) {
			continue
		}
		at := choiceAt{id, i}
		if _, counted := left[at]; !counted {
			for _, m := range c.Of {
				if !p.look(m).there { // not known to be off
					left[at]++
				}
			}
		}
		if !p.nodes[going].there {
			left[at]--
		}
		if left[at] < c.Least {
			return true
		}
	}
	return false
}

// robbed says whether too few are left of what a node needs some of, when all of the scope
// has gone.
func (p *part) robbed(id room.NodeID) bool {
	for _, c := range p.room.Nodes[id].Choices {
		left := 0
		for _, m := range c.Of {
			if n := p.look(m); !n.in && !n.there {
				left++
			}
		}
		if left < c.Least {
			return true
		}
	}
	return false
}

// decideDown looks at what needs a node.
func (p *part) decideDown(id room.NodeID, n *node) {
	for _, dependent := range p.room.NeededBy(id) {
		kind := p.bond(dependent, id)
		before := &p.nodes[dependent]
		switch {
		case before.in && kind != wanted:
			p.inherit(n, dependent)
		case before.in || kind == wanted || p.look(dependent).there || n.there || p.cordless(dependent):
		case kind == chosen && !(p.order.Only && p.robbed(dependent)):
		case p.order.Force:
			p.over = append(p.over, Block{Node: id, By: dependent, Reason: "needs it, and is not known to be off", Why: n.why})
		case !n.blocked:
			n.blocked, n.by = true, dependent
			p.reasons[dependent] = "needs it, and was not asked for"
		}
	}
}

// cycle makes the way down and the way up again.
func (b *builder) cycle(plan *Plan) bool {
	down := b.part(Down)
	down.gatherDown(plan.Asked)
	if !down.work() {
		return false
	}
	down.write(plan, nil)
	up := b.part(Up)
	up.loose = true
	for _, id := range slices.Backward(down.scope) {
		n := &down.nodes[id]
		back := n.active && (n.acts == 0 || !n.there) || n.there && n.why.Cause == Asked
		if n.blocked || !back {
			continue
		}
		up.add(id, n.why)
		if again := &up.nodes[id]; again.acts != 0 {
			again.there = false
		}
	}
	gone := func(s Skip) bool { return up.nodes[s.Node].in }
	plan.Skipped = slices.DeleteFunc(plan.Skipped, gone)
	if !up.work() {
		return false
	}
	up.write(plan, down)
	return true
}

// Concerned gives the nodes whose state matters for an order, in no order.
func Concerned(r *room.Room, o Order) []room.NodeID {
	in := make([]bool, len(r.Nodes))
	var scope []room.NodeID
	add := func(id room.NodeID) {
		if id >= 0 && int(id) < len(in) && !in[id] {
			in[id] = true
			scope = append(scope, id)
		}
	}
	reach := func(next func(room.NodeID) []room.NodeID) {
		for i := 0; i < len(scope); i++ { //nolint:intrange // it grows
			for _, id := range next(scope[i]) {
				add(id)
			}
		}
	}
	needs := func(id room.NodeID) []room.NodeID { return r.Nodes[id].Needs }
	for _, id := range o.Targets {
		add(id)
	}
	asked := len(scope)
	switch {
	case o.Only:
		for _, id := range scope[:asked] {
			for _, other := range slices.Concat(r.Nodes[id].Needs, r.NeededBy(id)) {
				add(other)
			}
		}
		return scope
	case o.Goal == Up:
		if o.Dependents {
			reach(r.NeededBy)
		}
		reach(needs)
		return scope
	}
	if o.Dependencies {
		reach(needs)
	}
	reach(r.NeededBy)
	for _, id := range slices.Clone(scope) { // what is left of what they need some of
		for _, c := range r.Nodes[id].Choices {
			for _, m := range c.Of {
				add(m)
			}
		}
	}
	return scope
}
