package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// A request that comes while a try goes on, or just before the next, leads to no
// second one beside it: many devices let one client in at a time.
func TestOneOpenAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.opening = func(ctx context.Context, n int, env driver.Env) error {
			if n == 1 {
				return unreachable(ctx, n, env)
			}
			env.Reached()
			time.Sleep(3 * time.Second) // logging in
			return nil
		}
		l := newLab(t, 1, nil, f)
		time.Sleep(500 * time.Millisecond)
		a := l.ask(t.Context(), Request{Op: room.Status}).wait(t)
		if a.took != 3*time.Second {
			t.Errorf("answered after %v, want the next try at once and 3s to log in", a.took)
		}
		time.Sleep(time.Minute)
		l.fleet.Close()
		if f.most != 1 || f.opened != 2 || f.live != 0 {
			t.Errorf("%d opens, %d at the same time, %d sessions left open; want 2, 1 and 0", f.opened, f.most, f.live)
		}
	})
}

// Each waits for a connection as long as an action may take, from when it is the
// first in the queue; nobody fails for another's wait.
func TestPatience(t *testing.T) {
	tests := []struct {
		name            string
		reached, opened time.Duration
		first, second   Outcome
		tookFirst       time.Duration
	}{
		{"nobody answers", 24 * time.Hour, 24 * time.Hour, NotBegun, NotBegun, 10 * time.Second},
		{"an answer comes in time for the second", 10500 * time.Millisecond, 10500 * time.Millisecond, NotBegun, OK, 10 * time.Second},
		// The driver is told when it began, and finds its time over; but it has connected.
		{"once the address has answered, the driver says when it is over", 6 * time.Second, 12 * time.Second, Unknown, Unknown, 12 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.opening = func(ctx context.Context, n int, env driver.Env) error {
					for _, d := range []time.Duration{tt.reached, tt.opened - tt.reached} {
						select {
						case <-time.After(d):
						case <-ctx.Done():
							return ctx.Err()
						}
						env.Reached()
					}
					return nil
				}
				l := newLab(t, 2, nil, f)
				a := l.ask(t.Context(), Request{Op: room.On}, "n0")
				time.Sleep(9900 * time.Millisecond)
				b := l.ask(t.Context(), Request{Op: room.Off}, "n1").wait(t)
				a.wait(t)
				if a.results["n0"].Outcome != tt.first || a.took != tt.tookFirst {
					t.Errorf("the first: %s after %v, want %s after %v", a.results["n0"].Outcome, a.took, tt.first, tt.tookFirst)
				}
				if b.results["n1"].Outcome != tt.second {
					t.Errorf("the second: %s after %v, want %s", b.results["n1"].Outcome, b.took, tt.second)
				}
			})
		})
	}
}

// gaps are the times between a fake's opens.
func (f *fake) gaps() (gaps []time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := 1; i < len(f.opens); i++ {
		gaps = append(gaps, f.opens[i].Sub(f.opens[i-1]))
	}
	return gaps
}

// A device that lets us in and hangs up is left alone for longer each time, until
// a session has held.
func TestFlappingBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.opening = func(_ context.Context, n int, env driver.Env) error {
			env.Reached()
			if n <= 5 {
				time.AfterFunc(10*time.Millisecond, f.drop)
			}
			return nil
		}
		newLab(t, 1, nil, f)
		time.Sleep(time.Hour)
		synctest.Wait()
		got := f.gaps()
		if len(got) != 5 {
			t.Fatalf("opens with %v between them, want five more", got)
		}
		for i, least := range []time.Duration{1, 2, 4, 8, 15} {
			if least *= time.Second; got[i] < least || got[i] > least*6/5 {
				t.Errorf("gap %d is %v, want about %v", i, got[i], least)
			}
		}

		f.drop()
		time.Sleep(2 * time.Second)
		if got := f.gaps(); len(got) != 6 {
			t.Errorf("2s after the first hang-up in an hour it was opened %d times, want a seventh time", len(got)+1)
		}
	})
}

// A request whose line breaks each time is not a reason to hammer the device: it
// is tried again at once, and then as rarely as an idle one.
func TestRequestUnderFlappingLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		l := newLab(t, 1, nil, f)
		f.cut = 1000
		a := l.ask(t.Context(), Request{Op: room.On}).wait(t)
		if r := a.results["n0"]; r.Outcome != Unknown || a.took != 10*time.Second {
			t.Errorf("%s after %v, want unknown after 10s", r.Outcome, a.took)
		}
		if n := len(f.batches); n != 5 { // at 0s, 0s, 1s, 3s and 7s
			t.Errorf("tried %d times in 10s, want 5", n)
		}
	})
}

// Others are told of the edges only, not of each try.
func TestChangedOnEdges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		l := newLab(t, 1, nil, f)
		synctest.Wait()
		f.die()
		var mu sync.Mutex
		var got []Link
		l.afresh(Options{Changed: func(s DeviceStatus) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, s.Link)
		}})
		time.Sleep(24 * time.Hour)
		f.revive()
		time.Sleep(time.Hour)
		f.drop()
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		if want := []Link{Disconnected, Connected, Disconnected, Connected}; !slices.Equal(got, want) {
			t.Errorf("told %d times, first %v; want %v", len(got), got[:min(len(got), 6)], want)
		}
	})
}

