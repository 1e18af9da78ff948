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

// take claims all nodes of a run's plan, or none and says who is in the way.
func (c claims) take(r *run) error {
	var taken []room.NodeID
	var by string
	r.touched(func(id room.NodeID, switches bool) {
		if old, found := c[r.name(id)]; found && (switches || old.switches) {
			taken = append(taken, id)
			by = old.runs[0]
		}
	})
	if len(taken) > 0 {
		return &room.Error{
			Code: room.CodeBusy, Op: r.sub.Op, Subject: r.sub.Room.Fold(taken),
			Said: "run " + by + " is at work there; wait for it, or cancel it",
		}
	}
	r.touched(func(id room.NodeID, switches bool) {
		old := c[r.name(id)]
		c[r.name(id)] = claim{runs: append(old.runs, r.id), switches: switches}
	})
	return nil
}

func (c claims) release(r *run) {
	r.touched(func(id room.NodeID, _ bool) {
		old := c[r.name(id)]
		old.runs = slices.DeleteFunc(old.runs, func(id string) bool { return id == r.id })
		if len(old.runs) == 0 {
			delete(c, r.name(id))
			return
		}
		c[r.name(id)] = old
	})
}

// touched visits each node of the plan: the steps that switch, and what the plan
// takes for granted.
func (r *run) touched(visit func(id room.NodeID, switches bool)) {
	for s := range r.sub.Plan.Steps() {
		visit(s.Node, s.Op != 0)
	}
	for _, s := range r.sub.Plan.Skipped {
		visit(s.Node, false)
	}
}
