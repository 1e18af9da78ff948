package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Where nothing is said, a socket lies where only its owner can put one.
func TestSocketPath(t *testing.T) {
	t.Setenv("MILLWRIGHT_SOCKET", "/from/environment")
	if got := (&program{socket: "/from/flag"}).socketPath(); got != "/from/flag" {
		t.Errorf("the flag goes first: %s", got)
	}
	if got := (&program{}).socketPath(); got != "/from/environment" {
		t.Errorf("then the environment: %s", got)
	}
	t.Setenv("MILLWRIGHT_SOCKET", "")
	t.Setenv("RUNTIME_DIRECTORY", "/run/of-systemd")
	if got := (&program{}).serveSocket(); got != "/run/of-systemd/millwright.sock" {
		t.Errorf("a daemon of systemd's: %s", got)
	}
	t.Setenv("RUNTIME_DIRECTORY", "")
	for _, runtime := range []string{"/run/user/7", ""} {
		t.Setenv("XDG_RUNTIME_DIR", runtime)
		t.Setenv("HOME", "/home/me")
		got := ownSocket()
		if os.Geteuid() == 0 && got != system || strings.HasPrefix(got, os.TempDir()) {
			t.Errorf("with runtime folder %q: %s", runtime, got)
		}
	}
}

func TestWhoMayNotAskTheMachinesDaemonAsksTheirOwn(t *testing.T) {
	dir := t.TempDir()
	there := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	machine, own, none := there("machine"), there("own"), filepath.Join(dir, "none")
	for _, tt := range []struct {
		machine, own string
		allowed      bool
		want         string
	}{
		{machine, own, true, machine},
		{machine, own, false, own},
		{machine, none, false, machine}, // the error says what to do
		{none, own, false, own},
		{none, none, false, none},
	} {
		if got := chooseSocket(tt.machine, tt.own, func(string) bool { return tt.allowed }); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}