// The heir of a device logs in when the old session has ended, not before.
func TestReloadWaitsForTheOldSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, heir := newFake(), newFake()
		l := newLab(t, 1, nil, old)
		old.acting = func(context.Context, *fakeSession, driver.Batch) error {
			time.Sleep(2 * time.Second) // it leaves its device in order
			return nil
		}
		both := 0
		heir.opening = func(_ context.Context, _ int, env driver.Env) error {
			old.mu.Lock()
			defer old.mu.Unlock()
			both += old.live
			env.Reached()
			return nil
		}
		a := l.ask(t.Context(), Request{Op: room.On})
		synctest.Wait()
		if err := l.fleet.Apply(l.draft(1, renewed(nil), heir)); err != nil {
			t.Fatal(err)
		}
		a.wait(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		if both != 0 || heir.opened != 1 {
			t.Errorf("the heir was opened %d times, %d sessions were open beside it", heir.opened, both)
		}
	})
}

// A driver that does not come back costs its session, never its device.
func TestDriverOverstays(t *testing.T) {
	tests := []struct {
		name string
		hold func(ctx context.Context, s *fakeSession)
		took time.Duration
	}{
		{"it is told to stop", func(ctx context.Context, _ *fakeSession) { <-ctx.Done() }, 40 * time.Second},
		{"its session is closed under it", func(_ context.Context, s *fakeSession) { <-s.closed }, 70 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.acting = func(ctx context.Context, s *fakeSession, b driver.Batch) error {
					if b.Op != room.On {
						return nil
					}
					tt.hold(ctx, s)
					return &driver.Fault{Phase: driver.Lost, Device: "d0", Err: context.Canceled}
				}
				l := newLab(t, 1, nil, f)
				a := l.ask(t.Context(), Request{Op: room.On}).wait(t)
				a.want(t, "n0", Unknown, room.StateUnknown)
				if a.took != tt.took {
					t.Errorf("answered after %v, want %v", a.took, tt.took)
				}
				l.do(t.Context(), Request{Op: room.Off}).want(t, "n0", OK, room.StateOff)
				if f.opened != 2 {
					t.Errorf("%d opens, want a new one for the next request", f.opened)
				}
			})
		})
	}
}

// However many ask for it, a device that cannot be reached is not hammered.
func TestLostDeviceIsNotHammered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.refuse = &driver.Fault{Phase: driver.LoggingIn, Device: "d0", Err: errors.New("wrong password")}
		l := newLab(t, 1, nil, f)
		for start := time.Now(); time.Since(start) < 10*time.Second; {
			l.do(t.Context(), Request{Op: room.Status})
			time.Sleep(time.Millisecond)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if most := int(10*time.Second/leastPause) + 1; f.opened > most {
			t.Errorf("%d tries in 10s, want at most %d", f.opened, most)
		}
	})
}

// A hasty read does not wait for a device that refuses connections; a change does,
// and so does a read of PowerMan's clients.
func TestHastyReads(t *testing.T) {
	tests := []struct {
		name  string
		req   Request
		waits time.Duration
	}{
		{"a hasty read", Request{Op: room.Status, Hasty: true}, leastPause},
		{"a read", Request{Op: room.Status}, 10 * time.Second},
		{"a hasty change", Request{Op: room.On, Hasty: true}, 10 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.refuse = &driver.Fault{Phase: driver.Connecting, Device: "d0", Err: errors.New("connection refused")}
				l := newLab(t, 1, nil, f)
				synctest.Wait()
				start := time.Now()
				h := l.do(t.Context(), tt.req)
				if took := time.Since(start); took != tt.waits {
					t.Errorf("took %v, want %v", took, tt.waits)
				}
				if said := h.results["n0"].Said; said != "d0: could not connect: connection refused" {
					t.Errorf("said %q", said)
				}
			})
		})
	}
}

// A device that turns a password down is not asked again and again: those who ask
// are told why, and a password that is right by then is used within a minute.
func TestWrongPasswordIsNotHammered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.refuse = &driver.Fault{Phase: driver.LoggingIn, Device: "d0", Err: errors.New("wrong password")}
		l := newLab(t, 1, nil, f)
		began := time.Now()
		for time.Since(began) < 10*time.Minute { // somebody asks each second
			l.ask(t.Context(), Request{Op: room.Status}).wait(t)
			time.Sleep(time.Second)
		}
		if f.opened > 20 {
			t.Errorf("%d tries in ten minutes", f.opened)
		}
		a := l.ask(t.Context(), Request{Op: room.On}).wait(t)
		if r := a.results["n0"]; r.Outcome != NotBegun || a.took != 0 || !strings.Contains(r.Said, "wrong password") || !strings.Contains(r.Said, "not tried again for") {
			t.Errorf("%+v after %v", r, a.took)
		}
		f.revive()
		time.Sleep(longestBar)
		synctest.Wait()
		if r := l.ask(t.Context(), Request{Op: room.On}).wait(t).results["n0"]; r.Outcome != OK {
			t.Errorf("with the right password: %+v", r)
		}
		l.fleet.Close()
	})
}
