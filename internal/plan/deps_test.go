package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
)

// drawRich makes a room with needs of every sort.
func drawRich(t *rapid.T) *site {
	s := &site{states: make(map[room.NodeID]room.State)}
	draft := room.Draft{Devices: []room.DraftDevice{{Device: room.Device{Name: "pdu"}}}}
	for i := range rapid.IntRange(1, 14).Draw(t, "size") {
		n := room.DraftNode{Name: fmt.Sprintf("n%d", i), Priority: rapid.IntRange(0, 2).Draw(t, "priority"), Cords: []room.DraftCord{{Device: "pdu"}}}
		var before []string
		for b := range i {
			name := fmt.Sprintf("n%d", b)
			switch rapid.IntRange(0, 7).Draw(t, "bond") {
			case 0:
				n.Needs = append(n.Needs, name)
			case 1:
				n.Wants = append(n.Wants, name)
			case 2, 3:
				before = append(before, name)
			}
		}
		if len(before) > 0 {
			n.Choices = []room.DraftChoice{{Least: rapid.IntRange(1, len(before)).Draw(t, "least"), Members: before}}
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

// However steps go, each of them ends, and none begins before what it waits for.
func TestDepsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawRich(t)
		o := plan.Order{Goal: plan.Goal(rapid.IntRange(1, 4).Draw(t, "goal")), Only: rapid.IntRange(0, 4).Draw(t, "only") == 0}
		for _, id := range rapid.SliceOfN(rapid.IntRange(0, len(s.Nodes)-1), 1, 5).Draw(t, "targets") {
			o.Targets = append(o.Targets, room.NodeID(id))
		}
		p, err := plan.Build(s.Room, func(id room.NodeID) room.State { return s.states[id] }, o, plan.Policy{})
		if err != nil {
			t.Fatal(err)
		}
		concerned := plan.Concerned(s.Room, o)
		for i := range p.Steps {
			if !slices.Contains(concerned, p.Steps[i].Node) {
				t.Fatalf("%s has a step and is of no concern", s.Nodes[p.Steps[i].Node].Name)
			}
		}
		play(t, s, &p)
		f := p.Foresee(s.Room, nil, plan.Policy{})
		for i := range p.Steps {
			for _, w := range p.Steps[i].After {
				if f.Begin[i] < f.End[w] {
					t.Fatalf("step %d is foreseen to begin before step %d ends", i, w)
				}
			}
		}
	})
}

// play has the steps go well or not, and holds them to what they wait for.
func play(t *rapid.T, s *site, p *plan.Plan) {
	const waiting, well, ended = 0, 1, 2
	fate := make([]int, len(p.Steps))
	deps := plan.NewDeps(p)
	ready := deps.Begin()
	for len(ready) > 0 {
		at := rapid.IntRange(0, len(ready)-1).Draw(t, "next")
		i := ready[at]
		ready = slices.Delete(ready, at, at+1)
		step := &p.Steps[i]
		for _, w := range step.After {
			if fate[w] != well {
				t.Fatalf("step %d begins, and step %d has not gone well", i, w)
			}
		}
		for _, w := range step.Soft {
			if fate[w] == waiting {
				t.Fatalf("step %d begins, and step %d has not ended", i, w)
			}
		}
		for _, c := range step.Choices {
			there := 0
			for _, w := range c.Of {
				if fate[w] == well {
					there++
				}
			}
			if there < c.Least {
				t.Fatalf("step %d begins with %d of %d", i, there, c.Least)
			}
		}
		if fate[i] != waiting {
			t.Fatalf("step %d begins twice", i)
		}
		if rapid.IntRange(0, 4).Draw(t, "fails") > 0 {
			fate[i] = well
			ready = append(append(ready, deps.Ended(i)...), deps.Good(i)...)
			continue
		}
		fate[i] = ended
		never := deps.Fail(i)
		for _, n := range never {
			if fate[n] != waiting {
				t.Fatalf("step %d never begins, and has", n)
			}
			fate[n] = ended
		}
		ready = append(ready, deps.Ended(i)...)
		for _, n := range never {
			ready = append(ready, deps.Ended(n)...)
		}
	}
	for i, f := range fate {
		if f == waiting {
			t.Fatalf("step %d (%s %s) is waited for for ever", i, p.Steps[i].Do, s.Nodes[p.Steps[i].Node].Name)
		}
	}
}
