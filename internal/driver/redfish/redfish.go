// Package redfish drives machines through their service processors, by Redfish: any
// BMC, enclosure or virtual BMC that is managed by HTTP and JSON.
//
// The protocol is package redfish's at the repository's root; here it becomes a
// driver: plugs are machines, and one device is one service with one session, which
// is logged out at the end, because BMCs have few. The machines of a batch are worked
// at side by side.
//
// Start at [Settings]; session.go is the work on machines, asking.go one question with
// its errors, and reach.go what reaches into a machine: boot device, log, measurements.
package redfish

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/redfish"
)

// New makes the driver.
func New() driver.Driver {
	return driver.Driver{
		Name:    "redfish",
		Summary: "service processors, by Redfish",
		New: func() driver.Settings {
			return &Settings{Auth: "auto", Rest: 5 * time.Second, Timeout: time.Minute}
		},
	}
}

// Settings of one service.
type Settings struct {
	Address string            `yaml:"address" required:"true" doc:"where the service is, as https://host, or http://host where there is no TLS"`
	TLS     web.TLS           `yaml:"tls" doc:"whom to trust, for https"`
	System  string            `yaml:"system" doc:"which of its machines is plug 1: its id, path, name or serial number; may be left out if there is but one"`
	Systems map[string]string `yaml:"systems" doc:"the machine of each plug, where the service has several: names of plugs, and what system would be"`
	Auth    string            `yaml:"auth" enum:"auto,session,basic" default:"auto" doc:"how to log in; auto is a session, or basic where there are none"`
	Rate    float64           `yaml:"rate" doc:"at most so many requests a second, for services that fall over; 0 is no limit"`
	Rest    time.Duration     `yaml:"rest" default:"5s" doc:"how long a cycle leaves the machine off"`
	Timeout time.Duration     `yaml:"timeout" default:"1m" doc:"how long one operation may take"`

	at    *url.URL
	plugs map[string]string
}

// onlyPlug is the one that there is where the service has but one machine.
const onlyPlug = "1"

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	field := func(name, said string) (driver.Traits, error) {
		return driver.Traits{}, &driver.FieldError{Field: name, Err: errors.New(said)}
	}
	at, err := web.Place(s.Address, s.TLS, "https://host or http://host", "https", "http")
	switch {
	case err != nil:
		return driver.Traits{}, err
	case s.Auth != "auto" && s.Auth != "session" && s.Auth != "basic":
		return field("auth", "it is auto, session or basic")
	case s.Rate < 0:
		return field("rate", "it is 0 or more")
	case s.Rest < 0 || s.Timeout <= 0:
		return field("timeout", "times must be more than nothing")
	case s.System != "" && len(s.Systems) > 0:
		return field("systems", "name one machine by system, or several by systems")
	}
	s.at, s.plugs = at, map[string]string{onlyPlug: s.System}
	if len(s.Systems) > 0 {
		s.plugs = s.Systems
	}
	for name, which := range s.Systems {
		if name == "" || which == "" {
			return field("systems", fmt.Sprintf("%q: %q: both the plug and its machine have a name", name, which))
		}
	}
	return driver.Traits{
		Type: "redfish", Timeout: s.Timeout, Login: []string{secret.Password},
		Plugs: slices.SortedFunc(maps.Keys(s.plugs), hostlist.Compare),
		Verbs: []room.Op{room.Status, room.On, room.Off, room.SoftOff, room.Cycle, room.Reset, room.Diag, room.Temp, room.Beacon, room.BeaconOn, room.BeaconOff},
	}, nil
}

// Open implements [driver.Settings]: it logs in.
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	mask := secret.NewMasker(env.Credential.Secrets()...)
	n := &session{
		Settings: s, systems: make(map[string]*redfish.System),
		Device: action.Device{Env: env, Timeout: s.Timeout, Mask: mask, InStep: true},
	}
	options, err := s.options(env)
	if err != nil {
		return nil, &driver.Fault{Phase: driver.Connecting, Device: env.Device, Err: err}
	}
	reached := true
	err = n.Login(ctx, func(a *action.Action) error {
		var err error
		n.client, err = redfish.Dial(a.Context(), options)
		var away *redfish.ConnectError
		reached = !errors.As(err, &away)
		return worded(a, err)
	})
	if err == nil {
		return n, nil
	}
	var f *driver.Fault
	if errors.As(err, &f) && !reached {
		f.Phase = driver.Connecting
	}
	return nil, err
}

// options says how to dial.
func (s *Settings) options(env driver.Env) (redfish.Options, error) {
	o := redfish.Options{
		Address: s.at.String(), User: env.Credential.User, Password: env.Credential.Get(secret.Password).Reveal(),
		PlainHTTP: s.at.Scheme == "http", DialContext: env.DialContext, Reached: env.Reached, Timeout: s.Timeout, Rate: s.Rate,
		Auth: map[string]redfish.Auth{"auto": redfish.SessionOrBasic, "session": redfish.Session, "basic": redfish.Basic}[s.Auth],
	}
	if s.at.Scheme == "https" {
		config, err := s.TLS.Config(s.at.Hostname())
		if err != nil {
			return o, err
		}
		o.Trust.Config = config
	}
	return o, nil
}

// session is an open conversation. The machines' goroutines share the client.
type session struct {
	*Settings
	action.Device
	client *redfish.Client

	mu      sync.Mutex
	systems map[string]*redfish.System // by what the settings call them
}

// Done implements [driver.Session]: a connection that ends between two requests is
// nothing to worry about.
func (*session) Done() <-chan struct{} { return nil }

// Close implements [driver.Session]: it logs out. That this does not work is nothing to
// tell: the service's session ends by itself, one day.
func (n *session) Close() error {
	_ = n.client.Close()
	return nil
}
