package desk

import (
	"context"
	"slices"

	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// share divides a request's nodes: most go to the fleet, and some are answered
// without it or from what it says of others.
type share struct {
	room  *room.Room
	op    room.Op
	asked []room.NodeID // what the fleet is asked for, extra ones at the end
	extra int           // how many of asked nobody asked for: they tell about others
	stand []room.NodeID // nodes without cords: they stand for what they need
	mute  []room.NodeID // nodes whose devices cannot do it, in a read of many
}

// divide makes the share. A node without cords has nothing to switch or read; in
// a status it is as the nodes that it needs are, and otherwise it is passed over,
// unless nothing else was named. A read of everything does not fail because of a
// device that cannot be read; PowerMan's clients, though, expect just that.
func (d *Desk) divide(r *room.Room, req Request, nodes []room.NodeID) share {
	s := share{room: r, op: req.Op, asked: nodes}
	corded := func(id room.NodeID) bool { return len(r.Nodes[id].Cords) > 0 }
	if i := slices.IndexFunc(nodes, func(id room.NodeID) bool { return !corded(id) }); i >= 0 {
		s.asked = slices.Clone(nodes[:i])
		for _, id := range nodes[i:] {
			if corded(id) {
				s.asked = append(s.asked, id)
			} else {
				s.stand = append(s.stand, id)
			}
		}
	}
	if req.Language == Modern && req.Targets == "" {
		able := d.fleet.Able(r, req.Op, s.asked)
		if len(able) < len(s.asked) {
			s.mute = slices.DeleteFunc(slices.Clone(s.asked), func(id room.NodeID) bool { return slices.Contains(able, id) })
			s.asked = able
		}
	}
	switch {
	case req.Op == room.Status && len(s.stand) > 0:
		s.addLeaves()
	case len(s.asked) == 0 && len(s.mute) == 0:
		s.asked, s.stand = s.stand, nil // the fleet says why it cannot
	}
	return s
}

// addLeaves asks for the nodes with cords that those without stand for.
func (s *share) addLeaves() {
	in := make([]bool, len(s.room.Nodes))
	for _, id := range s.asked {
		in[id] = true
	}
	before := len(s.asked)
	s.asked = slices.Clip(s.asked)
	for _, id := range s.stand {
		for leaf := range s.leaves(id) {
			if !in[leaf] {
				in[leaf] = true
				s.asked = append(s.asked, leaf)
			}
		}
	}
	s.extra = len(s.asked) - before
}

// leaves gives the nodes with cords that a node without them stands for: what it
// needs, through other nodes without cords. A room has no circles.
func (s *share) leaves(id room.NodeID) map[room.NodeID]bool {
	found := make(map[room.NodeID]bool)
	seen := map[room.NodeID]bool{id: true}
	for open := []room.NodeID{id}; len(open) > 0; open = open[1:] {
		for _, need := range s.room.Nodes[open[0]].Needs {
			switch {
			case len(s.room.Nodes[need].Cords) > 0:
				found[need] = true
			case !seen[need]:
				seen[need] = true
				open = append(open, need)
			}
		}
	}
	return found
}

// carry asks the fleet, and tells the sink of all nodes, also of those that the
// fleet knows nothing of.
func (d *Desk) carry(ctx context.Context, req Request, s share, sink fleet.Sink) error {
	if len(s.stand) == 0 && len(s.mute) == 0 {
		return d.ask(ctx, req, s, sink)
	}
	known := &stander{Sink: sink, states: make(map[room.NodeID]room.State, len(s.asked)), quiet: make(map[room.NodeID]bool, s.extra)}
	for _, id := range s.asked[len(s.asked)-s.extra:] {
		known.quiet[id] = true
	}
	if len(s.asked) > 0 {
		if err := d.ask(ctx, req, s, known); err != nil {
			return err
		}
	}
	for _, id := range s.stand {
		sink.Result(s.standing(id, known.states))
	}
	for _, id := range s.mute {
		sink.Result(fleet.Result{Node: id, Outcome: fleet.Unknown, Said: "its device cannot do " + s.op.String()})
	}
	return nil
}

func (d *Desk) ask(ctx context.Context, req Request, s share, sink fleet.Sink) error {
	return d.state.Do(ctx, fleet.Request{
		Room: s.room, Op: req.Op, Nodes: s.asked, Verify: req.Verify, Trace: req.Trace, Live: req.Live, Hasty: req.Language == Modern,
	}, sink)
}

// standing is the result of a node without cords.
func (s *share) standing(id room.NodeID, states map[room.NodeID]room.State) fleet.Result {
	res := fleet.Result{Node: id, Outcome: fleet.Skipped, Said: "has no cord: bring it up or down by what it needs"}
	if s.op != room.Status {
		return res
	}
	leaves := s.leaves(id)
	all := make([]room.State, 0, len(leaves))
	for leaf := range leaves {
		all = append(all, states[leaf])
	}
	res.Outcome, res.State, res.Said = fleet.OK, room.Combine(all), ""
	return res
}

// stander keeps the states that come by, and keeps quiet about nodes that
// nobody asked for.
type stander struct {
	fleet.Sink
	states map[room.NodeID]room.State
	quiet  map[room.NodeID]bool
}

// Result implements [fleet.Sink].
func (s *stander) Result(res fleet.Result) {
	s.states[res.Node] = res.State
	if !s.quiet[res.Node] {
		s.Sink.Result(res)
	}
}

// Diagnostic implements [fleet.Sink].
func (s *stander) Diagnostic(id room.NodeID, said string) {
	if !s.quiet[id] {
		s.Sink.Diagnostic(id, said)
	}
}
