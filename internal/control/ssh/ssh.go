// Package ssh shuts machines down, and perhaps starts what runs on them, by commands
// over SSH: the way into every Unix, and into Windows since it brings OpenSSH.
//
// A machine that goes down cuts its connections. So a command that was started and
// whose connection breaks off counts as taken. Whether the machine is down by now is
// asked separately: by a command of the user's, or by looking at the SSH port. A port
// that is silent is one of a machine that is off. One that refuses is answered by a
// system that still runs, though its SSH server does not: while a machine shuts down,
// that is so for as long as it writes its disks. It is therefore not called off unless
// the settings say so.
//
// Start at [Settings]. The protocol, host keys and jump hosts are package transport's.
package ssh

import (
	"fmt"
	"strings"
	"time"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/transport"
)

// New makes the kind.
func New() control.Kind {
	return control.Kind{
		Name:    "ssh",
		Summary: "commands on the machine itself, by SSH",
		New: func() control.Settings {
			return &Settings{
				Host: "{address}", Port: 22, Off: "systemctl poweroff", HostKeys: "strict",
				Refused: "unknown", Timeout: 20 * time.Second,
			}
		},
	}
}

// Settings of one control.
type Settings struct {
	Host       string        `yaml:"host" default:"{address}" doc:"where the machine is reached"`
	Port       int           `yaml:"port" default:"22" doc:"port of its SSH server"`
	User       string        `yaml:"user" doc:"who logs in, if the credential names nobody"`
	Off        string        `yaml:"off" default:"systemctl poweroff" doc:"command that shuts it down"`
	On         string        `yaml:"on" doc:"command that starts what off stops, where that is not the machine itself"`
	Status     string        `yaml:"status" doc:"command that ends with status 0 if what is controlled is up, and with any other but 126 and 127 if not; without it, a machine is up whose SSH port answers"`
	HostKeys   string        `yaml:"host-keys" enum:"strict,accept-new,pinned,off" default:"strict" doc:"which host keys are believed: those of the known-hosts file; also those of hosts that it lacks, which are added; those of pins; or any, which is for nobody who minds being listened to"`
	KnownHosts string        `yaml:"known-hosts" doc:"the file for strict and accept-new; without it, for strict, the daemon's"`
	Pins       []string      `yaml:"pins" doc:"host keys to believe, SHA256:… each as ssh-keygen -l prints them"`
	Jump       string        `yaml:"jump" doc:"SSH server to go through, as [user@]host[:port]; the credential is for both"`
	JumpPins   []string      `yaml:"jump-pins" doc:"as pins, for the jump host"`
	Legacy     bool          `yaml:"legacy" default:"no" doc:"also offer broken algorithms, for systems that nobody can update"`
	Refused    string        `yaml:"refused" enum:"unknown,off" default:"unknown" doc:"what a machine is whose port refuses: off only if something else than the machine answers for it then"`
	Timeout    time.Duration `yaml:"timeout" default:"20s" doc:"how long one command, or one look, may take"`
}

// maxCommand bounds a command, in bytes.
const maxCommand = 8 << 10

// Prepare implements [control.Settings].
func (s *Settings) Prepare() (control.Control, error) {
	for _, c := range []struct{ name, text string }{{"off", s.Off}, {"on", s.On}, {"status", s.Status}} {
		if len(c.text) > maxCommand || strings.ContainsRune(c.text, 0) {
			return nil, control.Field(c.name, "at most %d bytes, and no NUL", maxCommand)
		}
	}
	switch {
	case s.Off == "" && s.On == "" && s.Status == "":
		return nil, control.Field("off", "there is no command for anything")
	case s.Host == "":
		return nil, control.Field("host", "it is missing")
	case s.Port < 1 || s.Port > 65535:
		return nil, control.Field("port", "1 to 65535")
	case s.Refused != "unknown" && s.Refused != "off":
		return nil, control.Field("refused", "it is unknown or off")
	case s.Timeout <= 0:
		return nil, control.Field("timeout", "it must be more than nothing")
	}
	o, err := s.trust()
	if err != nil {
		return nil, err
	}
	o.User, o.NoPTY, o.Legacy, o.Jump = s.User, true, s.Legacy, s.Jump
	to := transport.Address{Scheme: transport.SSH, Host: "node", Port: s.Port, SSH: o}
	// Read back, it is looked at like any address; marks are no part of it yet.
	to.SSH.Jump = (&control.Env{Node: "node", Address: "192.0.2.1"}).Fill(s.Jump)
	if _, err := transport.ParseURL(to.URL()); err != nil {
		return nil, control.Field("jump", "%w", err)
	}
	return &shutter{Settings: *s, options: o}, nil
}

// trust makes the policy for host keys.
func (s *Settings) trust() (o transport.SSHOptions, err error) {
	file, pins := s.KnownHosts != "", len(s.Pins) > 0 || len(s.JumpPins) > 0
	switch {
	case file && s.HostKeys != "strict" && s.HostKeys != "accept-new":
		return o, control.Field("known-hosts", "host-keys: %s looks into no file", s.HostKeys)
	case pins && s.HostKeys != "pinned":
		return o, control.Field("pins", "they count with host-keys: pinned only")
	case len(s.JumpPins) > 0 && s.Jump == "":
		return o, control.Field("jump-pins", "there is no jump host")
	}
	o.KnownHosts = s.KnownHosts
	switch s.HostKeys {
	case "strict":
	case "accept-new":
		if o.AcceptNew = true; !file {
			return o, control.Field("known-hosts", "accept-new needs a file to keep the keys in")
		}
	case "pinned":
		if o.Pins, err = fingerprints("pins", s.Pins); err == nil && s.Jump != "" {
			o.JumpPins, err = fingerprints("jump-pins", s.JumpPins)
		}
	case "off":
		o.Insecure = true
	default:
		err = control.Field("host-keys", "it is strict, accept-new, pinned or off")
	}
	return o, err
}

func fingerprints(field string, list []string) ([]string, error) {
	if len(list) == 0 {
		return nil, control.Field(field, "host-keys: pinned needs one at least")
	}
	out := make([]string, len(list))
	for i, text := range list {
		pin, err := transport.ParseSSHPin(text)
		if err != nil {
			return nil, control.Field(field, "%w", err)
		}
		out[i] = pin
	}
	return out, nil
}

// address is where a node is reached, and what is run there.
func (c *shutter) address(env *control.Env, command string) transport.Address {
	o := c.options
	o.Command, o.Jump = command, env.Fill(o.Jump)
	return transport.Address{Scheme: transport.SSH, Host: strings.Trim(env.Fill(c.Host), "[]"), Port: c.Port, SSH: o}
}

// errTime is the cause of what took too long.
func (c *shutter) errTime() error { return fmt.Errorf("not within %v", c.Timeout) }

var _ control.Settings = (*Settings)(nil)
