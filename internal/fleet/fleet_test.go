package fleet

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

func twoCords(d *room.Draft) {
	d.Nodes = []room.DraftNode{{Name: "ab", Cords: []room.DraftCord{{Device: "d0", Plug: "0"}, {Device: "d1", Plug: "0"}}}}
}

func TestSwitchAndRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 2, nil, newFake(), newFake())
		l.do(t.Context(), Request{Op: room.On}, "n1", "n2").want(t, "n1", OK, room.StateOn)
		h := l.do(t.Context(), Request{Op: room.Status})
		for node, s := range map[string]room.State{"n0": room.StateOff, "n1": room.StateOn, "n2": room.StateOn, "n3": room.StateOff} {
			h.want(t, node, OK, s)
		}
		if b := l.fakes[0].batches; !b[len(b)-1].Whole || b[0].Whole {
			t.Errorf("whole: %v for all plugs, %v for one", b[len(b)-1].Whole, b[0].Whole)
		}
	})
}

func TestVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blind := newFake()
		blind.verbs = []room.Op{room.On}
		l := newLab(t, 2, nil, newFake(), blind)
		l.fakes[0].stuck[1] = true
		l.fakes[0].broken[0] = "ERROR 5"
		h := l.do(t.Context(), Request{Op: room.On, Verify: true})
		h.want(t, "n0", Failed, room.StateUnknown)
		h.want(t, "n1", Failed, room.StateOff)
		h.want(t, "n2", Unverified, room.StateOn)
		if want := "still off after 5s"; !strings.Contains(h.results["n1"].Said, want) {
			t.Errorf("said %q, want it to say %q", h.results["n1"].Said, want)
		}
		if len(h.said) != 1 || h.said[0] != "n0: ERROR 5" {
			t.Errorf("diagnostics: %q", h.said)
		}
		delete(l.fakes[0].stuck, 1)
		l.do(t.Context(), Request{Op: room.On, Verify: true}, "n1").want(t, "n1", OK, room.StateOn)
	})
}

// A node with two cords is cycled by taking both off before either goes on.
func TestTwoCords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := newFake()
		slow.takes = 3 * time.Second
		l := newLab(t, 1, twoCords, newFake(), slow)
		l.do(t.Context(), Request{Op: room.On, Verify: true}).want(t, "ab", OK, room.StateOn)
		l.do(t.Context(), Request{Op: room.Cycle, Verify: true}).want(t, "ab", OK, room.StateOn)
		a, b := l.fakes[0].switched, l.fakes[1].switched
		if len(a) != 3 || len(b) != 3 || a[1].op != room.Off || a[2].op != room.On {
			t.Fatalf("switched %v and %v", a, b)
		}
		if rest := a[2].at.Sub(b[1].at); rest < time.Second {
			t.Errorf("a came on %v after b went off, want at least the rest of 1s", rest)
		}

		l.fakes[1].on[0] = false
		l.do(t.Context(), Request{Op: room.Status}).want(t, "ab", OK, room.StateDegraded)

		err := l.fleet.Check(l.room, room.Reset, l.room.All())
		if room.CodeOf(err) != room.CodeRefused {
			t.Errorf("reset of two cords: %v, want it refused", err)
		}
	})
}

// A cycle in which one cord will not go off leaves the node with power.
func TestTwoCordsOneStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, twoCords, newFake(), newFake())
		l.do(t.Context(), Request{Op: room.On}, "ab")
		l.fakes[1].broken[0] = "jammed"
		h := l.do(t.Context(), Request{Op: room.Cycle, Verify: true})
		h.want(t, "ab", Failed, room.StateDegraded)
		if !l.fakes[0].on[0] {
			t.Error("the cord that went off did not come on again")
		}
	})
}

func TestStaggerLetsReadsOvertake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 4, func(d *room.Draft) { d.Devices[0].Stagger = time.Second }, newFake())
		start := time.Now()
		read := make(chan time.Duration)
		go func() {
			time.Sleep(1500 * time.Millisecond)
			h := &heard{results: map[string]Result{}, times: map[string]time.Time{}, room: l.room}
			if err := l.fleet.Do(t.Context(), Request{Room: l.room, Op: room.Status, Nodes: l.room.All()}, h); err != nil {
				t.Error(err)
			}
			read <- time.Since(start)
		}()
		l.do(t.Context(), Request{Op: room.On})
		if got := <-read; got > 1600*time.Millisecond {
			t.Errorf("a read waited until %v for staggered work", got)
		}
		for i, m := range l.fakes[0].switched {
			if want := time.Duration(i) * time.Second; m.at.Sub(start) != want {
				t.Errorf("plug %d went on after %v, want %v", m.plug, m.at.Sub(start), want)
			}
		}
	})
}

func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 5, func(d *room.Draft) { d.Devices[0].AtOnce = 2 }, newFake())
		l.do(t.Context(), Request{Op: room.Off})
		for _, b := range l.fakes[0].batches {
			if len(b.Plugs) > 2 {
				t.Errorf("%d plugs at once, want at most 2", len(b.Plugs))
			}
		}
	})
}

// Requests that wait for a busy device are done together where they ask for the same.
func TestMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = time.Second
		l := newLab(t, 4, nil, f)
		for _, n := range []string{"n0", "n1", "n2", "n3"} {
			id, _ := l.room.Node(n)
			h := &heard{results: map[string]Result{}, times: map[string]time.Time{}, room: l.room}
			go func() {
				if err := l.fleet.Do(t.Context(), Request{Room: l.room, Op: room.On, Nodes: []room.NodeID{id}}, h); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(f.batches) != 2 || len(f.batches[1].Plugs) != 3 {
			t.Errorf("batches: %v, want the last three requests in one", f.batches)
		}
	})
}

