// Package plan works out how nodes come from where they are to a goal. It is pure: a
// room, the states as last read, and a goal go in, a [Plan] comes out, and nothing is
// touched, read or timed. So a plan can be shown (the dry run), compared and thrown
// away; the same value is what package run carries out.
//
// A plan is a graph of steps, each one node's part: a step waits for those steps that
// must have gone well before it ([Step.After]), for those that only must have ended
// ([Step.Soft]), and for enough of several ([Step.Choices]), and for nothing else: no
// branch waits for another. [Plan.Layers] draws it as layers for people.
//
// How long it will take, and what it draws, is a [Forecast]; it is made with the same
// [Gate] that holds the runner to the room's limits.
//
// Start at [Build], then [Plan], [Plan.Text] and [Plan.Foresee].
package plan

import (
	"time"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
)

// Goal is what a plan leads to.
type Goal uint8

// The goals. Zero is none of them. Steps have the first two only.
const (
	Up Goal = iota + 1
	Down
	Cycle   // down and up again, whatever it takes
	Restart // the same, but nodes that will not halt are not cut off
	goalEnd
)

var goalNames = [...]string{"none", "up", "down", "cycle", "restart"}

// String gives the goal's name: "up", "down", "cycle", "restart".
func (g Goal) String() string {
	if g >= goalEnd {
		return goalNames[0]
	}
	return goalNames[g]
}

// ParseGoal is the reverse of [Goal.String].
func ParseGoal(name string) (Goal, bool) {
	for g := Up; g < goalEnd; g++ {
		if goalNames[g] == name {
			return g, true
		}
	}
	return 0, false
}

// Op is the operation that does to one node what the goal does to many: what rights and
// veto hooks know it by.
func (g Goal) Op() room.Op {
	switch g {
	case Up:
		return room.On
	case Down:
		return room.Off
	case Cycle, Restart:
		return room.Cycle
	case goalEnd:
	}
	return 0
}

// word is the state a node has at the goal, as people say it.
func (g Goal) word() string {
	if g == Down {
		return "off"
	}
	return "on"
}

// Order is what a plan is asked for.
type Order struct {
	Goal    Goal
	Targets []room.NodeID // may be named more than once

	// Dependents takes along all that needs the targets, Dependencies all that they
	// need. The one is always done on the way down, the other on the way up.
	Dependents, Dependencies bool
	// Only touches nothing but the targets. What stands in the way blocks them.
	Only bool
	// Force passes over what stands in the way of others, and over attempts that are
	// used up; the plan says so. It never touches a node that is held.
	Force bool
}

// Hold is why a node is not to be touched, or not to be counted on.
type Hold struct {
	Reason string // completes "db1 is held: …"
	// Doubtful says that what is read of it is not to be believed: it was cut off in the
	// act. Such a node can be taken down, which harms nothing.
	Doubtful bool
}

// Abilities is what a control can do.
type Abilities struct{ Off, On, Status bool }

// Policy is what the room's keeper knows and wants. Each may be nil.
type Policy struct {
	// Held says that a node must not be touched: somebody holds it, it is being worked
	// on, or its last cycle was cut off in the act.
	Held func(room.NodeID) (Hold, bool)
	// Standing says how a node stands; nil is [standing.Initial] for all.
	Standing func(room.NodeID) standing.Standing
	// Can says what a control can do; nil is everything.
	Can func(room.ControlID) Abilities
	// Duration is how long a step of a node took so far: the mean and the standard
	// deviation. Not known is guessed.
	Duration func(id room.NodeID, do Goal) (mean, sd time.Duration, known bool)
	// Watts is what a node draws, by what was recorded; nil or not known is what the
	// room says of it.
	Watts func(room.NodeID) (watts float64, known bool)
}

// Acts is what a step does, in this order. None is a step that passes by itself.
type Acts uint8

// The acts.
const (
	ControlsOff Acts = 1 << iota // its controls shut it down
	Halt                         // something proves that it has halted
	CordsOff
	CordsOn
	ControlsOn // its controls start it
	Checks     // its checks say that it has come up
)

// Has says whether all of some acts are among these.
func (a Acts) Has(some Acts) bool { return a&some == some }

// String names the acts: "cords on, checks".
func (a Acts) String() string {
	text := ""
	for i, name := range [...]string{"controls off", "wait for halt", "cords off", "cords on", "controls on", "checks"} {
		if a&(1<<i) == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += name
	}
	if text == "" {
		return "pass"
	}
	return text
}

