package room

import (
	"slices"
	"sort"
)

// needLoops reports needs that come back to where they began. Every node that
// is in some loop is named in at least one message, and each message holds one
// whole loop, the shortest through its first node.
func (b *builder) needLoops() {
	const perKnot = 20
	knots := knotsOf(b.room.Nodes)
	for _, knot := range knots {
		named := make(map[NodeID]bool, len(knot))
		inside := make(map[NodeID]bool, len(knot))
		for _, id := range knot {
			inside[id] = true
		}
		told := 0
		for _, id := range knot {
			if named[id] || told == perKnot || b.full() {
				continue
			}
			loop := shortestLoop(b.room.Nodes, id, inside)
			for _, id := range loop {
				named[id] = true
			}
			b.loopProblem(loop)
			told++
		}
	}
}

// shortestLoop finds the way from a node back to itself. There is one, since
// the node is in a knot.
func shortestLoop(nodes []Node, from NodeID, inside map[NodeID]bool) []NodeID {
	cameBy := map[NodeID]NodeID{}
	for queue := []NodeID{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, need := range nodes[at].Needs {
			if need == from {
				loop := []NodeID{at}
				for at != from {
					at = cameBy[at]
					loop = append(loop, at)
				}
				slices.Reverse(loop)
				return loop
			}
			if _, seen := cameBy[need]; !seen && inside[need] {
				cameBy[need] = at
				queue = append(queue, need)
			}
		}
	}
	return []NodeID{from}
}

// knotsOf finds the strongly connected parts of the graph that have more than
// one node, each sorted, in the order of their first nodes: Tarjan's algorithm
// with a stack of its own, because a chain of needs may be as long as the room
// is large.
func knotsOf(nodes []Node) [][]NodeID {
	type frame struct {
		id   NodeID
		edge int
	}
	var (
		order = make([]int32, len(nodes)) // when first met, from 1
		low   = make([]int32, len(nodes))
		done  = make([]bool, len(nodes))
		open  []NodeID
		calls []frame
		knots [][]NodeID
		clock int32
	)
	enter := func(id NodeID) {
		clock++
		order[id], low[id] = clock, clock
		open = append(open, id)
		calls = append(calls, frame{id: id})
	}
	for root := range nodes {
		if order[root] != 0 || len(nodes[root].Needs) == 0 {
			continue
		}
		enter(NodeID(root))
		for len(calls) > 0 {
			top := &calls[len(calls)-1]
			if needs := nodes[top.id].Needs; top.edge < len(needs) {
				need := needs[top.edge]
				top.edge++
				if order[need] == 0 {
					enter(need)
				} else if !done[need] {
					low[top.id] = min(low[top.id], order[need])
				}
				continue
			}
			id := top.id
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				above := calls[len(calls)-1].id
				low[above] = min(low[above], low[id])
			}
			if low[id] != order[id] {
				continue
			}
			first := len(open) - 1
			for open[first] != id {
				first--
			}
			for _, member := range open[first:] {
				done[member] = true
			}
			if knot := slices.Clone(open[first:]); len(knot) > 1 {
				slices.Sort(knot)
				knots = append(knots, knot)
			}
			open = open[:first]
		}
	}
	sort.Slice(knots, func(i, j int) bool { return knots[i][0] < knots[j][0] })
	return knots
}
