// Package composite makes one check out of several of the same node: all of them, any,
// so many, or the reverse of one.
//
// Unknown is reckoned with as it should be: "all" is bad as soon as one is bad, whatever
// the unknown ones would say, and unknown if only they stand in the way; and so on. It
// is Kleene's three-valued logic.
//
// Start at [Settings].
package composite

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"millwright.dev/millwright/internal/check"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "composite",
		Summary: "all of several checks of the node, any of them, so many, or the reverse of one",
		New:     func() check.Settings { return &Settings{} },
	}
}

// Settings of one check: one of all, any, of and not.
type Settings struct {
	All     []string `yaml:"all" doc:"checks of the same node, by name, that must all be ok"`
	Any     []string `yaml:"any" doc:"checks of which one must be ok"`
	Not     string   `yaml:"not" doc:"a check that must be bad"`
	AtLeast int      `yaml:"at-least" doc:"how many of those in of must be ok"`
	Of      []string `yaml:"of" doc:"the checks of which at-least must be ok"`
}

// maxOthers bounds the checks that one stands on.
const maxOthers = 64

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	c := &logic{}
	given := 0
	for _, it := range []struct {
		field string
		names []string
		need  int // how many must be ok
	}{{"all", s.All, len(s.All)}, {"any", s.Any, 1}, {"of", s.Of, s.AtLeast}} {
		if len(it.names) == 0 {
			continue
		}
		given++
		c.names, c.need = it.names, it.need
		if err := names(it.field, it.names); err != nil {
			return nil, err
		}
	}
	if s.Not != "" {
		given++
		c.names, c.reverse, c.need = []string{s.Not}, true, 1
	}
	switch {
	case given != 1:
		return nil, check.Field("all", "give one of all, any, not, and of with at-least")
	case len(s.Of) == 0 && s.AtLeast != 0:
		return nil, check.Field("at-least", "it goes with of")
	case len(s.Of) > 0 && (s.AtLeast < 1 || s.AtLeast > len(s.Of)):
		return nil, check.Field("at-least", "1 to %d, the number of checks in of", len(s.Of))
	}
	return c, nil
}

func names(field string, list []string) error {
	if len(list) > maxOthers {
		return check.Field(field, "at most %d", maxOthers)
	}
	for i, name := range list {
		if name == "" || slices.Contains(list[:i], name) {
			return check.Field(field, "%q is there twice or has no name", name)
		}
	}
	return nil
}

// logic is the check: so many of some, or the reverse of it.
type logic struct {
	names   []string
	need    int
	reverse bool
}

// Needs implements [check.Others].
func (c *logic) Needs() []string { return c.names }

// Run implements [check.Check].
func (c *logic) Run(ctx context.Context, env check.Env) check.Result {
	results := make([]check.Result, len(c.names))
	var all sync.WaitGroup
	for i, name := range c.names {
		all.Go(func() { results[i] = env.Other(ctx, name) })
	}
	all.Wait()
	var by [3][]string // by verdict
	for i, name := range c.names {
		r := results[i]
		text := name
		if r.Verdict != check.OK && r.Said != "" {
			text += " (" + r.Said + ")"
		}
		by[r.Verdict] = append(by[r.Verdict], text)
	}
	verdict := decide(len(by[check.OK]), len(by[check.Unknown]), c.need)
	if c.reverse {
		switch verdict {
		case check.OK:
			return check.Wrong(by[check.OK][0] + " is ok, and should not be")
		case check.Bad:
			return check.Good(by[check.Bad][0]+" is bad, as it should be", 0)
		case check.Unknown:
		}
	}
	said := fmt.Sprintf("%d of %d ok", len(by[check.OK]), len(c.names))
	for _, v := range []check.Verdict{check.Bad, check.Unknown} {
		if len(by[v]) > 0 {
			said += fmt.Sprintf("; %s: %s", v, strings.Join(by[v], ", "))
		}
	}
	return check.Result{Verdict: verdict, Said: said}
}

// decide says what so many ok and unknown ones make, where need must be ok.
func decide(ok, unknown, need int) check.Verdict {
	switch {
	case ok >= need:
		return check.OK
	case ok+unknown < need:
		return check.Bad
	}
	return check.Unknown
}

var _ check.Others = (*logic)(nil)
