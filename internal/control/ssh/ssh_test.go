package ssh_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/control/ssh"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
	"millwright.dev/millwright/internal/transport/sshtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// envOf is what a control is given for a node that is reached at a server.
func envOf(s *sshtest.Server) control.Env {
	d := &transport.Dialer{}
	return control.Env{
		Node: "n1", Address: "127.0.0.1", Log: slog.New(slog.DiscardHandler), Dial: d.Dial, DialContext: d.Network,
		Credential: secret.Resolved{User: s.User, Values: map[string]secret.Value{secret.Key: secret.NewValue(string(s.Key))}},
	}
}

// settingsFor are settings for a server, with its host key pinned.
func settingsFor(s *sshtest.Server) *ssh.Settings {
	o := ssh.New().New().(*ssh.Settings)
	o.Port, o.HostKeys, o.Pins, o.Timeout = s.Port, "pinned", []string{s.Pin}, 30*time.Second
	return o
}

func prepare(t *testing.T, s *ssh.Settings) control.Control {
	t.Helper()
	c, err := s.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOff(t *testing.T) {
	server := sshtest.Start(t)
	env := envOf(server)
	file := filepath.Join(t.TempDir(), "halted")
	for _, tt := range []struct {
		name, command, fault string
	}{
		{"it is taken", "echo {node} {address} > " + file, ""},
		{"the connection breaks off", "kill -KILL $PPID; sleep 60", ""},
		{"it is refused", "echo not allowed >&2; exit 4", `n1: "echo not allowed >&2; exit 4" ended with status 4: not allowed`},
		{"no such command", "/no/such/thing", "ended with status 127"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := settingsFor(server)
			s.Off = tt.command
			err := prepare(t, s).Off(t.Context(), env)
			if (tt.fault == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("off: %v, want %q", err, tt.fault)
			}
		})
	}
	if text, err := os.ReadFile(file); string(text) != "n1 127.0.0.1\n" {
		t.Errorf("the command has written %q (%v)", text, err)
	}
}

func TestOnMustEnd(t *testing.T) {
	server := sshtest.Start(t)
	s := settingsFor(server)
	s.On = "kill -KILL $PPID; sleep 60"
	if err := prepare(t, s).On(t.Context(), envOf(server)); err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Errorf("on whose connection broke off: %v", err)
	}
	s.On, s.Timeout = "sleep 60", time.Second
	if err := prepare(t, s).On(t.Context(), envOf(server)); err == nil || !strings.Contains(err.Error(), "not within 1s") {
		t.Errorf("on that does not end: %v", err)
	}
}

func TestStatus(t *testing.T) {
	server := sshtest.Start(t)
	env := envOf(server)
	for command, want := range map[string]room.State{
		"": room.StateOn, "exit 0": room.StateOn, "exit 3": room.StateOff, "/no/such/thing": room.StateUnknown,
	} {
		s := settingsFor(server)
		s.Status = command
		got, err := prepare(t, s).Status(t.Context(), env)
		if got != want || (err != nil) != (want == room.StateUnknown) {
			t.Errorf("status by %q: %v, %v, want %v", command, got, err, want)
		}
	}
	// The server has ended, and the system that refuses for it has not.
	server.Stop()
	for refused, want := range map[string]room.State{"unknown": room.StateUnknown, "off": room.StateOff} {
		for _, command := range []string{"", "exit 0"} {
			s := settingsFor(server)
			s.Status, s.Refused = command, refused
			if got, err := prepare(t, s).Status(t.Context(), env); got != want || err != nil {
				t.Errorf("a port that refuses, by %q: %v, %v, want %v", command, got, err, want)
			}
		}
	}
}

func TestStatusOfWhatCannotBeReached(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want room.State
	}{
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, room.StateOff},
		{&net.OpError{Op: "dial", Err: context.DeadlineExceeded}, room.StateOff},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}, room.StateUnknown},
		{&net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}, room.StateUnknown},
		{errors.New("ssh: unable to authenticate"), room.StateUnknown},
	} {
		d := &transport.Dialer{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, tt.err }}
		env := control.Env{Node: "n1", Address: "192.0.2.1", Dial: d.Dial, DialContext: d.DialContext, Credential: secret.Resolved{User: "u"}}
		for _, command := range []string{"", "exit 0"} {
			s := ssh.New().New().(*ssh.Settings)
			s.HostKeys, s.Status = "off", command
			if got, err := prepare(t, s).Status(t.Context(), env); got != tt.want || (err != nil) != (got == room.StateUnknown) {
				t.Errorf("%v by %q: %v, %v, want %v", tt.err, command, got, err, tt.want)
			}
		}
	}
}

