package journal_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/console/journal"
)

func at(second int) time.Time { return time.Date(2026, 3, 1, 12, 0, second, 0, time.UTC) }

func TestLinesHaveTheirTimes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "web1.log")
	w := journal.Open(journal.Options{Path: path, Size: 1 << 20, Keep: 2})
	w.Write([]byte("boot\r"), at(1))
	w.Write([]byte("\nlogin: "), at(2))
	w.Note("ann attached\x1b", at(3))
	w.Write([]byte("root\r\n\r\n|\rx\n"), at(4))
	w.Close()
	want := `2026-03-01T12:00:01.000Z | boot
2026-03-01T12:00:02.000Z | login: 
2026-03-01T12:00:03.000Z * ann attached 
2026-03-01T12:00:04.000Z + root
2026-03-01T12:00:04.000Z | 
` + "2026-03-01T12:00:04.000Z | |\rx\n"
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%v\n%q\n%q", err, got, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	var played, notes bytes.Buffer
	if err := journal.Play(t.Context(), bytes.NewReader(got), 0, &played, func(s string) { notes.WriteString(s) }); err != nil {
		t.Fatal(err)
	}
	if played.String() != "boot\r\nlogin: root\r\n\r\n|\rx\r\n" || notes.String() != "ann attached " {
		t.Errorf("%q, %q", played.String(), notes.String())
	}
	var part bytes.Buffer
	if err := journal.Read(w, journal.Span{Since: at(2), Until: at(4)}, &part); err != nil || strings.Count(part.String(), "\n") != 2 {
		t.Errorf("%v\n%s", err, part.String())
	}
}

// TestNothingIsLost writes bytes in pieces of any size, through many rotations, and
// plays them again.
func TestNothingIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.log")
	w := journal.Open(journal.Options{Path: path, Size: 40 << 10, Keep: 100})
	random := rand.New(rand.NewPCG(1, 2))
	var all []byte
	for range 20_000 {
		switch n := random.IntN(100); {
		case n < 3:
			all = append(all, "\r\n"...)
		case n == 3:
			all = append(all, bytes.Repeat([]byte("longline"), 2000)...)
		default:
			all = append(all, byte(random.IntN(200)+' '))
		}
	}
	all = append(all, "\r\n"...)
	for rest := all; len(rest) > 0; {
		n := min(len(rest), 1+random.IntN(16<<10))
		w.Write(rest[:n], at(1))
		if random.IntN(4) == 0 {
			w.Note("something", at(2))
		}
		rest = rest[n:]
	}
	w.Close()
	var log, played bytes.Buffer
	if err := journal.Read(w, journal.Span{}, &log); err != nil {
		t.Fatal(err)
	}
	if err := journal.Play(t.Context(), &log, 0, &played, nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(played.Bytes(), all) {
		t.Errorf("%d bytes became %d", len(all), played.Len())
	}
	found, _ := filepath.Glob(path + ".*")
	if len(found) < 10 {
		t.Errorf("set aside: %v", found)
	}
	for _, name := range found {
		if info, err := os.Stat(name); err != nil || info.Size() > 60<<10 {
			t.Errorf("%s has %d bytes, %v", name, info.Size(), err)
		}
	}
}

func TestRotationIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.log")
	w := journal.Open(journal.Options{Path: path, Size: 1 << 10, Keep: 2, Raw: true})
	for range 50 {
		w.Write(bytes.Repeat([]byte{'x'}, 300), at(1))
	}
	w.Close()
	if found, _ := filepath.Glob(path + "*"); len(found) != 3 {
		t.Errorf("%v", found)
	}
	var tail bytes.Buffer
	if err := journal.Read(w, journal.Span{Bytes: 500}, &tail); err != nil || tail.Len() > 500 {
		t.Errorf("%v, %d", err, tail.Len())
	}
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w := journal.Open(journal.Options{Path: filepath.Join(dir, "file", "c.log"), Size: 1 << 20})
	w.Write([]byte("lost"), at(1))
	if lost, why := w.Trouble(); why == nil || lost != 4 {
		t.Errorf("%v, %d", why, lost)
	}
	if err := os.Symlink("/dev/null", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	w = journal.Open(journal.Options{Path: filepath.Join(dir, "link"), Size: 1 << 20})
	w.Write([]byte("lost"), at(1))
	if _, why := w.Trouble(); why == nil {
		t.Error("a link was followed")
	}
}

func FuzzPlay(f *testing.F) {
	f.Add([]byte("2026-03-01T12:00:01.000Z | boot\n2026-03-01T12:00:01.000Z + x\nraw\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		var out bytes.Buffer
		if err := journal.Play(t.Context(), bytes.NewReader(log), 0, &out, func(string) {}); err != nil {
			t.Fatal(err)
		}
		if out.Len() > 2*len(log)+2 {
			t.Errorf("%d bytes became %d", len(log), out.Len())
		}
	})
}
