package run_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/store"
)

// restart makes another daemon's runner of the bench's store, which takes over.
func (b *bench) restart(t *testing.T, change func(*run.Options)) {
	t.Helper()
	opts := b.opts
	opts.Room = func() *room.Room { return b.room }
	if change != nil {
		change(&opts)
	}
	b.Runner = run.New(opts)
	if err := b.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	b.GoOn()
}

// gapless checks that updates have no gap and events one result for each intent.
func (b *bench) gapless(t *testing.T, ids ...string) {
	t.Helper()
	events, err := b.events.Read(t.Context(), event.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		if e.Seq != int64(i+1) {
			t.Errorf("event %d has the number %d", i+1, e.Seq)
		}
	}
	for _, id := range ids {
		counts := make(map[event.Kind]int)
		for _, e := range events {
			if e.Request == id {
				counts[e.Kind]++
			}
		}
		if counts[event.Intent] != 1 || counts[event.Result] != 1 {
			t.Errorf("run %s left %v", id, counts)
		}
	}
}

// A run goes on with the next daemon where it stood: nothing is done twice, what was cut
// off in the act is read first, and followers go on with the next number.
func TestGoesOnAfterARestart(t *testing.T) {
	onBench(t, "a 10s\nb: a\nc: b\nd", run.Options{}, func(t *testing.T, b *bench) {
		b.hands.takes = map[string]time.Duration{"d": 4 * time.Second}
		id := b.submit(t, plan.Up, room.StateOff, "@all")
		time.Sleep(2 * time.Second)
		b.Close()
		b.hands.is["d"] = room.StateOn // the device has done it all the same
		var before []run.Update
		for u, err := range b.Follow(t.Context(), id, 0) {
			if err != nil {
				if room.CodeOf(err) != room.CodeBusy {
					t.Error(err)
				}
				break
			}
			before = append(before, u)
		}
		time.Sleep(2 * time.Second)
		b.restart(t, nil)
		if info, err := b.Get(id); err != nil || info.State != run.Running || info.Epoch != 2 && info.Updates > len(before) {
			t.Errorf("%+v %v", info, err)
		}
		same(t, `
0s a,d: switching on
1s a: on
1s a: settling for 10s
4s goes on after the daemon was away
4s d: goes on
4s d: on
11s a: settled
11s b: switching on
12s b: on
12s c: switching on
13s c: on
13s done: 4 on
`, b.story(t, id))
		same(t, "0s on a,d\n4s status d\n11s on b\n12s on c", strings.Join(b.hands.log, "\n"))
		b.gapless(t, id)
	})
}

func TestRetriesAndFailuresOutliveTheDaemon(t *testing.T) {
	change := func(d *room.Draft) { d.Settings.Conduct.StartAttempts = 3 }
	onBenchWith(t, "a\nb: a\nx\ny: x\nz: y", run.Options{}, change, func(t *testing.T, b *bench) {
		b.hands.fails = map[string]fleet.Result{
			"a": {Outcome: fleet.Failed, State: room.StateOff, Said: "no"}, "x": {Outcome: fleet.Failed, State: room.StateOff, Said: "never"},
		}
		b.hands.failures = map[string]int{"a": 2}
		id := b.submit(t, plan.Up, room.StateOff, "@all")
		time.Sleep(8500 * time.Millisecond) // both wait for their third attempts
		b.Close()
		b.restart(t, nil)
		story := b.story(t, id)
		if !strings.HasSuffix(story, "partial: 2 of 5 on; failed: x; blocked: y,z\n") || strings.Count(story, "; attempt 2") != 2 || strings.Count(story, "; attempt 3") != 2 {
			t.Error(story)
		}
		b.gapless(t, id)
	})
}

// A paused run stays paused, one that was cancelled while nobody drove it ends so, and
// one that waited begins.
func TestWhatWasWantedOutlivesTheDaemon(t *testing.T) {
	onBench(t, "a\nb: a\nc\nd: c", run.Options{}, func(t *testing.T, b *bench) {
		paused := b.submit(t, plan.Up, room.StateOff, "b")
		if err := b.Pause(paused, "ann"); err != nil {
			t.Fatal(err)
		}
		gone := b.submit(t, plan.Up, room.StateOff, "d")
		waits := b.submitAs(t, run.WhenFree, "c")
		time.Sleep(500 * time.Millisecond)
		b.Close()
		b.restart(t, nil)
		time.Sleep(time.Minute)
		if info, _ := b.Get(paused); info.State != run.Paused || info.Counts.Good != 0 {
			t.Errorf("%+v", info)
		}
		for id, want := range map[string]string{gone: "done: 2 on\n", waits: "done: 1 off\n"} {
			if story := b.story(t, id); !strings.HasSuffix(story, want) {
				t.Error(story)
			}
		}
		b.Close()
		b.restart(t, nil)
		if err := b.Cancel(paused, "bob"); err != nil {
			t.Fatal(err)
		}
		if story := b.story(t, paused); !strings.HasSuffix(story, "cancelled: cancelled by bob; 0 of 2 on; not begun: a,b\n") {
			t.Error(story)
		}
		b.gapless(t, paused, gone, waits)
	})
}

