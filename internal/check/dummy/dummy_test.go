package dummy_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	"millwright.dev/millwright/internal/check/dummy"
)

// TestFlips counts runs node by node.
func TestFlips(t *testing.T) {
	c, err := (&dummy.Settings{Says: "bad", After: 2}).Prepare()
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{"n1", "n2"} {
		env := checktest.Env()
		env.Node = node
		for i, want := range []check.Verdict{check.Bad, check.Bad, check.OK, check.OK} {
			if r := c.Run(t.Context(), env); r.Verdict != want {
				t.Errorf("%s, run %d: %s", node, i+1, r.Verdict)
			}
		}
	}
}

func TestTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &dummy.Settings{Says: "ok", Takes: time.Minute}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		checktest.Says(t, checktest.LookFor(ctx, t, s, checktest.Env()), check.OK)
		if took := time.Since(start); took != time.Minute {
			t.Error(took)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		checktest.Says(t, checktest.LookFor(ctx, t, s, checktest.Env()), check.Bad, "no answer in time")
	})
}

func TestSettings(t *testing.T) {
	for _, s := range []dummy.Settings{{}, {Says: "splendid"}, {Says: "ok", Then: "splendid"}, {Says: "ok", After: -1}} {
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
