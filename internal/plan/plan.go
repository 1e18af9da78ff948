// Package plan works out in which order nodes are to be switched. It is pure: a
// room, the states as last read and a goal go in, a [Plan] comes out, and nothing
// is touched, read or timed. So a plan can be shown (the dry run), compared and
// thrown away; the same value is what package run carries out.
//
// A plan is made of waves. What a node waits for lies in an earlier wave: what it
// needs when rooms come up, what needs it when they go down.
//
// Start at [Build], then [Plan] and [Plan.Text].
package plan

import (
	"iter"
	"time"

	"millwright.dev/millwright/internal/room"
)

// Goal is the state that a plan leads to.
type Goal uint8

// The goals. Zero is none of them.
const (
	Up Goal = iota + 1
	Down
)

// String gives the goal's name: "up", "down".
func (g Goal) String() string {
	switch g {
	case Up:
		return "up"
	case Down:
		return "down"
	}
	return "none"
}

// Op is the operation that takes a node to the goal.
func (g Goal) Op() room.Op {
	switch g {
	case Up:
		return room.On
	case Down:
		return room.Off
	}
	return 0
}

// reached says whether a node in this state is where the goal wants it. A
// degraded node is not fully up, and of an unknown one nobody can say.
func (g Goal) reached(s room.State) bool {
	return g == Up && s == room.StateOn || g == Down && s == room.StateOff
}

// word is the state a node has at the goal, as people say it.
func (g Goal) word() string { return g.Op().String() }

// Policy is what the room's keeper wants of plans. The zero value wants nothing.
type Policy struct {
	// Held says that a node must not be counted on: its last cycle or reset was
	// cut off in the act, so what it does is not known, whatever it reads. The
	// reason completes "db1 is held: …". A plan that brings nodes up leaves a held
	// node alone and blocks what depends on it. One that takes nodes down switches
	// it off like a node of unknown state, which harms nothing. Nil holds nothing.
	Held func(room.NodeID) (reason string, held bool)
}

// Plan is the way from now to a goal. Every node that has to do with it is in
// exactly one of Waves, Skipped and Blocked. Within each, nodes stand in the order
// of host lists; equal input gives equal plans.
type Plan struct {
	Goal    Goal
	Asked   []room.NodeID // the targets, each once
	Waves   [][]Step
	Skipped []Skip
	Blocked []Block
}

// Step is one node's part in a wave.
type Step struct {
	Node room.NodeID
	// Op is what is done; zero is nothing, and the step passes by itself when its
	// turn comes. Such steps keep the order: nodes without cords, and nodes that
	// are where they should be while something that they wait for is not.
	Op    room.Op
	State room.State // as read when the plan was made
	Why   Why
	// Settle is how long what depends on this node waits after it is done; zero
	// when nothing in the plan does.
	Settle time.Duration
}

// Skip is a node that is where it should be already, or, if it has no cords, has
// nothing in the plan to wait for.
type Skip struct {
	Node  room.NodeID
	State room.State // unknown for a node without cords
	Why   Why
}

// Block is a node that the plan cannot take to its goal.
type Block struct {
	Node   room.NodeID
	By     room.NodeID // the held node at the root of it; may be Node itself
	Reason string      // why By is held
	Why    Why
}

// Cause is why a node is part of a plan.
type Cause uint8

// The causes.
const (
	Asked    Cause = iota // it is a target
	NeededBy              // up: Why.Node needs it
	Needs                 // down: it needs Why.Node, so it is dragged along
)

// Why says why a node is part of a plan.
type Why struct {
	Cause Cause
	Node  room.NodeID // the other node; room.None for Asked
}

// Text gives the reason in words: "asked", "needed by web1", "needs db1".
func (w Why) Text(r *room.Room) string {
	switch w.Cause {
	case NeededBy:
		return "needed by " + r.Nodes[w.Node].Name
	case Needs:
		return "needs " + r.Nodes[w.Node].Name
	case Asked:
	}
	return "asked"
}

// Totals counts a plan's nodes.
type Totals struct {
	Waves    int `json:"waves"`
	Switched int `json:"switched"` // steps with an operation
	Passing  int `json:"passing"`  // steps without
	Dragged  int `json:"dragged"`  // switched, but not asked for
	Skipped  int `json:"skipped"`
	Blocked  int `json:"blocked"`
}

// Totals counts the plan's nodes.
func (p Plan) Totals() Totals {
	t := Totals{Waves: len(p.Waves), Skipped: len(p.Skipped), Blocked: len(p.Blocked)}
	for s := range p.Steps() {
		switch {
		case s.Op == 0:
			t.Passing++
		case s.Why.Cause != Asked:
			t.Dragged++
			fallthrough
		default:
			t.Switched++
		}
	}
	return t
}

// Steps gives all steps in order, wave by wave.
func (p Plan) Steps() iter.Seq[Step] {
	return func(yield func(Step) bool) {
		for _, wave := range p.Waves {
			for _, s := range wave {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// Switched gives the nodes that the plan switches, in order.
func (p Plan) Switched() []room.NodeID {
	var nodes []room.NodeID
	for s := range p.Steps() {
		if s.Op != 0 {
			nodes = append(nodes, s.Node)
		}
	}
	return nodes
}

// Names gives the names of the nodes that the plan switches, in order.
func (p Plan) Names(r *room.Room) []string { return r.Names(p.Switched()) }

// Empty says whether there is nothing to be switched.
func (p Plan) Empty() bool {
	for s := range p.Steps() {
		if s.Op != 0 {
			return false
		}
	}
	return true
}