// A machine behind a jump host: it is the machine that counts, not the way to it.
func TestJump(t *testing.T) {
	gate := sshtest.Start(t)
	server := sshtest.Start(t, gate)
	env := envOf(server)
	s := settingsFor(server)
	s.Jump, s.JumpPins, s.Off = fmt.Sprintf("%s@%s", gate.User, gate.Addr()), []string{gate.Pin}, "true"
	c := prepare(t, s)
	if err := c.Off(t.Context(), env); err != nil {
		t.Errorf("off through a jump host: %v", err)
	}
	if got, err := c.Status(t.Context(), env); got != room.StateOn || err != nil {
		t.Errorf("status through a jump host: %v, %v", got, err)
	}
	swapped := *s
	swapped.Pins, swapped.JumpPins = s.JumpPins, s.Pins
	if err := prepare(t, &swapped).Off(t.Context(), env); err == nil || !strings.Contains(err.Error(), "not the pinned one") {
		t.Errorf("a jump host with another key: %v", err)
	}
	server.Stop()
	s.Refused = "off"
	if got, err := prepare(t, s).Status(t.Context(), env); got != room.StateOff || err != nil {
		t.Errorf("a machine behind the jump host that refuses: %v, %v", got, err)
	}
	gate.Stop()
	if got, err := prepare(t, s).Status(t.Context(), env); got != room.StateUnknown || err == nil {
		t.Errorf("a jump host that refuses: %v, %v", got, err)
	}
}

func TestHostKeys(t *testing.T) {
	server, other := sshtest.Start(t), sshtest.Start(t)
	env := envOf(server)
	good, bad, fresh := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "c")
	strange := strings.Fields(server.Line)[0] + " " + strings.Join(strings.Fields(other.Line)[1:], " ")
	for file, line := range map[string]string{good: server.Line, bad: strange} {
		if err := os.WriteFile(file, []byte(line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, policy, file, fault string
	}{
		{"a key that is known", "strict", good, ""},
		{"another key", "strict", bad, "key mismatch"},
		{"another key is not new", "accept-new", bad, "key mismatch"},
		{"a new host", "accept-new", fresh, ""},
		{"a host that is not new any more", "strict", fresh, ""},
		{"any", "off", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := settingsFor(server)
			s.Pins, s.HostKeys, s.KnownHosts, s.Off = nil, tt.policy, tt.file, "true"
			err := prepare(t, s).Off(t.Context(), env)
			if (tt.fault == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("off: %v, want %q", err, tt.fault)
			}
		})
	}
	if text, err := os.ReadFile(fresh); string(text) != server.Line+"\n" {
		t.Errorf("the file has %q (%v), want the server's line once", text, err)
	}
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		field  string
		change func(*ssh.Settings)
	}{
		{"", func(*ssh.Settings) {}},
		{"off", func(s *ssh.Settings) { s.Off = "" }},
		{"port", func(s *ssh.Settings) { s.Port = 0 }},
		{"pins", func(s *ssh.Settings) { s.HostKeys = "pinned" }},
		{"pins", func(s *ssh.Settings) { s.HostKeys, s.Pins = "pinned", []string{"SHA256:short"} }},
		{"jump-pins", func(s *ssh.Settings) {
			s.HostKeys, s.Pins, s.Jump = "pinned", []string{"SHA256:" + strings.Repeat("a", 42) + "E"}, "gate"
		}},
		{"known-hosts", func(s *ssh.Settings) { s.HostKeys = "accept-new" }},
		{"known-hosts", func(s *ssh.Settings) { s.HostKeys, s.KnownHosts = "off", "/f" }},
		{"jump", func(s *ssh.Settings) { s.Jump = "a b" }},
		{"host-keys", func(s *ssh.Settings) { s.HostKeys = "maybe" }},
		{"timeout", func(s *ssh.Settings) { s.Timeout = 0 }},
	} {
		s := ssh.New().New().(*ssh.Settings)
		tt.change(s)
		_, err := s.Prepare()
		if tt.field == "" && err != nil || tt.field != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.field+": ")) {
			t.Errorf("want a fault of %q, got %v", tt.field, err)
		}
	}
}

// A node's name is a word of its command, whatever the node's shell would make of it.
func TestNamesAreQuoted(t *testing.T) {
	server := sshtest.Start(t)
	env := envOf(server)
	env.Node = "n1;exit${IFS}4"
	s := settingsFor(server)
	s.Off = "test {node} = 'n1;exit${IFS}4'"
	if err := prepare(t, s).Off(t.Context(), env); err != nil {
		t.Error(err)
	}
}
