package desk

import (
	"slices"

	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
)

// unshown stands for the name of a node that may not be seen.
const unshown = "(not-shown)"

// Plan gives a plan as it may be shown, for showing only: a plan reaches further than
// what its steps switch, to nodes that are passed over, that hold others up, or that
// share a feed.
func (v View) Plan(p Planned) Planned {
	if v.Everything() {
		return p
	}
	nodes := slices.Clone(p.Room.Nodes)
	for i := range nodes {
		if !v.SeesNamed(nodes[i].Name) {
			nodes[i].Name = unshown
		}
	}
	hidden := func(id room.NodeID) bool { return nodes[id].Name == unshown }
	blocks := func(list []plan.Block) []plan.Block {
		var kept []plan.Block
		for _, b := range list {
			if hidden(b.Node) {
				continue
			}
			if hidden(b.By) {
				b.Reason = "is in the way"
			}
			kept = append(kept, b)
		}
		return kept
	}
	out := p.Plan
	out.Blocked, out.Over = blocks(out.Blocked), blocks(out.Over)
	out.Skipped = slices.DeleteFunc(slices.Clone(out.Skipped), func(s plan.Skip) bool { return hidden(s.Node) })
	if out.Forecast != nil {
		f := *out.Forecast
		f.Feeds, f.Stranded = nil, blocks(f.Stranded)
		out.Forecast = &f
	}
	// What renders a plan takes names from the room's nodes, and nothing else.
	p.Room, p.Plan = &room.Room{Name: p.Room.Name, Nodes: nodes}, out
	return p
}
