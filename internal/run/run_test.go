package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hands is a fleet in which each node takes a second, unless it says otherwise.
type hands struct {
	fails   map[string]fleet.Result // instead of ok
	takes   map[string]time.Duration
	refuses map[string]bool
	silent  map[string]bool // nothing is reported
	echoes  map[string]bool // ok is reported, and then that it failed
	is      map[string]room.State
	// failures is how often fails counts, if not for ever.
	failures map[string]int

	mu   sync.Mutex
	log  []string // "10s on db[1-2]"
	born time.Time
}

func (h *hands) Do(ctx context.Context, req fleet.Request, sink fleet.Sink) error {
	h.mu.Lock()
	h.log = append(h.log, fmt.Sprintf("%v %v %s", time.Since(h.born), req.Op, req.Room.Fold(req.Nodes)))
	h.mu.Unlock()
	if req.Op.Changes() && !req.Verify || !req.Live {
		return errors.New("the outcome must be read back and told at once")
	}
	var cannot []room.NodeID
	for _, id := range req.Nodes {
		if h.refuses[req.Room.Nodes[id].Name] {
			cannot = append(cannot, id)
		}
	}
	if len(cannot) > 0 {
		return &room.Error{Code: room.CodeRefused, Op: "on", Subject: req.Room.Fold(cannot), Said: "cannot do on"}
	}
	begun := time.Now()
	for _, id := range req.Nodes { // one after the other, as one device would
		name := req.Room.Nodes[id].Name
		takes, found := h.takes[name]
		if !found {
			takes = time.Second
		}
		if !req.Op.Changes() {
			takes = 0
		}
		select {
		case <-time.After(time.Until(begun.Add(takes))):
			res := h.act(req.Op, name)
			res.Node = id
			if !h.silent[name] {
				sink.Result(res)
			}
			if h.echoes[name] {
				sink.Result(fleet.Result{Node: id, Outcome: fleet.Failed})
			}
		case <-ctx.Done():
			sink.Result(fleet.Result{Node: id, Outcome: fleet.NotBegun, Said: "cancelled"})
		}
	}
	return nil
}

// act switches or reads one node.
func (h *hands) act(op room.Op, name string) fleet.Result {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !op.Changes() {
		return fleet.Result{Outcome: fleet.OK, State: h.is[name]}
	}
	want, _ := op.Wants()
	res, found := h.fails[name]
	if n, some := h.failures[name]; some {
		found = n > 0
		h.failures[name] = n - 1
	}
	if !found {
		res = fleet.Result{Outcome: fleet.OK, State: want}
		if h.is == nil {
			h.is = make(map[string]room.State)
		}
		h.is[name] = want
	}
	return res
}

// bench is a runner with all that it needs.
type bench struct {
	*run.Runner
	hands  *hands
	events *event.Log
	room   *room.Room
	opts   run.Options
}

// onBench runs a test in a bubble of its own time. The room is lines such as
// "web1 30s: db1 db2": a name, "cordless" or the time to settle, and the needs.
func onBench(t *testing.T, text string, opts run.Options, test func(*testing.T, *bench)) {
	t.Helper()
	onBenchWith(t, text, opts, nil, test)
}

// onBenchWith does so in a room that is changed before it is made.
func onBenchWith(t *testing.T, text string, opts run.Options, change func(*room.Draft), test func(*testing.T, *bench)) {
	t.Helper()
	if change == nil {
		change = func(*room.Draft) {}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		s, err := store.OpenMemory(ctx, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		b := &bench{hands: &hands{born: time.Now()}, events: event.New(s, nil), room: newRoom(t, text, change)}
		n := 0
		opts.Fleet, opts.Events, opts.Store = b.hands, b.events, s
		b.opts = opts
		opts.NewID = func() string { n++; return fmt.Sprintf("r%d", n) }
		b.Runner = run.New(opts)
		defer b.Close()
		test(t, b)
	})
}

