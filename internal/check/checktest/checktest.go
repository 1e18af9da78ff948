// Package checktest is what tests of checks have in common: a node to look at, which is
// this machine, and a look at what a check says.
//
// Start at [Env] and [Look].
package checktest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/transport"
)

// Patience is how long a look may take that must come to an end by itself.
const Patience = 30 * time.Second

// Env gives what a check is given to look at this machine, as node n1.
func Env() check.Env {
	d := &transport.Dialer{}
	return check.Env{
		Node: "n1", Address: "127.0.0.1",
		Dial: d.Dial, DialContext: new(net.Dialer).DialContext,
		Measure: func(context.Context) ([]check.Value, error) { return nil, errors.New("nothing measures here") },
		State: func(context.Context, room.Op) (room.State, error) {
			return room.StateUnknown, errors.New("nothing has a state here")
		},
		Other: func(_ context.Context, name string) check.Result { return check.Unclear("there is no check " + name) },
		Log:   slog.New(slog.DiscardHandler),
	}
}

// Look prepares settings and looks once.
func Look(t testing.TB, s check.Settings, env check.Env) check.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	return LookFor(ctx, t, s, env)
}

// LookFor is Look with a context of the test's own.
func LookFor(ctx context.Context, t testing.TB, s check.Settings, env check.Env) check.Result {
	t.Helper()
	c, err := s.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	return c.Run(ctx, env)
}

// Says looks at a result: its verdict, and words that are in its evidence.
func Says(t testing.TB, r check.Result, want check.Verdict, words ...string) {
	t.Helper()
	if r.Verdict != want {
		t.Errorf("%s (%s), and not %s", r.Verdict, r.Said, want)
	}
	for _, w := range words {
		if !strings.Contains(r.Said, w) {
			t.Errorf("the evidence has no %q: %s", w, r.Said)
		}
	}
	if want == check.OK && r.Verdict == check.OK && r.Said == "" {
		t.Error("ok, without evidence")
	}
}
