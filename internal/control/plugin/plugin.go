// Package plugincontrol shuts nodes down, and starts them, through plugins: programs of
// the user's own. Package internal/plugin runs them, and docs/plugins.md says how to
// write one.
//
// Start at [New] and [Settings].
package plugincontrol

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// Name is what stands behind `kind:`.
const Name = "plugin"

// New makes the kind. Without a host, rooms can be looked at, and nothing be controlled.
func New(host *plugin.Host) control.Kind {
	return control.Kind{
		Name:    Name,
		Summary: "a control that a plugin provides",
		New: func() control.Settings {
			return &Settings{Verbs: []string{"off", "status"}, Timeout: 30 * time.Second, host: host}
		},
	}
}

// WithHost gives a list of kinds in which this one has a host.
func WithHost(list []control.Kind, host *plugin.Host) []control.Kind {
	list = slices.Clone(list)
	for i := range list {
		if list[i].Name == Name {
			list[i] = New(host)
		}
	}
	return list
}

// Settings of one control.
type Settings struct {
	Plugin   string        `yaml:"plugin" required:"true" doc:"name of the plugin, from the room's plugins"`
	Provides string        `yaml:"provides" required:"true" doc:"which of its controls"`
	Settings plugin.Values `yaml:"settings" doc:"what that control wants to have set"`
	Verbs    []string      `yaml:"verbs" default:"[off, status]" doc:"what it can do: off, on, status"`
	Timeout  time.Duration `yaml:"timeout" default:"30s" doc:"how long one request may take"`

	host *plugin.Host
}

// Prepare implements [control.Settings].
func (s *Settings) Prepare() (control.Control, error) {
	switch {
	case s.Plugin == "":
		return nil, control.Field("plugin", "it is missing")
	case s.Provides == "":
		return nil, control.Field("provides", "it is missing")
	case len(s.Verbs) == 0:
		return nil, control.Field("verbs", "there are none")
	case s.Timeout <= 0:
		return nil, control.Field("timeout", "it must be more than nothing")
	}
	for _, verb := range s.Verbs {
		if verb != "off" && verb != "on" && verb != "status" {
			return nil, control.Field("verbs", "%q is none of off, on and status", verb)
		}
	}
	c := &remote{Settings: *s, use: plugin.Use{Plugin: s.Plugin, Provides: s.Provides, Settings: s.Settings}}
	if err := s.host.CheckSettings(c.use, plugin.Control); err != nil {
		return nil, control.Field("settings", "%w", err)
	}
	return c, nil
}

// remote is the control.
type remote struct {
	Settings
	use plugin.Use
}

// Can implements [control.Control].
func (c *remote) Can() control.Abilities {
	has := func(verb string) bool { return slices.Contains(c.Verbs, verb) }
	return control.Abilities{Off: has("off"), On: has("on"), Status: has("status")}
}

// Off implements [control.Control].
func (c *remote) Off(ctx context.Context, env control.Env) error {
	_, err := c.ask(ctx, &env, "off")
	return err
}

// On implements [control.Control].
func (c *remote) On(ctx context.Context, env control.Env) error {
	_, err := c.ask(ctx, &env, "on")
	return err
}

// Status implements [control.Control].
func (c *remote) Status(ctx context.Context, env control.Env) (room.State, error) {
	name, err := c.ask(ctx, &env, "status")
	switch {
	case err == nil && name == "on":
		return room.StateOn, nil
	case err == nil && name == "off":
		return room.StateOff, nil
	}
	return room.StateUnknown, err
}

// maxSaid bounds what is handed on of a plugin's words, in bytes.
const maxSaid = 300

func (c *remote) ask(ctx context.Context, env *control.Env, verb string) (string, error) {
	if !slices.Contains(c.Verbs, verb) {
		return "", control.ErrCannot
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("no answer within %v", c.Timeout))
	defer cancel()
	state, err := c.host.Control(ctx, c.use, verb, plugin.Node{Name: env.Node, Address: env.Address, Credential: env.Credential})
	if err == nil {
		return state, nil
	}
	if text := action.Clean(secret.NewMasker(env.Credential.Secrets()...), err.Error(), maxSaid); text != err.Error() {
		err = errors.New(text)
	}
	return "", fmt.Errorf("%s: plugin %s: %w", env.Node, c.Plugin, err)
}

var (
	_ control.Settings = (*Settings)(nil)
	_ control.Control  = (*remote)(nil)
)
