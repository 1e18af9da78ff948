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
// Start at [Settings]. The protocol, host keys and jump hosts are package
// transport's, and how they are set package driver/login's.
package ssh

import (
	"fmt"
	"strings"
	"time"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/driver/login"
	"millwright.dev/millwright/internal/transport"
)

// New makes the kind.
func New() control.Kind {
	return control.Kind{
		Name:    "ssh",
		Summary: "commands on the machine itself, by SSH",
		New: func() control.Settings {
			return &Settings{
				SSH: login.Defaults(), Off: "systemctl poweroff", Refused: "unknown", Timeout: 20 * time.Second,
			}
		},
	}
}

// Settings of one control.
type Settings struct {
	login.SSH `yaml:",inline"`

	Off     string        `yaml:"off" default:"systemctl poweroff" doc:"command that shuts it down"`
	On      string        `yaml:"on" doc:"command that starts what off stops, where that is not the machine itself"`
	Status  string        `yaml:"status" doc:"command that ends with status 0 if what is controlled is up, and with any other but 126 and 127 if not; without it, a machine is up whose SSH port answers"`
	Refused string        `yaml:"refused" enum:"unknown,off" default:"unknown" doc:"what a machine is whose port refuses: off only if something else than the machine answers for it then"`
	Timeout time.Duration `yaml:"timeout" default:"20s" doc:"how long one command, or one look, may take"`
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
	case s.Refused != "unknown" && s.Refused != "off":
		return nil, control.Field("refused", "it is unknown or off")
	case s.Timeout <= 0:
		return nil, control.Field("timeout", "it must be more than nothing")
	}
	o, err := s.Options((&control.Env{Node: "node", Address: "192.0.2.1"}).Fill)
	if err != nil {
		return nil, err
	}
	return &shutter{Settings: *s, options: o}, nil
}

// address is where a node is reached, and what is run there.
func (c *shutter) address(env *control.Env, command string) transport.Address {
	return c.Address(c.options, env.Fill, command)
}

// errTime is the cause of what took too long.
func (c *shutter) errTime() error { return fmt.Errorf("not within %v", c.Timeout) }

var _ control.Settings = (*Settings)(nil)
