package desk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/internal/standing"
	"millwright.dev/millwright/internal/state"
	"millwright.dev/millwright/internal/store"
	"millwright.dev/millwright/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bureau is a desk with everything real below it, down to two simulated strips
// on in-memory lines: web[1-4] on pdu1, db1 on both.
type bureau struct {
	*Desk
	t      *testing.T
	sim    *sim.Room
	events *event.Log
	store  *store.Store
}

func open(t *testing.T, edit func(*room.Draft)) *bureau {
	t.Helper()
	b := &bureau{t: t}
	var err error
	cfg := sim.Config{InMemory: true}
	spec := parseSpec(t)
	draft := room.Draft{Name: "lab", Settings: room.Settings{Verify: 5 * time.Second, Rest: time.Second}}
	for _, name := range []string{"pdu1", "pdu2"} {
		cfg.PDUs = append(cfg.PDUs, sim.PDU{Name: name, Style: "vpc", Outlets: sim.Numbered(0, 16)})
		settings, err := script.FromPowerMan(spec, name+":23", "", script.Options{})
		if err != nil {
			t.Fatal(err)
		}
		traits, err := settings.Traits(nil)
		if err != nil {
			t.Fatal(err)
		}
		draft.Devices = append(draft.Devices, room.DraftDevice{
			Device: room.Device{Name: name, Driver: "script", Identity: name, Settings: driver.Prepared{Settings: settings, Traits: traits}},
			Fixed:  traits.Plugs,
		})
	}
	for i := 1; i <= 4; i++ {
		draft.Nodes = append(draft.Nodes, room.DraftNode{
			Name: fmt.Sprintf("web%d", i), Needs: []string{"db1"},
			Cords: []room.DraftCord{{Device: "pdu1", Plug: fmt.Sprint(i)}},
		})
	}
	draft.Nodes = append(draft.Nodes, room.DraftNode{Name: "db1", Cords: []room.DraftCord{{Device: "pdu1", Plug: "0"}, {Device: "pdu2", Plug: "0"}}})
	draft.Aliases = []room.DraftGroup{{Name: "front", Members: []string{"web1"}}}
	if edit != nil {
		edit(&draft)
	}
	r, problems := room.New(draft)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	ctx, stop := context.WithCancel(t.Context())
	if b.sim, err = sim.Start(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if b.store, err = store.OpenMemory(ctx, store.Options{}); err != nil {
		t.Fatal(err)
	}
	b.events = event.New(b.store, nil)
	f := fleet.New(fleet.Options{Dialer: &transport.Dialer{DialContext: b.sim.Dial}})
	if err := f.Apply(r); err != nil {
		t.Fatal(err)
	}
	keeper := state.New(f, b.events, nil)
	keeper.Apply(r)
	runs := run.New(run.Options{Fleet: keeper, Events: b.events})
	book, err := standing.Open(ctx, standing.Options{Store: b.store, Events: b.events})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	b.Desk = New(Options{Fleet: f, Events: b.events, State: keeper, Runs: runs, Standings: book, NewID: func() string { n++; return fmt.Sprint("r", n) }})
	t.Cleanup(func() {
		b.Close()
		runs.Close()
		f.Close()
		b.sim.Close()
		book.Close()
		if err := b.store.Close(); err != nil {
			t.Error(err)
		}
		stop()
	})
	return b
}

func parseSpec(t *testing.T) *devspec.Spec {
	t.Helper()
	conf, err := devspec.ParseConfig("vpc.dev", func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(sim.DeviceFile("vpc"))), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return conf.Spec("mw-vpc")
}

// notes is a sink that remembers.
type notes struct {
	began   Began
	results map[string]fleet.Result
	faults  []string
	said    []string
}

func (n *notes) Begin(b Began) { n.began, n.results = b, map[string]fleet.Result{} }
func (n *notes) Result(r fleet.Result) {
	for i, id := range n.began.Targets.Nodes {
		if id == r.Node {
			n.results[n.began.Targets.Name(n.began.Room, i)] = r
		}
	}
}
func (n *notes) Fault(f *driver.Fault)                 { n.faults = append(n.faults, f.Error()) }
func (n *notes) Diagnostic(_ room.NodeID, said string) { n.said = append(n.said, said) }
func (n *notes) Trace(string, devspec.Trace)           {}

var me = Actor{Name: "ann", Door: "test", Remote: "here"}

func (b *bureau) do(op room.Op, targets string, edit ...func(*Request)) (*notes, Summary, error) {
	req := Request{Actor: me, Op: op, Targets: targets, Verify: true}
	for _, e := range edit {
		e(&req)
	}
	n := &notes{}
	sum, err := b.Do(b.t.Context(), req, n)
	return n, sum, err
}

// said gives the events of some kinds, a line each.
func (b *bureau) said(kinds ...event.Kind) string {
	b.t.Helper()
	synctest.Wait()
	list, err := b.events.Read(b.t.Context(), event.Filter{Kinds: kinds})
	if err != nil {
		b.t.Fatal(err)
	}
	var lines []string
	for _, e := range list {
		line := fmt.Sprintf("%s %s %s %s %s %s", e.Kind, e.Request, e.Actor, e.Op, e.Targets, e.Outcome)
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestChangesLeaveTwoEventsAndReadsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		if _, sum, err := b.do(room.On, "front,web[2-3]"); err != nil || !sum.Good() {
			t.Fatalf("on: %v, %+v", err, sum)
		}
		n, _, err := b.do(room.Status, "front,web[2-4]")
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range map[string]room.State{"front": room.StateOn, "web2": room.StateOn, "web4": room.StateOff} {
			if got := n.results[name].State; got != s {
				t.Errorf("%s is %v, want %v", name, got, s)
			}
		}
		want := "intent r1 ann on web[1-3]\nresult r1 ann on web[1-3] ok"
		if got := b.said(event.Intent, event.Result, event.State); got != want {
			t.Errorf("events:\n%s\nwant:\n%s", got, want)
		}
	})
}

func TestReadsAreAuditedWhereTheRoomSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, func(d *room.Draft) { d.Settings.AuditReads = true })
		if _, _, err := b.do(room.Status, "web1"); err != nil {
			t.Fatal(err)
		}
		if got := b.said(event.Intent, event.Result); strings.Count(got, "status web1") != 2 {
			t.Errorf("events: %s", got)
		}
	})
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name    string
		op      room.Op
		targets string
		code    room.Code
		said    string
		event   string
	}{
		{"a name that is not there", room.On, "wbe1", room.CodeNotFound, "web1", "refusal ann on wbe1 refused"},
		{"nothing named, for a change", room.Off, "", room.CodeInvalid, "@all", "refusal ann off refused"},
		{"a reset of two cords", room.Reset, "db1", room.CodeRefused, "several cords", "refusal ann reset db1 refused"},
		{"half a range", room.On, "web[1-", room.CodeInvalid, "", "refusal ann on web[1- refused"},
		{"a read is answered and not written down", room.Status, "nope", room.CodeNotFound, "nope", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := open(t, nil)
				_, _, err := b.do(tt.op, tt.targets)
				if room.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.said) {
					t.Errorf("got %v (%s), want %s and %q in it", err, room.CodeOf(err), tt.code, tt.said)
				}
				if got := b.said(); got != tt.event {
					t.Errorf("events: %q, want %q", got, tt.event)
				}
			})
		})
	}
}

func TestDryRunTouchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		n, _, err := b.do(room.On, "db1,web1", func(r *Request) { r.DryRun = true })
		if err != nil {
			t.Fatal(err)
		}
		if len(n.began.Work) != 2 || len(n.began.Work[0].Plugs) != 2 {
			t.Errorf("work: %+v, want two plugs of pdu1 and one of pdu2", n.began.Work)
		}
		if o, _ := b.sim.Outlet("pdu1", "1"); o.On || b.said() != "" {
			t.Error("a dry run did something")
		}
	})
}

func TestNoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		_, sum, err := b.do(room.On, "web1", func(r *Request) { r.NoWait = true })
		if err != nil || sum.ID != "r1" {
			t.Fatalf("%+v, %v", sum, err)
		}
		time.Sleep(10 * time.Second)
		if got := b.said(event.Result); got != "result r1 ann on web1 ok" {
			t.Errorf("events: %q", got)
		}
	})
}

func TestFailuresAreInTheResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		for plug, kind := range map[string]sim.FaultKind{"1": sim.Stuck} {
			if err := b.sim.Break("pdu1", sim.Fault{Kind: kind, Plug: plug}); err != nil {
				t.Fatal(err)
			}
		}
		_, sum, err := b.do(room.On, "web[1-2]")
		if err != nil || sum.Good() || sum.Counts[fleet.Failed] != 1 {
			t.Errorf("%+v, %v, want one failure", sum, err)
		}
		list, _ := b.events.Read(t.Context(), event.Filter{Kinds: []event.Kind{event.Result}})
		if len(list) != 1 || list[0].Outcome != event.Partial || !strings.Contains(list[0].Detail, "web1: taken, but still off") {
			t.Errorf("result: %+v", list)
		}
	})
}

// A state that changes with nobody of ours behind it is seen and said.
func TestDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		must(t, b, room.Status, "")
		if err := b.sim.Turn("pdu1", "2", true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		must(t, b, room.Status, "")
		if got := b.said(event.State); got != "state web2 on" {
			t.Errorf("events: %q", got)
		}
	})
}

