package roomfile_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"millwright.dev/millwright/internal/roomfile"
)

// A FIFO among the files is a mistake like others. Opening one must not wait for
// somebody to write to it: a reload would never end.
func TestFIFOIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "room.yaml")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := roomfile.Load(t.Context(), path, roomfile.Options{})
	if err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
}