// A run that is paused while it waits goes on when it is resumed, whichever comes first.
func TestPausedWhileItWaits(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		onBench(t, "a\nb: a", run.Options{}, func(t *testing.T, b *bench) {
			first := b.submit(t, plan.Up, room.StateOff, "b")
			waits := b.submitAs(t, run.WhenFree, "a")
			if err := b.Pause(waits, "ann"); err != nil {
				t.Fatal(err)
			}
			if restarted {
				b.Close()
				b.restart(t, nil)
			}
			b.story(t, first)
			time.Sleep(time.Minute)
			if info, _ := b.Get(waits); info.State != run.Paused {
				t.Errorf("%+v", info)
			}
			if err := b.Resume(waits, "ann"); err != nil {
				t.Fatal(err)
			}
			if story := b.story(t, waits); !strings.HasSuffix(story, "done: 1 off\n") {
				t.Error(story)
			}
		})
	}
}

func TestANodeThatHasGone(t *testing.T) {
	onBench(t, "a\nb: a\nc\nd: c", run.Options{}, func(t *testing.T, b *bench) {
		id := b.submit(t, plan.Up, room.StateOff, "@all")
		time.Sleep(500 * time.Millisecond)
		b.Close()
		b.room = newRoom(t, "a\nc\nd")
		b.restart(t, nil)
		story := b.story(t, id)
		if !strings.Contains(story, "b: failed: it is no longer in the room\n") || !strings.HasSuffix(story, "partial: 3 of 4 on; failed: b\n") {
			t.Error(story)
		}
	})
}

func TestANodeThatHasGoneInTheAct(t *testing.T) {
	change := func(d *room.Draft) { d.Settings.Conduct.StartAttempts = 3 }
	onBenchWith(t, "a\nb: a\nc\nd", run.Options{}, change, func(t *testing.T, b *bench) {
		b.hands.fails = map[string]fleet.Result{"c": {Outcome: fleet.Failed, Said: "no"}}
		b.hands.takes = map[string]time.Duration{"a": time.Minute}
		id := b.submit(t, plan.Up, room.StateOff, "@all")
		time.Sleep(61 * time.Second) // a is done, c waits to be tried again
		b.Close()
		b.room = newRoom(t, "b\nd")
		b.restart(t, nil)
		story := b.story(t, id)
		if !strings.Contains(story, "c: failed: it is no longer in the room\n") || !strings.HasSuffix(story, "failed: c\n") {
			t.Error(story)
		}
		b.gapless(t, id)
	})
}

// Who has been replaced does not act, whatever it still waits for.
func TestAReplacedDriverDoesNotAct(t *testing.T) {
	onBench(t, "a\nb: a", run.Options{}, func(t *testing.T, b *bench) {
		id := b.submit(t, plan.Up, room.StateOff, "b")
		time.Sleep(500 * time.Millisecond)
		old := b.Runner
		b.restart(t, nil) // the first daemon is still there
		if story := b.story(t, id); !strings.HasSuffix(story, "done: 2 on\n") {
			t.Error(story)
		}
		old.Close()
		if n := slices.Index(b.hands.log, "0s on a"); n != 0 || strings.Count(strings.Join(b.hands.log, "\n"), "on b") != 1 {
			t.Error(b.hands.log)
		}
		b.gapless(t, id)
	})
}

// A clock that was set back does not make anybody wait for hours.
func TestAClockThatJumps(t *testing.T) {
	onBench(t, "a 10s\nb: a", run.Options{}, func(t *testing.T, b *bench) {
		id := b.submit(t, plan.Up, room.StateOff, "b")
		time.Sleep(2 * time.Second)
		b.Close()
		late := &laterLog{Store: b.opts.Store}
		b.restart(t, func(o *run.Options) { o.Store = late })
		begun := time.Now()
		if story := b.story(t, id); !strings.HasSuffix(story, "done: 2 on\n") || time.Since(begun) > 12*time.Second {
			t.Error(time.Since(begun), story)
		}
	})
}

// laterLog is a store whose logs were written by a clock that was a day ahead.
type laterLog struct{ run.Store }

func (l *laterLog) RunLog(ctx context.Context, id string) ([]store.RunPart, error) {
	parts, err := l.Store.RunLog(ctx, id)
	for i := range parts {
		parts[i].Body = bytes.ReplaceAll(parts[i].Body, []byte("2000-01-01T"), []byte("2000-01-02T"))
	}
	return parts, err
}

func TestDurationsAreRemembered(t *testing.T) {
	onBench(t, "a\nb", run.Options{}, func(t *testing.T, b *bench) {
		for i := range 3 {
			b.hands.takes = map[string]time.Duration{"a": time.Duration(i+1) * time.Second}
			b.story(t, b.submit(t, plan.Up, room.StateOff, "a"))
		}
		b.Close()
		b.restart(t, nil)
		a, _ := b.room.Node("a")
		mean, sd, known := b.Duration(b.room, a, plan.Up)
		if mean != 2*time.Second || sd != time.Second || !known {
			t.Error(mean, sd, known)
		}
		if _, _, known := b.Duration(b.room, a, plan.Down); known {
			t.Error("it never went down")
		}
	})
}
