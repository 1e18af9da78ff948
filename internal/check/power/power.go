// Package power checks that a node has power, as the devices tell that its cords hang on;
// or that its operating system is up, as its service processor tells.
//
// What no device can tell is unknown.
//
// Start at [Settings].
package power

import (
	"context"
	"fmt"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/room"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "power",
		Summary: "the node's cords are on, or its service processor says that its system is up",
		New:     func() check.Settings { return &Settings{Of: "cords", Want: "on"} },
	}
}

// Settings of one check.
type Settings struct {
	Of    string `yaml:"of" enum:"cords,system" default:"cords" doc:"what is asked for: the cords, or the operating system"`
	Want  string `yaml:"want" enum:"on,off" default:"on" doc:"what it should be"`
	Whole bool   `yaml:"whole" default:"no" doc:"a node that has power by some of its cords only is bad"`
}

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	c := &reader{Settings: *s, op: room.Status}
	switch s.Of {
	case "cords", "":
	case "system":
		c.op = room.StatusSoft
	default:
		return nil, check.Field("of", "it is cords or system")
	}
	if s.Want != "on" && s.Want != "off" && s.Want != "" {
		return nil, check.Field("want", "it is on or off")
	}
	return c, nil
}

// reader is the check.
type reader struct {
	Settings
	op room.Op
}

// Run implements [check.Check].
func (c *reader) Run(ctx context.Context, env check.Env) check.Result {
	state, err := env.State(ctx, c.op)
	if err != nil {
		return check.Unclear("its power cannot be read: " + err.Error())
	}
	said := fmt.Sprintf("it is %s", state)
	if c.op == room.StatusSoft {
		said = fmt.Sprintf("its system is %s", state)
	}
	on := state == room.StateOn || state == room.StateDegraded && !c.Whole
	switch {
	case state == room.StateUnknown:
		return check.Unclear("its devices do not say whether it is on")
	case c.Want == "off" && state == room.StateOff, c.Want != "off" && on:
		return check.Good(said, 0)
	}
	return check.Wrong(said)
}