// submit plans and submits; states are all the same.
func (b *bench) submit(t *testing.T, goal plan.Goal, state room.State, targets string, held ...string) string {
	t.Helper()
	id, err := b.try(t, goal, state, targets, held...)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// submitWith submits an up in a room where one node is on already.
func (b *bench) submitWith(t *testing.T, on, target string) string {
	t.Helper()
	nodes, err := b.room.Resolve(target)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(b.room, func(id room.NodeID) room.State {
		if b.room.Nodes[id].Name == on {
			return room.StateOn
		}
		return room.StateOff
	}, plan.Order{Goal: plan.Up, Targets: nodes.Nodes}, plan.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := b.Submit(t.Context(), run.Submission{Room: b.room, Plan: p})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (b *bench) try(t *testing.T, goal plan.Goal, state room.State, targets string, held ...string) (string, error) {
	t.Helper()
	nodes, err := b.room.Resolve(targets)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(b.room, func(room.NodeID) room.State { return state }, plan.Order{Goal: goal, Targets: nodes.Nodes}, plan.Policy{
		Held: func(id room.NodeID) (plan.Hold, bool) {
			for _, name := range held {
				if b.room.Nodes[id].Name == name {
					return plan.Hold{Reason: "its reset was cut off", Doubtful: true}, true
				}
			}
			return plan.Hold{}, false
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Submit(t.Context(), run.Submission{Room: b.room, Plan: p, Actor: "ann", Door: "http", Remote: "here"})
}

// submitAs submits a down of nodes that are on.
func (b *bench) submitAs(t *testing.T, c run.Conflict, targets string) string {
	t.Helper()
	nodes, err := b.room.Resolve(targets)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(b.room, nil, plan.Order{Goal: plan.Down, Targets: nodes.Nodes, Only: true, Force: true}, plan.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := b.Submit(t.Context(), run.Submission{Room: b.room, Plan: p, Conflict: c})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// cycle submits a cycle of nodes that are as the hands know them.
func (b *bench) cycle(t *testing.T, targets string) string {
	t.Helper()
	nodes, err := b.room.Resolve(targets)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(b.room, func(id room.NodeID) room.State { return b.hands.is[b.room.Nodes[id].Name] },
		plan.Order{Goal: plan.Cycle, Targets: nodes.Nodes}, plan.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := b.Submit(t.Context(), run.Submission{Room: b.room, Plan: p})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// story follows a run to its end and gives what it told, each with its time.
func (b *bench) story(t *testing.T, id string) string {
	t.Helper()
	var text strings.Builder
	n := 0
	for u, err := range b.Follow(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; u.N != n {
			t.Fatalf("update %d has the number %d", n, u.N)
		}
		fmt.Fprintf(&text, "%v %s\n", u.Time.Sub(b.hands.born), u.Text())
	}
	return text.String()
}

func same(t *testing.T, want, got string) {
	t.Helper()
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// told gives the run's events as lines, from the store.
func (b *bench) told(t *testing.T, id string) string {
	t.Helper()
	events, err := b.events.Read(context.Background(), event.Filter{Request: id})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, e := range events {
		fmt.Fprintf(&text, "%s %s %s by %s via %s from %s %d %s: %s\n", e.Kind, e.Op, e.Targets, e.Actor, e.Door, e.Remote, e.Count, e.Outcome, e.Detail)
	}
	return text.String()
}

func TestUpSettles(t *testing.T) {
	const site = `
		db1 30s
		db2 10s
		sw1 99s
		web1: db1 db2
		web2: db2
		shop cordless 5s: web1 web2
		till: shop
	`
	onBench(t, site, run.Options{}, func(t *testing.T, b *bench) {
		b.hands.takes = map[string]time.Duration{"db2": 3 * time.Second, "web2": 2 * time.Second, "sw1": 4 * time.Second}
		id := b.submit(t, plan.Up, room.StateOff, "till,sw1")
		same(t, `
0s db[1-2],sw1: switching on
1s db1: on
1s db1: settling for 30s
3s db2: on
3s db2: settling for 10s
4s sw1: on
13s db2: settled
13s web2: switching on
15s web2: on
31s db1: settled
31s web1: switching on
32s web1: on
32s shop: nothing to do
32s shop: settling for 5s
37s shop: settled
37s till: switching on
38s till: on
38s done: 6 on
`, b.story(t, id))
		same(t, `
intent up db[1-2],sw1,till,web[1-2] by ann via http from here 6 : up: 6 to switch in 4 layers, 4 of them not asked for but needed
result up db[1-2],sw1,till,web[1-2] by ann via http from here 6 ok: 6 on
`, b.told(t, id))
	})
}

func TestDownTakesDependentsFirstAndDoesNotSettle(t *testing.T) {
	onBench(t, "db1 30s\nweb1 20s: db1\nweb2 20s: db1", run.Options{}, func(t *testing.T, b *bench) {
		if story := b.story(t, b.submit(t, plan.Down, room.StateOn, "db1")); !strings.HasSuffix(story, "2s done: 3 off\n") {
			t.Error(story)
		}
		same(t, "0s off web[1-2]\n1s off db1", strings.Join(b.hands.log, "\n"))
	})
}

func TestFailureBlocksDependentsAndNobodyElse(t *testing.T) {
	const site = `
		db1
		db2
		web1: db1
		web2: db1
		web3: db2
		shop cordless: web1 web3
		till: shop
		lone: db2
	`
	still := fleet.Result{Outcome: fleet.Failed, State: room.StateOff, Said: "taken, but still off after 20s"}
	onBench(t, site, run.Options{}, func(t *testing.T, b *bench) {
		b.hands.fails = map[string]fleet.Result{"db1": still}
		id := b.submit(t, plan.Up, room.StateOff, "till,lone,web2")
		same(t, `
0s db[1-2]: switching on
1s db1: failed: taken, but still off after 20s
1s shop,till,web[1-2]: blocked, because db1 did not come on: taken, but still off after 20s
1s db2: on
1s lone,web3: switching on
2s lone: on
2s web3: on
2s partial: 3 of 7 on; failed: db1; blocked: shop,till,web[1-2]
`, b.story(t, id))
		info, err := b.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&run.Outcomes{OK: "db2,lone,web3", Failed: "db1", Blocked: "shop,till,web[1-2]"}, info.Outcomes); diff != "" {
			t.Error(diff)
		}
		if want := (run.Counts{Total: 7, Good: 3, Bad: 1, Blocked: 4}); info.Counts != want || info.State != run.Partial {
			t.Errorf("%+v", info)
		}
		same(t, `
intent up db[1-2],lone,till,web[1-3] by ann via http from here 7 : up: 7 to switch in 4 layers, 4 of them not asked for but needed
result up db[1-2],lone,till,web[1-3] by ann via http from here 7 partial: 3 of 7 on; failed: db1; blocked: shop,till,web[1-2]
`, b.told(t, id))
		var data struct {
			Outcomes run.Outcomes
			Failures []struct{ Node, Said string }
		}
		events, _ := b.events.Read(t.Context(), event.Filter{Request: id, Kinds: []event.Kind{event.Result}})
		if err := json.Unmarshal(events[0].Data, &data); err != nil {
			t.Fatal(err)
		}
		if data.Outcomes.Failed != "db1" || len(data.Failures) != 1 || data.Failures[0].Said != still.Said {
			t.Errorf("%s", events[0].Data)
		}
	})
}

func TestHowRunsEnd(t *testing.T) {
	unknown := fleet.Result{Outcome: fleet.Unknown, Said: "the line broke"}
	tests := []struct {
		name  string
		goal  plan.Goal
		state room.State
		fails map[string]fleet.Result
		held  []string
		want  string
		event string
	}{
		{"nothing to do", plan.Up, room.StateOn, nil, nil, "done: nothing to switch", event.OK},
		{"unverified is said", plan.Up, room.StateOff, map[string]fleet.Result{"b": {Outcome: fleet.Unverified}}, nil, "done: 2 on; not verified: b", event.OK},
		{"unknown blocks", plan.Up, room.StateOff, map[string]fleet.Result{"a": unknown}, nil, "failed: 0 of 2 on; unknown: a; blocked: b", event.Unknown},
		{"down failing", plan.Down, room.StateOn, map[string]fleet.Result{"b": {Outcome: fleet.Failed}}, nil, "failed: 0 of 2 off; failed: b; blocked: a", event.Failed},
		{"a device that is gone", plan.Up, room.StateOff, map[string]fleet.Result{"a": {Outcome: fleet.NotBegun, Said: "gone"}}, nil, "failed: 0 of 2 on; blocked: b; not begun: a", event.Failed},
		{"all held", plan.Up, room.StateOff, nil, []string{"a"}, "failed: nothing to switch; blocked: a,b", event.Failed},
		{"held", plan.Up, room.StateOff, nil, []string{"b"}, "partial: 1 on; blocked: b", event.Partial},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onBench(t, "a\nb: a", run.Options{}, func(t *testing.T, b *bench) {
				b.hands.fails = tt.fails
				id := b.submit(t, tt.goal, tt.state, "a,b", tt.held...)
				story := b.story(t, id)
				lines := strings.Split(strings.TrimSpace(story), "\n")
				if _, end, _ := strings.Cut(lines[len(lines)-1], " "); end != tt.want {
					t.Errorf("got %q, want %q", end, tt.want)
				}
				if told := b.told(t, id); !strings.Contains(told, " "+tt.event+": ") {
					t.Error(told)
				}
				for _, name := range tt.held {
					if !strings.Contains(story, "blocked, because "+name+" is held: its reset was cut off") {
						t.Error(story)
					}
				}
			})
		})
	}
}

func TestWhatIsOnAlreadyIsNotCalledBlocked(t *testing.T) {
	onBench(t, "a\nb: a\nc: b", run.Options{}, func(t *testing.T, b *bench) {
		b.hands.fails = map[string]fleet.Result{"a": {Outcome: fleet.Failed, Said: "no"}}
		story := b.story(t, b.submitWith(t, "b", "c"))
		same(t, `
0s a: switching on
1s a: failed: no
1s c: blocked, because a did not come on: no
1s failed: 0 of 2 on; failed: a; blocked: c
`, story)
	})
}

func TestAFleetThatForgetsOrRepeats(t *testing.T) {
	onBench(t, "a\nb\nc: a", run.Options{}, func(t *testing.T, b *bench) {
		b.hands.silent = map[string]bool{"a": true}
		b.hands.echoes = map[string]bool{"b": true}
		story := b.story(t, b.submit(t, plan.Up, room.StateOff, "b,c"))
		same(t, `
0s a,b: switching on
1s b: on
1s a: unknown: nothing was heard of it
1s c: blocked, because a may not have come on: nothing was heard of it
1s partial: 1 of 3 on; unknown: a; blocked: c
`, story)
	})
}

func TestARefusalIsOnlyForThoseItNames(t *testing.T) {
	onBench(t, "a\nb\nc: a\nd: b", run.Options{}, func(t *testing.T, b *bench) {
		b.hands.refuses = map[string]bool{"a": true}
		story := b.story(t, b.submit(t, plan.Up, room.StateOff, "c,d"))
		for _, want := range []string{"a: failed: cannot do on\n", "c: blocked, because a did not come on: cannot do on\n", "partial: 2 of 4 on; failed: a; blocked: c\n"} {
			if !strings.Contains(story, want) {
				t.Errorf("%q is not in\n%s", want, story)
			}
		}
	})
}

func TestCancel(t *testing.T) {
	tests := []struct {
		name  string
		after time.Duration
		want  string
	}{
		{"while switching", 1500 * time.Millisecond, "1.5s cancelled: cancelled by bob; 1 of 4 on; not begun: b,c,d\n"},
		{"while settling", 5 * time.Second, "5s cancelled: cancelled by bob; 2 of 4 on; not begun: c,d\n"},
		{"at the end", 13500 * time.Millisecond, "13.5s cancelled: cancelled by bob; 3 of 4 on; not begun: d\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onBench(t, "a\nb 10s\nc: a b\nd: b", run.Options{}, func(t *testing.T, b *bench) {
				b.hands.takes = map[string]time.Duration{"b": 2 * time.Second, "d": 2 * time.Second}
				id := b.submit(t, plan.Up, room.StateOff, "@all")
				time.Sleep(tt.after)
				if err := b.Cancel(id, "bob"); err != nil {
					t.Fatal(err)
				}
				if story := b.story(t, id); !strings.HasSuffix(story, tt.want) || strings.Contains(story, "blocked") {
					t.Error(story)
				}
				if told := b.told(t, id); !strings.Contains(told, " cancelled: cancelled by bob") {
					t.Error(told)
				}
				if err := b.Cancel(id, "bob"); room.CodeOf(err) != room.CodeRefused {
					t.Errorf("cancelled twice: %v", err)
				}
			})
		})
	}
}

func TestOneRunAtATimePerNode(t *testing.T) {
	onBench(t, "a 1h\nb: a\nc\nd: c\ne: c", run.Options{}, func(t *testing.T, b *bench) {
		b.hands.takes = map[string]time.Duration{"d": time.Minute, "e": time.Minute}
		first := b.submit(t, plan.Up, room.StateOff, "b")
		_, err := b.try(t, plan.Up, room.StateOff, "a,c")
		if room.CodeOf(err) != room.CodeBusy || err.Error() != "a: up: run r1 by ann is at work there; wait for it, or cancel it" {
			t.Error(err)
		}
		// d's run counts on c, which is on. Another such run may come, but none that
		// switches c.
		b.submitWith(t, "c", "d")
		b.submitWith(t, "c", "e")
		_, err = b.try(t, plan.Up, room.StateOff, "c")
		if room.CodeOf(err) != room.CodeBusy || !strings.Contains(err.Error(), "c: up: run r3 and run r4 are at work") {
			t.Error(err)
		}
		if err := b.Cancel(first, ""); err != nil {
			t.Fatal(err)
		}
		b.story(t, first)
		b.story(t, b.submit(t, plan.Up, room.StateOff, "a"))
	})
}

func TestNothingIsTouchedWithoutARecord(t *testing.T) {
	onBench(t, "a", run.Options{}, func(t *testing.T, b *bench) {
		p, _ := plan.Build(b.room, nil, plan.Order{Goal: plan.Up, Targets: b.room.All()}, plan.Policy{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Submit(ctx, run.Submission{Room: b.room, Plan: p}); err == nil {
			t.Error("submitted without a record")
		}
		synctest.Wait()
		if len(b.hands.log) > 0 || len(b.List()) > 0 {
			t.Error(b.hands.log, b.List())
		}
		b.story(t, b.submit(t, plan.Up, room.StateOff, "a")) // the node is free
	})
}

func TestFollow(t *testing.T) {
	onBench(t, "a\nb: a", run.Options{}, func(t *testing.T, b *bench) {
		id := b.submit(t, plan.Up, room.StateOff, "b")
		live := make(chan string)
		go func() { live <- b.story(t, id) }()
		for range b.Follow(t.Context(), id, 0) { // one who looks once and goes
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var last error
		for _, err := range b.Follow(ctx, id, 0) {
			last = err
		}
		if !errors.Is(last, context.DeadlineExceeded) {
			t.Error(last)
		}
		first := <-live
		same(t, first, b.story(t, id)) // history tells what was told live
		var rest []int
		for u := range b.Follow(t.Context(), id, 3) {
			rest = append(rest, u.N)
		}
		if diff := cmp.Diff([]int{4, 5}, rest); diff != "" {
			t.Error(diff)
		}
		for _, err := range b.Follow(t.Context(), "x", 0) {
			if room.CodeOf(err) != room.CodeNotFound {
				t.Error(err)
			}
		}
	})
}

func TestEndedRunsAreForgotten(t *testing.T) {
	onBench(t, "a", run.Options{Keep: 3, AtOnce: 1}, func(t *testing.T, b *bench) {
		for range 5 {
			b.story(t, b.submit(t, plan.Up, room.StateOff, "a"))
		}
		var ids []string
		for _, info := range b.List() {
			ids = append(ids, info.ID)
		}
		if diff := cmp.Diff([]string{"r5", "r4", "r3"}, ids); diff != "" {
			t.Error(diff)
		}
		if info, err := b.Get("r1"); err != nil || info.State != run.Done || info.Outcomes.OK != "a" { // from the store
			t.Error(info, err)
		}
		if story := b.story(t, "r1"); !strings.HasSuffix(story, "done: 1 on\n") {
			t.Error(story)
		}
		page, err := b.History(t.Context(), 3, 10)
		if err != nil || len(page) != 2 || page[0].ID != "r2" || page[1].ID != "r1" {
			t.Error(page, err)
		}
	})
}

func TestManyNamesThatDoNotFold(t *testing.T) {
	var site strings.Builder
	const many = 22_000
	for i := range many {
		fmt.Fprintf(&site, "h%dx%s\n", i, strings.Repeat("o", 100))
	}
	onBench(t, site.String(), run.Options{}, func(t *testing.T, b *bench) {
		id := b.submit(t, plan.Up, room.StateOff, "@all")
		for range b.Follow(t.Context(), id, 0) {
		}
		same(t, `
intent up  by ann via http from here 22000 : up: 22000 to switch in 1 layer
result up  by ann via http from here 22000 ok: 22000 on
`, b.told(t, id))
	})
}

var (
	_ run.Fleet  = (*fleet.Fleet)(nil)
	_ run.Events = (*event.Log)(nil)
)