// Step is one node's part of a plan. Others are named by their places in [Plan.Steps].
type Step struct {
	Node  room.NodeID // room.None if the plan is older than the room, which has it no more
	Do    Goal        // [Up] or [Down]
	Acts  Acts
	State room.State // as read when the plan was made
	Why   Why

	After   []int32  // must have gone well
	Soft    []int32  // must have ended, well or not
	Choices []Choice // enough of these must have gone well

	// Settle is how long what depends on this node waits after it is up; zero when
	// nothing in the plan does.
	Settle time.Duration
}

// Choice is a need that some of several steps meet; those that are met already are not
// counted.
type Choice struct {
	Least int
	Of    []int32
}

// Plan is the way from now to a goal. Every node that has to do with it is in at least
// one of Steps, Skipped and Blocked. Steps stand so that each comes after what it waits
// for, and otherwise by priority and name; equal input gives equal plans.
type Plan struct {
	Goal    Goal
	Asked   []room.NodeID // the targets, each once, in the order of host lists
	Steps   []Step
	Skipped []Skip
	Blocked []Block
	Over    []Block // what was passed over because of [Order.Force]
	Order   Order   // what was asked for, but for the targets

	Forecast *Forecast // nil until [Plan.Foresee]
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
	By     room.NodeID // the node at the root of it; may be Node itself
	Reason string      // completes "because <By> …"
	Why    Why
}

// Cause is why a node is part of a plan.
type Cause uint8

// The causes.
const (
	Asked    Cause = iota // it is a target
	NeededBy              // Why.Node needs it
	Needs                 // it needs Why.Node, so it is dragged along
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
	Layers   int `json:"layers"`
	Switched int `json:"switched"` // nodes to which something is done
	Passing  int `json:"passing"`  // steps that do nothing
	Dragged  int `json:"dragged"`  // switched, but not asked for
	Skipped  int `json:"skipped"`
	Blocked  int `json:"blocked"`
}

// Totals counts the plan's nodes.
func (p *Plan) Totals() Totals {
	t := Totals{Skipped: len(p.Skipped), Blocked: len(p.Blocked)}
	for _, layer := range p.layers() {
		t.Layers = max(t.Layers, int(layer))
	}
	for i := range p.Steps {
		switch s := &p.Steps[i]; {
		case s.Acts == 0:
			t.Passing++
		case p.again(i):
		case s.Why.Cause != Asked:
			t.Dragged++
			fallthrough
		default:
			t.Switched++
		}
	}
	return t
}

// again says whether a step is the second of its node: the way up of a cycle, after
// its way down.
func (p *Plan) again(i int) bool {
	s := &p.Steps[i]
	return p.Goal > Down && s.Do == Up && len(s.Soft) > 0 && p.Steps[s.Soft[0]].Node == s.Node && p.Steps[s.Soft[0]].Acts != 0
}

// Switched gives the nodes to which the plan does something, each once, in order.
func (p *Plan) Switched() []room.NodeID {
	var nodes []room.NodeID
	for i := range p.Steps {
		if p.Steps[i].Acts != 0 && !p.again(i) && p.Steps[i].Node != room.None {
			nodes = append(nodes, p.Steps[i].Node)
		}
	}
	return nodes
}

// Names gives the names of the nodes that the plan switches, in order.
func (p *Plan) Names(r *room.Room) []string { return r.Names(p.Switched()) }

// Empty says whether there is nothing to be done.
func (p *Plan) Empty() bool {
	for i := range p.Steps {
		if p.Steps[i].Acts != 0 {
			return false
		}
	}
	return true
}

// layers gives for each step how many steps come one after the other up to it.
func (p *Plan) layers() []int32 {
	layer := make([]int32, len(p.Steps))
	for i := range p.Steps {
		s, most := &p.Steps[i], int32(0)
		for _, w := range s.After {
			most = max(most, layer[w])
		}
		for _, w := range s.Soft {
			most = max(most, layer[w])
		}
		for _, c := range s.Choices {
			for _, w := range c.Of {
				most = max(most, layer[w])
			}
		}
		layer[i] = most + 1
	}
	return layer
}

// Layers gives the places of steps by how many come one after the other up to them:
// those of one layer do not wait for each other.
func (p *Plan) Layers() [][]int32 {
	var layers [][]int32
	for i, layer := range p.layers() {
		for len(layers) < int(layer) {
			layers = append(layers, nil)
		}
		layers[layer-1] = append(layers[layer-1], int32(i))
	}
	return layers
}
