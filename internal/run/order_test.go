package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/standing"
	"millwright.dev/millwright/internal/store"
)

// soft is what controls, checks and witnesses say, by node.
type soft struct {
	hands *hands

	mu      sync.Mutex
	refuses map[string]bool          // controls do not take off
	halts   map[string]time.Duration // how long after off its status is off; never if not there
	asked   map[string]time.Time
	bad     map[string]int // how often its checks are bad before they are ok; -1 is always
	sees    map[string]run.Testimony
}

func (s *soft) Can(*room.Room, room.ControlID) plan.Abilities {
	return plan.Abilities{Off: true, On: true, Status: true}
}

func (s *soft) log(format string, args ...any) {
	s.hands.mu.Lock()
	defer s.hands.mu.Unlock()
	s.hands.log = append(s.hands.log, fmt.Sprintf("%v ", time.Since(s.hands.born))+fmt.Sprintf(format, args...))
}

func (s *soft) Off(_ context.Context, r *room.Room, node room.NodeID, id room.ControlID) error {
	name := r.Nodes[node].Name
	s.log("%s off %s", r.Controls[id].Name, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuses[name] {
		return errors.New("it says no")
	}
	if s.asked == nil {
		s.asked = make(map[string]time.Time)
	}
	if s.asked[name].IsZero() {
		s.asked[name] = time.Now()
	}
	return nil
}

func (s *soft) On(_ context.Context, r *room.Room, node room.NodeID, id room.ControlID) error {
	s.log("%s on %s", r.Controls[id].Name, r.Nodes[node].Name)
	return nil
}

func (s *soft) Status(_ context.Context, r *room.Room, node room.NodeID, _ room.ControlID) (room.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := r.Nodes[node].Name
	if after, found := s.halts[name]; found && !s.asked[name].IsZero() && time.Since(s.asked[name]) >= after {
		return room.StateOff, nil
	}
	return room.StateUnknown, nil
}

func (s *soft) Settle(_ context.Context, r *room.Room, node room.NodeID, checks []room.CheckID, until time.Time) ([]run.CheckResult, error) {
	name := r.Nodes[node].Name
	s.log("check %s", name)
	s.mu.Lock()
	left := s.bad[name]
	if left > 0 {
		s.bad[name]--
	}
	s.mu.Unlock()
	if left != 0 {
		time.Sleep(time.Until(until))
		return []run.CheckResult{{Check: r.Checks[checks[0]].Name, Said: "connection refused"}}, nil
	}
	return []run.CheckResult{{Check: r.Checks[checks[0]].Name, OK: true}}, nil
}

func (s *soft) Look(_ context.Context, r *room.Room, nodes []room.NodeID, want room.State) []run.Evidence {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []run.Evidence
	for _, id := range nodes {
		if says, found := s.sees[r.Nodes[id].Name]; found {
			list = append(list, run.Evidence{Node: id, Testimony: says, Said: "its BMC does not say " + want.String()})
		}
	}
	return list
}

func (s *soft) Halted(context.Context, *room.Room, room.NodeID) (bool, string) { return false, "" }

// ledger is where it is kept how things stand.
type ledger struct {
	mu  sync.Mutex
	now map[standing.Subject]standing.Standing
}

func (l *ledger) Get(s standing.Subject) standing.Standing {
	l.mu.Lock()
	defer l.mu.Unlock()
	if st, found := l.now[s]; found {
		return st
	}
	return standing.Standing{State: standing.Initial}
}

func (l *ledger) Set(changes ...standing.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil {
		l.now = make(map[standing.Subject]standing.Standing)
	}
	for _, c := range changes {
		l.now[c.Subject] = c.Standing
	}
}

func (l *ledger) node(name string) standing.Standing {
	return l.Get(standing.Subject{Kind: standing.Node, Node: name})
}

// softly runs a test in a room whose nodes have a control "ssh", a check "tcp", and more
// than one attempt.
func softly(t *testing.T, text string, change func(*room.Draft), test func(*testing.T, *bench, *soft, *ledger)) {
	t.Helper()
	s, l := &soft{}, &ledger{}
	opts := run.Options{Controls: s, Checks: s, Standings: l, Ask: nil}
	onBenchWith(t, text, opts, func(d *room.Draft) {
		d.Settings.Conduct.StartAttempts, d.Settings.Conduct.StopAttempts = 3, 3
		if change != nil {
			change(d)
		}
	}, func(t *testing.T, b *bench) {
		s.hands = b.hands
		test(t, b, s, l)
	})
}

// checked gives nodes a check that says whether they have come up.
func checked(names ...string) func(*room.Draft) {
	return func(d *room.Draft) {
		d.Checks = append(d.Checks, room.DraftCheck{Check: room.Check{Name: "tcp", Kind: "tcp", Starting: true}, Members: names})
	}
}

func controlled(names ...string) func(*room.Draft) {
	return func(d *room.Draft) {
		d.Controls = append(d.Controls, room.DraftControl{Control: room.Control{Name: "ssh", Kind: "ssh"}, Members: names})
	}
}

const n1 = "switch\nstorage: switch\ndb: storage\nweb: db storage\nbad: switch\nafterbad: bad\n"

// The network of a reference: everything that can be is up after the longest chain, and
// the run ends as soon as nothing more can happen, with the reason.
func TestNetworkUp(t *testing.T) {
	softly(t, n1, checked("@all"), func(t *testing.T, b *bench, s *soft, l *ledger) {
		s.bad = map[string]int{"bad": -1}
		story := b.story(t, b.submit(t, plan.Up, room.StateOff, "@all"))
		for _, want := range []string{
			"4s web: on\n",
			"5m2s bad: check tcp: connection refused; attempt 2 in 5s\n5m2s afterbad: waiting for bad, which is tried again\n",
			"afterbad: blocked, because bad did not come on: check tcp: connection refused\n",
			"partial: 4 of 6 on; failed: bad; blocked: afterbad\n",
		} {
			// Each node takes a second, and the devices are read back within it.
			if !strings.Contains(story, want) {
				t.Errorf("%q is not in\n%s", want, story)
			}
		}
		if st := l.node("bad"); st.State != standing.NeverStarted || st.Starts != 3 {
			t.Errorf("%+v", st)
		}
		if st := l.node("web"); st.State != standing.OK || st.Starts != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestNetworkDownAndUpAgain(t *testing.T) {
	softly(t, "switch\nstorage: switch\ndb: storage\nweb: db storage", nil, func(t *testing.T, b *bench, _ *soft, l *ledger) {
		b.story(t, b.submit(t, plan.Down, room.StateOn, "@all"))
		story := b.story(t, b.submit(t, plan.Up, room.StateOff, "@all"))
		if !strings.HasSuffix(story, "done: 4 on\n") || l.node("web").State != standing.OK {
			t.Error(story)
		}
		same(t, "0s off web\n1s off db\n2s off storage\n3s off switch\n4s on switch\n5s on storage\n6s on db\n7s on web", strings.Join(b.hands.log, "\n"))
	})
}

func TestAControlThatRefusesKeepsTheOutletOn(t *testing.T) {
	softly(t, "switch\nstorage: switch", controlled("storage"), func(t *testing.T, b *bench, s *soft, l *ledger) {
		s.refuses = map[string]bool{"storage": true}
		story := b.story(t, b.submit(t, plan.Down, room.StateOn, "@all"))
		if !strings.HasSuffix(story, "failed: 0 of 2 off; failed: storage; blocked: switch\n") {
			t.Error(story)
		}
		same(t, "0s ssh off storage\n5s ssh off storage\n15s ssh off storage", strings.Join(b.hands.log, "\n"))
		if st := l.node("storage"); st.State != standing.NeverStopped || st.Stops != 3 {
			t.Errorf("%+v", st)
		}
	})
}

// The order within a node: cords, controls, checks; and down: controls, the proof that it
// halted, cords.
func TestWithinANode(t *testing.T) {
	both := func(d *room.Draft) { checked("a")(d); controlled("a")(d) }
	softly(t, "a", both, func(t *testing.T, b *bench, s *soft, _ *ledger) {
		s.halts = map[string]time.Duration{"a": 10 * time.Second}
		b.story(t, b.submit(t, plan.Up, room.StateOff, "a"))
		story := b.story(t, b.submit(t, plan.Down, room.StateOn, "a"))
		log := strings.Join(b.hands.log, "\n")
		if !strings.HasPrefix(log, "0s on a\n1s ssh on a\n1s check a\n1s ssh off a\n1") || !strings.HasSuffix(log, "s off a") {
			t.Error(log)
		}
		if !strings.Contains(story, "a: halted: its controls say that it is down") {
			t.Error(story)
		}
	})
}

func TestAfterTheGraceTime(t *testing.T) {
	for _, tt := range []struct {
		what   room.AfterGrace
		answer run.Answer
		end    string
		log    string
	}{
		{room.Hold, 0, "failed: 0 of 1 off; failed: a\n", "0s ssh off a"},
		{room.Cut, 0, "done: 1 off\n", "0s ssh off a\n2m0s off a"},
		{room.Ask, run.CutIt, "done: 1 off\n", "0s ssh off a\n2m7s off a"},
		{room.Ask, run.HoldIt, "failed: 0 of 1 off; failed: a\n", "0s ssh off a"},
	} {
		t.Run(fmt.Sprint(tt.what, tt.answer), func(t *testing.T) {
			s := &soft{}
			opts := run.Options{Controls: s, Ask: func(ctx context.Context, q run.Question) (run.Answer, error) {
				time.Sleep(7 * time.Second)
				return tt.answer, ctx.Err()
			}}
			onBenchWith(t, "a", opts, func(d *room.Draft) {
				controlled("a")(d)
				d.Settings.Conduct.AfterGrace = tt.what
			}, func(t *testing.T, b *bench) {
				s.hands = b.hands
				story := b.story(t, b.submit(t, plan.Down, room.StateOn, "a"))
				if !strings.HasSuffix(story, tt.end) {
					t.Error(story)
				}
				same(t, tt.log, strings.Join(b.hands.log, "\n"))
			})
		})
	}
}

func TestRetriesAndCounters(t *testing.T) {
	softly(t, "a\nb: a\nc", nil, func(t *testing.T, b *bench, _ *soft, l *ledger) {
		b.hands.fails = map[string]fleet.Result{"a": {Outcome: fleet.Failed, State: room.StateOff, Said: "no"}}
		b.hands.failures = map[string]int{"a": 2}
		same(t, `
0s a,c: switching on
1s a: no; attempt 2 in 5s
1s b: waiting for a, which is tried again
1s c: on
6s a: attempt 2
7s a: no; attempt 3 in 10s
17s a: attempt 3
18s a: on
18s b: switching on
19s b: on
19s done: 3 on
`, b.story(t, b.submit(t, plan.Up, room.StateOff, "@all")))
		if st := l.node("a"); st.State != standing.OK || st.Starts != 0 {
			t.Errorf("%+v", st)
		}
		b.hands.failures["a"] = 1 // the counters began anew: one failure is no more than that
		if story := b.story(t, b.submit(t, plan.Up, room.StateOff, "a")); !strings.HasSuffix(story, "done: 1 on\n") {
			t.Error(story)
		}
	})
}

// Who goes down and who goes up in a cycle, and that a node that stays up gets back what
// was taken down for it.
func TestCycle(t *testing.T) {
	softly(t, "a\nb: a\nc: b\nd: a", nil, func(t *testing.T, b *bench, _ *soft, _ *ledger) {
		b.hands.is = map[string]room.State{"a": room.StateOn, "b": room.StateOn, "c": room.StateOn, "d": room.StateOff}
		story := b.story(t, b.cycle(t, "a"))
		same(t, "0s off c\n1s off b\n2s off a\n3s on a\n4s on b\n5s on c", strings.Join(b.hands.log, "\n"))
		if !strings.HasSuffix(story, "6s done: 3 cycled\n") {
			t.Error(story)
		}
	})
	softly(t, "a\nb: a", controlled("a"), func(t *testing.T, b *bench, s *soft, _ *ledger) {
		s.refuses = map[string]bool{"a": true}
		b.hands.is = map[string]room.State{"a": room.StateOn, "b": room.StateOn}
		if story := b.story(t, b.cycle(t, "a")); !strings.HasSuffix(story, "partial: 1 of 2 cycled; failed: a\n") || b.hands.is["b"] != room.StateOn {
			t.Error(story)
		}
	})
}

func TestASecondWitness(t *testing.T) {
	s, l := &soft{sees: map[string]run.Testimony{"a": run.Disagrees, "b": run.Agrees, "y": run.Disagrees}}, &ledger{}
	opts := run.Options{Witness: s, Standings: l, State: func(*room.Room, room.NodeID) room.State { return room.StateOn }}
	onBenchWith(t, "a\nb\nc: b\ny", opts, nil, func(t *testing.T, b *bench) {
		s.hands = b.hands
		id := b.submit(t, plan.Down, room.StateOn, "a,b,c")
		story := b.story(t, id)
		want := "a: its plug says that it is off, but its BMC does not say off; plug pdu:a seems to feed y, which went down"
		if !strings.Contains(story, want) || !strings.HasSuffix(story, "partial: 2 of 3 off; failed: a\n") {
			t.Error(story)
		}
		if st := l.node("a"); st.State != standing.Disputed {
			t.Errorf("%+v", st)
		}
		events, _ := b.events.Read(t.Context(), event.Filter{Kinds: []event.Kind{event.State}})
		if len(events) != 1 || events[0].Targets != "a" || !strings.Contains(events[0].Detail, "seems to feed y") {
			t.Error(events)
		}
	})
}

func TestPauseAndResume(t *testing.T) {
	onBench(t, "a\nb: a\nc: b", run.Options{}, func(t *testing.T, b *bench) {
		id := b.submit(t, plan.Up, room.StateOff, "c")
		time.Sleep(500 * time.Millisecond)
		if err := b.Pause(id, "ann"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if info, _ := b.Get(id); info.State != run.Paused || info.Counts.Good != 1 {
			t.Errorf("%+v", info)
		}
		if err := b.Resume(id, "bob"); err != nil {
			t.Fatal(err)
		}
		same(t, `
0s a: switching on
500ms paused by ann
1s a: on
10.5s resumed by bob
10.5s b: switching on
11.5s b: on
11.5s c: switching on
12.5s c: on
12.5s done: 3 on
`, b.story(t, id))
		if err := b.Pause(id, "ann"); room.CodeOf(err) != room.CodeRefused {
			t.Error(err)
		}
		id = b.submit(t, plan.Up, room.StateOff, "c")
		if err := errors.Join(b.Pause(id, ""), b.Cancel(id, "ann")); err != nil {
			t.Fatal(err)
		}
		if story := b.story(t, id); !strings.Contains(story, "cancelled: cancelled by ann") {
			t.Error(story)
		}
	})
}

func TestConflicts(t *testing.T) {
	onBench(t, "a\nb: a", run.Options{}, func(t *testing.T, b *bench) {
		first := b.submit(t, plan.Up, room.StateOff, "b")
		wait := b.submitAs(t, run.WhenFree, "a")
		if info, _ := b.Get(wait); info.State != run.Queued || len(info.Behind) != 1 || info.Behind[0] != first {
			t.Errorf("%+v", info)
		}
		time.Sleep(500 * time.Millisecond)
		over := b.submitAs(t, run.TakeOver, "a")
		same(t, `
0s waits for run r1 to end
1.5s begins
1.5s a: switching off
2.5s a: off
2.5s done: 1 off
`, b.story(t, wait))
		if story := b.story(t, first); !strings.Contains(story, "cancelled: taken over by run "+over) {
			t.Error(story)
		}
		if story := b.story(t, over); !strings.HasSuffix(story, "done: 1 off\n") {
			t.Error(story)
		}
		first = b.submit(t, plan.Up, room.StateOff, "b")
		wait = b.submitAs(t, run.WhenFree, "a")
		if err := b.Cancel(wait, "ann"); err != nil {
			t.Fatal(err)
		}
		if story := b.story(t, wait); !strings.HasSuffix(story, "cancelled: cancelled by ann; 0 of 1 off; not begun: a\n") {
			t.Error(story)
		}
		b.story(t, first)
	})
}

func TestLimits(t *testing.T) {
	limits := func(d *room.Draft) {
		d.Limits = []room.DraftLimit{{Limit: room.Limit{Name: "all", AtOnce: 2, Stagger: 3 * time.Second}}}
	}
	onBenchWith(t, "a\nb\nc 5\nd", run.Options{}, limits, func(t *testing.T, b *bench) {
		b.story(t, b.submit(t, plan.Up, room.StateOff, "@all"))
		same(t, "0s on c\n3s on a\n6s on b\n9s on d", strings.Join(b.hands.log, "\n"))
		b.hands.log, b.hands.born = nil, time.Now()
		b.story(t, b.submit(t, plan.Down, room.StateOn, "@all"))
		same(t, "0s off a,b\n1s off c,d", strings.Join(b.hands.log, "\n"))
	})
	feed := func(d *room.Draft) {
		d.Feeds = []room.Feed{{Name: "f", Amps: 10, Volts: 100}}
		d.Devices[0].Feed = "f"
		for i := range d.Nodes {
			d.Nodes[i].Watts, d.Nodes[i].Inrush = 300, 600
		}
	}
	off := run.Options{State: func(*room.Room, room.NodeID) room.State { return room.StateOff }}
	onBenchWith(t, "a\nb\nc\nd", off, feed, func(t *testing.T, b *bench) {
		// 600, then 300 + 600, then 600 + 600 would be above 1000.
		story := b.story(t, b.submit(t, plan.Up, room.StateOff, "@all"))
		same(t, "0s on a\n1s on b", strings.Join(b.hands.log, "\n"))
		if !strings.Contains(story, "c: failed: feed f would be above") || !strings.HasSuffix(story, "partial: 2 of 4 on; failed: c,d\n") {
			t.Error(story)
		}
	})
}

// A disk that is full: the run stands still, says so, and goes on when it is not.
func TestAFullDisk(t *testing.T) {
	onBench(t, "a\nb: a", run.Options{}, func(t *testing.T, b *bench) {
		full := &fullDisk{Log: b.events}
		opts := b.opts
		opts.Events = full
		r := run.New(opts)
		defer r.Close()
		old := b.Runner
		b.Runner = r
		defer func() { b.Runner = old }()
		id := b.submit(t, plan.Up, room.StateOff, "b")
		full.set(true)
		time.Sleep(30 * time.Second)
		if info, _ := r.Get(id); info.Counts.Good != 0 || !strings.Contains(info.Trouble, "no space") {
			t.Errorf("%+v", info)
		}
		full.set(false)
		if story := b.story(t, id); !strings.HasSuffix(story, "done: 2 on\n") {
			t.Error(story)
		}
		same(t, "0s on a", b.hands.log[0])
	})
}

// fullDisk is a log that cannot be written for a while.
type fullDisk struct {
	*event.Log
	mu   sync.Mutex
	full bool
}

func (f *fullDisk) set(full bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = full
}

func (f *fullDisk) AppendWith(ctx context.Context, fn func(*store.Tx) error, events ...*event.Event) error {
	f.mu.Lock()
	full := f.full
	f.mu.Unlock()
	if full {
		return errors.New("no space left on device")
	}
	return f.Log.AppendWith(ctx, fn, events...)
}
