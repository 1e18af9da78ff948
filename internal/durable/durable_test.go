package durable

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "room.yaml")
	for _, step := range []struct {
		text       string
		before     fs.FileMode // set by somebody else; 0 is none
		mode, want fs.FileMode
	}{
		{"one", 0, 0o640, 0o640},
		{"two", 0, 0o600, 0o640},
		{"three", 0o604, 0o600, 0o604},
	} {
		if step.before != 0 {
			if err := os.Chmod(path, step.before); err != nil {
				t.Fatal(err)
			}
		}
		if err := Replace(path, []byte(step.text), step.mode); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); string(text) != step.text || info.Mode().Perm() != step.want {
			t.Errorf("%q, %v, mode %v", text, err, info.Mode())
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Replace(filepath.Join(dir, "taken"), nil, 0o600); err == nil {
		t.Error("a folder was replaced")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
