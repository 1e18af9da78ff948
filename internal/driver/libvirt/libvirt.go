// Package libvirt drives virtual machines, by libvirt's daemons.
//
// The protocol is package libvirt's at the repository's root; here it becomes a driver:
// a device is one daemon with one connection, and its plugs are the machines by their
// names. A console has a connection of its own, because a daemon that has input for a
// machine that does not take it reads nothing more of what comes with it.
//
// Start at [Settings]; session.go is switching, reach.go what reaches into a machine
// (boot device, console, what it is), and events.go what is done about what happens to
// machines by itself: their log, and boot devices that were for one start.
package libvirt

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
	"millwright.dev/millwright/libvirt"
)

// New makes the driver.
func New() driver.Driver {
	return driver.Driver{
		Name:    "libvirt",
		Summary: "virtual machines, by libvirt's daemons",
		New: func() driver.Settings {
			return &Settings{Rest: time.Second, Timeout: 30 * time.Second, Log: time.Minute}
		},
	}
}

// Settings of one daemon.
type Settings struct {
	Address string        `yaml:"address" required:"true" doc:"the daemon, as a libvirt URI: qemu:///system, qemu+ssh://user@host/system, qemu+tls://host/system"`
	TLS     web.TLS       `yaml:"tls" doc:"whom to trust, for tls; a certificate of ours is in the folder of the address's pkipath"`
	SSH     SSH           `yaml:"ssh" doc:"whom to trust, for ssh"`
	Console string        `yaml:"console" doc:"the alias of the device that is a machine's console, such as serial0; the first, if it is left out"`
	Rest    time.Duration `yaml:"rest" default:"1s" doc:"how long a cycle leaves the machine off"`
	Timeout time.Duration `yaml:"timeout" default:"30s" doc:"how long one operation may take"`
	Log     time.Duration `yaml:"log" default:"1m" doc:"how often what has happened to the machines becomes events; 0s is never"`

	at libvirt.URI
}

// SSH says whom to trust.
type SSH struct {
	KnownHosts string   `yaml:"known-hosts" doc:"a known_hosts file, if it is not the daemon's"`
	Pins       []string `yaml:"pins" doc:"fingerprints of host keys, SHA256:BASE64 each, as ssh-keygen -l prints them"`
	Insecure   bool     `yaml:"insecure" default:"no" doc:"trust anybody: who can get between is in command"`
}

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	field := func(name string, err error) (driver.Traits, error) {
		return driver.Traits{}, &driver.FieldError{Field: name, Err: err}
	}
	var err error
	if s.at, err = libvirt.ParseURI(s.Address); err != nil {
		return field("address", err)
	}
	if err := s.TLS.Check(); err != nil {
		return field("tls", err)
	}
	if s.at.NoVerify {
		return field("address", errors.New("no_verify trusts anybody; say so by tls: {insecure: yes}, or name whom to trust there"))
	}
	if s.Timeout <= 0 || s.Rest < 0 || s.Log < 0 {
		return field("timeout", errors.New("times must be more than nothing"))
	}
	return driver.Traits{
		Type: "libvirt", Timeout: s.Timeout, Log: s.Log,
		Verbs: []room.Op{room.Status, room.On, room.Off, room.SoftOff, room.Cycle, room.Reset, room.Diag},
	}, nil
}

// Open implements [driver.Settings].
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	n := &session{
		Settings: s,
		Device:   action.Device{Env: env, Timeout: s.Timeout, Mask: secret.NewMasker(env.Credential.Secrets()...), InStep: true},
		began:    time.Now(), logs: make(map[string][]driver.LogEntry), started: make(map[string]bool), consoles: make(map[*console]bool),
		nudge: make(chan struct{}, 1), closing: make(chan struct{}),
	}
	reached := false
	options := s.options(env, func() {
		reached = true
		env.Reached()
	})
	options.Notify = n.happened
	err := n.Login(ctx, func(a *action.Action) error {
		var err error
		n.conn, err = libvirt.Dial(a.Context(), s.Address, options)
		if err != nil && a.Context().Err() != nil {
			return a.Over()
		}
		return err
	})
	if err == nil {
		n.Gone = n.conn.Done()
		n.catchUp()
		n.owners.Go(n.settle)
		return n, nil
	}
	var f *driver.Fault
	if errors.As(err, &f) && !reached {
		f.Phase = driver.Connecting
	}
	return nil, err
}

// options says how to dial.
func (s *Settings) options(env driver.Env, reached func()) libvirt.Options {
	var o libvirt.Options
	o.DialContext, o.Reached = env.DialContext, reached
	if s.at.Transport == "tls" {
		config, err := s.TLS.Config(s.at.Host)
		if err != nil {
			o.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, err }
		}
		o.TLS = config
	}
	o.SSH = func(ctx context.Context, to libvirt.URI, command string) (io.ReadWriteCloser, error) {
		port, err := strconv.Atoi(to.Port)
		if to.Port == "" {
			port, err = 22, nil
		}
		if err != nil {
			return nil, err
		}
		away := env // the library tells when it is reached
		away.Reached = func() {}
		return away.Reach(ctx, transport.Address{
			Scheme: transport.SSH, Host: to.Host, Port: port,
			SSH: transport.SSHOptions{User: to.User, Command: command, NoPTY: true, KnownHosts: s.SSH.KnownHosts, Pins: s.SSH.Pins, Insecure: s.SSH.Insecure},
		})
	}
	return o
}
