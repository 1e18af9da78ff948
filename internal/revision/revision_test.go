package revision_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	checks "millwright.dev/millwright/internal/check/standard"
	controls "millwright.dev/millwright/internal/control/standard"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/revision"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/store"

	"millwright.dev/millwright/internal/driver/script"
)

const roomText = `room: lab
# strips
devices:
  d1: {driver: exec, settings: {on: "true {plug}", off: "true {plug}"}}   # the left one
nodes:
  n[1-4]: {cords: d1}
`

// bench is a room folder with a store.
type bench struct {
	testing.TB
	dir  string
	book *revision.Book
	used []*room.Room
	st   *store.Store
}

func newBench(t testing.TB) *bench {
	b := &bench{TB: t, dir: t.TempDir()}
	b.put("room.yaml", roomText)
	st, err := store.OpenMemory(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	b.st = st
	b.book = revision.New(revision.Options{
		Store: st, Events: event.New(st, nil), Config: b.dir,
		Read: func(ctx context.Context, open func(string) ([]byte, error), glob func(string) ([]string, error)) (*roomfile.Result, error) {
			return roomfile.Load(ctx, b.dir, roomfile.Options{Drivers: standard.Drivers(script.Options{}), Checks: checks.Kinds(), Controls: controls.Kinds(), Open: open, Glob: glob})
		},
		Use: func(r *roomfile.Result) error { b.used = append(b.used, r.Room); return nil },
	})
	b.accept(0)
	return b
}

// accept makes a revision of what is on the disk, as the daemon does.
func (b *bench) accept(parent int64) {
	b.Helper()
	read, err := roomfile.Load(b.Context(), b.dir, roomfile.Options{Drivers: standard.Drivers(script.Options{}), Checks: checks.Kinds(), Controls: controls.Kinds()})
	if err != nil {
		b.Fatal(err)
	}
	rev := &store.Revision{Parent: parent, Origin: b.dir, Files: read.Files}
	if err := b.st.Write(b.Context(), func(tx *store.Tx) error { return tx.AddRevision(rev) }); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) put(name, text string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) get(name string) string {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

func files(pairs ...string) map[string][]byte {
	m := make(map[string][]byte)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = []byte(pairs[i+1])
	}
	return m
}

func edits(path, value string) map[string][]roomfile.Edit {
	return map[string][]roomfile.Edit{"": {{Path: strings.Split(path, "."), Value: value}}}
}

func TestApply(t *testing.T) {
	b := newBench(t)
	done, err := b.book.Apply(t.Context(), revision.Change{Base: 1, Note: "a door", Edits: edits("nodes.n3.cords", "d1:third"), Author: revision.Author{Name: "alice"}})
	if err != nil || done.Revision != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	want := strings.Replace(roomText, "d1}\n", "d1}\n  n3: {cords: \"d1:third\"}\n", 1)
	if got := b.get("room.yaml"); got != want {
		t.Errorf("the file is now\n%s", got)
	}
	if len(b.used) != 1 || !strings.Contains(string(done.Diff), `+  n3: {cords: "d1:third"}`) {
		t.Errorf("%d rooms used; diff:\n%s", len(b.used), done.Diff)
	}
	if left, err := b.st.Unwritten(t.Context()); left != 0 || err != nil {
		t.Errorf("still to be written: %d, %v", left, err)
	}
	if done, err := b.book.Apply(t.Context(), revision.Change{Base: 2, Files: files("more.yaml", "nodes:\n  x1: {cords: d1}\n")}); err != nil || done.Revision != 3 {
		t.Fatalf("%+v, %v", done, err)
	}
	if done, err := b.book.RollBack(t.Context(), 1, revision.Change{Base: 3}); err != nil || done.Revision != 4 || b.get("room.yaml") != roomText || b.get("more.yaml") != "" {
		t.Errorf("%+v, %v: %q %q", done, err, b.get("room.yaml"), b.get("more.yaml"))
	}
	if diff, err := b.book.Diff(t.Context(), 1, 4); err != nil || len(diff) != 0 {
		t.Errorf("%s, %v", diff, err)
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name   string
		disk   string // what somebody has written meanwhile
		change revision.Change
		code   room.Code
		said   string
	}{
		{"the disk has moved on", roomText + "# mine\n", revision.Change{Base: 1, Edits: edits("room", "x")}, room.CodeBusy, "since revision 1"},
		{"no such base", roomText, revision.Change{Base: 7, Edits: edits("room", "x")}, room.CodeNotFound, "no such revision"},
		{"a broken room", roomText, revision.Change{Base: 1, Edits: edits("nodes.n9.cords", "d9")}, room.CodeInvalid, "d9"},
		{"above the folder", roomText, revision.Change{Base: 1, Files: files("../x.yaml", "a: 1\n")}, room.CodeInvalid, "room's folder"},
		{"an absolute name", roomText, revision.Change{Base: 1, Files: files("/etc/passwd", "a: 1\n")}, room.CodeInvalid, "room's folder"},
		{"a hidden file", roomText, revision.Change{Base: 1, Files: files(".room.yaml", "a: 1\n")}, room.CodeInvalid, "hidden"},
		{"a file that nobody reads", roomText, revision.Change{Base: 1, Files: files("notes.txt", "a: 1\n")}, room.CodeInvalid, "does not read such a file"},
		{"through a link", roomText, revision.Change{Base: 1, Files: files("out/x.yaml", "a: 1\n")}, room.CodeInvalid, "link leads out"},
		{"a file that is not there", roomText, revision.Change{Base: 1, Files: map[string][]byte{"x.yaml": nil}}, room.CodeInvalid, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.put("room.yaml", tt.disk)
			if err := os.Symlink(t.TempDir(), filepath.Join(b.dir, "out")); err != nil {
				t.Fatal(err)
			}
			_, err := b.book.Apply(t.Context(), tt.change)
			if room.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.said) {
				t.Errorf("%v: %v", room.CodeOf(err), err)
			}
			var conflict *revision.Conflict
			if errors.As(err, &conflict) && !strings.Contains(string(conflict.Diff), "+# mine") {
				t.Errorf("%s", conflict.Diff)
			}
			if b.get("room.yaml") != tt.disk || len(b.used) != 0 {
				t.Error("something was changed")
			}
		})
	}
}

