// Package pressedtest presses the files that a package carries (package pressed), and
// holds that what is pressed is what the files say.
//
// It is apart from the reading, so that the program has only that. A package that
// carries files has one test that calls [Same], and a line of `go generate` that runs
// this test with -press.
package pressedtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"millwright.dev/millwright/internal/pressed"
)

// Archive is the name of the pressed file, in the folder of the package.
const Archive = "pressed.tar.gz"

var press = flag.Bool("press", false, "write "+Archive+" anew")

// Same holds that the archive in the folder of the test has what the files of the
// patterns (see [filepath.Glob]) have, and nothing else. With -press it writes the
// archive.
//
// What is compared is what comes out, not the pressed bytes: another version of Go
// may press better, and the archive is no worse for it.
func Same(t *testing.T, patterns ...string) {
	t.Helper()
	var names []string
	for _, p := range patterns {
		found, err := filepath.Glob(p)
		if err != nil || len(found) == 0 {
			t.Fatalf("no file is like %s (%v)", p, err)
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	if *press {
		if err := os.WriteFile(Archive, Press(t, names...), 0o644); err != nil { //nolint:gosec // a file of the repository, for everybody
			t.Fatal(err)
		}
	}
	archive, err := os.ReadFile(Archive)
	if err != nil {
		t.Fatal(err)
	}
	differences(t, pressed.New(string(archive)), names)
}

func differences(t *testing.T, packed pressed.Files, names []string) {
	t.Helper()
	const cure = "run go generate in the folder of its package"
	for _, name := range names {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		switch got, err := packed.ReadFile(filepath.ToSlash(name)); {
		case errors.Is(err, fs.ErrNotExist):
			t.Errorf("%s is not in %s: %s", name, Archive, cure)
		case err != nil:
			t.Fatalf("%s: %v: %s", Archive, err, cure)
		case !bytes.Equal(got, want):
			t.Errorf("%s has another %s: %s", Archive, name, cure)
		}
	}
	for _, name := range packed.Names() {
		if !slices.Contains(names, filepath.FromSlash(name)) {
			t.Errorf("%s is in %s, and there is no such file any more: %s", name, Archive, cure)
		}
	}
}

// Press gives the archive of some files, in this order. It is the same each time: it
// has neither times nor owners.
func Press(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	squeezed, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	files := tar.NewWriter(squeezed)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := files.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o644, Size: int64(len(text)), Format: tar.FormatUSTAR}); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(files.Close(), squeezed.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
