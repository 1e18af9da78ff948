package plan_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
)

// drawSite makes a room whose nodes need some of those before them, under names
// that do not give that order away.
func drawSite(t *rapid.T) *site {
	s := &site{states: make(map[room.NodeID]room.State), held: make(map[string]string)}
	draft := room.Draft{Devices: []room.DraftDevice{{Device: room.Device{Name: "pdu"}}}}
	size := rapid.IntRange(1, 14).Draw(t, "size")
	names := rapid.Permutation(seq(size)).Draw(t, "names")
	for i := range size {
		n := room.DraftNode{Name: fmt.Sprintf("n%d", names[i])}
		if rapid.IntRange(0, 4).Draw(t, "cordless") > 0 {
			n.Cords = []room.DraftCord{{Device: "pdu"}}
		}
		for before := range i {
			if rapid.IntRange(0, 3).Draw(t, "needs") == 0 {
				n.Needs = append(n.Needs, fmt.Sprintf("n%d", names[before]))
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "held") == 0 {
			s.held[n.Name] = "cut off"
		}
		s.states[room.NodeID(i)] = room.State(rapid.IntRange(0, 3).Draw(t, "state"))
		draft.Nodes = append(draft.Nodes, n)
	}
	r, problems := room.New(draft)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s.Room = r
	return s
}

func seq(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// reach gives all that a node waits for on the way to a goal, directly or not.
func (s *site) reach(goal plan.Goal, from room.NodeID, into map[room.NodeID]bool) map[room.NodeID]bool {
	next := s.Nodes[from].Needs
	if goal == plan.Down {
		next = s.NeededBy(from)
	}
	for _, id := range next {
		if !into[id] {
			into[id] = true
			s.reach(goal, id, into)
		}
	}
	return into
}

func TestPlanHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSite(t)
		goal := plan.Goal(rapid.IntRange(1, 2).Draw(t, "goal"))
		targets := rapid.SliceOfN(rapid.IntRange(0, len(s.Nodes)-1), 1, 6).Draw(t, "targets")
		var names []string
		scope := make(map[room.NodeID]bool)
		for _, id := range targets {
			names = append(names, s.Nodes[id].Name)
			scope[room.NodeID(id)] = true
			s.reach(goal, room.NodeID(id), scope)
		}
		p := s.build(t, goal, strings.Join(names, " "))
		checkPlan(t, s, p, scope)

		again := s.build(t, goal, strings.Join(names, " "))
		if !reflect.DeepEqual(p, again) || p.Text(s.Room) != again.Text(s.Room) {
			t.Fatal("the same question got two answers")
		}
	})
}

// checkPlan checks what every plan must hold against the plainest reading of the
// room.
func checkPlan(t *rapid.T, s *site, p plan.Plan, scope map[room.NodeID]bool) {
	const skipped, blocked = -1, -2
	place := make(map[room.NodeID]int)
	put := func(id room.NodeID, where int) {
		if _, twice := place[id]; twice {
			t.Fatalf("%s is in the plan twice", s.Nodes[id].Name)
		}
		if !scope[id] {
			t.Fatalf("%s has nothing to do with it", s.Nodes[id].Name)
		}
		place[id] = where
	}
	ops := make(map[room.NodeID]room.Op)
	for i, layer := range p.Layers() {
		if len(layer) == 0 {
			t.Fatalf("layer %d is empty", i+1)
		}
		for _, n := range layer {
			step := p.Steps[n]
			put(step.Node, i+1)
			if step.Acts != 0 {
				ops[step.Node] = step.Do.Op()
			}
			for _, w := range step.After {
				if w >= n {
					t.Fatalf("step %d waits for step %d", n, w)
				}
			}
		}
	}
	for _, skip := range p.Skipped {
		put(skip.Node, skipped)
	}
	for _, block := range p.Blocked {
		put(block.Node, blocked)
	}
	if len(place) != len(scope) {
		t.Fatalf("%d of %d nodes are in the plan", len(place), len(scope))
	}
	at := map[plan.Goal]room.State{plan.Up: room.StateOn, plan.Down: room.StateOff}[p.Goal]
	for id, where := range place {
		name := s.Nodes[id].Name
		_, held := s.held[name]
		cordless := len(s.Nodes[id].Cords) == 0
		reached := !cordless && s.states[id] == at && !held
		var stopped bool // by a held node, itself or one that it waits for
		waits := s.reach(p.Goal, id, map[room.NodeID]bool{})
		for w := range waits {
			_, wheld := s.held[s.Nodes[w].Name]
			stopped = stopped || p.Goal == plan.Up && wheld
			if where > 0 && ops[w] != 0 && place[w] >= where {
				t.Fatalf("%s (layer %d) waits for %s (layer %d)", name, where, s.Nodes[w].Name, place[w])
			}
		}
		stopped = stopped || p.Goal == plan.Up && held
		switch {
		case stopped && !reached && where != blocked:
			t.Fatalf("%s is at %d, though it depends on a held node", name, where)
		case !stopped && where == blocked:
			t.Fatalf("%s is blocked by nothing", name)
		case !stopped && !cordless && !reached && ops[id] != p.Goal.Op():
			t.Fatalf("%s is %v and not switched", name, s.states[id])
		case (cordless || reached) && ops[id] != 0:
			t.Fatalf("%s is switched without need", name)
		}
	}
}
