// Package plugincheck looks at nodes through plugins: programs of the user's own.
// Package internal/plugin runs them, and docs/plugins.md says how to write one.
//
// A plugin that does not run, or does not answer, says nothing of a node: then the check
// is unknown.
//
// Start at [New] and [Settings].
package plugincheck

import (
	"context"
	"slices"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/secret"
)

// Name is what stands behind `kind:`.
const Name = "plugin"

// New makes the kind. Without a host, rooms can be looked at, and nothing is known.
func New(host *plugin.Host) check.Kind {
	return check.Kind{
		Name:    Name,
		Summary: "a check that a plugin provides",
		New:     func() check.Settings { return &Settings{host: host} },
	}
}

// WithHost gives a list of kinds in which this one has a host.
func WithHost(list []check.Kind, host *plugin.Host) []check.Kind {
	list = slices.Clone(list)
	for i := range list {
		if list[i].Name == Name {
			list[i] = New(host)
		}
	}
	return list
}

// Settings of one check.
type Settings struct {
	Plugin   string        `yaml:"plugin" required:"true" doc:"name of the plugin, from the room's plugins"`
	Provides string        `yaml:"provides" required:"true" doc:"which of its checks"`
	Settings plugin.Values `yaml:"settings" doc:"what that check wants to have set"`

	host *plugin.Host
}

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	switch {
	case s.Plugin == "":
		return nil, check.Field("plugin", "it is missing")
	case s.Provides == "":
		return nil, check.Field("provides", "it is missing")
	}
	use := plugin.Use{Plugin: s.Plugin, Provides: s.Provides, Settings: s.Settings}
	if err := s.host.CheckSettings(use, plugin.Check); err != nil {
		return nil, check.Field("settings", "%w", err)
	}
	return &looker{use: use, host: s.host}, nil
}

// looker is the check.
type looker struct {
	use  plugin.Use
	host *plugin.Host
}

// Run implements [check.Check].
func (c *looker) Run(ctx context.Context, env check.Env) check.Result {
	said, err := c.host.Check(ctx, c.use, plugin.Node{Name: env.Node, Address: env.Address, Credential: env.Credential})
	mask := secret.NewMasker(env.Credential.Secrets()...)
	if err != nil {
		return check.Unclear(mask.String(check.Why(ctx, err)))
	}
	r := check.Result{Said: mask.String(said.Said), Took: time.Duration(max(0, min(said.Took, 1<<32))) * time.Millisecond}
	_ = r.Verdict.UnmarshalText([]byte(said.Verdict)) // what it does not know is unknown
	for _, v := range said.Values {
		r.Values = append(r.Values, check.Value{Part: v.Part, Quantity: driver.Quantity(v.Quantity), Value: v.Value})
	}
	return r.Bounded()
}

var (
	_ check.Settings = (*Settings)(nil)
	_ check.Check    = (*looker)(nil)
)
