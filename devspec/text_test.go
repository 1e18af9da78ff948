package devspec

import (
	"io"
	"io/fs"
	"strings"
	"testing"
)

// openText serves files from memory.
func openText(files map[string]string) OpenFunc {
	return func(name string) (io.ReadCloser, error) {
		text, ok := files[name]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return io.NopCloser(strings.NewReader(text)), nil
	}
}

// parseText reads one file from memory.
func parseText(text string) (*Config, error) {
	return ParseConfig("t.conf", openText(map[string]string{"t.conf": text}))
}

// mustSpec reads a file that holds one specification.
func mustSpec(t testing.TB, text string) *Spec {
	t.Helper()
	c, err := parseText(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Specs) != 1 {
		t.Fatalf("%d specifications in %q", len(c.Specs), text)
	}
	return c.Specs[0]
}
