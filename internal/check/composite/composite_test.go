package composite_test

import (
	"context"
	"slices"
	"testing"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	"millwright.dev/millwright/internal/check/composite"
)

func TestLogic(t *testing.T) {
	env := checktest.Env()
	env.Other = func(_ context.Context, name string) check.Result {
		switch name[0] {
		case 'o':
			return check.Good("fine", 0)
		case 'b':
			return check.Wrong("broken")
		}
		return check.Unclear("who knows")
	}
	for _, tt := range []struct {
		s    composite.Settings
		want check.Verdict
		says string
	}{
		{composite.Settings{All: []string{"o1", "o2"}}, check.OK, "2 of 2 ok"},
		{composite.Settings{All: []string{"o1", "u1"}}, check.Unknown, "unknown: u1 (who knows)"},
		{composite.Settings{All: []string{"o1", "u1", "b1"}}, check.Bad, "bad: b1 (broken); unknown: u1"},
		{composite.Settings{Any: []string{"b1", "u1", "o1"}}, check.OK, ""},
		{composite.Settings{Any: []string{"b1", "u1"}}, check.Unknown, ""},
		{composite.Settings{Any: []string{"b1", "b2"}}, check.Bad, "0 of 2 ok"},
		{composite.Settings{Not: "o1"}, check.Bad, "should not be"},
		{composite.Settings{Not: "b1"}, check.OK, "as it should be"},
		{composite.Settings{Not: "u1"}, check.Unknown, ""},
		{composite.Settings{AtLeast: 2, Of: []string{"o1", "o2", "b1"}}, check.OK, ""},
		{composite.Settings{AtLeast: 2, Of: []string{"o1", "u1", "b1"}}, check.Unknown, ""},
		{composite.Settings{AtLeast: 2, Of: []string{"u1", "b1", "b2"}}, check.Bad, ""},
	} {
		checktest.Says(t, checktest.Look(t, &tt.s, env), tt.want, tt.says)
		c, _ := tt.s.Prepare()
		if needs := c.(check.Others).Needs(); !slices.Equal(needs, slices.Concat(tt.s.All, tt.s.Any, tt.s.Of)) && tt.s.Not == "" {
			t.Errorf("needs %v", needs)
		}
	}
	for _, s := range []composite.Settings{
		{All: []string{"a"}, Any: []string{"b"}},
		{All: []string{"a", "a"}},
		{All: []string{""}},
		{AtLeast: 1, All: []string{"a"}},
		{AtLeast: 3, Of: []string{"a", "b"}},
		{Of: []string{"a", "b"}},
		{All: make([]string, 100)},
	} {
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
