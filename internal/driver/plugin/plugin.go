// Package plugindriver drives devices through plugins: programs of the user's own that
// know how. Package internal/plugin runs them, and docs/plugins.md says how to write one.
//
// What can be known before a plugin runs is what the room says: which verbs the device
// has, and which plugs. What the plugin wants to have set it says itself, when it has
// started; settings are looked at before each session.
//
// Start at [New] and [Settings].
package plugindriver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// Name is what stands behind `driver:`.
const Name = "plugin"

// New makes the driver. Without a host, rooms can be looked at, and no device be reached.
func New(host *plugin.Host) driver.Driver {
	return driver.Driver{
		Name:    Name,
		Summary: "a device that a plugin knows how to drive",
		New: func() driver.Settings {
			return &Settings{Verbs: []string{"on", "off", "cycle", "status"}, Rest: 5 * time.Second, Timeout: 20 * time.Second, host: host}
		},
	}
}

// WithHost gives a list of drivers in which this one has a host.
func WithHost(list []driver.Driver, host *plugin.Host) []driver.Driver {
	list = slices.Clone(list)
	for i := range list {
		if list[i].Name == Name {
			list[i] = New(host)
		}
	}
	return list
}

// Settings of one device.
type Settings struct {
	Plugin   string        `yaml:"plugin" required:"true" doc:"name of the plugin, from the room's plugins"`
	Provides string        `yaml:"provides" required:"true" doc:"which of its drivers"`
	Settings plugin.Values `yaml:"settings" doc:"what that driver wants to have set"`
	Plugs    []string      `yaml:"plugs" doc:"the plugs there are, ranges allowed; without it, any name will do"`
	Verbs    []string      `yaml:"verbs" default:"[on, off, cycle, status]" doc:"what the device can do; a cycle is made of off and on if the plugin has none"`
	Rest     time.Duration `yaml:"rest" default:"5s" doc:"time without power in a cycle made of off and on"`
	Timeout  time.Duration `yaml:"timeout" default:"20s" doc:"how long one action may take"`

	host  *plugin.Host
	verbs []room.Op
}

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	switch {
	case s.Plugin == "":
		return driver.Traits{}, field("plugin", "it is missing")
	case s.Provides == "":
		return driver.Traits{}, field("provides", "it is missing")
	case len(s.Verbs) == 0:
		return driver.Traits{}, field("verbs", "there are none")
	case s.Timeout <= 0:
		return driver.Traits{}, field("timeout", "it must be more than nothing")
	case s.Rest < 0:
		return driver.Traits{}, field("rest", "it cannot be negative")
	}
	t := driver.Traits{Type: s.Plugin + " " + s.Provides, Timeout: s.Timeout}
	for _, name := range s.Verbs {
		op, known := room.ParseOp(name)
		if !known || slices.Contains(t.Verbs, op) {
			return driver.Traits{}, field("verbs", "%q is no verb, or is there twice", name)
		}
		t.Verbs = append(t.Verbs, op)
	}
	s.verbs = t.Verbs
	for _, text := range s.Plugs {
		names, err := hostlist.Expand(text)
		if err != nil {
			return driver.Traits{}, field("plugs", "%w", err)
		}
		t.Plugs = append(t.Plugs, names...)
	}
	if err := s.host.CheckSettings(s.use(), plugin.Driver); err != nil {
		return driver.Traits{}, field("settings", "%w", err)
	}
	return t, nil
}

func field(name, format string, args ...any) error {
	return &driver.FieldError{Field: name, Err: fmt.Errorf(format, args...)}
}

func (s *Settings) use() plugin.Use {
	return plugin.Use{Plugin: s.Plugin, Provides: s.Provides, Settings: s.Settings}
}

// Open implements [driver.Settings].
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, fmt.Errorf("no answer within %v", s.Timeout))
	defer cancel()
	names := make([]string, len(env.Plugs))
	for i, p := range env.Plugs {
		names[i] = p.Name
	}
	d := action.Device{
		Env: env, Timeout: s.Timeout, Slow: fmt.Errorf("no answer within %v", s.Timeout),
		Mask: secret.NewMasker(env.Credential.Secrets()...), InStep: true,
	}
	open, err := s.host.Open(ctx, s.use(), env.Device, names, env.Credential)
	if err != nil {
		return nil, s.closed(&d, err)
	}
	env.Reached()
	d.Gone = open.Done()
	env.Acted()
	w := &session{Settings: s, Device: d, open: open, names: names}
	if open.Thing.Measures {
		return &meter{w}, nil
	}
	return w, nil
}

// closed makes the fault of a device that could not be opened.
func (s *Settings) closed(d *action.Device, err error) *driver.Fault {
	f := &driver.Fault{Phase: driver.Connecting, Device: d.Env.Device, Err: errors.New(d.Clean(err.Error()))}
	var said *plugin.Error
	if errors.As(err, &said) && said.Code != plugin.Unreachable {
		d.Env.Reached()
		f.Phase = driver.LoggingIn
	}
	return f
}

var _ driver.Settings = (*Settings)(nil)
