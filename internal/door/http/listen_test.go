package httpdoor_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	httpdoor "millwright.dev/millwright/internal/door/http"
)

func TestListen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sub", "s")
	l, err := httpdoor.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != fs.ModeSocket|0o660 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := httpdoor.Listen(path); err == nil || !strings.Contains(err.Error(), "a daemon answers on") {
		t.Errorf("on a live socket: %v", err)
	}
	stale := filepath.Join(dir, "stale")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	again, err := httpdoor.Listen(stale)
	if err != nil {
		t.Fatalf("on a dead socket: %v", err)
	}
	// What another daemon has put in our place is not ours to remove.
	if err := os.Remove(stale); err != nil {
		t.Fatal(err)
	}
	other, err := httpdoor.Listen(stale)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if _, err := os.Lstat(stale); err != nil {
		t.Errorf("the other's socket is gone: %v", err)
	}
	other.Close()
	l.Close()
	for _, p := range []string{path, stale} {
		if _, err := os.Lstat(p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left behind: %v", p, err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := httpdoor.Listen(file); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("on a file: %v", err)
	}
	if _, err := httpdoor.Listen(filepath.Join(dir, strings.Repeat("x", 110))); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("a long path: %v", err)
	}
}
