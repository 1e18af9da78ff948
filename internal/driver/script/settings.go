// Package script drives devices by scripts in PowerMan's device language: menus
// of PDUs, prompts of terminal servers and service processors, coprocesses. One
// driver serves every make that somebody has written a specification for.
//
// Start at [Settings]. The language itself is package devspec at the module's root.
package script

import (
	"context"
	"errors"
	"fmt"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// Options are choices for all script devices of a daemon.
type Options struct {
	// NoDelays makes `delay` statements take no time, as powermand -Y does.
	NoDelays bool
}

// New makes the driver.
func New(opts Options) driver.Driver {
	return driver.Driver{
		Name:    "script",
		Summary: "a device that is spoken to by a specification in PowerMan's device language",
		New:     func() driver.Settings { return &Settings{opts: opts} },
	}
}

// Settings of one scripted device.
type Settings struct {
	Spec    string `yaml:"spec" required:"true" doc:"name of the specification, from one of the room's device files"`
	Address string `yaml:"address" required:"true" doc:"where it is: telnet://host:port, tcp://host:port, tls://…, ssh://…, serial:///dev/…, exec:/path args"`

	opts  Options
	spec  *devspec.Spec
	to    transport.Address
	stays bool // the conversation is broken off without a word
}

// FromPowerMan gives the settings of a `device` line of a powerman.conf. The
// errors are those that powermand gives, and as with it no logout script is run.
func FromPowerMan(spec *devspec.Spec, where, flags string, opts Options) (*Settings, error) {
	to, err := transport.ParsePowerMan(where, flags)
	if err != nil {
		return nil, err
	}
	return &Settings{Spec: spec.Name, Address: to.URL(), opts: opts, spec: spec, to: to, stays: true}, nil
}

// Traits implements [driver.Settings].
func (s *Settings) Traits(shelf driver.Shelf) (driver.Traits, error) {
	if s.spec == nil {
		spec, ok := shelf.Specification(s.Spec)
		if !ok {
			return driver.Traits{}, &driver.FieldError{Field: "spec", Err: fmt.Errorf("no device file of the room defines a specification %q", s.Spec)}
		}
		to, err := transport.ParseURL(s.Address)
		if err != nil {
			return driver.Traits{}, &driver.FieldError{Field: "address", Err: err}
		}
		s.spec, s.to = spec, to
	}
	spec := s.spec
	t := driver.Traits{
		Type: spec.Name, Plugs: spec.Plugs, Timeout: spec.Limit(),
		Actions: func(op room.Op, plugs int, whole bool) int {
			family, has := families[op]
			if !has {
				return 0
			}
			return spec.Runs(family, plugs, whole)
		},
	}
	if spec.Script(devspec.ScriptPing) != nil {
		t.Ping = spec.PingPeriod
	}
	for _, op := range room.Ops() {
		if family, has := families[op]; has && spec.Can(family) {
			t.Verbs = append(t.Verbs, op)
		}
	}
	return t, nil
}

// families says which family of scripts does an operation. For the others there are no
// scripts.
var families = map[room.Op]devspec.Op{
	room.On: devspec.OpOn, room.Off: devspec.OpOff, room.Cycle: devspec.OpCycle, room.Reset: devspec.OpReset,
	room.Status: devspec.OpStatus, room.StatusSoft: devspec.OpStatusSoft, room.Temp: devspec.OpTemp,
	room.Beacon: devspec.OpBeacon, room.BeaconOn: devspec.OpBeaconOn, room.BeaconOff: devspec.OpBeaconOff,
}

// Open implements [driver.Settings].
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	conn, err := env.Reach(ctx, s.to)
	if err != nil {
		return nil, err
	}
	plugs := make([]devspec.Plug, len(env.Plugs))
	for i, p := range env.Plugs {
		plugs[i].Name = p.Name
		if p.Used {
			plugs[i].Node = p.Name // the language asks only whether there is one
		}
	}
	talk := &session{
		device: env.Device, spec: s.spec, rude: s.stays, plugs: devspec.NewPlugTable(plugs), acted: env.Acted,
		Session: devspec.NewSession(s.spec, conn, devspec.Options{
			Secrets: secrets(env.Credential), NoDelays: s.opts.NoDelays,
			Lost: (&losses{device: env.Device, log: env.Log}).add,
		}),
	}
	if err := talk.run(ctx, devspec.ScriptLogin); err != nil {
		talk.Close()
		return nil, &driver.Fault{Phase: driver.LoggingIn, Device: env.Device, Err: err}
	}
	return talk, nil
}

// secrets are what %{user}, %{password} and the like stand for in a send.
func secrets(who secret.Resolved) map[string]string {
	if who.User == "" && len(who.Values) == 0 {
		return nil
	}
	m := map[string]string{"user": who.User}
	for name, v := range who.Values {
		m[name] = v.Reveal()
	}
	return m
}

// fault says what sort of failure an error of a script run is. All but a line
// that broke, or that we break because ctx has ended, is the script's own doing:
// on a new line it would only end the same way.
func fault(ctx context.Context, device string, err error) *driver.Fault {
	f := &driver.Fault{Phase: driver.Acting, Device: device, Err: err}
	if errors.Is(err, devspec.ErrClosed) || ctx.Err() != nil && !errors.Is(err, devspec.ErrTimeout) {
		f.Phase = driver.Lost
	}
	return f
}

var _ driver.Settings = (*Settings)(nil)
