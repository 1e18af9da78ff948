package store_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"millwright.dev/millwright/internal/store"
)

// A copy that is taken while others write holds all that was acknowledged before,
// and an unbroken beginning of what came after.
func TestSnapshotWhileOthersWrite(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for range 100 {
		appendEvents(t, s, event("before"))
	}
	ctx, stop := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	for range 4 {
		busy.Go(func() {
			for ctx.Err() == nil {
				_ = s.Write(ctx, func(tx *store.Tx) error { return tx.AppendEvents(event("meanwhile")) })
			}
		})
	}
	copied := filepath.Join(t.TempDir(), "millwright.db")
	content, err := store.Snapshot(t.Context(), dir, copied)
	stop()
	busy.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if content.RoomID != s.RoomID() || content.Schema < 1 {
		t.Errorf("content %+v of room %s", content, s.RoomID())
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v, want mode 0600", info.Mode(), err)
	}
	there := open(t, filepath.Dir(copied))
	list, err := there.Events(t.Context(), store.EventRange{Page: 1_000_000})
	if err != nil || len(list) < 100 {
		t.Fatalf("%d events in the copy, %v", len(list), err)
	}
	for i, e := range list {
		if e.Seq != int64(i+1) || i < 100 && e.Op != "before" {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
}

func TestSnapshotOfNothingAndOntoSomething(t *testing.T) {
	dir := t.TempDir()
	if _, err := store.Snapshot(t.Context(), dir, filepath.Join(dir, "copy")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("it left %v", entries)
	}
	open(t, dir)
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Snapshot(t.Context(), dir, there); !errors.Is(err, fs.ErrExist) {
		t.Errorf("onto a file: %v", err)
	}
}

func TestInspectRefusesWhatIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	empty, garbage, foreign := filepath.Join(dir, "empty"), filepath.Join(dir, "garbage"), filepath.Join(dir, "foreign")
	d, err := sql.Open("sqlite", foreign)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Exec("CREATE TABLE songs (name TEXT)")
	err = errors.Join(err, d.Close(), os.WriteFile(empty, nil, 0o600), os.WriteFile(garbage, []byte(strings.Repeat("garbage ", 1000)), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, garbage, foreign, filepath.Join(dir, "missing")} {
		if c, err := store.Inspect(t.Context(), path); err == nil {
			t.Errorf("%s: %+v", filepath.Base(path), c)
		}
	}
}

// An older program says who wrote what it cannot read, and what can be done.
func TestNewerSchemaNamesItsProgram(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir, store.Options{Program: "9.8.7"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "millwright.db")
	d, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Exec("INSERT INTO schema_versions (version_id, is_applied) VALUES (9999, 1)")
	if err := errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), dir, store.Options{Program: "1.0.0"})
	if err == nil || !strings.Contains(err.Error(), "Millwright 9.8.7 has written this database") || !strings.Contains(err.Error(), "restore") {
		t.Errorf("open: %v", err)
	}
	content, err := store.Inspect(t.Context(), path)
	var newer *store.NewerError
	if err != nil || content.Program != "9.8.7" || !errors.As(content.Check(), &newer) {
		t.Errorf("inspect: %+v, %v; check: %v", content, err, content.Check())
	}
}

func TestHoldKeepsDaemonsAway(t *testing.T) {
	dir := t.TempDir()
	release, err := store.Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	var locked *store.LockedError
	if _, err := store.Open(t.Context(), dir, store.Options{}); !errors.As(err, &locked) {
		t.Errorf("open while held: %v", err)
	}
	if empty, err := store.IsEmpty(dir); err != nil || !empty {
		t.Errorf("a folder with a lock: empty %v, %v", empty, err)
	}
	release()
	open(t, dir)
	if _, err := store.Hold(dir); !errors.As(err, &locked) {
		t.Errorf("hold while open: %v", err)
	}
	if empty, err := store.IsEmpty(dir); err != nil || empty {
		t.Errorf("a folder with a database: empty %v, %v", empty, err)
	}
}
