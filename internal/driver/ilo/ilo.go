// Package ilo drives HP's and HPE's Integrated Lights-Out by RIBCL, the XML that
// all its generations understand: the first two take it on a bare TLS connection,
// the third and later as a POST to /ribcl. (HP iLO 3 and iLO 4 Scripting and
// Command Line Guides, "RIBCL XML Scripting Language".)
//
// A script is a connection of its own, with the password in it; what comes back is
// a row of small documents, one for each command. A machine that is off is switched
// on when it is to be cycled or reset, since iLO refuses to reset it then.
//
// Newer ones speak Redfish as well, which knows more. Start at [Settings].
package ilo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// New makes the driver.
func New() driver.Driver {
	return driver.Driver{
		Name:    "ilo",
		Summary: "HP and HPE Integrated Lights-Out, any generation, by RIBCL",
		New: func() driver.Settings {
			return &Settings{Carrier: "http", Off: "hard", TLS: web.TLS{Min: "1.2"}, Rest: 5 * time.Second, Timeout: 30 * time.Second}
		},
	}
}

// Settings of one iLO.
type Settings struct {
	Address string        `yaml:"address" required:"true" doc:"where the iLO is, as https://host"`
	Carrier string        `yaml:"carrier" enum:"http,raw" default:"http" doc:"how scripts are brought: http for iLO 3 and later, raw for iLO and iLO 2"`
	TLS     web.TLS       `yaml:"tls" doc:"whom to trust; iLO and iLO 2 need min: \"1.0\""`
	Off     string        `yaml:"off" enum:"hard,soft" default:"hard" doc:"hard holds the power button; soft presses it, and the operating system shuts down"`
	Rest    time.Duration `yaml:"rest" default:"5s" doc:"how long a cycle leaves the machine off"`
	Timeout time.Duration `yaml:"timeout" default:"30s" doc:"how long one operation may take"`

	at *url.URL
}

// plug is the one that there is: the machine itself.
const plug = "1"

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	field := func(name, said string) (driver.Traits, error) {
		return driver.Traits{}, &driver.FieldError{Field: name, Err: errors.New(said)}
	}
	at, err := web.Place(s.Address, s.TLS, "https://host", "https")
	switch {
	case err != nil:
		return driver.Traits{}, err
	case s.Carrier != "http" && s.Carrier != "raw":
		return field("carrier", "it is http or raw")
	case s.Off != "hard" && s.Off != "soft":
		return field("off", "it is hard or soft")
	case s.Rest < 0 || s.Timeout <= 0:
		return field("timeout", "times must be more than nothing")
	}
	s.at = at
	return driver.Traits{
		Type: "ilo", Plugs: []string{plug}, Timeout: s.Timeout, Login: []string{secret.Password},
		Verbs: []room.Op{room.Status, room.On, room.Off, room.Cycle, room.Reset, room.Beacon, room.BeaconOn, room.BeaconOff},
	}, nil
}

// Open implements [driver.Settings]: it asks whether the machine is on, which shows
// that the password is right.
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	trust, err := s.TLS.Config(s.at.Hostname())
	if err != nil {
		return nil, &driver.Fault{Phase: driver.Connecting, Device: env.Device, Err: err}
	}
	n := &session{Settings: s, trust: trust, Device: action.Device{
		Env: env, Timeout: s.Timeout, Slow: errSlow, Mask: masker(env.Credential), NoLine: true,
	}}
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, errSlow)
	defer cancel()
	conn, err := n.dial(ctx)
	if err != nil {
		return nil, &driver.Fault{Phase: driver.Connecting, Device: env.Device, Err: why(ctx, err)}
	}
	conn.Close() // scripts have connections of their own
	env.Reached()
	if err := n.Login(ctx, func(a *action.Action) error {
		_, err := (&talk{n, a}).power()
		return err
	}); err != nil {
		return nil, err
	}
	return n, nil
}

var errSlow = errors.New("it took too long")

// why prefers the reason for which we ended something to the noise of its ending.
func why(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return fmt.Errorf("talk to the iLO: %w", err)
}