func must(t *testing.T, b *bureau, op room.Op, targets string) {
	t.Helper()
	if _, _, err := b.do(op, targets); err != nil {
		t.Fatal(err)
	}
}

// What a dead daemon left open is closed as unknown, and not done again; a node
// whose cycle was cut off holds what needs it until somebody decides.
func TestRecover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		for i, op := range []string{"cycle", "on"} {
			e := &event.Event{Kind: event.Intent, Request: fmt.Sprint("old", i), Actor: "ann", Op: op, Targets: []string{"db1", "web1"}[i], Count: 1}
			if err := b.events.Append(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Recover(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if got, want := b.said(event.Result), "result old0 ann cycle db1 unknown\nresult old1 ann on web1 unknown"; got != want {
			t.Errorf("events:\n%s\nwant:\n%s", got, want)
		}
		if open, _ := b.events.OpenIntents(t.Context()); len(open) != 0 {
			t.Errorf("%d intents are still open", len(open))
		}
		if o, _ := b.sim.Outlet("pdu1", "1"); o.On {
			t.Error("the interrupted request was repeated")
		}

		p, err := b.Plan(t.Context(), Order{Actor: me, Goal: plan.Up, Targets: "web1"})
		if err != nil || len(p.Plan.Blocked) == 0 {
			t.Errorf("plan: %v, %+v, want web1 blocked by db1", err, p.Plan)
		}
		held, err := b.store.Interruptions(t.Context())
		if err != nil || len(held) != 1 || held[0].Node != "db1" {
			t.Errorf("kept for the next start: %v, %v", held, err)
		}
		if freed, err := b.Clear(t.Context(), me, "db1,web1"); err != nil || freed != "db1" {
			t.Errorf("cleared %q, %v", freed, err)
		}
		if held, _ := b.store.Interruptions(t.Context()); len(held) != 0 {
			t.Errorf("still kept: %v", held)
		}
	})
}

// Switching a held node decides what it is, too.
func TestSwitchingEndsAHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		err := b.Recover(t.Context(), []store.Interruption{{Node: "web1", Op: "reset", Request: "old", Time: time.Now()}})
		if err != nil {
			t.Fatal(err)
		}
		must(t, b, room.On, "web1")
		id, _ := b.Room().Node("web1")
		if b.state.Get(b.Room(), id).Held != nil {
			t.Error("web1 is still held")
		}
	})
}

func TestUpAndDownInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		for _, goal := range []plan.Goal{plan.Up, plan.Down} {
			o := Order{Actor: me, Goal: goal, Targets: "web[1-2]"}
			if goal == plan.Down {
				o.Targets = "db1"
			}
			p, err := b.Plan(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if layers := p.Plan.Layers(); len(layers) != 2 {
				t.Fatalf("%v: %d layers, want 2:\n%s", goal, len(layers), p.Plan.Text(p.Room))
			}
			id, err := b.Submit(t.Context(), o, p)
			if err != nil {
				t.Fatal(err)
			}
			var last run.Update
			for u, err := range b.runs.Follow(t.Context(), id, 0) {
				if err != nil {
					t.Fatal(err)
				}
				last = u
			}
			if last.State != run.Done {
				t.Errorf("%v ended %s: %s", goal, last.State, last.Said)
			}
		}
		var order []string
		for _, h := range b.sim.History(sim.OutletOn, sim.OutletOff) {
			order = append(order, h.String())
		}
		// web3 and web4 were not asked for and were off already.
		want := []string{"0 on", "0 on", "1 on", "2 on", "1 off", "2 off", "0 off", "0 off"}
		for i, w := range want {
			if i >= len(order) || !strings.HasSuffix(strings.ReplaceAll(order[i], "outlet ", ""), w) {
				t.Fatalf("order of switching: %q, want %q", order, want)
			}
		}
	})
}

// A node without cords is as the nodes that it needs are.
func TestNodesWithoutCords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, func(d *room.Draft) {
			d.Nodes = append(d.Nodes,
				room.DraftNode{Name: "tier", Needs: []string{"web1", "web2"}},
				room.DraftNode{Name: "shop", Needs: []string{"tier", "web3"}})
		})
		must(t, b, room.On, "web[1-2]")
		n, sum, err := b.do(room.Status, "")
		if err != nil || !sum.Good() || len(n.results) != len(b.Room().Nodes) {
			t.Fatalf("%v, %+v, results of %d of %d nodes", err, sum, len(n.results), len(b.Room().Nodes))
		}
		n, _, err = b.do(room.Status, "tier,shop")
		if err != nil || len(n.results) != 2 {
			t.Fatalf("%v, results %+v, want just the two that were asked for", err, n.results)
		}
		if n.results["tier"].State != room.StateOn || n.results["shop"].State != room.StateDegraded {
			t.Errorf("tier is %v and shop %v, want on and degraded", n.results["tier"].State, n.results["shop"].State)
		}
		if _, sum, err := b.do(room.Off, "@all"); err != nil || sum.Counts[fleet.Skipped] != 2 || sum.Counts[fleet.OK] != 5 {
			t.Errorf("off of all: %+v, %v, want two nodes passed over", sum, err)
		}
		if _, _, err := b.do(room.Off, "shop"); room.CodeOf(err) != room.CodeRefused {
			t.Errorf("off of nothing but a service: %v, want it refused", err)
		}
	})
}

