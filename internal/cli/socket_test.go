package cli

import (
	"os"
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
