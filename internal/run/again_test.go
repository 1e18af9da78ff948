package run_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
)

// That something begins is told before what comes of it, also where there is nothing to
// switch first.
func TestItBeginsBeforeItsChecks(t *testing.T) {
	softly(t, "a\nany cordless: a", checked("any"), func(t *testing.T, b *bench, s *soft, _ *ledger) {
		s.bad = map[string]int{"any": 1}
		same(t, `
0s a: switching on
1s a: on
1s any: switching on
1s any: checks
5m1s any: check tcp: connection refused; attempt 2 in 5s
5m6s any: attempt 2
5m6s any: checks
5m6s any: on
5m6s done: 2 on
`, b.story(t, b.submit(t, plan.Up, room.StateOff, "@all")))
	})
}

// A run that is to stop is not paused: the next daemon would not know that it was to stop.
func TestACancelIsNotUndone(t *testing.T) {
	onBench(t, "a\nb: a", run.Options{}, func(t *testing.T, b *bench) {
		id := b.submit(t, plan.Up, room.StateOff, "b")
		if err := b.Cancel(id, "ann"); err != nil {
			t.Fatal(err)
		}
		for _, do := range []func(string, string) error{b.Pause, b.Resume} {
			if err := do(id, "bob"); room.CodeOf(err) != room.CodeRefused {
				t.Errorf("%v", err)
			}
		}
		if story := b.story(t, id); !strings.Contains(story, "cancelled: cancelled by ann") {
			t.Error(story)
		}
	})
}

// Of several who take the same nodes over, the last one counts.
func TestTheLastWhoTakesOver(t *testing.T) {
	onBench(t, "a\nb\nc", run.Options{}, func(t *testing.T, b *bench) {
		first := b.submit(t, plan.Up, room.StateOff, "a")
		second := b.submitAs(t, run.TakeOver, "a,b")
		third := b.submitAs(t, run.TakeOver, "b,c") // nobody is at work there yet
		last := b.submitAs(t, run.TakeOver, "a")
		for id, want := range map[string]string{
			first: "taken over by run " + second, second: "cancelled: taken over by run " + third, third: "done: 2 off\n", last: "done: 1 off\n",
		} {
			if story := b.story(t, id); !strings.Contains(story, want) {
				t.Errorf("%s: %s", id, story)
			}
		}
		b.gapless(t, first, second, third, last)
	})
}

// What was decided, and what was done, before the daemon's death is neither asked for nor
// done again.
func TestNothingIsAskedAgain(t *testing.T) {
	both := func(d *room.Draft) { checked("a")(d); controlled("a")(d) }
	softly(t, "a", both, func(t *testing.T, b *bench, s *soft, _ *ledger) {
		s.bad = map[string]int{"a": 1}
		id := b.submit(t, plan.Up, room.StateOff, "a")
		time.Sleep(10 * time.Second) // its checks are made
		b.Close()
		b.restart(t, nil)
		b.story(t, id)
		if log := strings.Join(b.hands.log, "\n"); strings.Count(log, "ssh on a") != 1 {
			t.Error(log)
		}
	})
	s := &soft{}
	opts := run.Options{Controls: s, Ask: func(context.Context, run.Question) (run.Answer, error) {
		time.Sleep(time.Hour)
		return run.CutIt, nil
	}}
	onBenchWith(t, "a", opts, func(d *room.Draft) {
		controlled("a")(d)
		d.Settings.Conduct.AfterGrace = room.Ask
	}, func(t *testing.T, b *bench) {
		s.hands = b.hands
		b.hands.takes = map[string]time.Duration{"a": time.Minute}
		b.hands.is = map[string]room.State{"a": room.StateOn}
		id := b.submit(t, plan.Down, room.StateOn, "a")
		time.Sleep(63 * time.Minute) // somebody has said that it is cut, and it is under way
		b.Close()
		b.restart(t, nil)
		if story := b.story(t, id); !strings.HasSuffix(story, "done: 1 off\n") || strings.Count(story, "people are asked") != 1 {
			t.Error(story)
		}
		if took, _, known := b.Duration(b.room, 0, plan.Down); known {
			t.Errorf("%v, of which people took an hour", took)
		}
	})
}

// A second attempt that was cut off in the act is looked at before it goes on, as a first.
func TestASecondAttemptIsReadFirst(t *testing.T) {
	change := func(d *room.Draft) { d.Settings.Conduct.StartAttempts = 3 }
	onBenchWith(t, "a", run.Options{}, change, func(t *testing.T, b *bench) {
		b.hands.fails = map[string]fleet.Result{"a": {Outcome: fleet.Failed, State: room.StateOff, Said: "no"}}
		b.hands.failures = map[string]int{"a": 1}
		b.hands.takes = map[string]time.Duration{"a": 4 * time.Second}
		id := b.submit(t, plan.Up, room.StateOff, "a")
		time.Sleep(10 * time.Second) // the second attempt is under way
		b.Close()
		b.hands.is = map[string]room.State{"a": room.StateOn} // the device has done it all the same
		b.restart(t, nil)
		if story := b.story(t, id); !strings.HasSuffix(story, "done: 1 on\n") {
			t.Error(story)
		}
		same(t, "0s on a\n9s on a\n10s status a", strings.Join(b.hands.log, "\n"))
	})
}

