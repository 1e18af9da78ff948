package plan

import (
	"millwright.dev/millwright/internal/room"
)

// write adds what was decided to the plan. down is the way down that came before in the
// plan of a cycle, or nil.
func (p *part) write(plan *Plan, down *part) {
	base := len(plan.Steps)
	for _, id := range p.scope {
		if n := &p.nodes[id]; n.active {
			plan.Steps = append(plan.Steps, p.step(id))
			n.step = int32(len(plan.Steps))
		}
	}
	for i := base; i < len(plan.Steps); i++ {
		s := &plan.Steps[i]
		if p.do == Up {
			p.linkUp(s)
		} else {
			p.linkDown(s)
		}
		if down != nil {
			if before := down.nodes[s.Node].step; before > 0 {
				// Whatever came of it, the node is to be up in the end. It stands first; see again.
				s.Soft = append([]int32{before - 1}, s.Soft...)
			}
		}
	}
	for _, id := range p.sorted() {
		n := &p.nodes[id]
		switch {
		case n.active:
		case n.blocked && !p.settledAnyway(id):
			plan.Blocked = append(plan.Blocked, Block{Node: id, By: n.by, Reason: p.reasons[n.by], Why: n.why})
		case n.step == 0:
			plan.Skipped = append(plan.Skipped, Skip{Node: id, State: n.state, Why: n.why})
		}
	}
}

// settledAnyway says whether a node is at its goal although something that it waits for
// is not. It is left as it is, and its dependents are blocked.
func (p *part) settledAnyway(id room.NodeID) bool { return p.nodes[id].there && !p.cordless(id) }

func (p *part) step(id room.NodeID) Step {
	n := &p.nodes[id]
	s := Step{Node: id, Do: p.do, State: n.state, Why: n.why}
	if !n.there {
		s.Acts = n.acts
	}
	if p.do == Up && n.awaited && (s.Acts != 0 || p.cordless(id)) {
		s.Settle = p.room.Nodes[id].Settle
	}
	return s
}

// linkUp ties a step to what its node needs.
func (p *part) linkUp(s *Step) {
	def := &p.room.Nodes[s.Node]
	for _, need := range def.Hard() {
		if step := p.nodes[need].step; step > 0 {
			s.After = append(s.After, step-1)
		}
	}
	for _, want := range def.Wants {
		if step := p.nodes[want].step; step > 0 {
			s.Soft = append(s.Soft, step-1)
		}
	}
	for _, c := range def.Choices {
		choice := Choice{Least: c.Least}
		for _, m := range c.Of {
			switch n := &p.nodes[m]; {
			case n.step > 0:
				choice.Of = append(choice.Of, n.step-1)
			case n.looked && n.there && !n.blocked:
				choice.Least--
			}
		}
		if choice.Least = min(choice.Least, len(choice.Of)); choice.Least > 0 {
			s.Choices = append(s.Choices, choice)
		}
	}
}

// linkDown ties a step to what needs its node.
func (p *part) linkDown(s *Step) {
	for _, dependent := range p.room.NeededBy(s.Node) {
		step := p.nodes[dependent].step
		switch {
		case step == 0:
		case p.bond(dependent, s.Node) == wanted:
			s.Soft = append(s.Soft, step-1)
		default:
			s.After = append(s.After, step-1)
		}
	}
}

// sorted gives the scope in the order of host lists.
func (p *part) sorted() []room.NodeID {
	if 4*len(p.scope) < len(p.nodes) {
		list := append([]room.NodeID(nil), p.scope...)
		p.room.Sort(list)
		return list
	}
	list := make([]room.NodeID, 0, len(p.scope))
	for _, id := range p.room.Sorted() {
		if p.nodes[id].in {
			list = append(list, id)
		}
	}
	return list
}
