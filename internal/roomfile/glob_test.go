package roomfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGlob(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/x.yaml", "a/y.yaml", "b/x.yaml", "b*/z.yaml", "b/c/x.yaml", "file"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, pattern := range []string{"*", "*/*", "*/x.yaml", "[ab]/?.yaml", `b\*/*.yaml`, "*/*/*", "none/*", "file/*", "a/x.yaml", `a/\x.yaml`, "a/none", "*/", "a/[", ""} {
		pattern = filepath.Join(dir) + "/" + pattern
		want, wantErr := filepath.Glob(pattern)
		got, err := glob(t.Context(), pattern)
		if !slices.Equal(got, want) || !errors.Is(err, wantErr) {
			t.Errorf("%s: %v, %v; want %v, %v", pattern, got, err, want, wantErr)
		}
	}
	for _, left := range []int{3, 11} { // four names, and seven below
		g := globber{ctx: t.Context(), left: left}
		if _, err := g.find(dir + "/*/*"); (err != nil) != (left < 10) {
			t.Errorf("with %d to look at: %v", left, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := glob(ctx, dir+"/*/*"); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

// A pattern that leads everywhere is a problem of its file, and does not hold up
// the end of the program.
func TestIncludeIsBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range 400 {
		if err := os.Symlink(".", filepath.Join(dir, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(dir, "room.yaml")
	if err := os.WriteFile(name, []byte("include: \"*/*/*\"\nnodes: {a: }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(t.Context(), name, Options{})
	if err == nil || !strings.Contains(err.Error(), "would have to be looked at") {
		t.Errorf("got %.300v", err)
	}
}
