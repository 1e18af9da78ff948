package fleet

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/room"
)

// Clients who ask for the same at the same time are served together, and do not
// suffer for each other.
func TestMergedFailures(t *testing.T) {
	type client struct {
		node   string
		want   Outcome
		faults int
	}
	tests := []struct {
		name    string
		op      room.Op
		set     func(f *fake)
		clients []client
		batches []int // how many plugs each had, the busy one's first
	}{
		{
			"a change is tried again for each alone, and the one to blame is told", room.Off,
			func(f *fake) { f.silent[2] = true },
			[]client{{"n1", OK, 0}, {"n2", Unknown, 1}, {"n3", OK, 0}},
			[]int{1, 3, 1, 1},
		},
		{
			"a change that is refused is not tried again", room.Off,
			func(f *fake) { f.broken[2] = "jammed" },
			[]client{{"n1", OK, 0}, {"n2", Failed, 0}, {"n3", OK, 0}},
			[]int{1, 3},
		},
		{
			"a read that never came to the device gets its own turn", room.Status,
			func(f *fake) { f.silent[2] = true },
			[]client{{"n1", OK, 0}, {"n2", Unknown, 1}, {"n3", OK, 0}},
			[]int{1, 3, 1},
		},
		{
			"a broken line is mended for all of them", room.Off,
			func(f *fake) { f.cut = 1 },
			[]client{{"n1", OK, 0}, {"n2", OK, 0}, {"n3", OK, 0}},
			[]int{1, 3, 3},
		},
		{
			"what must not be done twice is not shared", room.Cycle,
			func(f *fake) { f.silent[2] = true },
			[]client{{"n1", OK, 0}, {"n2", Unknown, 1}, {"n3", OK, 0}},
			[]int{1, 1, 1, 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.takes = time.Second
				l := newLab(t, 4, nil, f)
				busy := l.ask(t.Context(), Request{Op: room.BeaconOn}, "n0")
				synctest.Wait()
				f.mu.Lock()
				tt.set(f)
				f.mu.Unlock()
				var all []*asked
				for _, c := range tt.clients {
					all = append(all, l.ask(t.Context(), Request{Op: tt.op, Live: true}, c.node))
					synctest.Wait()
				}
				for i, c := range tt.clients {
					got := all[i].wait(t)
					if r := got.results[c.node]; r.Outcome != c.want {
						t.Errorf("%s: %s (%s), want %s", c.node, r.Outcome, r.Said, c.want)
					}
					if len(got.faults) != c.faults {
						t.Errorf("%s was told the faults %q, want %d", c.node, got.faults, c.faults)
					}
				}
				busy.wait(t)
				var sizes []int
				for _, b := range f.batches {
					sizes = append(sizes, len(b.Plugs))
				}
				if !slices.Equal(sizes, tt.batches) {
					t.Errorf("batches of %v plugs, want %v", sizes, tt.batches)
				}
			})
		})
	}
}

// A change that is tried again for its client alone, and cannot be, has been
// tried all the same.
func TestFirstTryIsNotForgotten(t *testing.T) {
	tests := []struct {
		name   string
		before func(a *asked) // what comes before the second try
	}{
		{"the device is not reached again", func(*asked) {}},
		{"the client gives up", func(a *asked) { a.stop() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.takes = time.Second
				f.silent[2] = true
				l := newLab(t, 4, nil, f)
				l.ask(t.Context(), Request{Op: room.BeaconOn}, "n0")
				synctest.Wait()
				a := l.ask(t.Context(), Request{Op: room.On}, "n1", "n2")
				synctest.Wait()
				l.ask(t.Context(), Request{Op: room.On}, "n3")
				time.Sleep(5 * time.Second) // in the first try: n1 is on, n2 is silent
				f.die()
				time.Sleep(8 * time.Second) // the first try is over
				tt.before(a)
				a.wait(t)
				a.want(t, "n1", OK, room.StateOn)
				a.want(t, "n2", Unknown, room.StateUnknown)
			})
		})
	}
}
