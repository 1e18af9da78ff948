// Package systemd checks that a unit of systemd on the node is in the state it should be
// in, by asking systemctl there over SSH.
//
// A unit that the node does not know, that has failed, or that is on its way, is bad.
// Where systemctl does not tell, it is unknown; for the rest see package remote.
//
// Start at [Settings].
package systemd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/remote"
	"millwright.dev/millwright/internal/driver/login"
	"millwright.dev/millwright/internal/placeholder"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "systemd",
		Summary: "a unit of systemd on the node is active, asked by SSH",
		New: func() check.Settings {
			return &Settings{SSH: login.Defaults(), States: []string{"active", "reloading"}}
		},
	}
}

// Settings of one check.
type Settings struct {
	Unit   string   `yaml:"unit" required:"true" doc:"the unit, such as nginx.service"`
	States []string `yaml:"states" default:"[active, reloading]" doc:"states of the unit that are ok, of active, reloading, inactive, failed, activating, deactivating, maintenance and refreshing"`
	Sub    []string `yaml:"sub" doc:"finer states that are ok, such as running or exited; without it any are"`
	Scope  string   `yaml:"scope" enum:"system,user" default:"system" doc:"the system's units, or those of the user who logs in"`

	login.SSH `yaml:",inline"`
}

// states are those that systemd knows (org.freedesktop.systemd1, ActiveState).
func states() []string {
	return []string{"active", "reloading", "inactive", "failed", "activating", "deactivating", "maintenance", "refreshing"}
}

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	if s.Unit == "" || len(s.Unit) > 255 || strings.HasPrefix(s.Unit, "-") || strings.ContainsAny(s.Unit, "/ \t\n\x00*?[") {
		return nil, check.Field("unit", "it is one name, of at most 255 bytes")
	}
	if len(s.States) == 0 {
		return nil, check.Field("states", "there is none")
	}
	for _, state := range s.States {
		if !slices.Contains(states(), state) {
			return nil, check.Field("states", "%q is none of %s", state, strings.Join(states(), ", "))
		}
	}
	if s.Scope != "" && s.Scope != "system" && s.Scope != "user" {
		return nil, check.Field("scope", "it is system or user")
	}
	r, err := remote.New(s.SSH)
	return &asker{*s, r}, err
}

// asker is the check.
type asker struct {
	Settings
	remote *remote.Runner
}

// Run implements [check.Check].
func (c *asker) Run(ctx context.Context, env check.Env) check.Result {
	scope := ""
	if c.Scope == "user" {
		scope = "--user "
	}
	out, result, done := c.remote.Run(ctx, &env, "systemctl "+scope+
		"--no-pager --property=LoadState,ActiveState,SubState,Result,NRestarts show -- "+placeholder.Quote(env.Fill(c.Unit)))
	if !done {
		return result
	}
	unit := properties(out.Text)
	active := unit["ActiveState"]
	if out.Status != 0 || !slices.Contains(states(), active) {
		return check.Unclear(fmt.Sprintf("systemctl does not tell (status %d): %s", out.Status, env.Line(out.Complaint+" "+out.Text, 120)))
	}
	said := fmt.Sprintf("%s is %s (%s)", c.Unit, active, unit["SubState"])
	switch {
	case unit["LoadState"] == "not-found":
		return check.Wrong(c.Unit + ": the node has no such unit")
	case !slices.Contains(c.States, active), len(c.Sub) > 0 && !slices.Contains(c.Sub, unit["SubState"]):
		if why := unit["Result"]; why != "" && why != "success" {
			said += ", because of: " + why
		}
		if n := unit["NRestarts"]; n != "" && n != "0" {
			said += ", restarted " + n + " times"
		}
		return check.Wrong(said)
	}
	return check.Good(said, out.Took)
}

// properties reads what systemctl show prints: NAME=VALUE in each line.
func properties(text string) map[string]string {
	found := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "="); ok && len(found) < 16 {
			found[name] = value
		}
	}
	return found
}