// A change in the middle of a run is done, and the log says that it was.
func TestChangeDuringARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, func(d *room.Draft) { d.Nodes[4].Settle = time.Minute })
		o := Order{Actor: me, Goal: plan.Up, Targets: "web1"}
		p, err := b.Plan(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		id, err := b.Submit(t.Context(), o, p)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		must(t, b, room.Off, "db1")
		list, err := b.events.Read(t.Context(), event.Filter{Kinds: []event.Kind{event.Intent}, Node: "db1"})
		if err != nil || !strings.Contains(list[len(list)-1].Detail, id) {
			t.Errorf("%v: the intent says %q, want it to name run %s", err, list[len(list)-1].Detail, id)
		}
		if err := b.CancelRun(me, id); err != nil {
			t.Error(err)
		}
	})
}

// A change goes on without its asker, until somebody cancels it; a cycle that was
// cut off leaves its node held.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		must(t, b, room.Status, "") // so that the devices are connected
		if err := b.sim.Break("pdu1", sim.Fault{Kind: sim.Hang}); err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancel(t.Context())
		n := &notes{}
		ended := make(chan Summary, 1)
		go func() {
			sum, _ := b.Do(ctx, Request{Actor: me, Op: room.Cycle, Targets: "web1"}, n)
			ended <- sum
		}()
		time.Sleep(time.Second)
		leave()
		synctest.Wait()
		if len(ended) > 0 {
			t.Fatal("the change ended with its asker")
		}
		if err := b.Cancel(me, "nope"); room.CodeOf(err) != room.CodeNotFound {
			t.Errorf("cancelling nothing: %v", err)
		}
		if err := b.Cancel(me, "r1"); err != nil {
			t.Fatal(err)
		}
		if sum := <-ended; sum.Counts[fleet.Unknown] != 1 {
			t.Errorf("%+v, want one unknown outcome", sum)
		}
		list, _ := b.events.Read(t.Context(), event.Filter{Kinds: []event.Kind{event.Result}})
		if len(list) != 1 || !strings.Contains(list[0].Detail, "cancelled by ann") {
			t.Errorf("result: %+v", list)
		}
		id, _ := b.Room().Node("web1")
		if b.state.Get(b.Room(), id).Held == nil {
			t.Error("web1 is not held")
		}
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		must(t, b, room.Status, "") // so that the devices are connected
		if err := b.sim.Break("pdu1", sim.Fault{Kind: sim.Hang}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, sum, err := b.do(room.On, "web1", func(r *Request) { r.Timeout = 3 * time.Second }); err != nil || sum.Good() {
			t.Errorf("%+v, %v", sum, err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v, want 3s", took)
		}
	})
}

func TestRefusalsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		for range 1000 {
			_, _, _ = b.do(room.On, "nope")
		}
		time.Sleep(time.Minute)
		_, _, _ = b.do(room.On, "nope")
		synctest.Wait()
		list, err := b.events.Read(t.Context(), event.Filter{Kinds: []event.Kind{event.Refusal}})
		if err != nil || len(list) != 101 || !strings.Contains(list[100].Detail, "900 refusals more") {
			t.Errorf("%v: %d refusals are listed, the last says %q", err, len(list), list[len(list)-1].Detail)
		}
	})
}

// Nobody can fill the disk with the long lists that they are turned away with.
func TestLongRefusalsAreCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		_, _, _ = b.do(room.On, strings.Repeat("nope,", 100_000))
		synctest.Wait()
		list, err := b.events.Read(t.Context(), event.Filter{Kinds: []event.Kind{event.Refusal}})
		if err != nil || len(list) != 1 {
			t.Fatalf("%v: %d refusals are listed", err, len(list))
		}
		if got := list[0].Targets; len(got) > maxRefused+len("…") || !strings.HasPrefix(got, "nope,nope,") {
			t.Errorf("%d bytes of targets are kept, which begin with %.20q", len(got), got)
		}
	})
}

func TestClosingStopsBackgroundWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, nil)
		b.Close()
		_, _, err := b.do(room.On, "web1", func(r *Request) { r.NoWait = true })
		var e *room.Error
		if !errors.As(err, &e) || e.Code != room.CodeBusy {
			t.Errorf("got %v, want busy", err)
		}
	})
}
