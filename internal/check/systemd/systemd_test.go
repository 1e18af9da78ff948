package systemd_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	"millwright.dev/millwright/internal/check/systemd"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
	"millwright.dev/millwright/internal/transport/sshtest"
)

// command is a systemctl that has said all it has to say.
type command struct {
	*strings.Reader
	status int
}

func (command) Write(p []byte) (int, error)      { return len(p), nil }
func (command) Close() error                     { return nil }
func (command) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (command) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
func (command) CloseWrite() error                { return nil }
func (c command) Exit() (int, error)             { return c.status, nil }
func (command) Complaint() string                { return "Failed to connect to bus" }

func settings(unit string) *systemd.Settings {
	s := systemd.New().New().(*systemd.Settings)
	s.Unit, s.HostKeys = unit, "off"
	return s
}

// TestStates is with what systemctl of systemd 252 prints.
func TestStates(t *testing.T) {
	show := func(load, active, sub, result string) string {
		return "Result=" + result + "\nNRestarts=3\nLoadState=" + load + "\nActiveState=" + active + "\nSubState=" + sub + "\n"
	}
	type S = systemd.Settings
	for _, tt := range []struct {
		name, prints string
		status       int
		change       func(*S)
		want         check.Verdict
		says         string
	}{
		{"runs", show("loaded", "active", "running", "success"), 0, nil, check.OK, "web@{node}.service is active (running)"},
		{"reloads", show("loaded", "reloading", "reload", "success"), 0, nil, check.OK, ""},
		{"failed", show("loaded", "failed", "failed", "exit-code"), 0, nil, check.Bad, "is failed (failed), because of: exit-code, restarted 3 times"},
		{"restarts", show("loaded", "activating", "auto-restart", "exit-code"), 0, nil, check.Bad, "activating (auto-restart)"},
		{"is off", show("loaded", "inactive", "dead", "success"), 0, nil, check.Bad, "inactive (dead)"},
		{"should be off", show("loaded", "inactive", "dead", "success"), 0, func(s *S) { s.States = []string{"inactive"} }, check.OK, ""},
		{"another sub", show("loaded", "active", "exited", "success"), 0, func(s *S) { s.Sub = []string{"running"} }, check.Bad, "active (exited)"},
		{"no such unit", show("not-found", "inactive", "dead", "success"), 0, nil, check.Bad, "no such unit"},
		{"a state of tomorrow", show("loaded", "dreaming", "deep", "success"), 0, nil, check.Unknown, "does not tell"},
		{"no systemd", "", 1, nil, check.Unknown, "Failed to connect to bus"},
		{"no systemctl", "", 127, nil, check.Unknown, "cannot run it"},
		{"rubbish", strings.Repeat("=\n", 100_000), 0, nil, check.Unknown, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := checktest.Env()
			env.Dial = func(_ context.Context, to transport.Address, _ transport.Credentials) (transport.Conn, error) {
				if to.SSH.Command != "systemctl --no-pager --property=LoadState,ActiveState,SubState,Result,NRestarts show -- web@n1.service" {
					return nil, errors.New("the command is " + to.SSH.Command)
				}
				return command{strings.NewReader(tt.prints), tt.status}, nil
			}
			s := settings("web@{node}.service")
			if tt.change != nil {
				tt.change(s)
			}
			checktest.Says(t, checktest.Look(t, s, env), tt.want, tt.says)
		})
	}
}

// TestHere asks this machine by SSH. It may have been started by systemd or not.
func TestHere(t *testing.T) {
	server := sshtest.Start(t)
	s := settings("millwright-no-such.service")
	s.Port = server.Port
	env := checktest.Env()
	env.Credential = secret.Resolved{User: server.User, Values: map[string]secret.Value{secret.Key: secret.NewValue(string(server.Key))}}
	switch r := checktest.Look(t, s, env); {
	case r.Verdict == check.Bad && strings.Contains(r.Said, "no such unit"):
	case r.Verdict == check.Unknown && (strings.Contains(r.Said, "does not tell") || strings.Contains(r.Said, "cannot run")):
	default:
		t.Errorf("%s: %s", r.Verdict, r.Said)
	}
}

func TestSettings(t *testing.T) {
	for _, change := range []func(*systemd.Settings){
		func(s *systemd.Settings) { s.Unit = "" }, func(s *systemd.Settings) { s.Unit = "-x" }, func(s *systemd.Settings) { s.Unit = "a b" },
		func(s *systemd.Settings) { s.States = nil }, func(s *systemd.Settings) { s.States = []string{"happy"} },
		func(s *systemd.Settings) { s.Scope = "world" }, func(s *systemd.Settings) { s.Port = 0 },
	} {
		s := settings("x.service")
		change(s)
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
