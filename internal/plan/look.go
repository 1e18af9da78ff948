package plan

import (
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
)

// look takes in how it stands with a node, once.
func (p *part) look(id room.NodeID) *node {
	n := &p.nodes[id]
	if n.looked {
		return n
	}
	n.looked, n.by = true, room.None
	b := p.builder
	def := &b.room.Nodes[id]
	if b.states != nil && len(def.Cords) > 0 {
		n.state = b.states(id)
	}
	var stands standing.Standing
	if b.policy.Standing != nil {
		stands = b.policy.Standing(id)
	}
	n.acts = p.acts(def)
	hold, held := Hold{}, false
	if b.policy.Held != nil {
		hold, held = b.policy.Held(id)
	}
	if held && hold.Doubtful {
		n.state = room.StateUnknown
	}
	n.there = p.reached(id, n, stands.State) && !(held && hold.Doubtful && p.do == Up)
	switch {
	case n.there:
	case held && !(hold.Doubtful && b.order.Goal == Down):
		p.blockSelf(id, "is held: "+hold.Reason)
	case p.do == Up && stands.State == standing.NeverStarted:
		p.usedUp(id, "has failed to start for good", stands.Reason)
	case p.do == Down && stands.State == standing.NeverStopped:
		p.usedUp(id, "has failed to stop for good", stands.Reason)
	}
	return n
}

// usedUp blocks a node whose attempts are used up, unless that is to be passed over.
func (p *part) usedUp(id room.NodeID, text, reason string) {
	if reason != "" {
		text += ": " + reason
	}
	if p.builder.order.Force {
		p.builder.over = append(p.builder.over, Block{Node: id, By: id, Reason: text, Why: p.nodes[id].why})
		return
	}
	p.blockSelf(id, text+"; when that is mended: millwright clear "+p.builder.room.Nodes[id].Name)
}

func (p *part) blockSelf(id room.NodeID, reason string) {
	n := &p.nodes[id]
	n.blocked, n.by = true, id
	p.builder.reasons[id] = reason
}

// reached says whether a node is where this part of the plan wants it. A degraded node
// is not fully up unless it may be, and of an unknown one nobody can say. Where more than
// cords decides, only what was seen to come up counts as up.
func (p *part) reached(id room.NodeID, n *node, stands standing.State) bool {
	def := &p.builder.room.Nodes[id]
	conduct := p.builder.room.Conduct(id)
	forced := stands == standing.ForcedOn && !conduct.ForcedCounts
	if p.do == Up {
		if len(def.Cords) == 0 {
			return n.acts == 0 || stands == standing.OK || stands == standing.ForcedOn && !forced
		}
		powered := n.state == room.StateOn || n.state == room.StateDegraded && Enough(conduct, len(def.Cords))
		if !powered || forced || stands == standing.Unknown || stands == standing.Disputed {
			return false
		}
		if n.acts.Has(ControlsOn) || n.acts.Has(Checks) {
			return stands == standing.OK || stands == standing.ForcedOn
		}
		return stands != standing.NeverStarted
	}
	if len(def.Cords) == 0 {
		return n.acts == 0 || stands == standing.Off || stands == standing.ForcedOff
	}
	return n.state == room.StateOff && stands != standing.Unknown && stands != standing.Disputed
}

// Enough says whether a node that is on through some of its cords only may count as up.
// Where that depends on how many, it does not: a state does not tell.
func Enough(c *room.Conduct, cords int) bool { return c.Cords == 1 && cords > 1 }

// acts gives what is done to a node on its way.
func (p *part) acts(def *room.Node) Acts {
	var a Acts
	can := p.builder.policy.Can
	for _, c := range def.Controls {
		able := Abilities{true, true, true}
		if can != nil {
			able = can(c)
		}
		if p.do == Down && able.Off {
			a |= ControlsOff | Halt
		}
		if p.do == Up && able.On {
			a |= ControlsOn
		}
	}
	if p.do == Down {
		if len(def.Cords) > 0 {
			a |= CordsOff
		}
		return a
	}
	if len(def.Cords) > 0 {
		a |= CordsOn
	}
	for _, c := range def.Checks {
		if p.builder.room.Checks[c].Starting {
			a |= Checks
		}
	}
	return a
}