func TestHangUp(t *testing.T) {
	tests := []struct {
		name  string
		op    room.Op
		cuts  int
		want  Outcome
		tries int
	}{
		{"a read is repeated on a new line", room.Status, 1, OK, 2},
		{"on is repeated, since twice on is on", room.On, 2, OK, 3},
		{"a cycle is never repeated", room.Cycle, 1, Unknown, 1},
		{"a reset is never repeated", room.Reset, 1, Unknown, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				l := newLab(t, 1, nil, f)
				f.cut = tt.cuts
				h := l.do(t.Context(), Request{Op: tt.op})
				if got := h.results["n0"]; got.Outcome != tt.want {
					t.Errorf("outcome %s (%s), want %s", got.Outcome, got.Said, tt.want)
				}
				if len(f.batches) != tt.tries {
					t.Errorf("%d tries, want %d", len(f.batches), tt.tries)
				}
			})
		})
	}
}

func TestUnreachable(t *testing.T) {
	tests := []struct {
		name  string
		phase driver.Phase
		after time.Duration
	}{
		{"nobody answers: the wait is as long as an action may take", driver.Connecting, 10 * time.Second},
		{"not let in: those who wait are told by the next try", driver.LoggingIn, leastPause},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.refuse = &driver.Fault{Phase: tt.phase, Device: "d0", Err: errors.New("no")}
				l := newLab(t, 2, nil, f, newFake())
				synctest.Wait()
				start := time.Now()
				h := l.do(t.Context(), Request{Op: room.On, Live: true})
				if got := time.Since(start); got != tt.after {
					t.Errorf("took %v, want %v", got, tt.after)
				}
				h.want(t, "n0", NotBegun, room.StateUnknown)
				h.want(t, "n3", OK, room.StateOn)
				if h.times["n3"].After(start) {
					t.Error("a dead device delayed the answer of a live one")
				}
				if len(h.faults) == 0 {
					t.Error("no fault was told")
				}
			})
		})
	}
}

// A device that comes back while somebody waits for it serves them.
func TestComesBackInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.refuse = errors.New("not yet")
		l := newLab(t, 1, nil, f)
		go func() {
			time.Sleep(5 * time.Second)
			f.mu.Lock()
			f.refuse = nil
			f.mu.Unlock()
		}()
		time.Sleep(time.Second)
		l.do(t.Context(), Request{Op: room.On}).want(t, "n0", OK, room.StateOn)
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = time.Second
		l := newLab(t, 4, nil, f)
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		start := time.Now()
		h := l.do(ctx, Request{Op: room.On})
		if got := time.Since(start); got > 2500*time.Millisecond {
			t.Errorf("the cancelled request went on until %v", got)
		}
		h.want(t, "n1", OK, room.StateOn)
		h.want(t, "n2", Unknown, room.StateUnknown)
		// The device is fit for others afterwards.
		l.do(t.Context(), Request{Op: room.Off}, "n3").want(t, "n3", OK, room.StateOff)
	})
}

func TestReloadKeepsSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, nil, newFake(), newFake())
		l.do(t.Context(), Request{Op: room.On})
		d := room.Draft{Name: "lab"}
		for i, name := range []string{"d0", "d1"} {
			f := l.fakes[i]
			if i == 1 {
				f = newFake()
			}
			traits, _ := f.Traits(nil)
			d.Devices = append(d.Devices, room.DraftDevice{Device: room.Device{
				Name: name, Driver: "fake", Identity: name + strings.Repeat("'", i), Settings: driver.Prepared{Settings: f, Traits: traits},
			}})
			d.Nodes = append(d.Nodes, room.DraftNode{Name: "n" + name, Cords: []room.DraftCord{{Device: name, Plug: "0"}}})
		}
		r, problems := room.New(d)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		old := l.room
		if err := l.fleet.Apply(r); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if l.fakes[0].opened != 1 {
			t.Errorf("an unchanged device was opened %d times", l.fakes[0].opened)
		}
		if _, ok := l.fleet.Device(old, 1); ok {
			t.Error("a changed device still answers to its old room")
		}
		// A request that began under the old room is answered.
		h := l.do(t.Context(), Request{Op: room.Off})
		h.want(t, "n0", OK, room.StateOff)
		h.want(t, "n1", NotBegun, room.StateUnknown)
	})
}

func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.ping = time.Minute
		newLab(t, 1, nil, f)
		time.Sleep(150 * time.Second)
		synctest.Wait()
		if f.pings != 3 {
			t.Errorf("%d pings in 150s at one a minute, want 3: one at once", f.pings)
		}
	})
}

func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.verbs = []room.Op{room.Status}
		l := newLab(t, 2, nil, f)
		err := l.fleet.Do(t.Context(), Request{Room: l.room, Op: room.On, Nodes: l.room.All()}, nil)
		var e *room.Error
		if !errors.As(err, &e) || e.Code != room.CodeRefused || e.Subject != "n[0-1]" {
			t.Errorf("got %v, want a refusal that names n[0-1]", err)
		}
	})
}

func TestIdleHangUpReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		l := newLab(t, 1, nil, f)
		synctest.Wait()
		f.session.hangUp()
		time.Sleep(2 * time.Second)
		s, _ := l.fleet.Device(l.room, 0)
		if s.Link != Connected || s.Reconnects != 1 {
			t.Errorf("after a hang-up: %+v, want connected again", s)
		}
	})
}
