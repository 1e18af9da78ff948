package devspec

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A FIFO is refused like a folder and a device. Opening one must not wait for
// somebody to write to it.
func TestFIFOIsRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.dev")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := OSOpen(name)
	if err == nil {
		f.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
}
