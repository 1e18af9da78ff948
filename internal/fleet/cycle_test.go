package fleet

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// pairs makes the nodes p0, p1… of a plug on d0 and the one of that name on d1.
func pairs(d *room.Draft) {
	n := len(d.Nodes) / len(d.Devices)
	d.Nodes = nil
	for p := range n {
		plug := string(rune('0' + p))
		d.Nodes = append(d.Nodes, room.DraftNode{Name: "p" + plug, Cords: []room.DraftCord{{Device: "d0", Plug: plug}, {Device: "d1", Plug: plug}}})
	}
}

// pairLab makes nodes of two cords that are on.
func pairLab(t *testing.T, n int, edit func(*room.Draft)) *lab {
	l := newLab(t, n, func(d *room.Draft) {
		pairs(d)
		if edit != nil {
			edit(d)
		}
	}, newFake(), newFake())
	for _, f := range l.fakes {
		for p := range n {
			f.on[p] = true
		}
	}
	return l
}

// dark names the cords that have no power.
func (l *lab) dark() (cords []string) {
	for i, f := range l.fakes {
		f.mu.Lock()
		for p := range len(l.room.Devices[i].Plugs) {
			if !f.on[p] {
				cords = append(cords, l.room.Devices[i].Name+"/"+l.room.Devices[i].Plugs[p].Name)
			}
		}
		f.mu.Unlock()
	}
	return cords
}

// Power that a cycle has taken is given back, whatever comes between.
func TestCycleGivesBack(t *testing.T) {
	reload := func(edit func(*room.Draft)) func(*testing.T, *lab, *asked) {
		return func(t *testing.T, l *lab, _ *asked) {
			if err := l.fleet.Apply(l.draft(2, renewed(edit), l.fakes...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name  string
		edit  func(*room.Draft)
		after time.Duration
		upset func(t *testing.T, l *lab, a *asked)
		want  Outcome
	}{
		{"nothing comes between", nil, 0, func(*testing.T, *lab, *asked) {}, OK},
		{"a reload in the rest", nil, 500 * time.Millisecond, reload(pairs), OK},
		{"a reload that puts the plugs in another order", nil, 500 * time.Millisecond, reload(func(d *room.Draft) {
			pairs(d)
			d.Nodes[0], d.Nodes[1] = d.Nodes[1], d.Nodes[0]
		}), OK},
		{"a reload while the second step waits its turn", staggered(10 * time.Second), 5 * time.Second, reload(func(d *room.Draft) {
			pairs(d)
			staggered(10 * time.Second)(d)
		}), OK},
		{"a cancel in the rest", nil, 500 * time.Millisecond, func(_ *testing.T, _ *lab, a *asked) { a.stop() }, OK},
		{"a cancel in the second step", staggered(10 * time.Second), 5 * time.Second, func(_ *testing.T, _ *lab, a *asked) { a.stop() }, OK},
		{"a hang-up in the rest", nil, 500 * time.Millisecond, func(_ *testing.T, l *lab, _ *asked) { l.fakes[1].drop() }, OK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := pairLab(t, 2, tt.edit)
				synctest.Wait()
				a := l.ask(t.Context(), Request{Op: room.Cycle})
				time.Sleep(tt.after)
				tt.upset(t, l, a)
				a.wait(t)
				a.want(t, "p0", tt.want, room.StateOn)
				a.want(t, "p1", tt.want, room.StateOn)
				for i, f := range l.fakes {
					if n := len(f.switched); n != 4 {
						t.Errorf("d%d was switched %d times, want each plug off and on: %v", i, n, f.switched)
					}
				}
				if d := l.dark(); tt.name != "a reload that puts the plugs in another order" && d != nil {
					t.Errorf("without power: %q", d)
				}
			})
		})
	}
}

// Where nobody can give power back, that is what is said.
func TestCycleLeavesDark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pairLab(t, 1, nil)
		a := l.ask(t.Context(), Request{Op: room.Cycle})
		time.Sleep(500 * time.Millisecond)
		if err := l.fleet.Apply(&room.Room{}); err != nil {
			t.Fatal(err)
		}
		a.wait(t)
		if got := a.results["p0"]; got.Outcome != Unknown || got.Said != "left without power: "+errGone.Error() && got.Said == "" {
			t.Errorf("%s (%s), want it unknown, and said that the node is without power", got.Outcome, got.Said)
		}
	})
}

