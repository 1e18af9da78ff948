package plan

import (
	"container/heap"
	"fmt"
	"slices"

	"millwright.dev/millwright/internal/room"
)

// Build makes the plan for an order. states gives what was last read of a node with
// cords; nil means that nothing is known. [Concerned] gives the nodes that it is asked
// about.
//
// Going up takes along all that the targets need, directly or not, and of what they need
// only some of as many as it takes; going down all that cannot do without them and is not
// known to be off. A cycle takes down what a down would, and brings up what then was not
// known to be off. The time taken grows with the nodes concerned and their needs.
//
// The error is a *room.Error: invalid for a goal or target that does not exist.
func Build(r *room.Room, states func(room.NodeID) room.State, o Order, policy Policy) (Plan, error) {
	if o.Goal.Op() == 0 {
		return Plan{}, &room.Error{Code: room.CodeInvalid, Op: "plan", Said: "no such goal"}
	}
	for _, id := range o.Targets {
		if id < 0 || int(id) >= len(r.Nodes) {
			return Plan{}, &room.Error{Code: room.CodeInvalid, Op: "plan", Said: fmt.Sprintf("the room has no node with id %d", id)}
		}
	}
	b := &builder{room: r, states: states, order: o, policy: policy, reasons: make(map[room.NodeID]string)}
	p := Plan{Goal: o.Goal, Order: o}
	p.Order.Targets = nil
	targets := slices.Clone(o.Targets)
	r.Sort(targets)
	p.Asked = slices.Compact(targets)
	var whole bool
	switch o.Goal {
	case Up:
		up := b.part(Up)
		up.gatherUp(p.Asked)
		whole = up.work()
		up.write(&p, nil)
	case Down:
		down := b.part(Down)
		down.gatherDown(p.Asked)
		whole = down.work()
		down.write(&p, nil)
	default:
		whole = b.cycle(&p)
	}
	if !whole {
		return Plan{}, &room.Error{Code: room.CodeInternal, Op: "plan", Said: "the room's needs go round in a circle"}
	}
	p.Over = b.over
	return p, nil
}

// builder is what the parts of a plan have in common.
type builder struct {
	room    *room.Room
	states  func(room.NodeID) room.State
	order   Order
	policy  Policy
	reasons map[room.NodeID]string // why a node that is at the root of a block is blocked
	over    []Block
}

// part is the way up or the way down of a plan. The scope is all nodes that have to do
// with it; it is closed: what a member waits for is a member, or is left alone.
type part struct {
	*builder
	do    Goal
	nodes []node        // by NodeID
	scope []room.NodeID // first as found, then so that each comes after what it waits for
	loose bool          // what a node needs besides does not matter: it was up without
}

type node struct {
	why     Why
	in      bool // it is in the scope
	looked  bool
	state   room.State
	acts    Acts
	there   bool        // it is where this part wants it
	active  bool        // it has a step
	awaited bool        // a step waits for it
	blocked bool        // it must not go on, because of by
	by      room.NodeID // the node at the root of that
	open    int32       // while arranging: what it waits for and has not been placed
	step    int32       // its place in the plan, from 1
}

func (b *builder) part(do Goal) *part {
	return &part{builder: b, do: do, nodes: make([]node, len(b.room.Nodes))}
}

func (b *builder) cordless(id room.NodeID) bool { return len(b.room.Nodes[id].Cords) == 0 }

// add takes a node into the scope.
func (p *part) add(id room.NodeID, why Why) {
	n := &p.nodes[id]
	if n.in {
		return
	}
	n.in, n.why = true, why
	p.look(id)
	p.scope = append(p.scope, id)
}

// waits gives what comes before a node in this part, and waiting what comes after it,
// in the scope or not.
func (p *part) waits(id room.NodeID) []room.NodeID {
	if p.do == Up {
		return p.room.Nodes[id].Needs
	}
	return p.room.NeededBy(id)
}

func (p *part) waiting(id room.NodeID) []room.NodeID {
	if p.do == Up {
		return p.room.NeededBy(id)
	}
	return p.room.Nodes[id].Needs
}

// work settles what becomes of each node of the scope.
func (p *part) work() bool {
	if !p.arrange() {
		return false
	}
	p.dragGroups()
	p.decide()
	p.spare()
	p.trim()
	return true
}

