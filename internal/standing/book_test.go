package standing_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
	"millwright.dev/millwright/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// opened is a book over a state folder, and its log of events.
func opened(t *testing.T, dir string) (*standing.Book, *event.Log, func()) {
	t.Helper()
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log := event.New(s, nil)
	b, err := standing.Open(t.Context(), standing.Options{Store: s, Events: log})
	if err != nil {
		t.Fatal(err)
	}
	return b, log, func() { b.Close(); s.Close() }
}

func node(name string) standing.Subject { return standing.Subject{Kind: standing.Node, Node: name} }

func TestStandingsOutliveTheDaemon(t *testing.T) {
	dir := t.TempDir()
	b, _, end := opened(t, dir)
	check := standing.Subject{Kind: standing.Check, Node: "web1", Object: "ping"}
	b.Set(
		standing.Change{Subject: node("web1"), Standing: standing.Standing{State: standing.FailedToStart, Reason: "no answer", Starts: 2}},
		standing.Change{Subject: check, Standing: standing.Standing{State: standing.Failed}},
	)
	since := b.Node("web1").Since
	b.Set(standing.Change{Subject: node("web1"), Standing: standing.Standing{State: standing.FailedToStart, Reason: "still none", Starts: 3}})
	if now := b.Node("web1"); now.Starts != 3 || !now.Since.Equal(since) || since.IsZero() {
		t.Errorf("%+v", now)
	}
	if err := b.Hold(t.Context(), []string{"web1"}, standing.Hold{Kind: standing.Held, Author: "ann", Reason: "new fan"}, event.Event{Op: "hold"}); err != nil {
		t.Fatal(err)
	}
	end()

	b, _, end = opened(t, dir)
	defer end()
	if now := b.Node("web1"); now.State != standing.FailedToStart || now.Starts != 3 || now.Reason != "still none" {
		t.Errorf("%+v", now)
	}
	if list := b.Of("web1"); len(list) != 2 || list[1].Subject != check {
		t.Errorf("%+v", list)
	}
	if h, held := b.Held("web1"); !held || h.Reason != "new fan" {
		t.Errorf("%+v", h)
	}
	cleared, err := b.Clear(t.Context(), []string{"web1", "web2"}, event.Event{Op: "clear", Actor: "ann"})
	if err != nil || len(cleared) != 1 {
		t.Errorf("%v, %v", cleared, err)
	}
	if now := b.Node("web1"); now.State != standing.Initial || now.Starts != 0 {
		t.Errorf("%+v", now)
	}
	if err := b.Forget(t.Context(), func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if list := b.Of("web1"); len(list) != 1 {
		t.Errorf("%+v", list)
	}
}

func TestMaintenanceEnds(t *testing.T) {
	b, log, end := opened(t, t.TempDir())
	defer end()
	until := time.Now().Add(time.Millisecond)
	if err := b.Hold(t.Context(), []string{"db1"}, standing.Hold{Kind: standing.Maintenance, Author: "ann", Until: until}, event.Event{Op: "maintenance"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for e, err := range log.Follow(ctx, event.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Op == "release" && e.Targets == "db1" {
			break
		}
	}
	if h, held := b.Held("db1"); held {
		t.Errorf("%+v", h)
	}
}

func TestSeen(t *testing.T) {
	b, _, end := opened(t, t.TempDir())
	defer end()
	for _, c := range []struct {
		was  standing.State
		seen room.State
		now  standing.State
		off  bool // drift
	}{
		{standing.Initial, room.StateOn, standing.OK, false},
		{standing.Initial, room.StateOff, standing.Off, false},
		{standing.OK, room.StateOff, standing.Off, true},
		{standing.ForcedOn, room.StateOff, standing.Off, true},
		{standing.Off, room.StateOn, standing.OK, true},
		{standing.OK, room.StateOn, standing.OK, false},
		{standing.OK, room.StateUnknown, standing.OK, false},
		{standing.SwitchingOn, room.StateOff, standing.SwitchingOn, false},
		{standing.Unknown, room.StateOn, standing.Unknown, false},
		{standing.NeverStarted, room.StateOn, standing.NeverStarted, false},
	} {
		b.Set(standing.Change{Subject: node("n"), Standing: standing.Standing{State: c.was}})
		b.Seen("n", c.seen)
		if now := b.Node("n"); now.State != c.now || now.Drift != c.off {
			t.Errorf("%s seen %v: %+v", c.was, c.seen, now)
		}
	}
}
