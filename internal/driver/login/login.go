// Package login is what settings say of logging in to a machine by SSH: where, which host
// keys are believed, and through which gate. The kinds of check and control that run commands
// on nodes have it as part of their settings, so that it is written the same way everywhere.
//
// Start at [SSH].
package login

import (
	"errors"
	"fmt"
	"strings"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// SSH is where a machine's SSH server is and whom to believe that it is it.
type SSH struct {
	Host       string   `yaml:"host" default:"{address}" doc:"where the machine is reached"`
	Port       int      `yaml:"port" default:"22" doc:"port of its SSH server"`
	User       string   `yaml:"user" doc:"who logs in, if the credential names nobody"`
	HostKeys   string   `yaml:"host-keys" enum:"strict,accept-new,pinned,off" default:"strict" doc:"which host keys are believed: those of the known-hosts file; also those of hosts that it lacks, which are added; those of pins; or any, which is for nobody who minds being listened to"`
	KnownHosts string   `yaml:"known-hosts" doc:"the file for strict and accept-new; without it, for strict, /etc/ssh/ssh_known_hosts"`
	Pins       []string `yaml:"pins" doc:"host keys to believe, SHA256:… each as ssh-keygen -l prints them"`
	Jump       string   `yaml:"jump" doc:"SSH server to go through, as [user@]host[:port]; the credential is for both"`
	JumpPins   []string `yaml:"jump-pins" doc:"as pins, for the jump host"`
	Legacy     bool     `yaml:"legacy" default:"no" doc:"also offer broken algorithms, for systems that nobody can update"`
}

// Defaults are the usual settings.
func Defaults() SSH { return SSH{Host: "{address}", Port: 22, HostKeys: "strict"} }

func field(name, format string, args ...any) error {
	return &driver.FieldError{Field: name, Err: fmt.Errorf(format, args...)}
}

// Options looks at the settings and makes of them what transport needs. fill puts some
// node into a text.
func (s *SSH) Options(fill func(string) string) (transport.SSHOptions, error) {
	o := transport.SSHOptions{User: s.User, NoPTY: true, Legacy: s.Legacy, Jump: s.Jump, KnownHosts: s.KnownHosts}
	switch {
	case s.Host == "":
		return o, field("host", "it is missing")
	case s.Port < 1 || s.Port > 65535:
		return o, field("port", "1 to 65535")
	}
	if err := s.trust(&o); err != nil {
		return o, err
	}
	to := transport.Address{Scheme: transport.SSH, Host: "node", Port: s.Port, SSH: o}
	to.SSH.Jump = fill(s.Jump)
	if _, err := transport.ParseURL(to.URL()); err != nil {
		return o, field("jump", "%w", err)
	}
	return o, nil
}

// systemKnownHosts are the hosts that OpenSSH knows for all users of this computer.
const systemKnownHosts = "/etc/ssh/ssh_known_hosts"

// trust sets which host keys are believed.
func (s *SSH) trust(o *transport.SSHOptions) (err error) {
	switch pins := len(s.Pins) > 0 || len(s.JumpPins) > 0; {
	case s.KnownHosts != "" && s.HostKeys != "strict" && s.HostKeys != "accept-new":
		return field("known-hosts", "host-keys: %s looks into no file", s.HostKeys)
	case pins && s.HostKeys != "pinned":
		return field("pins", "they count with host-keys: pinned only")
	case len(s.JumpPins) > 0 && s.Jump == "":
		return field("jump-pins", "there is no jump host")
	}
	switch s.HostKeys {
	case "strict":
		if s.KnownHosts == "" {
			o.KnownHosts = systemKnownHosts
		}
	case "accept-new":
		if o.AcceptNew = true; s.KnownHosts == "" {
			return field("known-hosts", "accept-new needs a file to keep the keys in")
		}
	case "pinned":
		if o.Pins, err = fingerprints("pins", s.Pins); err == nil && s.Jump != "" {
			o.JumpPins, err = fingerprints("jump-pins", s.JumpPins)
		}
	case "off":
		o.Insecure = true
	default:
		err = field("host-keys", "it is strict, accept-new, pinned or off")
	}
	return err
}

func fingerprints(name string, list []string) ([]string, error) {
	if len(list) == 0 {
		return nil, &driver.FieldError{Field: name, Err: errors.New("host-keys: pinned needs one at least")}
	}
	out := make([]string, len(list))
	for i, text := range list {
		pin, err := transport.ParseSSHPin(text)
		if err != nil {
			return nil, field(name, "%w", err)
		}
		out[i] = pin
	}
	return out, nil
}

// Address is where to run a command, with the options that Options has made.
func (s *SSH) Address(o transport.SSHOptions, fill func(string) string, command string) transport.Address {
	o.Command, o.Jump = command, fill(o.Jump)
	return transport.Address{Scheme: transport.SSH, Host: strings.Trim(fill(s.Host), "[]"), Port: s.Port, SSH: o}
}

// Credentials are what a credential holds for SSH.
func Credentials(who secret.Resolved) transport.Credentials {
	return transport.Credentials{
		User: who.User, Password: who.Get(secret.Password).Reveal(),
		PrivateKey: []byte(who.Get(secret.Key).Reveal()), Passphrase: []byte(who.Get(secret.Passphrase).Reveal()),
	}
}