// Half a change is a failed one, and half a cycle leaves the power that there was.
func TestOneCordNotBegun(t *testing.T) {
	tests := []struct {
		op    room.Op
		other bool // whether the cord that could be switched has power in the end
	}{{room.Off, false}, {room.On, true}, {room.Cycle, true}}
	for _, tt := range tests {
		t.Run(tt.op.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dead := newFake()
				dead.opening = unreachable
				l := newLab(t, 1, twoCords, newFake(), dead)
				l.fakes[0].on[0] = tt.op != room.On
				a := l.ask(t.Context(), Request{Op: tt.op}).wait(t)
				if got := a.results["ab"]; got.Outcome != Failed || got.Err == nil {
					t.Errorf("%s (%s, %v), want failed: one of its cords was switched", got.Outcome, got.Said, got.Err)
				}
				if l.fakes[0].on[0] != tt.other {
					t.Errorf("the cord that could be switched: on is %v, want %v", l.fakes[0].on[0], tt.other)
				}
				if n := len(l.fakes[1].batches); n != 0 {
					t.Errorf("%d batches for the device that cannot be reached", n)
				}
			})
		})
	}
}

// What was said live of the first step is not believed of the second.
func TestLiveTwoSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pairLab(t, 3, nil)
		for _, f := range l.fakes {
			f.takes = time.Second
			f.acting = func(_ context.Context, s *fakeSession, b driver.Batch) error {
				s.mu.Lock()
				defer s.mu.Unlock()
				if b.Op == room.On {
					s.broken[1] = "fuse blown"
				}
				return nil
			}
		}
		a := l.ask(t.Context(), Request{Op: room.Cycle, Live: true}).wait(t)
		a.want(t, "p0", OK, room.StateOn)
		a.want(t, "p1", Failed, room.StateUnknown)
		a.want(t, "p2", OK, room.StateOn)
		// Off at 1s, 2s, 3s; each rests for 1s; on is asked for p0 at 2s, when the
		// device is busy with p2's off until 3s.
		if took := a.times["p0"].Sub(a.at); took != 4*time.Second {
			t.Errorf("p0 was told after %v, want 4s: it does not wait for the others", took)
		}
	})
}

// A reload may move a plug to another place: power goes to the plug of that name.
func TestHeirKnowsPlugsByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pairLab(t, 2, nil)
		a := l.ask(t.Context(), Request{Op: room.Cycle}, "p0")
		time.Sleep(500 * time.Millisecond)
		r := l.draft(2, renewed(func(d *room.Draft) {
			pairs(d)
			slices.Reverse(d.Nodes)
		}), l.fakes...)
		if err := l.fleet.Apply(r); err != nil {
			t.Fatal(err)
		}
		a.wait(t)
		for i, f := range l.fakes {
			last := f.switched[len(f.switched)-1]
			if got := r.Devices[i].Plugs[last.plug].Name; got != "0" || last.op != room.On {
				t.Errorf("d%d: at last plug %s went %s, want 0 on", i, got, last.op)
			}
		}
	})
}

// The giving back is read back too, after a cancel as before it.
func TestCancelledCycleIsProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pairLab(t, 1, nil)
		a := l.ask(t.Context(), Request{Op: room.Cycle, Verify: true})
		time.Sleep(500 * time.Millisecond)
		a.stop()
		a.wait(t).want(t, "p0", OK, room.StateOn)
	})
}

// A cord that may have gone off is given power too.
func TestCycleUnknownOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pairLab(t, 1, nil)
		l.fakes[1].acting = func(_ context.Context, _ *fakeSession, b driver.Batch) error {
			if b.Op == room.Off {
				return &driver.Fault{Phase: driver.Acting, Device: "d1", Err: context.DeadlineExceeded}
			}
			return nil
		}
		l.do(t.Context(), Request{Op: room.Cycle}).want(t, "p0", Unknown, room.StateOn)
		if s := l.fakes[1].switched; len(s) != 1 || s[0].op != room.On {
			t.Errorf("d1 was switched %v, want on", s)
		}
	})
}
