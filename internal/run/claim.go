package run

import (
	"slices"

	"millwright.dev/millwright/internal/room"
)

// claims says which runs have to do with which node, by its name, since runs may
// belong to different revisions of the room. One run may switch a node, and then
// no other has to do with it; any number may count on it staying as it is.
type claims map[string]claim

type claim struct {
	runs     []string // ids
	switches bool     // the one run switches the node
}

// Holders gives the runs under way that switch one of a room's nodes or count on
// it, sorted by id.
func (r *Runner) Holders(rm *room.Room, nodes []room.NodeID) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.claims) == 0 {
		return nil
	}
	var ids []string
	for _, id := range nodes {
		ids = append(ids, r.claims[rm.Nodes[id].Name].runs...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// inTheWay gives the nodes of a run's plan that others have to do with, and those runs.
func (c claims) inTheWay(it *run) (taken []room.NodeID, runs []string) {
	if len(c) == 0 {
		return nil, nil
	}
	it.touched(func(id room.NodeID, switches bool) {
		if old, found := c[it.sub.Room.Nodes[id].Name]; found && (switches || old.switches) {
			taken = append(taken, id)
			runs = append(runs, old.runs...)
		}
	})
	slices.Sort(taken)
	slices.Sort(runs)
	return slices.Compact(taken), slices.Compact(runs)
}

// take claims all nodes of a run's plan, which nobody has anything to do with.
func (c claims) take(it *run) {
	it.touched(func(id room.NodeID, switches bool) {
		name := it.sub.Room.Nodes[id].Name
		old := c[name]
		if !slices.Contains(old.runs, it.id) {
			old.runs = append(old.runs, it.id)
		}
		c[name] = claim{runs: old.runs, switches: old.switches || switches}
	})
}

func (c claims) release(it *run) {
	it.touched(func(id room.NodeID, _ bool) {
		name := it.sub.Room.Nodes[id].Name
		old, found := c[name]
		if !found {
			return
		}
		old.runs = slices.DeleteFunc(old.runs, func(id string) bool { return id == it.id })
		if len(old.runs) == 0 {
			delete(c, name)
			return
		}
		c[name] = old
	})
}

// touched visits each node of the plan: the steps that switch, and what the plan
// takes for granted.
func (r *run) touched(visit func(id room.NodeID, switches bool)) {
	for i := range r.sub.Plan.Steps {
		if s := &r.sub.Plan.Steps[i]; s.Node != room.None {
			visit(s.Node, s.Acts != 0)
		}
	}
	for _, s := range r.sub.Plan.Skipped {
		visit(s.Node, false)
	}
}
