package ssh_test

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	"millwright.dev/millwright/internal/check/ssh"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport/sshtest"
)

func TestCommands(t *testing.T) {
	server := sshtest.Start(t)
	env := checktest.Env()
	env.Node = "n1; echo no"
	env.Credential = secret.Resolved{User: server.User, Values: map[string]secret.Value{secret.Key: secret.NewValue(string(server.Key))}}
	settings := func(command string, change func(*ssh.Settings)) *ssh.Settings {
		s := ssh.New().New().(*ssh.Settings)
		s.Command, s.Port, s.HostKeys, s.Pins = command, server.Port, "pinned", []string{server.Pin}
		if change != nil {
			change(s)
		}
		return s
	}
	type S = ssh.Settings
	for _, tt := range []struct {
		name, command string
		change        func(*S)
		want          check.Verdict
		says          string
	}{
		{"fine", "echo all well; echo more", nil, check.OK, "status 0: all well, in"},
		{"bad", "echo no disk >&2; exit 3", nil, check.Bad, "status 3: no disk"},
		{"another status", "exit 3", func(s *S) { s.OK = []int{3} }, check.OK, "status 3"},
		{"output", "echo 42", func(s *S) { s.Is = "42" }, check.OK, ""},
		{"another output", "echo 43", func(s *S) { s.Is = "42" }, check.Bad, `"43" and not "42"`},
		{"the node's name", "echo {node}", func(s *S) { s.Is = "{node}" }, check.OK, "n1; echo no"},
		{"no such command", "millwright-no-such-program", nil, check.Unknown, "cannot run it (status 127)"},
		{"a signal", "kill -9 $$", nil, check.Unknown, "signal KILL"},
		{"a flood", "head -c 3000000 /dev/zero | tr '\\0' x", nil, check.OK, "xxx"},
		{"input", "cat", nil, check.OK, "status 0"},
		{"another host key", "true", func(s *S) { s.Pins = []string{"SHA256:" + server.Pin[8:12] + server.Pin[7:11] + server.Pin[15:]} }, check.Unknown, "not the pinned one"},
		{"nobody there", "true", func(s *S) { s.Port = 1 }, check.Bad, "connection refused"},
		{"nobody known", "true", func(s *S) { s.HostKeys, s.Pins = "strict", nil }, check.Unknown, "host key"},
		{"through a gate", "echo gone", func(s *S) {
			s.Jump, s.JumpPins = net.JoinHostPort("127.0.0.1", strconv.Itoa(server.Port)), []string{server.Pin}
		}, check.OK, "gone"},
		{"through a gate to nobody", "true", func(s *S) {
			s.Jump, s.JumpPins, s.Port = net.JoinHostPort("127.0.0.1", strconv.Itoa(server.Port)), []string{server.Pin}, 1
		}, check.Bad, "refused"},
		{"through a gate that is not there", "true", func(s *S) { s.Jump, s.JumpPins = "127.0.0.1:1", []string{server.Pin} }, check.Unknown, "refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checktest.Says(t, checktest.Look(t, settings(tt.command, tt.change), env), tt.want, tt.says)
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	checktest.Says(t, checktest.LookFor(ctx, t, settings("sleep 60", nil), env), check.Bad, "in time")
	env.Credential.User = "nobody-of-that-name"
	checktest.Says(t, checktest.Look(t, settings("true", nil), env), check.Unknown, "unable to authenticate")
}

func TestSettings(t *testing.T) {
	type S = ssh.Settings
	for _, change := range []func(*S){
		func(s *S) { s.Command = "" }, func(s *S) { s.Command = "a\x00b" }, func(s *S) { s.OK = nil }, func(s *S) { s.Like = "(" },
		func(s *S) { s.Host = "" }, func(s *S) { s.Port = 0 }, func(s *S) { s.HostKeys = "some" }, func(s *S) { s.HostKeys = "pinned" },
		func(s *S) { s.Pins = []string{"x"} }, func(s *S) { s.HostKeys = "accept-new" }, func(s *S) { s.Jump = "a b" },
		func(s *S) { s.JumpPins = []string{"x"} }, func(s *S) { s.HostKeys, s.KnownHosts = "off", "x" },
	} {
		s := ssh.New().New().(*S)
		s.Command = "true"
		change(s)
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
