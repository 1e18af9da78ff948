package pressed_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"millwright.dev/millwright/internal/pressed"
	"millwright.dev/millwright/internal/pressed/pressedtest"
)

// folder gives files of a test's own, and goes there.
func folder(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatGoesInComesOut(t *testing.T) {
	folder(t, map[string]string{"a.txt": "first\n", "b/c.txt": "", "b/d.txt": "third"})
	archive := pressedtest.Press(t, "a.txt", "b/c.txt", "b/d.txt")
	if !bytes.Equal(archive, pressedtest.Press(t, "a.txt", "b/c.txt", "b/d.txt")) {
		t.Error("the same files are pressed differently the second time")
	}
	files := pressed.New(string(archive))
	if got, want := files.Names(), []string{"a.txt", "b/c.txt", "b/d.txt"}; !slices.Equal(got, want) {
		t.Errorf("it has %q, want %q", got, want)
	}
	text, err := files.ReadFile("b/d.txt")
	if err != nil || string(text) != "third" {
		t.Fatalf("got %q, %v", text, err)
	}
	text[0] = 'T' // it is our own
	if text, err = files.ReadFile("b/d.txt"); err != nil || string(text) != "third" {
		t.Errorf("got %q, %v the second time", text, err)
	}
	for _, name := range []string{"", "b", "/a.txt", "./a.txt", "b/../a.txt", "c.txt"} {
		if _, err := files.ReadFile(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v, want that there is none", name, err)
		}
	}
}

func TestWhatIsBrokenOrTooLargeIsRefused(t *testing.T) {
	folder(t, map[string]string{"a.txt": "first", "large.txt": string(make([]byte, 2<<20))})
	whole := pressedtest.Press(t, "a.txt")
	for name, archive := range map[string][]byte{
		"nothing": nil, "no archive": []byte("first"), "half of one": whole[:len(whole)/2], "a large one": pressedtest.Press(t, "a.txt", "large.txt"),
	} {
		files := pressed.New(string(archive))
		if text, err := files.ReadFile("a.txt"); err == nil || errors.Is(err, fs.ErrNotExist) || len(files.Names()) > 0 {
			t.Errorf("%s: got %q, %v and the names %q", name, text, err, files.Names())
		}
	}
}
