package run

import (
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// What a plan was made for may have been changed since: a run does not stand still for a
// reload. Devices are asked in the room as it is now, where nodes hang on what they hang on
// now; of the old room some may be gone.

// present gives a room's nodes in the present room, and those that it has no more. If it
// is the same room, the first is nil.
func (d *drive) present(nodes []room.NodeID) (now *room.Room, there, gone []room.NodeID) {
	if d.runner.opts.Room == nil {
		return nil, nodes, nil
	}
	if now = d.runner.opts.Room(); now == nil || now == d.room {
		return nil, nodes, nil
	}
	for _, id := range nodes {
		if at, found := now.Node(d.room.Nodes[id].Name); found && len(now.Nodes[at].Cords) > 0 {
			there = append(there, id)
		} else {
			gone = append(gone, id)
		}
	}
	return now, there, gone
}

// nowOf gives a node in the present room, or, if that has it no more, as it was.
func (d *drive) nowOf(node room.NodeID) (*room.Room, room.NodeID) {
	if d.runner.opts.Room != nil {
		if now := d.runner.opts.Room(); now != nil {
			if at, found := now.Node(d.room.Nodes[node].Name); found {
				return now, at
			}
		}
	}
	return d.room, node
}

// translated takes the fleet's reports of nodes of the present room to a sink that knows
// those of the run's.
type translated struct {
	*sink
	of map[room.NodeID]room.NodeID
}

// Result implements [fleet.Sink].
func (t translated) Result(res fleet.Result) {
	if id, found := t.of[res.Node]; found {
		res.Node = id
		t.sink.Result(res)
	}
}

// requestNow makes a request of nodes in the present room.
func (d *drive) requestNow(now *room.Room, req fleet.Request, s *sink) error {
	t := translated{s, make(map[room.NodeID]room.NodeID, len(req.Nodes))}
	nodes := make([]room.NodeID, 0, len(req.Nodes))
	for _, id := range req.Nodes {
		at, _ := now.Node(d.room.Nodes[id].Name)
		t.of[at] = id
		nodes = append(nodes, at)
	}
	req.Room, req.Nodes = now, nodes
	return d.runner.opts.Fleet.Do(d.run.ctx, req, t)
}
