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

// Measure implements driver.Meter.
func (s *fakeSession) Measure(ctx context.Context, tell func(driver.Reading)) error {
	if s.takes > 0 {
		select {
		case <-time.After(s.takes):
		case <-ctx.Done():
			return &driver.Fault{Phase: driver.Lost, Device: s.env.Device, Err: ctx.Err()}
		}
	}
	for p := range s.env.Plugs {
		tell(driver.Reading{Plug: p, Quantity: driver.Power, Value: float64(100 + p)})
	}
	return nil
}

func measureAll(ctx context.Context, l *lab) map[string]Measured {
	ids := make([]room.DeviceID, len(l.room.Devices))
	for i := range ids {
		ids[i] = room.DeviceID(i)
	}
	got := make(map[string]Measured)
	l.fleet.Measure(ctx, l.room, ids, func(m Measured) { got[l.room.Devices[m.Device].Name] = m })
	return got
}

func TestMeasure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, slow, lost := newFake(), newFake(), newFake()
		slow.takes = 4 * time.Second
		lost.refuse = &driver.Fault{Phase: driver.Connecting, Device: "d2", Err: errors.New("no route")}
		l := newLab(t, 2, nil, good, slow, lost)
		synctest.Wait()
		began := time.Now()
		got := measureAll(t.Context(), l)
		if took := time.Since(began); took != slow.takes {
			t.Errorf("took %v: the devices are to be asked side by side", took)
		}
		for _, name := range []string{"d0", "d1"} {
			if m := got[name]; m.Err != nil || len(m.Readings) != 2 || m.Readings[1].Value != 101 {
				t.Errorf("%s: %+v", name, m)
			}
		}
		if m := got["d2"]; m.Err == nil || m.Err.Code != room.CodeTimeout || m.Err.Subject != "d2" {
			t.Errorf("a device that cannot be reached: %+v", m)
		}
	})
}

// Errands and batches take turns: a crowd of one does not shut out the other.
func TestErrandsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = time.Second
		l := newLab(t, 1, nil, f)
		synctest.Wait()
		for range 5 {
			go measureAll(t.Context(), l)
		}
		synctest.Wait()
		for range 4 { // none is merged with the one before
			l.ask(t.Context(), Request{Op: room.Status, Trace: true})
		}
		synctest.Wait()
		a := l.ask(t.Context(), Request{Op: room.Off, Trace: true}).wait(t)
		if a.results["n0"].Outcome != OK || a.took < 5*time.Second || a.took > 10*time.Second {
			t.Errorf("%+v after %v", a.results["n0"], a.took)
		}
		l.fleet.Close()
	})
}

func TestUseThatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = 5 * time.Second
		l := newLab(t, 1, nil, f)
		synctest.Wait()
		busy := l.ask(t.Context(), Request{Op: room.Off})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := false
		err := l.fleet.Use(ctx, l.room, 0, func(context.Context, driver.Session) error { begun = true; return nil })
		var fault *driver.Fault
		if !errors.As(err, &fault) || fault.Phase != driver.Stopped || time.Until(busy.at.Add(time.Second)) != 0 {
			t.Errorf("%v at %v", err, time.Since(busy.at))
		}
		busy.wait(t)
		synctest.Wait()
		if begun {
			t.Error("what was given up while it waited has been begun")
		}
		// A session that breaks off under an errand is replaced.
		lost := &driver.Fault{Phase: driver.Lost, Device: "d0"}
		if err := l.fleet.Use(t.Context(), l.room, 0, func(context.Context, driver.Session) error { return lost }); !errors.Is(err, lost) {
			t.Error(err)
		}
		if err := l.fleet.Use(t.Context(), l.room, 0, func(context.Context, driver.Session) error { return nil }); err != nil || f.opened != 2 {
			t.Errorf("%v after %d opens", err, f.opened)
		}
		l.fleet.Close()
		if err := l.fleet.Use(t.Context(), l.room, 0, nil); !errors.As(err, &fault) || fault.Phase != driver.Waiting {
			t.Errorf("after the end: %v", err)
		}
	})
}

// Nothing is kept of those who have given up while the device was busy.
func TestErrandsThatAreGivenUpAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = 10 * time.Second
		l := newLab(t, 1, nil, f)
		synctest.Wait()
		go measureAll(t.Context(), l) // which keeps the device busy
		synctest.Wait()
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			if m := measureAll(ctx, l)["d0"]; m.Err == nil {
				t.Errorf("%+v", m)
			}
			cancel()
		}
		d := l.fleet.owner(l.room, 0)
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.errands) != 0 {
			t.Errorf("%d errands are kept for nobody", len(d.errands))
		}
	})
}
