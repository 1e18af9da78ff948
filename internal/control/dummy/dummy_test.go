package dummy_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/control/dummy"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

func prepare(t *testing.T, change func(*dummy.Settings)) control.Control {
	t.Helper()
	s := dummy.New().New().(*dummy.Settings)
	change(s)
	c, err := s.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEachNodeHasAState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := prepare(t, func(s *dummy.Settings) { s.Delay = time.Minute })
		is := func(node string, want room.State) {
			t.Helper()
			if got, err := c.Status(t.Context(), control.Env{Node: node}); got != want || err != nil {
				t.Errorf("%s is %v (%v), want %v", node, got, err, want)
			}
		}
		if err := c.Off(t.Context(), control.Env{Node: "a"}); err != nil {
			t.Fatal(err)
		}
		is("a", room.StateOn)
		time.Sleep(time.Minute) // in the bubble
		is("a", room.StateOff)
		is("b", room.StateOn)
		if err := c.On(t.Context(), control.Env{Node: "a"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		is("a", room.StateOn)
	})
}

func TestItsFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := control.Env{Node: "a"}
		stays := prepare(t, func(s *dummy.Settings) { s.Stays = true })
		if err := stays.Off(t.Context(), env); err != nil {
			t.Errorf("the request is taken, and: %v", err)
		}
		if got, _ := stays.Status(t.Context(), env); got != room.StateOn {
			t.Errorf("it does not stay on: %v", got)
		}
		if err := prepare(t, func(s *dummy.Settings) { s.Refuses = true }).Off(t.Context(), env); err == nil {
			t.Error("it does not refuse")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := prepare(t, func(s *dummy.Settings) { s.Hangs = true }).Off(ctx, env); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it does not hang: %v", err)
		}
		if got, _ := prepare(t, func(s *dummy.Settings) { s.Starts = "unknown" }).Status(t.Context(), env); got != room.StateUnknown {
			t.Errorf("it starts as %v", got)
		}
	})
}

func TestCPU(t *testing.T) {
	if _, measures := prepare(t, func(*dummy.Settings) {}).(control.Meter); measures {
		t.Error("a dummy measures without being told to")
	}
	m := prepare(t, func(s *dummy.Settings) { s.CPU = true }).(control.Meter)
	var got []driver.Reading
	for range 2 {
		if err := m.Measure(t.Context(), control.Env{}, func(r driver.Reading) { got = append(got, r) }); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 1 || got[0].Quantity != driver.CPU || got[0].Value < 0 || got[0].Value > 100 {
		t.Errorf("it measures %v, want one value after two looks", got)
	}
}