// Who waits for others gets a new plan. It does not take them further than they may go.
func TestWhoWaitsMayDoNoMoreThanBefore(t *testing.T) {
	const refused = "failed: it was planned anew when it had waited, and cannot be carried out: "
	var opts run.Options
	var bed *bench
	opts.Replan = func(context.Context, run.Info, plan.Order) (*room.Room, plan.Plan, error) {
		p, err := plan.Build(bed.room, nil, plan.Order{Goal: plan.Up, Targets: bed.room.All()}, plan.Policy{})
		return bed.room, p, err
	}
	onBench(t, "a\nb", opts, func(t *testing.T, b *bench) {
		bed = b
		wait := func(may func(*room.Room, plan.Plan) error) (first, id string) {
			first = b.submit(t, plan.Up, room.StateOff, "a")
			p, err := plan.Build(b.room, nil, plan.Order{Goal: plan.Up, Targets: []room.NodeID{0}}, plan.Policy{})
			if err == nil {
				id, err = b.Submit(t.Context(), run.Submission{Room: b.room, Plan: p, Conflict: run.WhenFree, May: may})
			}
			if err != nil {
				t.Fatal(err)
			}
			return first, id
		}
		no := &room.Error{Code: room.CodeRefused, Said: "b is not yours"}
		_, id := wait(func(*room.Room, plan.Plan) error { return no })
		if story := b.story(t, id); !strings.Contains(story, refused+"b is not yours") {
			t.Error(story)
		}
		_, id = wait(nil)
		if story := b.story(t, id); !strings.HasSuffix(story, "done: 2 on\n") {
			t.Error(story)
		}
		first, id := wait(nil)
		b.Close()
		b.restart(t, nil)
		if story := b.story(t, id); !strings.Contains(story, refused) || !strings.Contains(story, "since the daemon was away") {
			t.Error(story)
		}
		b.gapless(t, first, id)
	})
}

// Who waits is told once why, and again when it is for another's sake.
func TestWhoWaitsIsToldOnce(t *testing.T) {
	change := func(d *room.Draft) { d.Settings.Conduct.StartAttempts = 4 }
	onBenchWith(t, "a\nb\nc: a b\nd: c", run.Options{}, change, func(t *testing.T, b *bench) {
		no := fleet.Result{Outcome: fleet.Failed, State: room.StateOff, Said: "no"}
		b.hands.fails = map[string]fleet.Result{"a": no, "b": no}
		b.hands.failures = map[string]int{"a": 2, "b": 3}
		b.hands.takes = map[string]time.Duration{"b": 2 * time.Second}
		var told []string
		for line := range strings.Lines(b.story(t, b.submit(t, plan.Up, room.StateOff, "@all"))) {
			if strings.Contains(line, "waiting") {
				told = append(told, line)
			}
		}
		same(t, "1s c,d: waiting for a, which is tried again\n21s c,d: waiting for b, which is tried again\n", strings.Join(told, ""))
	})
}

// What no feed would ever carry fails at once, and does not hold up those behind it until
// all that is under way has ended.
func TestWhatIsTooMuchHoldsNobodyUp(t *testing.T) {
	feed := func(d *room.Draft) {
		d.Feeds = []room.Feed{{Name: "f", Amps: 10, Volts: 100}}
		d.Devices[0].Feed = "f"
		for i := range d.Nodes {
			d.Nodes[i].Watts = map[string]float64{"a": 10, "big": 2000, "small": 10}[d.Nodes[i].Name]
		}
	}
	off := run.Options{State: func(*room.Room, room.NodeID) room.State { return room.StateOff }}
	onBenchWith(t, "a 9\nbig 5\nsmall", off, feed, func(t *testing.T, b *bench) {
		b.hands.takes = map[string]time.Duration{"a": time.Hour}
		story := b.story(t, b.submit(t, plan.Up, room.StateOff, "@all"))
		if !strings.Contains(story, "0s big: failed: feed f would be above") || !strings.Contains(story, "small: switching on") {
			t.Error(story)
		}
		if log := strings.Join(b.hands.log, "\n"); !strings.HasPrefix(log, "0s on a") || strings.Contains(log, "h") {
			t.Error(log)
		}
	})
}
