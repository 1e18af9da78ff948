package store_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"millwright.dev/millwright/internal/store"
)

func addRevision(t *testing.T, s *store.Store, r *store.Revision) {
	t.Helper()
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.AddRevision(r) }); err != nil {
		t.Fatal(err)
	}
}

func TestRevisionsComeBackWhole(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		if _, err := s.LatestRevision(t.Context()); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("latest of none: %v", err)
		}
		at := time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)
		one := &store.Revision{
			Time: at, Author: "ann", Note: "first", Origin: "/etc/millwright",
			Files: map[string][]byte{"room.yaml": bytes.Repeat([]byte("node: web1\n"), 1000), "a/empty": {}, "bin": {0, 255, 0}},
		}
		two := &store.Revision{Time: at, Parent: 1, Files: map[string][]byte{"room.yaml": one.Files["room.yaml"], "more": []byte("x")}}
		addRevision(t, s, one)
		addRevision(t, s, two)
		got, err1 := s.Revision(t.Context(), 1)
		latest, err2 := s.LatestRevision(t.Context())
		list, err3 := s.Revisions(t.Context(), 0, 10)
		older, err4 := s.Revisions(t.Context(), 2, 10)
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
		opt := cmpopts.IgnoreUnexported(store.Revision{})
		if d := cmp.Diff(one, got, opt) + cmp.Diff(two, latest, opt); d != "" {
			t.Error(d)
		}
		if len(list) != 2 || list[0].Number != 2 || list[0].Files != nil || len(older) != 1 || older[0].Number != 1 {
			t.Errorf("listed %+v and %+v", list, older)
		}
		if _, err := s.Revision(t.Context(), 3); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("revision 3: %v", err)
		}
	})
}

func TestRevisionOfUnknownParentIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.AddRevision(&store.Revision{Parent: 7}) })
	if err == nil {
		t.Error("it was kept")
	}
}

func TestSameFilesAreKeptOnce(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	random := make([]byte, 1<<20) // does not compress
	if _, err := rand.NewChaCha8([32]byte{}).Read(random); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		addRevision(t, s, &store.Revision{Files: map[string][]byte{"big": random, "small": {byte(i)}}})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "millwright.db"))
	if err != nil || info.Size() > 2<<20 {
		t.Errorf("database of 5 revisions has %d bytes, %v", info.Size(), err)
	}
}

func TestTooManyFilesAreRefused(t *testing.T) {
	files := map[string][]byte{}
	for i := range store.MaxRevisionFiles + 1 {
		files[string(rune('a'+i))] = nil
	}
	if err := (&store.Revision{Files: files}).Pack(); err == nil {
		t.Error("too many files were packed")
	}
	if err := (&store.Revision{Files: map[string][]byte{"": nil}}).Pack(); err == nil {
		t.Error("a file without a name was packed")
	}
}

func TestInterruptionsStayUntilCleared(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		at := time.Unix(5, 7).UTC()
		err := s.Write(t.Context(), func(tx *store.Tx) error {
			return tx.SetInterruptions(
				store.Interruption{Node: "web2", Op: "cycle", Request: "r1", Time: at},
				store.Interruption{Node: "web1", Op: "cycle", Request: "r1", Time: at},
				store.Interruption{Node: "web2", Op: "reset", Request: "r2", Time: at})
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []store.Interruption{{"web1", "cycle", "r1", at}, {"web2", "reset", "r2", at}}
		got, err := s.Interruptions(t.Context())
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Error(d, err)
		}
		var n int
		err = s.Write(t.Context(), func(tx *store.Tx) (err error) {
			n, err = tx.ClearInterruptions("web1", "nobody")
			return err
		})
		if err != nil || n != 1 {
			t.Errorf("cleared %d, %v", n, err)
		}
		if got, err := s.Interruptions(t.Context()); err != nil || len(got) != 1 {
			t.Errorf("left %v, %v", got, err)
		}
	})
}