// A daemon that died after a revision was accepted writes its files when it
// starts again; but never over somebody else's edit.
func TestFinish(t *testing.T) {
	changed := strings.Replace(roomText, "room: lab", "room: cellar", 1)
	for _, tt := range []struct{ name, disk, want string }{
		{"nothing was written", roomText, changed},
		{"all was written", changed, changed},
		{"somebody has edited it", roomText + "# mine\n", roomText + "# mine\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			room, extra := filepath.Join(b.dir, "room.yaml"), filepath.Join(b.dir, "extra.yaml")
			rev := &store.Revision{Parent: 1, Origin: b.dir, Files: files(room, changed, extra, "{}\n")}
			err := b.st.Write(t.Context(), func(tx *store.Tx) error {
				return errors.Join(tx.AddRevision(rev), tx.SetUnwritten(2))
			})
			if err != nil {
				t.Fatal(err)
			}
			b.put("room.yaml", tt.disk)
			for range 2 { // a second time does nothing
				if err := b.book.Finish(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := b.get("room.yaml"); got != tt.want {
				t.Errorf("the file is now\n%s", got)
			}
			if edited := tt.disk != roomText && tt.disk != changed; (b.get("extra.yaml") == "") != edited {
				t.Errorf("the new file: %q", b.get("extra.yaml"))
			}
		})
	}
}

// In a folder that cannot be written to, nothing is accepted. Root may write
// anywhere, so this runs as somebody else.
func TestReadOnly(t *testing.T) {
	if os.Getuid() == 0 {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestReadOnly$", "-test.v")
		cmd.Env = append(os.Environ(), "TMPDIR=/tmp")
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestReadOnly") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	b := newBench(t)
	if err := os.Chmod(b.dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(b.dir, 0o700) })
	_, err := b.book.Apply(t.Context(), revision.Change{Base: 1, Edits: edits("room", "x")})
	if room.CodeOf(err) != room.CodeRefused || !strings.Contains(err.Error(), "only be read") {
		t.Error(err)
	}
	if list, err := b.book.List(t.Context(), 0, 10); err != nil || len(list) != 1 {
		t.Errorf("%d revisions, %v", len(list), err)
	}
}

// What a dry run says is what comes of it, and nothing does.
func TestDryRun(t *testing.T) {
	b := newBench(t)
	before := maps.Clone(files("room.yaml", b.get("room.yaml")))
	done, err := b.book.Apply(t.Context(), revision.Change{Base: 1, Edits: edits("room", "x"), DryRun: true})
	if err != nil || done.Revision != 0 || !strings.Contains(string(done.Diff), "+room: x") {
		t.Errorf("%+v, %v", done, err)
	}
	if b.get("room.yaml") != string(before["room.yaml"]) || len(b.used) != 0 {
		t.Error("a dry run has changed something")
	}
}
