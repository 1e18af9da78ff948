package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"millwright.dev/millwright/internal/store"
)

// stop holds the writer inside a transaction until the function returned is
// called, so that a test can fill the queue.
func stop(t *testing.T, s *store.Store) (release func()) {
	t.Helper()
	begun, wait := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	s.WriteLater(func(*store.Tx) error { close(begun); <-wait; return nil }, func(err error) { done <- err })
	<-begun
	return func() {
		close(wait)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func ops(t *testing.T, s *store.Store) (list []string) {
	t.Helper()
	events, err := s.Events(t.Context(), store.EventRange{Page: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		if e.Seq != int64(i+1) {
			t.Errorf("event %d has seq %d", i+1, e.Seq)
		}
		list = append(list, e.Op)
	}
	return list
}

func TestOneFailedWriteDoesNotFailItsNeighbours(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		release := stop(t, s)
		boom := errors.New("boom")
		outcomes := make(chan error, 4)
		later := func(op string, err error) {
			s.WriteLater(func(tx *store.Tx) error {
				return errors.Join(tx.AppendEvents(event(op)), err)
			}, func(err error) { outcomes <- err })
		}
		later("a", nil)
		later("b", boom)
		later("c", nil)
		s.WriteLater(func(tx *store.Tx) error { // fails in the database itself
			e := &store.Event{Kind: store.KindIntent, Request: "same"}
			return tx.AppendEvents(e, e)
		}, func(err error) { outcomes <- err })
		release()
		for i, want := range []bool{true, false, true, false} {
			if err := <-outcomes; (err == nil) != want || i == 1 && !errors.Is(err, boom) {
				t.Errorf("write %d: %v", i, err)
			}
		}
		if got := fmt.Sprint(ops(t, s)); got != "[a c]" {
			t.Errorf("kept %s", got)
		}
	})
}

func TestWaitingWriteIsWithdrawnWithItsContext(t *testing.T) {
	s := open(t, t.TempDir())
	release := stop(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- s.Write(ctx, func(tx *store.Tx) error { return tx.AppendEvents(event("never")) })
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("withdrawn write: %v", err)
	}
	release()
	appendEvents(t, s, event("next"))
	if got := fmt.Sprint(ops(t, s)); got != "[next]" {
		t.Errorf("kept %s", got)
	}
}

func TestBegunWriteTellsItsTrueOutcome(t *testing.T) {
	s := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Write(ctx, func(tx *store.Tx) error {
		cancel()
		return tx.AppendEvents(event("kept"))
	})
	if got := fmt.Sprint(ops(t, s)); err != nil || got != "[kept]" {
		t.Errorf("kept %s, %v", got, err)
	}
}

func TestCloseDrainsAndThenRefuses(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	release := stop(t, s)
	outcomes := make(chan error, 100)
	for range cap(outcomes) {
		s.WriteLater(func(tx *store.Tx) error { return tx.AppendEvents(event("x")) }, func(err error) { outcomes <- err })
	}
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	release()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	for range cap(outcomes) {
		if err := <-outcomes; err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Write(t.Context(), func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
	if n := len(ops(t, open(t, dir))); n != cap(outcomes) {
		t.Errorf("%d events were kept", n)
	}
}

func TestWhatQueuesDuringACommitSharesTheNext(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		const queued = 500
		release := stop(t, s)
		outcomes := make(chan error, queued)
		for range queued {
			s.WriteLater(func(tx *store.Tx) error { return tx.AppendEvents(event("x")) }, func(err error) {
				if last, _ := s.Tail(); last != queued {
					err = errors.Join(err, fmt.Errorf("acknowledged when %d events were committed", last))
				}
				outcomes <- err
			})
		}
		release()
		for range queued {
			if err := <-outcomes; err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestFiveHundredWriters(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store) {
		const writers, each = 500, 4
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					e := event(fmt.Sprint(w, "/", i))
					if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.AppendEvents(e) }); err != nil {
						t.Error(err)
					}
					if last, _ := s.Tail(); last < e.Seq {
						t.Errorf("event %d acknowledged when the log ended at %d", e.Seq, last)
					}
				}
			})
		}
		wg.Wait()
		unique := map[string]bool{}
		for _, op := range ops(t, s) {
			unique[op] = true
		}
		if len(unique) != writers*each {
			t.Errorf("%d different events of %d", len(unique), writers*each)
		}
	})
}
