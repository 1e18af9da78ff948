package plan

import (
	"fmt"
	"slices"

	"millwright.dev/millwright/internal/room"
)

// Build makes the plan that takes targets to a goal. A target may be named more
// than once. states gives what was last read of a node with cords; nil means that
// nothing is known.
//
// Going up takes along all that the targets need, directly or not; going down all
// that needs them and is not known to be off. The time taken grows with the nodes
// concerned and their needs, not with their product.
//
// The error is a *room.Error: invalid for a goal or target that does not exist.
func Build(r *room.Room, states func(room.NodeID) room.State, goal Goal, targets []room.NodeID, policy Policy) (Plan, error) {
	if goal.Op() == 0 {
		return Plan{}, &room.Error{Code: room.CodeInvalid, Op: "plan", Said: "no such goal"}
	}
	for _, id := range targets {
		if id < 0 || int(id) >= len(r.Nodes) {
			return Plan{}, &room.Error{Code: room.CodeInvalid, Op: "plan", Said: fmt.Sprintf("the room has no node with id %d", id)}
		}
	}
	b := builder{room: r, goal: goal, nodes: make([]node, len(r.Nodes))}
	b.gather(targets)
	if !b.arrange() {
		return Plan{}, &room.Error{Code: room.CodeInternal, Op: "plan", Said: "the room's needs go round in a circle"}
	}
	b.look(states, policy)
	b.decide()
	b.trim()
	return b.plan(), nil
}

// builder is what Build works with. The scope is all nodes that have to do with
// the plan; it is closed: what a member waits for is a member.
type builder struct {
	room  *room.Room
	goal  Goal
	nodes []node        // by NodeID; only those of the scope are filled in
	scope []room.NodeID // first as found, then so that each comes after what it waits for
	asked []room.NodeID

	reasons map[room.NodeID]string // why a held node is held
}

type node struct {
	why     Why
	in      bool // it is in the scope
	state   room.State
	there   bool        // it is where the goal wants it
	active  bool        // it has a step
	awaited bool        // a step waits for it
	blocked bool        // it must not go on, because of by
	by      room.NodeID // the held node
	open    int32       // while arranging: what it waits for and has not been placed
	wave    int32       // from 1
}

// waits gives what must reach the goal before the node.
func (b *builder) waits(id room.NodeID) []room.NodeID {
	if b.goal == Up {
		return b.room.Nodes[id].Needs
	}
	return b.room.NeededBy(id)
}

// waiting gives what must reach the goal after the node, in the scope or not.
func (b *builder) waiting(id room.NodeID) []room.NodeID {
	if b.goal == Up {
		return b.room.NeededBy(id)
	}
	return b.room.Nodes[id].Needs
}

func (b *builder) cordless(id room.NodeID) bool { return len(b.room.Nodes[id].Cords) == 0 }

// gather finds the scope, the nearest to a target first, so that each node's
// reason is the shortest way to one.
func (b *builder) gather(targets []room.NodeID) {
	sorted := slices.Clone(targets)
	b.room.Sort(sorted)
	for _, id := range sorted {
		if !b.nodes[id].in {
			b.nodes[id] = node{in: true, why: Why{Asked, room.None}}
			b.scope = append(b.scope, id)
		}
	}
	b.asked = slices.Clone(b.scope)
	cause := NeededBy
	if b.goal == Down {
		cause = Needs
	}
	for i := 0; i < len(b.scope); i++ {
		for _, id := range b.waits(b.scope[i]) {
			if !b.nodes[id].in {
				b.nodes[id] = node{in: true, why: Why{cause, b.scope[i]}}
				b.scope = append(b.scope, id)
			}
		}
	}
}

// arrange puts each node of the scope behind what it waits for. It fails if the
// room has a loop, which a valid room has not.
func (b *builder) arrange() bool {
	order := make([]room.NodeID, 0, len(b.scope))
	for _, id := range b.scope {
		b.nodes[id].open = int32(len(b.waits(id)))
		if b.nodes[id].open == 0 {
			order = append(order, id)
		}
	}
	for i := 0; i < len(order); i++ {
		for _, id := range b.waiting(order[i]) {
			if n := &b.nodes[id]; n.in {
				if n.open--; n.open == 0 {
					order = append(order, id)
				}
			}
		}
	}
	whole := len(order) == len(b.scope)
	b.scope = order
	return whole
}

