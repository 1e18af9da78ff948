package run_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/store"
)

// notes are events that nobody keeps.
type notes struct{ kinds []event.Kind }

func (n *notes) AppendWith(_ context.Context, _ func(*store.Tx) error, events ...*event.Event) error {
	for _, e := range events {
		n.kinds = append(n.kinds, e.Kind)
	}
	return nil
}

// judge is a fleet that checks, when a node is switched, that it may be.
type judge struct {
	mu       sync.Mutex
	wrong    []string // what it found
	goal     plan.Goal
	outcomes map[room.NodeID]fleet.Outcome // of the nodes to come
	notes    *notes
	done     map[room.NodeID]time.Time
	called   map[room.NodeID]bool
}

func (j *judge) Do(_ context.Context, req fleet.Request, sink fleet.Sink) error {
	j.mu.Lock()
	if !slices.Contains(j.notes.kinds, event.Intent) || slices.Contains(j.notes.kinds, event.Result) {
		j.find("switched with %v on record", j.notes.kinds)
	}
	for _, id := range req.Nodes {
		name := req.Room.Nodes[id].Name
		if j.called[id] {
			j.find("%s is switched twice", name)
		}
		j.called[id] = true
		j.mayGo(req.Room, id, name, map[room.NodeID]bool{})
	}
	j.mu.Unlock()
	time.Sleep(time.Second)
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, id := range req.Nodes {
		if j.outcomes[id].Good() {
			j.done[id] = time.Now()
		}
		sink.Result(fleet.Result{Node: id, Outcome: j.outcomes[id]})
	}
	return nil
}

func (j *judge) find(format string, args ...any) {
	j.wrong = append(j.wrong, fmt.Sprintf(format, args...))
}

// mayGo checks all that a node waits for, through nodes without cords.
func (j *judge) mayGo(r *room.Room, id room.NodeID, name string, seen map[room.NodeID]bool) {
	waits := r.Nodes[id].Hard()
	if j.goal == plan.Down {
		waits = nil
		for _, w := range r.NeededBy(id) {
			if _, hard := slices.BinarySearch(r.Nodes[w].Hard(), id); hard {
				waits = append(waits, w)
			}
		}
	}
	for _, c := range r.Nodes[id].Choices {
		there := 0
		for _, m := range c.Of {
			if _, up := j.done[m]; up || len(r.Nodes[m].Cords) == 0 {
				there++
			}
		}
		if j.goal == plan.Up && there < c.Least {
			j.find("%s is switched though only %d of what it needs %d of are there", name, there, c.Least)
		}
	}
	for _, w := range waits {
		if seen[w] {
			continue
		}
		seen[w] = true
		n := r.Nodes[w]
		if len(n.Cords) == 0 {
			j.mayGo(r, w, name, seen)
			continue
		}
		at, there := j.done[w]
		if !there {
			j.find("%s is switched though %s is not there", name, n.Name)
		}
		if j.goal == plan.Up && time.Since(at) < n.Settle {
			j.find("%s is switched before %s has settled", name, n.Name)
		}
	}
}

func drawRoom(t *rapid.T) *room.Room {
	conduct := room.DefaultConduct()
	conduct.StartAttempts, conduct.StopAttempts = 1, 1
	draft := room.Draft{Settings: room.Settings{Conduct: conduct}, Devices: []room.DraftDevice{{Device: room.Device{Name: "pdu"}}}}
	for i := range rapid.IntRange(1, 12).Draw(t, "size") {
		n := room.DraftNode{Name: fmt.Sprintf("n%d", i), Settle: time.Duration(rapid.IntRange(0, 3).Draw(t, "settle")) * time.Second}
		if rapid.IntRange(0, 4).Draw(t, "cordless") > 0 {
			n.Cords = []room.DraftCord{{Device: "pdu"}}
		}
		for before := range i {
			if rapid.IntRange(0, 3).Draw(t, "needs") == 0 {
				n.Needs = append(n.Needs, fmt.Sprintf("n%d", before))
			}
		}
		if i > 2 && rapid.IntRange(0, 3).Draw(t, "choice") == 0 {
			least := rapid.IntRange(1, 2).Draw(t, "least")
			n.Choices = []room.DraftChoice{{Least: least, Members: []string{fmt.Sprintf("n%d", i-1), fmt.Sprintf("n%d", i-2), fmt.Sprintf("n%d", i-3)}}}
		}
		if i > 0 && rapid.IntRange(0, 5).Draw(t, "wants") == 0 {
			n.Wants = []string{fmt.Sprintf("n%d", rapid.IntRange(0, i-1).Draw(t, "wanted"))}
		}
		draft.Nodes = append(draft.Nodes, n)
	}
	r, problems := room.New(draft)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return r
}

func TestRunHolds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := drawRoom(rt)
		j := &judge{
			goal: plan.Goal(rapid.IntRange(1, 2).Draw(rt, "goal")), notes: &notes{},
			outcomes: make(map[room.NodeID]fleet.Outcome), done: make(map[room.NodeID]time.Time), called: make(map[room.NodeID]bool),
		}
		for id := range r.Nodes {
			j.outcomes[room.NodeID(id)] = rapid.SampledFrom([]fleet.Outcome{
				fleet.OK, fleet.OK, fleet.OK, fleet.OK, fleet.Unverified, fleet.Failed, fleet.Unknown,
			}).Draw(rt, "outcome")
		}
		p, err := plan.Build(r, nil, plan.Order{Goal: j.goal, Targets: r.All()}, plan.Policy{})
		if err != nil {
			rt.Fatal(err)
		}
		synctest.Test(t, func(*testing.T) { j.watch(r, p) })
		if len(j.wrong) > 0 {
			rt.Fatal(j.wrong)
		}
	})
}

// watch runs a plan and compares what is told with what happened.
func (j *judge) watch(r *room.Room, p plan.Plan) {
	runner := run.New(run.Options{Fleet: j, Events: j.notes})
	defer runner.Close()
	id, err := runner.Submit(context.Background(), run.Submission{Room: r, Plan: p})
	if err != nil {
		j.find("submit: %v", err)
		return
	}
	fates := make(map[run.Kind]int)
	for u, err := range runner.Follow(context.Background(), id, 0) {
		if err != nil {
			j.find("follow: %v", err)
		}
		fates[u.Kind] += u.Count
		if u.Kind == run.Ended && !slices.Equal(j.notes.kinds, []event.Kind{event.Intent, event.Result}) {
			j.find("ended with %v on record", j.notes.kinds)
		}
	}
	info, _ := runner.Get(id)
	if steps := fates[run.Result] + fates[run.Blocked] + fates[run.Passed]; steps != len(r.Nodes)-len(p.Skipped) {
		j.find("%d steps, of %d nodes: %+v", steps, len(r.Nodes), fates)
	}
	if len(j.done) != info.Counts.Good || len(j.called)-len(j.done) != info.Counts.Bad || fates[run.Blocked] != info.Counts.Blocked {
		j.find("%d of %d came there, told was %+v", len(j.done), len(j.called), info)
	}
}
