// Package sensor checks what a node's own devices measure of it: temperatures and fans by
// its service processor, watts and amps by what its cords hang on.
//
// A value outside its limits is bad. Where nothing measures, or nothing that the settings
// name, it is unknown: a sensor that is not read is not cold.
//
// Start at [Settings].
package sensor

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/driver"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "sensor",
		Summary: "what the node's devices measure is within limits",
		New:     func() check.Settings { return &Settings{Part: "*", Of: "each"} },
	}
}

// Settings of one check.
type Settings struct {
	Quantity string   `yaml:"quantity" required:"true" enum:"current,voltage,power,apparent_power,power_factor,energy,frequency,temperature,humidity,speed" doc:"what is measured: A, V, W, VA, 1, Wh, Hz, °C, % or rpm"`
	Part     string   `yaml:"part" default:"*" doc:"which of them, by the name of what they are of; * and ? stand for any text and any letter"`
	Of       string   `yaml:"of" enum:"each,sum,highest,lowest" default:"each" doc:"what the limits are of: each value, their sum, the highest or the lowest"`
	Min      *float64 `yaml:"min" doc:"bad below"`
	Max      *float64 `yaml:"max" doc:"bad above"`
	Least    int      `yaml:"least" doc:"how many values there must be, else it is unknown; one if nothing is said"`
}

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	if _, err := path.Match(s.Part, ""); err != nil {
		return nil, check.Field("part", "%q is no pattern", s.Part)
	}
	switch {
	case s.Quantity == "":
		return nil, check.Field("quantity", "it is missing")
	case s.Min == nil && s.Max == nil:
		return nil, check.Field("max", "give min, max or both")
	case s.Min != nil && s.Max != nil && *s.Min > *s.Max:
		return nil, check.Field("min", "it is more than max")
	case s.Least < 0:
		return nil, check.Field("least", "it cannot be less than nothing")
	case s.Of != "" && s.Of != "each" && s.Of != "sum" && s.Of != "highest" && s.Of != "lowest":
		return nil, check.Field("of", "it is each, sum, highest or lowest")
	}
	return &reader{*s}, nil
}

// reader is the check.
type reader struct{ Settings }

// Run implements [check.Check].
func (c *reader) Run(ctx context.Context, env check.Env) check.Result {
	all, err := env.Measure(ctx)
	var found []check.Value
	for _, v := range all {
		if v.Quantity != driver.Quantity(c.Quantity) {
			continue
		}
		// Slashes are in names of parts, and mean nothing here.
		if ok, _ := path.Match(flat(c.Part), flat(v.Part)); ok || c.Part == "" {
			found = append(found, v)
		}
	}
	if len(found) < max(1, c.Least) {
		if err == nil {
			err = errors.New("the node's devices measure no more of this")
		}
		return check.Unclear(fmt.Sprintf("%d values of %s: %v", len(found), c.Quantity, err))
	}
	return c.verdict(found)
}

func flat(name string) string { return strings.ToLower(strings.ReplaceAll(name, "/", "\x01")) }

// verdict holds values against the limits.
func (c *reader) verdict(found []check.Value) check.Result {
	list := found
	if c.Of != "each" && c.Of != "" {
		list = []check.Value{c.one(found)}
	}
	unit := driver.Quantity(c.Quantity).Unit()
	var wrong []string
	for _, v := range list {
		if err := check.Within(v.Value, c.Min, c.Max); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s %v", v.Part, err))
		}
	}
	r := check.Result{Verdict: check.OK, Values: found}
	if len(wrong) > 0 {
		r.Verdict = check.Bad
		r.Said = fmt.Sprintf("%s in %s: %s", c.Quantity, unit, strings.Join(wrong, "; "))
		return r
	}
	low, high := found[0].Value, found[0].Value
	for _, v := range found {
		low, high = min(low, v.Value), max(high, v.Value)
	}
	switch {
	case len(list) == 1:
		r.Said = fmt.Sprintf("%s %s %s %s", c.Quantity, list[0].Part, check.Number(list[0].Value), unit)
	default:
		r.Said = fmt.Sprintf("%d values of %s, %s to %s %s", len(list), c.Quantity, check.Number(low), check.Number(high), unit)
	}
	return r
}

// one makes one value of several.
func (c *reader) one(list []check.Value) check.Value {
	out := list[0]
	for _, v := range list[1:] {
		switch {
		case c.Of == "sum":
			out.Value += v.Value
		case c.Of == "highest" && v.Value > out.Value, c.Of == "lowest" && v.Value < out.Value:
			out = v
		}
	}
	if c.Of == "sum" {
		out.Part = fmt.Sprintf("of %d together", len(list))
	}
	return out
}
