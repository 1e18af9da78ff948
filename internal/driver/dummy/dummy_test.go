package dummy_test

import (
	"testing"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/dummy"
	"millwright.dev/millwright/internal/room"
)

// peek reads and sets what a driver remembers through a session of its own.
func peek(t *testing.T, s driver.Settings, plugs []string) (get func(string) bool, set func(string, bool)) {
	env := driver.Env{Device: "dut", Reached: func() {}, Acted: func() {}}
	at := make(map[string]int)
	for i, p := range plugs {
		env.Plugs = append(env.Plugs, driver.Plug{Name: p, Used: true})
		at[p] = i
	}
	session, err := s.Open(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	do := func(op room.Op, plug string) (on bool) {
		sink := &ear{}
		if err := session.Do(t.Context(), driver.Batch{Op: op, Plugs: []int{at[plug]}}, sink); err != nil {
			t.Error(err)
		}
		return sink.on
	}
	return func(plug string) bool { return do(room.Status, plug) }, func(plug string, on bool) {
		if on {
			do(room.On, plug)
		} else {
			do(room.Off, plug)
		}
	}
}

type ear struct {
	driver.Sink
	on bool
}

func (e *ear) State(_ int, s room.State, _ string) { e.on = s == room.StateOn }
func (e *ear) Done(int)                            {}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Subject{InMemory: true, Abreast: true, New: func(t *testing.T) drivertest.Rig {
		plugs := []string{"a.o1", "b.o1", "c", "d"}
		drv := dummy.New()
		s := drv.New().(*dummy.Settings)
		get, set := peek(t, drv.New(), plugs)
		return drivertest.Rig{
			Settings: s, Plugs: plugs,
			Truth: drivertest.Truth{On: get, Set: set},
			Faults: drivertest.Faults{
				Reject: func(plug string) { s.Refuse = append(s.Refuse, plug) },
				Stick:  func(plug string) { s.Stick = append(s.Stick, plug) },
			},
		}
	}})
}

func TestAReloadSwitchesNothing(t *testing.T) {
	drv := dummy.New()
	_, set := peek(t, drv.New(), []string{"a"})
	set("a", true)
	get, _ := peek(t, drv.New(), []string{"b", "a"})
	if !get("a") || get("b") {
		t.Error("a plug that was on is off, or one that never was is on")
	}
	if get, _ := peek(t, dummy.New().New(), []string{"a"}); get("a") {
		t.Error("it is on with a new daemon")
	}
}

func TestMeasures(t *testing.T) {
	s := dummy.New().New().(*dummy.Settings)
	env := driver.Env{Device: "dut", Reached: func() {}, Acted: func() {}, Plugs: []driver.Plug{{Name: "a"}, {Name: "b"}}}
	session, _ := s.Open(t.Context(), env)
	if _, is := session.(driver.Meter); is {
		t.Error("a dummy measures without being told to")
	}
	s.Watts, s.CPU = 230, true
	_, set := peek(t, s, []string{"a"})
	set("a", true)
	session, _ = s.Open(t.Context(), env)
	got := make(map[driver.Quantity][2]float64)
	for range 2 { // the first has no CPU yet
		err := session.(driver.Meter).Measure(t.Context(), func(r driver.Reading) {
			both := got[r.Quantity]
			both[r.Plug] = r.Value
			got[r.Quantity] = both
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got[driver.Power] != [2]float64{230, 0} || got[driver.Current] != [2]float64{1, 0} || len(got) != 3 {
		t.Errorf("it measures %v", got)
	}
}
