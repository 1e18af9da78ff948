package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"millwright.dev/millwright/internal/store/internal/db"
)

// maxGroup bounds how many writes share one transaction, and so how long one
// of them waits for its neighbours.
const maxGroup = 4096

// Tx is one write in the making. It is valid only inside the function given to
// [Store.Write], and only in that goroutine.
type Tx struct {
	ctx  context.Context
	conn *statements
	q    *db.Queries

	begun    int64   // where the log ended before this transaction
	lastSeq  int64   // and where it ends in it
	appended []Event // what lies between
}

// write is one queued change and where its outcome goes.
type write struct {
	fn   func(*Tx) error
	err  error
	done func(error) // called once, by the writer, after the commit
}

// writer is the queue between callers and the one goroutine that commits.
type writer struct {
	mu     sync.Mutex
	queue  []*write
	closed bool
	wake   chan struct{} // holds a token while the queue may have something
	gone   chan struct{} // closed when the goroutine has ended
}

// Write runs fn in a transaction and returns when that is on the disk: a nil
// error means durable, any other means that nothing of fn was kept. Writes are
// kept in the order in which they were queued and share commits; one that fails
// does not fail its neighbours.
//
// fn runs in the writer's goroutine, so it must be short, do nothing but call
// methods of [Tx], and not call the Store. It may be run twice, the first time
// being undone, and must set what it hands out anew each time.
//
// When ctx ends before fn has begun, the write is withdrawn. Once begun, Write
// waits for the outcome, so that the caller always knows it.
func (s *Store) Write(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := make(chan error, 1)
	w := &write{fn: fn, done: func(err error) { done <- err }}
	if !s.w.push(w) {
		return ErrClosed
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if s.w.withdraw(w) {
			return ctx.Err()
		}
		return <-done
	}
}

// WriteLater queues fn as [Store.Write] does and returns at once. done is called
// with the outcome in the writer's goroutine and must be quick; it is called
// with [ErrClosed] before WriteLater returns when the store is closed.
func (s *Store) WriteLater(fn func(*Tx) error, done func(error)) {
	if !s.w.push(&write{fn: fn, done: done}) {
		done(ErrClosed)
	}
}

func (w *writer) push(item *write) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.queue = append(w.queue, item)
	w.signal()
	return true
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// withdraw takes an item out of the queue, and says whether it was still there.
func (w *writer) withdraw(item *write) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, other := range w.queue {
		if other == item {
			w.queue = append(w.queue[:i:i], w.queue[i+1:]...)
			return true
		}
	}
	return false
}

// take returns the next group, and false when there will be no more.
func (w *writer) take() ([]*write, bool) {
	for {
		w.mu.Lock()
		if n := min(len(w.queue), maxGroup); n > 0 {
			group := w.queue[:n:n]
			w.queue = w.queue[n:]
			if len(w.queue) == 0 {
				w.queue = nil
			}
			w.mu.Unlock()
			return group, true
		}
		closed := w.closed
		w.mu.Unlock()
		if closed {
			return nil, false
		}
		<-w.wake
	}
}

// close lets the queue drain, refuses new writes, and waits for the end.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.signal()
	w.mu.Unlock()
	<-w.gone
}

// writeLoop is the writer's goroutine; [Store.Close] ends it.
func (s *Store) writeLoop() {
	defer close(s.w.gone)
	for {
		group, more := s.w.take()
		if !more {
			return
		}
		appended, err := s.commit(group)
		s.recent.add(appended)
		for _, w := range group {
			w.done(errors.Join(w.err, err))
		}
	}
}

// commit writes a group in one transaction and returns the events in it. It
// first takes it that nothing fails, which needs no savepoints; if something
// does, all is undone and each write is tried again with a savepoint of its own.
// The outcome of a single write is in its err; the error returned is everyone's.
func (s *Store) commit(group []*write) ([]Event, error) {
	s.connMu.Lock()
	defer s.connMu.Unlock()
	failed := false
	appended, err := s.transact(func(tx *Tx) error {
		for _, w := range group {
			if err := w.fn(tx); err != nil {
				failed = true
				return err
			}
		}
		return nil
	})
	if !failed {
		return appended, err
	}
	if len(group) == 1 {
		group[0].err = err
		return nil, nil
	}
	return s.transact(func(tx *Tx) error {
		for _, w := range group {
			if err := tx.guard(w); err != nil {
				return err
			}
		}
		return nil
	})
}

// transact runs fn between BEGIN and COMMIT on the writer's connection. The
// caller holds connMu.
func (s *Store) transact(fn func(*Tx) error) ([]Event, error) {
	last, _ := s.Tail()
	tx := &Tx{ctx: context.Background(), conn: s.conn, q: db.New(s.conn), begun: last, lastSeq: last}
	if err := tx.exec("BEGIN"); err != nil {
		return nil, fmt.Errorf("begin transaction: %w", err)
	}
	err := s.stain(tx)
	if err == nil {
		err = fn(tx)
	}
	if err == nil {
		err = s.forgetOldest(tx)
	}
	if err == nil {
		if err = tx.exec("COMMIT"); err == nil {
			s.stained = true
			return tx.appended, nil
		}
		err = fmt.Errorf("commit: %w", err)
	}
	// SQLite has rolled back by itself after some errors (a full disk); then
	// there is nothing left to undo and this one says so.
	_ = tx.exec("ROLLBACK")
	return nil, err
}

// guard runs one write so that its failure undoes it alone. The error returned
// is one of the transaction; the write's own is kept in it.
func (tx *Tx) guard(w *write) error {
	seq, kept := tx.lastSeq, len(tx.appended)
	if err := tx.exec("SAVEPOINT item"); err != nil {
		return err
	}
	if w.err = w.fn(tx); w.err != nil {
		tx.lastSeq, tx.appended = seq, tx.appended[:kept]
		if err := tx.exec("ROLLBACK TO SAVEPOINT item"); err != nil {
			return err
		}
	}
	return tx.exec("RELEASE SAVEPOINT item")
}

func (tx *Tx) exec(statement string) error {
	_, err := tx.conn.ExecContext(tx.ctx, statement)
	return err
}