// look takes in how it stands with the nodes of the scope.
func (b *builder) look(states func(room.NodeID) room.State, policy Policy) {
	b.reasons = make(map[room.NodeID]string)
	for _, id := range b.scope {
		n := &b.nodes[id]
		if states != nil && !b.cordless(id) {
			n.state = states(id)
		}
		if policy.Held != nil {
			if reason, held := policy.Held(id); held {
				n.state = room.StateUnknown
				if b.goal == Up {
					n.blocked, n.by = true, id
					b.reasons[id] = reason
				}
			}
		}
		n.there = b.goal.reached(n.state) || b.cordless(id) && !n.blocked
	}
	if b.goal == Down {
		b.dragGroups()
	}
}

// dragGroups finds the nodes without cords that go down because something that
// they need does. Having no state of their own, they would be skipped.
func (b *builder) dragGroups() {
	for _, id := range slices.Backward(b.scope) {
		if !b.cordless(id) {
			continue
		}
		for _, need := range b.room.Nodes[id].Needs {
			if n := &b.nodes[need]; n.in && !n.there {
				b.nodes[id].there = false
				break
			}
		}
	}
}

// decide settles for each node whether it has a step, and in which wave, or who
// blocks it.
func (b *builder) decide() {
	for _, id := range b.scope {
		n := &b.nodes[id]
		waits := b.waits(id)
		for _, w := range waits {
			before := &b.nodes[w]
			if before.blocked && !n.blocked {
				n.blocked, n.by = true, before.by
			}
			n.active = n.active || before.active
			n.wave = max(n.wave, before.wave)
		}
		n.active = n.active || !n.there
		if n.blocked {
			n.active, n.wave = false, 0
			continue
		}
		if !n.active {
			n.wave = 0
			continue
		}
		n.wave++
	}
}

// trim takes out the steps that would only keep a place for which nobody waits:
// those of nodes that are at the goal.
func (b *builder) trim() {
	for _, id := range slices.Backward(b.scope) {
		n := &b.nodes[id]
		if !n.active {
			continue
		}
		if n.there && !n.awaited && !b.cordless(id) {
			n.active, n.wave = false, 0
			continue
		}
		for _, w := range b.waits(id) {
			b.nodes[w].awaited = true
		}
	}
}

// sorted gives the scope in the order of host lists.
func (b *builder) sorted() []room.NodeID {
	if 4*len(b.scope) < len(b.nodes) {
		list := slices.Clone(b.scope)
		b.room.Sort(list)
		return list
	}
	list := make([]room.NodeID, 0, len(b.scope))
	for _, id := range b.room.Sorted() {
		if b.nodes[id].in {
			list = append(list, id)
		}
	}
	return list
}

// plan writes down what was decided.
func (b *builder) plan() Plan {
	p := Plan{Goal: b.goal, Asked: b.asked}
	var sizes []int
	for _, id := range b.scope {
		if wave := int(b.nodes[id].wave); wave > 0 {
			for len(sizes) < wave {
				sizes = append(sizes, 0)
			}
			sizes[wave-1]++
		}
	}
	p.Waves = make([][]Step, len(sizes))
	for i, size := range sizes {
		p.Waves[i] = make([]Step, 0, size)
	}
	for _, id := range b.sorted() {
		n := &b.nodes[id]
		switch {
		case n.active:
			p.Waves[n.wave-1] = append(p.Waves[n.wave-1], b.step(id))
		case n.blocked && !b.settledAnyway(id):
			p.Blocked = append(p.Blocked, Block{Node: id, By: n.by, Reason: b.reasons[n.by], Why: n.why})
		default:
			p.Skipped = append(p.Skipped, Skip{Node: id, State: n.state, Why: n.why})
		}
	}
	return p
}

// settledAnyway says whether a node is at its goal although something that it
// waits for is not. It is left as it is, and its dependents are blocked.
func (b *builder) settledAnyway(id room.NodeID) bool { return b.nodes[id].there && !b.cordless(id) }

func (b *builder) step(id room.NodeID) Step {
	n := &b.nodes[id]
	s := Step{Node: id, State: n.state, Why: n.why}
	if !b.cordless(id) && !n.there {
		s.Op = b.goal.Op()
	}
	if b.goal == Up && n.awaited && (s.Op != 0 || b.cordless(id)) {
		s.Settle = b.room.Nodes[id].Settle
	}
	return s
}
