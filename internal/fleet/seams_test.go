package fleet

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// A line that is lost between two turns of a limited batch: what was done is
// done, the rest goes on if the device comes back in time, and is answered if not.
func TestLossBetweenTurns(t *testing.T) {
	atOnce := func(d *room.Draft) { d.Devices[0].AtOnce = 1 }
	tests := []struct {
		name  string
		edit  func(*room.Draft)
		op    room.Op
		back  bool
		wants Outcome // of the rest
	}{
		{"staggered, for good", staggered(5 * time.Second), room.On, false, NotBegun},
		{"staggered, and back", staggered(5 * time.Second), room.On, true, OK},
		{"so many at once, for good", atOnce, room.Off, false, NotBegun},
		{"so many at once, and back", atOnce, room.Off, true, OK},
		{"staggered cycles, for good", staggered(5 * time.Second), room.Cycle, false, NotBegun},
		{"staggered cycles, and back", staggered(5 * time.Second), room.Cycle, true, OK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, 3, tt.edit, newFake())
				f := l.fakes[0]
				f.acted = func(_ context.Context, _ *fakeSession, b driver.Batch) error {
					if b.Plugs[0] == 0 {
						f.die()
					}
					return nil
				}
				a := l.ask(t.Context(), Request{Op: tt.op}, "n0", "n1")
				time.Sleep(3 * time.Second)
				if tt.back {
					f.revive()
				}
				read := l.ask(t.Context(), Request{Op: room.Status}, "n2")
				a.wait(t)
				read.wait(t)
				if !a.results["n0"].Outcome.Good() || a.results["n1"].Outcome != tt.wants {
					t.Errorf("n0: %s, n1: %s; want ok and %s", a.results["n0"].Outcome, a.results["n1"].Outcome, tt.wants)
				}
				if !tt.back && a.took != 10*time.Second {
					t.Errorf("answered after %v, want as long as an action may take", a.took)
				}
				if got := read.results["n2"]; (got.Err == nil) != tt.back || read.took > 20*time.Second {
					t.Errorf("another's read: %s (%s) after %v", got.Outcome, got.Said, read.took)
				}
				if want := map[bool]int{false: 1, true: 2}[tt.back]; len(f.switched) != want {
					t.Errorf("switched %v, want each plug once", f.switched)
				}
			})
		})
	}
}

// What was to be read back and could not be is not called ok.
func TestUnverified(t *testing.T) {
	blind := func(f *fake) { f.verbs = []room.Op{room.On, room.Off, room.Cycle} }
	never := func(d *room.Draft) { d.Settings.Verify = 0 }
	tests := []struct {
		name string
		set  func(d1 *fake)
		edit func(*room.Draft)
		op   room.Op
		want Outcome
	}{
		{"it could be", nil, nil, room.On, OK},
		{"a device without a status verb", blind, nil, room.On, Unverified},
		{"its off", blind, nil, room.Off, Unverified},
		{"its cycle", blind, nil, room.Cycle, Unverified},
		{"a device that the room says not to read back", nil, func(d *room.Draft) { d.Devices[1].Verify = -1 }, room.On, Unverified},
		{"a room without a time for it", nil, never, room.On, Unverified},
		{"a device with a time of its own in such a room", nil, func(d *room.Draft) { never(d); d.Devices[1].Verify = time.Second }, room.On, OK},
		{"one cord of two", blind, pairs, room.On, Unverified},
		{"one cord of two, cycled", blind, pairs, room.Cycle, Unverified},
		{"nothing to prove", blind, nil, room.Reset, OK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d1 := newFake()
				if tt.set != nil {
					tt.set(d1)
				}
				if tt.op == room.Reset {
					d1.verbs = allVerbs
				}
				l := newLab(t, 1, tt.edit, newFake(), d1)
				node := "n1"
				if _, ok := l.room.Node(node); !ok {
					node = "p0"
				}
				if got := l.do(t.Context(), Request{Op: tt.op, Verify: true}, node).results[node]; got.Outcome != tt.want {
					t.Errorf("%s (%s), want %s", got.Outcome, got.Said, tt.want)
				}
			})
		})
	}
}

// Together the turns of a batch may take longer than one action may.
func TestEachTurnHasItsClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = 6 * time.Second
		l := newLab(t, 4, func(d *room.Draft) { d.Devices[0].AtOnce = 1 }, f)
		a := l.ask(t.Context(), Request{Op: room.Off}).wait(t)
		a.want(t, "n3", OK, room.StateOff)
		if a.took != 24*time.Second {
			t.Errorf("four turns of 6s took %v", a.took)
		}
	})
}
