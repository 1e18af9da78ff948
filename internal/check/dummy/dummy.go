// Package dummy has checks that say what their settings say: to rehearse a room before
// its machines are there, and for the test checks of Ockle's folders.
//
// Start at [Settings].
package dummy

import (
	"context"
	"fmt"
	"sync"
	"time"

	"millwright.dev/millwright/internal/check"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "dummy",
		Summary: "says what its settings say, for rehearsals",
		New:     func() check.Settings { return &Settings{Says: "ok"} },
	}
}

// Settings of one check.
type Settings struct {
	Says  string        `yaml:"says" enum:"ok,bad,unknown" default:"ok" doc:"what it says"`
	After int           `yaml:"after" doc:"after how many runs on a node it says something else; 0 for never"`
	Then  string        `yaml:"then" enum:"ok,bad,unknown" doc:"what it says from then on; without it, the reverse of what it said"`
	Takes time.Duration `yaml:"takes" doc:"how long it takes"`
}

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	c := &sayer{after: s.After, takes: s.Takes, runs: make(map[string]int)}
	for _, it := range []struct {
		field, text string
		to          *check.Verdict
	}{{"says", s.Says, &c.says}, {"then", s.Then, &c.then}} {
		_ = it.to.UnmarshalText([]byte(it.text)) // it never fails
		if it.to.String() != it.text && it.text != "" {
			return nil, check.Field(it.field, "it is ok, bad or unknown")
		}
	}
	switch {
	case s.Says == "":
		return nil, check.Field("says", "it is ok, bad or unknown")
	case s.After < 0:
		return nil, check.Field("after", "it cannot be less than nothing")
	}
	if s.Then == "" {
		c.then = reverse(c.says)
	}
	return c, nil
}

func reverse(v check.Verdict) check.Verdict {
	switch v {
	case check.OK:
		return check.Bad
	case check.Bad:
		return check.OK
	default:
		return v
	}
}

// sayer is the check.
type sayer struct {
	says, then check.Verdict
	after      int
	takes      time.Duration

	mu   sync.Mutex
	runs map[string]int // by node, if they are counted
}

// Run implements [check.Check].
func (c *sayer) Run(ctx context.Context, env check.Env) check.Result {
	if c.takes > 0 {
		timer := time.NewTimer(c.takes)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return check.Unreached(ctx, "a dummy that takes "+c.takes.String(), ctx.Err())
		}
	}
	says := c.says
	if c.after > 0 {
		c.mu.Lock()
		c.runs[env.Node]++
		if c.runs[env.Node] > c.after {
			says = c.then
		}
		c.mu.Unlock()
	}
	return check.Result{Verdict: says, Said: fmt.Sprintf("a dummy says %s", says), Took: c.takes}
}
