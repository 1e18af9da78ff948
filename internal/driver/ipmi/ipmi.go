// Package ipmi drives machines through their service processors, by IPMI over LAN.
//
// The protocol is package ipmi's at the repository's root; here it becomes a driver:
// a device is one BMC and its plug the machine that it sits in, or machines behind it
// that requests are bridged to. All devices share one client, and so one socket,
// which is opened with the first session and closed with the last ([engine]).
//
// Start at [Settings]; session.go is switching, and reach.go what reaches into a
// machine: boot device, log, console, measurements.
package ipmi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/rmcp"
)

// New makes the driver. All settings that it makes share an engine.
func New() driver.Driver {
	shared := new(engine)
	return driver.Driver{
		Name:    "ipmi",
		Summary: "service processors (BMCs), by IPMI over LAN",
		New: func() driver.Settings {
			return &Settings{Suites: "auto", Privilege: "auto", Rest: 5 * time.Second, Timeout: 20 * time.Second, Log: time.Minute, Pipeline: 1, engine: shared}
		},
	}
}

// Settings of one BMC.
type Settings struct {
	Address   string            `yaml:"address" required:"true" doc:"where the BMC is: a host, or host:port where it is not 623"`
	Suites    string            `yaml:"suites" default:"auto" doc:"the cipher suites to try, in order, such as 17,3; auto is 17 and then 3. Suites that do not encrypt, and 0, which protects nothing, are only used when they are named"`
	Privilege string            `yaml:"privilege" enum:"auto,user,operator,administrator" default:"auto" doc:"what to log in as; auto is the highest that the user has"`
	IPMI15    bool              `yaml:"ipmi15" default:"no" doc:"takes IPMI 1.5 where there is nothing better; it does not encrypt"`
	Quirks    string            `yaml:"quirks" doc:"ways in which the BMC differs from the specification, such as opensesspriv or intel20, with commas between them"`
	Bridged   map[string]string `yaml:"bridged" doc:"machines behind this BMC that are to be its plugs: their names, and for each the channel and address of its controller, as in 0:0x82. Without it the one plug is the BMC's own machine"`
	Pipeline  int               `yaml:"pipeline" default:"1" doc:"how many requests may be under way at a time; more than 1 only for BMCs that are known to bear it"`
	Rest      time.Duration     `yaml:"rest" default:"5s" doc:"how long a cycle leaves the machine off"`
	Timeout   time.Duration     `yaml:"timeout" default:"20s" doc:"how long one operation may take"`
	Log       time.Duration     `yaml:"log" default:"1m" doc:"how often the machine's event log is looked through for what is new, which becomes events; 0s is never"`

	engine  *engine
	options ipmi.Options
	behind  map[string]ipmi.Hop
}

// onlyPlug is the BMC's own machine.
const onlyPlug = "1"

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	field := func(name string, err error) (driver.Traits, error) {
		return driver.Traits{}, &driver.FieldError{Field: name, Err: err}
	}
	var err error
	o := ipmi.Options{IPMI15: s.IPMI15, Timeout: s.Timeout, Pipeline: s.Pipeline}
	switch {
	case s.Address == "":
		return field("address", errors.New("say where the BMC is"))
	case s.Timeout <= 0 || s.Rest < 0 || s.Log < 0:
		return field("timeout", errors.New("times must be more than nothing"))
	case s.Pipeline < 1 || s.Pipeline > 16:
		return field("pipeline", errors.New("it is 1 to 16"))
	}
	if o.Suites, err = rmcp.ParseSuiteNumbers(s.Suites); err != nil {
		return field("suites", err)
	}
	if o.Privilege, err = ipmi.ParsePrivilege(s.Privilege); err != nil {
		return field("privilege", err)
	}
	if o.Quirks, err = ipmi.ParseQuirks(s.Quirks); err != nil {
		return field("quirks", err)
	}
	s.options, s.behind = o, make(map[string]ipmi.Hop, len(s.Bridged))
	plugs := []string{onlyPlug}
	for name, at := range s.Bridged {
		hop, err := ipmi.ParseHop(at)
		if err != nil {
			return field("bridged", fmt.Errorf("%s: %w", name, err))
		}
		s.behind[name] = hop
	}
	if len(s.behind) > 0 {
		plugs = slices.SortedFunc(maps.Keys(s.behind), hostlist.Compare)
	}
	return driver.Traits{
		Type: "ipmi", Timeout: s.Timeout, Plugs: plugs, Log: s.Log, Ping: time.Minute,
		Verbs: []room.Op{room.Status, room.On, room.Off, room.SoftOff, room.Cycle, room.Reset, room.Diag, room.Beacon, room.BeaconOn, room.BeaconOff},
	}, nil
}

// Open implements [driver.Settings]: it logs in.
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	o := s.options
	o.User, o.Password, o.Kg = env.Credential.User, env.Credential.Get(secret.Password).Reveal(), env.Credential.Get(secret.Kg).Reveal()
	n := &session{
		Settings: s,
		Device:   action.Device{Env: env, Timeout: s.Timeout, Mask: secret.NewMasker(env.Credential.Secrets()...), InStep: true},
	}
	client := s.engine.enter()
	reached := true
	err := n.Login(ctx, func(a *action.Action) error {
		var err error
		n.bmc, err = client.Open(a.Context(), s.Address, o)
		var login *ipmi.LoginError
		if errors.As(err, &login) {
			reached = login.Kind != ipmi.LoginNoAnswer && login.Kind != ipmi.LoginUnresolved
		}
		if err != nil && a.Context().Err() != nil && reached {
			return a.Over()
		}
		return err
	})
	if reached {
		env.Reached()
	}
	if err == nil {
		return n, nil
	}
	s.engine.leave()
	var f *driver.Fault
	if errors.As(err, &f) && !reached {
		f.Phase = driver.Connecting
	}
	return nil, err
}
