package fleet

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/room"
)

func staggered(every time.Duration) func(*room.Draft) {
	return func(d *room.Draft) {
		for i := range d.Devices {
			d.Devices[i].Stagger = every
		}
	}
}

// apart checks that a device's switch-ons, of which there should be n, have kept
// their distance.
func apart(t *testing.T, f *fake, n int, want time.Duration) {
	t.Helper()
	var last time.Time
	for _, m := range f.switched {
		if m.op != room.On && m.op != room.Cycle {
			continue
		}
		n--
		if gap := m.at.Sub(last); !last.IsZero() && gap < want {
			t.Errorf("plug %d: %s %v after the one before, want at least %v", m.plug, m.op, gap, want)
		}
		last = m.at
	}
	if n != 0 {
		t.Errorf("%d switch-ons are missing of those wanted", n)
	}
}

// The device's fuse knows nothing of requests: whoever asks, in whatever step,
// the distance is kept. It is longer here than an action may take, which is no
// reason for what waits its turn to time out.
func TestStaggerHoldsEverywhere(t *testing.T) {
	const every = 15 * time.Second
	tests := []struct {
		name string
		edit func(*room.Draft)
		ask  func(t *testing.T, l *lab)
	}{
		{"across requests that come one after the other", nil, func(t *testing.T, l *lab) {
			for _, n := range []string{"n0", "n1", "n2", "n3"} { // as the waves of an order do
				l.do(t.Context(), Request{Op: room.On}, n).want(t, n, OK, room.StateOn)
			}
		}},
		{"across requests that come together", nil, func(t *testing.T, l *lab) {
			a := l.ask(t.Context(), Request{Op: room.On}, "n0", "n1")
			b := l.ask(t.Context(), Request{Op: room.Cycle}, "n2")
			l.do(t.Context(), Request{Op: room.On, Trace: true}, "n3").want(t, "n3", OK, room.StateOn)
			a.wait(t).want(t, "n1", OK, room.StateOn)
			b.wait(t).want(t, "n2", OK, room.StateOn)
		}},
		{"in cycles of a plug", nil, func(t *testing.T, l *lab) {
			l.do(t.Context(), Request{Op: room.Cycle}).want(t, "n3", OK, room.StateOn)
		}},
		{"in the second step of cycles of two cords", pairs, func(t *testing.T, l *lab) {
			l.do(t.Context(), Request{Op: room.Cycle}).want(t, "p3", OK, room.StateOn)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, 4, func(d *room.Draft) {
					staggered(every)(d)
					if tt.edit != nil {
						tt.edit(d)
					}
				}, newFake(), newFake())
				tt.ask(t, l)
				apart(t, l.fakes[0], 4, every)
			})
		})
	}
}

// Nobody waits for the last machine of a rack to be on before one can go off;
// but of one plug, what was asked later is done later.
func TestOffOvertakesStaggeredOn(t *testing.T) {
	type ask struct {
		op    room.Op
		nodes string
	}
	tests := []struct {
		name  string
		asks  []ask // the others come while n0 goes on for the first
		took  time.Duration
		on    string // the plugs that are on in the end
		cause string // why n2 was not switched on
	}{
		{"of another plug, at once", []ask{{room.On, "n0 n1 n2"}, {room.Off, "n5"}}, 2 * time.Second, "012", ""},
		{"of a plug that is on already, at once", []ask{{room.On, "n0 n1 n2"}, {room.Off, "n0"}}, 2 * time.Second, "125", ""},
		{"of a plug that is to go on, which is dropped", []ask{{room.On, "n0 n1 n2"}, {room.Off, "n2"}}, 2 * time.Second, "015", "overtaken by a later off"},
		{"of all that is to go on", []ask{{room.On, "n0 n1 n2"}, {room.Off, "n1 n2"}}, 3 * time.Second, "05", "overtaken by a later off"},
		{"but not an earlier change of the same plug", []ask{{room.On, "n0 n1 n2"}, {room.Cycle, "n5"}, {room.Off, "n5"}}, 32 * time.Second, "012", ""},
		{"nor when it is merged with one that may", []ask{{room.On, "n0 n1 n2"}, {room.Cycle, "n5"}, {room.Off, "n4"}, {room.Off, "n5"}}, 32 * time.Second, "012", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, 6, staggered(10*time.Second), newFake())
				f := l.fakes[0]
				f.takes = time.Second
				f.on[5] = true
				var all []*asked
				for _, a := range tt.asks {
					all = append(all, l.ask(t.Context(), Request{Op: a.op}, strings.Fields(a.nodes)...))
					synctest.Wait()
				}
				for _, a := range all {
					a.wait(t)
				}
				if last := all[len(all)-1]; last.took != tt.took {
					t.Errorf("the off took %v, want %v", last.took, tt.took)
				}
				var on strings.Builder
				for p := range 6 {
					if f.on[p] {
						on.WriteByte(byte('0' + p))
					}
				}
				if on.String() != tt.on {
					t.Errorf("plugs %s are on in the end, want %s", &on, tt.on)
				}
				if got := all[0].results["n2"]; got.Said != tt.cause || got.Outcome.Good() != (tt.cause == "") {
					t.Errorf("n2: %s (%s), want it to say %q", got.Outcome, got.Said, tt.cause)
				}
			})
		})
	}
}

// What was overtaken stays so, even when the rest of its batch gets another try.
func TestOvertakenIsNotRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 4, staggered(10*time.Second), newFake())
		f := l.fakes[0]
		f.silent[2] = true
		l.do(t.Context(), Request{Op: room.On}, "n3")
		busy := l.ask(t.Context(), Request{Op: room.Cycle}, "n3") // so that the next two are merged
		synctest.Wait()
		a := l.ask(t.Context(), Request{Op: room.On}, "n0", "n1")
		synctest.Wait()
		b := l.ask(t.Context(), Request{Op: room.On}, "n2")
		time.Sleep(25 * time.Second) // n0 is on
		l.do(t.Context(), Request{Op: room.Off}, "n1").want(t, "n1", OK, room.StateOff)
		a.wait(t).want(t, "n1", NotBegun, room.StateUnknown)
		b.wait(t).want(t, "n2", Unknown, room.StateUnknown)
		busy.wait(t)
		if f.on[1] {
			t.Error("n1 was switched on after a later request had switched it off")
		}
	})
}
