package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/store"
)

// holdDir makes this program, run anew, hold a state folder until its standard
// input ends.
const holdDir = "MILLWRIGHT_TEST_HOLD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdDir); dir != "" {
		hold(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func openMemory(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.OpenMemory(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// both runs a test on a store in a folder and on one in memory.
func both(t *testing.T, test func(*testing.T, *store.Store)) {
	t.Run("folder", func(t *testing.T) { test(t, open(t, t.TempDir())) })
	t.Run("memory", func(t *testing.T) { test(t, openMemory(t)) })
}

func appendEvents(t testing.TB, s *store.Store, events ...*store.Event) {
	t.Helper()
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.AppendEvents(events...) }); err != nil {
		t.Fatal(err)
	}
}

func event(op string) *store.Event { return &store.Event{Time: time.Now(), Kind: "state", Op: op} }

func TestReopenedStoreHasEverything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a room? 100% #1", "state")
	s := open(t, dir)
	want := store.Event{
		Time: time.Date(2030, 1, 2, 3, 4, 5, 678901234, time.UTC), Kind: "intent", Request: "r1", Actor: "ann",
		Door: "http", Remote: "::1", Op: "cycle", Targets: "web[1-3]", Count: 3, Outcome: "ok", Detail: "née", Data: []byte(`{"a":1}`),
	}
	first := want
	appendEvents(t, s, &first)
	id := s.RoomID()
	if !s.WasClean() {
		t.Error("a new store was not clean")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, dir)
	if s.RoomID() != id || id == "" || !s.WasClean() {
		t.Errorf("room id %q became %q; clean %v", id, s.RoomID(), s.WasClean())
	}
	appendEvents(t, s, event("next"))
	got, err := s.Events(t.Context(), store.EventRange{Page: 10})
	if err != nil || len(got) != 2 || got[1].Seq != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	want.Seq = 1
	if d := cmp.Diff(want, got[0]); d != "" {
		t.Error(d)
	}
}

func TestRoomIDIsAsInjected(t *testing.T) {
	s, err := store.OpenMemory(t.Context(), store.Options{NewID: func() string { return "room-1" }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil || s.RoomID() != "room-1" {
		t.Errorf("room id %q, %v", s.RoomID(), err)
	}
}

func TestFolderAndFilesAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	s := open(t, dir)
	appendEvents(t, s, event("x"))
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %04o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}

	open := filepath.Join(t.TempDir(), "open")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), open, store.Options{}); err == nil || !strings.Contains(err.Error(), "chmod o-w") {
		t.Errorf("a folder that everyone may write to: %v", err)
	}
}

func TestSecondOpenIsRefusedAndNamesTheHolder(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), holdDir+"="+dir)
	in, err1 := child.StdinPipe()
	out, err2 := child.StdoutPipe()
	if err := errors.Join(err1, err2, child.Start()); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscanln(out); err != nil { // an empty line: it holds the folder
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), dir, store.Options{})
	var locked *store.LockedError
	if !errors.As(err, &locked) || locked.PID != child.Process.Pid || !strings.Contains(err.Error(), strconv.Itoa(locked.PID)) {
		t.Errorf("second open: %v, want process %d named", err, child.Process.Pid)
	}
	if err := errors.Join(in.Close(), child.Wait()); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func hold(dir string) {
	s, err := store.Open(context.Background(), dir, store.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println()
	_, _ = fmt.Scanln()
	_ = s.Close()
}

func TestUncleanEndIsSeen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	appendEvents(t, s, event("x"))
	// A copy of the files as they are now is what a crash would leave.
	crashed := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	c := open(t, crashed)
	if c.WasClean() {
		t.Error("the crash was not seen")
	}
	if last, _ := c.Tail(); last != 1 {
		t.Errorf("the crashed store ends at %d", last)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if c = open(t, crashed); !c.WasClean() {
		t.Error("the clean end after it was not seen")
	}
}

func TestNewerSchemaIsRefusedAndLeft(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
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
	before, _ := os.ReadFile(path)
	_, err = store.Open(t.Context(), dir, store.Options{})
	var newer *store.NewerError
	if !errors.As(err, &newer) || newer.Has != 9999 {
		t.Errorf("open: %v", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("the newer database was changed")
	}
}

func TestDamagedDatabaseIsAnErrorThatNamesIt(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "millwright.db"), []byte(strings.Repeat("garbage ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), dir, store.Options{})
	if err == nil || !strings.Contains(err.Error(), "millwright.db") {
		t.Errorf("open: %v", err)
	}
}

func TestPruneKeepsOpenIntentsAndTheNewest(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		old, now := time.Unix(1000, 0), time.Unix(2000, 0)
		appendEvents(t, s,
			&store.Event{Time: old, Kind: store.KindIntent, Request: "open"},
			&store.Event{Time: old, Kind: store.KindIntent, Request: "shut"},
			&store.Event{Time: old, Kind: store.KindResult, Request: "shut"},
			&store.Event{Time: old, Kind: "state"})
		n, err := s.PruneEvents(t.Context(), now)
		if err != nil || n != 2 {
			t.Errorf("pruned %d, %v", n, err)
		}
		appendEvents(t, s, event("after"))
		var seqs []int64
		events, err := s.Events(t.Context(), store.EventRange{Page: 10})
		for _, e := range events {
			seqs = append(seqs, e.Seq)
		}
		if d := cmp.Diff([]int64{1, 4, 5}, seqs); d != "" || err != nil {
			t.Error(d, err)
		}
		intents, err := s.OpenIntents(t.Context())
		if err != nil || len(intents) != 1 || intents[0].Request != "open" {
			t.Errorf("open intents %+v, %v", intents, err)
		}
	})
}

func TestMemoryStoreForgetsTheOldest(t *testing.T) {
	s := openMemory(t)
	for range 25 {
		batch := make([]*store.Event, 500)
		for i := range batch {
			batch[i] = event("x")
		}
		appendEvents(t, s, batch...)
	}
	events, err := s.Events(t.Context(), store.EventRange{Page: 20_000})
	if err != nil || len(events) < 10_000 || len(events) > 11_000 || events[len(events)-1].Seq != 12_500 {
		t.Errorf("kept %d events, %v", len(events), err)
	}
}