// queue is the nodes that could be next, the first of them on top.
type queue struct {
	ids  []room.NodeID
	less func(x, y room.NodeID) bool
}

func (q *queue) Len() int           { return len(q.ids) }
func (q *queue) Less(i, j int) bool { return q.less(q.ids[i], q.ids[j]) }
func (q *queue) Swap(i, j int)      { q.ids[i], q.ids[j] = q.ids[j], q.ids[i] }
func (q *queue) Push(x any)         { q.ids = append(q.ids, x.(room.NodeID)) } //nolint:forcetypeassert // ours alone
func (q *queue) Pop() any {
	last := q.ids[len(q.ids)-1]
	q.ids = q.ids[:len(q.ids)-1]
	return last
}

// before says which of two nodes goes first where nothing else decides: the one with
// the higher priority on the way up, the one with the lower on the way down.
func (p *part) before(x, y room.NodeID) bool {
	if p.do == Down {
		if a, b := p.room.Nodes[x].Priority, p.room.Nodes[y].Priority; a != b {
			return a < b
		}
	}
	return p.room.Before(x, y)
}

// arrange puts each node of the scope behind what it waits for. It fails if the room has
// a loop, which a valid room has not.
func (p *part) arrange() bool {
	next := &queue{less: p.before}
	for _, id := range p.scope {
		open := int32(0)
		for _, w := range p.waits(id) {
			if p.nodes[w].in {
				open++
			}
		}
		if p.nodes[id].open = open; open == 0 {
			next.ids = append(next.ids, id)
		}
	}
	heap.Init(next)
	order := make([]room.NodeID, 0, len(p.scope))
	for next.Len() > 0 {
		id := heap.Pop(next).(room.NodeID) //nolint:forcetypeassert // ours alone
		order = append(order, id)
		for _, w := range p.waiting(id) {
			if n := &p.nodes[w]; n.in {
				if n.open--; n.open == 0 {
					heap.Push(next, w)
				}
			}
		}
	}
	whole := len(order) == len(p.scope)
	p.scope = order
	return whole
}

// dragGroups finds the nodes without cords that go down because something that they
// need does. Having no state of their own, they would be skipped.
func (p *part) dragGroups() {
	if p.do != Down {
		return
	}
	for _, id := range slices.Backward(p.scope) {
		if !p.cordless(id) || !p.nodes[id].there || p.nodes[id].acts != 0 {
			continue
		}
		for _, need := range p.room.Nodes[id].Hard() {
			if n := &p.nodes[need]; n.in && !n.there {
				p.nodes[id].there = false
				break
			}
		}
	}
}

// decide settles for each node whether it has a step, or who blocks it.
func (p *part) decide() {
	for _, id := range p.scope {
		n := &p.nodes[id]
		if p.do == Up {
			p.decideUp(id, n)
		} else {
			p.decideDown(id, n)
		}
		n.active = (n.active || !n.there) && !n.blocked
	}
}

// inherit takes over from what a node waits for.
func (p *part) inherit(n *node, from room.NodeID) {
	before := &p.nodes[from]
	if before.blocked && !n.blocked {
		n.blocked, n.by = true, before.by
	}
	n.active = n.active || before.active
}

// spare leaves alone what would go down only for the sake of targets that cannot.
func (p *part) spare() {
	if p.do != Down {
		return
	}
	serves := make([]bool, len(p.nodes))
	for _, id := range slices.Backward(p.scope) {
		n := &p.nodes[id]
		if n.blocked {
			continue
		}
		if serves[id] = serves[id] || n.why.Cause == Asked || p.order.Dependencies; !serves[id] {
			n.in, n.active = false, false
			continue
		}
		for _, w := range p.waits(id) {
			serves[w] = true
		}
	}
}

// trim takes out the steps that would only keep a place for which nobody waits: those of
// nodes that are at the goal.
func (p *part) trim() {
	for _, id := range slices.Backward(p.scope) {
		n := &p.nodes[id]
		if !n.active {
			continue
		}
		if n.there && !n.awaited && (!p.cordless(id) || n.acts != 0) {
			n.active = false
			continue
		}
		for _, w := range p.waits(id) {
			p.nodes[w].awaited = true
		}
	}
}
