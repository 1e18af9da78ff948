package fleet

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

var errRefused = errors.New("refused")

// unreachable is an opening that fails at once, mute one that never ends.
func unreachable(context.Context, int, driver.Env) error {
	return &driver.Fault{Phase: driver.Connecting, Device: "d0", Err: errRefused}
}

func mute(ctx context.Context, _ int, _ driver.Env) error {
	<-ctx.Done()
	return ctx.Err()
}

// A request that is cancelled is answered at once, wherever it stands, and with
// what is true of it.
func TestCancelWhile(t *testing.T) {
	tests := []struct {
		name  string
		set   func(f *fake)
		edit  func(*room.Draft)
		at    time.Duration
		wants [2]Outcome // of n0 and n1
		state room.State // of n0
	}{
		{"connecting", func(f *fake) { f.opening = mute }, nil, time.Second, [2]Outcome{NotBegun, NotBegun}, room.StateUnknown},
		{"waiting to connect again", func(f *fake) { f.opening = unreachable }, nil, 8500 * time.Millisecond, [2]Outcome{NotBegun, NotBegun}, room.StateUnknown},
		{"switching", func(f *fake) { f.takes = time.Second }, nil, 500 * time.Millisecond, [2]Outcome{Unknown, Unknown}, room.StateUnknown},
		{"waiting its turn", nil, staggered(15 * time.Second), 5 * time.Second, [2]Outcome{Unverified, NotBegun}, room.StateOn},
		{"between two looks", func(f *fake) { f.stuck[0], f.stuck[1] = true, true }, nil, 50 * time.Millisecond, [2]Outcome{Failed, Failed}, room.StateOff},
		{"looking", func(f *fake) {
			f.acting = func(ctx context.Context, _ *fakeSession, b driver.Batch) error {
				if b.Op == room.Status {
					<-ctx.Done()
				}
				return nil
			}
		}, nil, time.Second, [2]Outcome{OK, OK}, room.StateOn},
		{"looking at what does not show", func(f *fake) {
			f.stuck[0], f.stuck[1] = true, true
			f.acting = func(ctx context.Context, _ *fakeSession, b driver.Batch) error {
				if b.Op == room.Status {
					<-ctx.Done()
				}
				return nil
			}
		}, nil, time.Second, [2]Outcome{Failed, Failed}, room.StateOff},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				if tt.set != nil {
					tt.set(f)
				}
				l := newLab(t, 2, func(d *room.Draft) {
					d.Settings.Verify = time.Minute
					if tt.edit != nil {
						tt.edit(d)
					}
				}, f)
				synctest.Wait()
				a := l.ask(t.Context(), Request{Op: room.On, Verify: true})
				time.Sleep(tt.at)
				a.stop()
				a.wait(t)
				if a.took != tt.at {
					t.Errorf("answered %v after it was cancelled", a.took-tt.at)
				}
				a.want(t, "n0", tt.wants[0], tt.state)
				if got := a.results["n1"]; got.Outcome != tt.wants[1] {
					t.Errorf("n1: %s (%s), want %s", got.Outcome, got.Said, tt.wants[1])
				}
			})
		})
	}
}

// A driver that ends its command in spite of the cancel leaves nothing proved.
func TestCancelledIsNotProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.stuck[0] = true
		f.acting = func(context.Context, *fakeSession, driver.Batch) error {
			time.Sleep(time.Second)
			return nil
		}
		l := newLab(t, 1, nil, f)
		a := l.ask(t.Context(), Request{Op: room.On, Verify: true})
		time.Sleep(time.Second / 2)
		a.stop()
		a.wait(t).want(t, "n0", Unverified, room.StateOn)
	})
}

// Of requests that are done together, the one that is cancelled ends, and the
// others are done: also those that nobody can cancel, because nobody waits.
func TestCancelMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 6, staggered(10*time.Second), newFake())
		f := l.fakes[0]
		l.do(t.Context(), Request{Op: room.On}, "n5")
		busy := l.ask(t.Context(), Request{Op: room.Cycle}, "n5")
		synctest.Wait()
		a := l.ask(t.Context(), Request{Op: room.On}, "n0", "n1", "n2", "n3")
		synctest.Wait()
		b := make(chan struct{})
		h := &heard{results: map[string]Result{}, times: map[string]time.Time{}, room: l.room}
		go func() { // [asked] can be cancelled, this cannot
			defer close(b)
			n3, _ := l.room.Node("n3")
			n4, _ := l.room.Node("n4")
			if err := l.fleet.Do(context.Background(), Request{Room: l.room, Op: room.On, Nodes: []room.NodeID{n3, n4}}, h); err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(25 * time.Second) // n0 is on
		a.stop()
		a.wait(t)
		<-b
		busy.wait(t)
		a.want(t, "n0", OK, room.StateOn)
		a.want(t, "n1", NotBegun, room.StateUnknown)
		a.want(t, "n2", NotBegun, room.StateUnknown)
		h.want(t, "n3", OK, room.StateOn)
		h.want(t, "n4", OK, room.StateOn)
		if len(f.batches) != 5 {
			t.Errorf("batches %v, want on and cycle of n5, and one on each of n0, n3 and n4", f.batches)
		}
		for _, p := range []int{1, 2} {
			if f.on[p] {
				t.Errorf("plug %d was switched on after its request was cancelled", p)
			}
		}
	})
}

// All results of a live request may be known before the driver has come back.
// To end the request's context then, as doors do, must not cost the session.
func TestLiveDoneKeepsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, nil, newFake())
		f := l.fakes[0]
		f.acted = func(ctx context.Context, _ *fakeSession, _ driver.Batch) error {
			time.Sleep(time.Second)
			if ctx.Err() != nil {
				return &driver.Fault{Phase: driver.Lost, Device: "d0", Err: ctx.Err()}
			}
			return nil
		}
		l.do(t.Context(), Request{Op: room.On, Live: true}).want(t, "n0", OK, room.StateOn)
		time.Sleep(time.Minute)
		synctest.Wait()
		if f.opened != 1 || f.live != 1 {
			t.Errorf("%d sessions were opened and %d are left, want the first one kept", f.opened, f.live)
		}
	})
}
