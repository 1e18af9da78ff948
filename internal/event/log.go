package event

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/internal/store"
)

// maxLater bounds the events of [Log.AppendLater] that wait to be written: more
// than one for each node of a large room, written in well under a second.
const maxLater = 16_384

// Log is the room's event log. Its methods may be called from any goroutine.
// It owns no goroutine and needs no closing; closing the store ends it.
type Log struct {
	store   *store.Store
	logger  *slog.Logger
	waiting atomic.Int64 // events queued by AppendLater
	dropped atomic.Int64 // events that AppendLater gave up, ever
	lost    atomic.Int64 // of those, the ones not yet reported
}

// New returns the log kept in a store. logger (nil: [slog.Default]) hears of
// events that had to be dropped.
func New(s *store.Store, logger *slog.Logger) *Log {
	if logger == nil {
		logger = slog.Default()
	}
	return &Log{store: s, logger: logger}
}

// Append writes events in one transaction, in their order. When it returns nil
// they are on the disk, have their Seq (and Time, where that was zero), and
// followers see them; when it returns an error none of them was kept.
func (l *Log) Append(ctx context.Context, events ...*Event) error {
	return l.AppendWith(ctx, nil, events...)
}

// AppendWith writes events and, in the same transaction and before them, what
// fn does: both are kept or neither is. fn follows the rules of
// [store.Store.Write].
func (l *Log) AppendWith(ctx context.Context, fn func(*store.Tx) error, events ...*Event) error {
	rows, err := rowsOf(events)
	if err != nil {
		return err
	}
	err = l.store.Write(ctx, func(tx *store.Tx) error {
		if fn != nil {
			if err := fn(tx); err != nil {
				return err
			}
		}
		return tx.AppendEvents(rows...)
	})
	if err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	for i, e := range events {
		e.Seq, e.Time = rows[i].Seq, rows[i].Time
	}
	return nil
}

// SaveRevision writes an accepted configuration and the event that tells of it
// in one transaction, and fills in r.Number, e.Seq and e.Time. The files are
// compressed first, so that a large room holds up nobody.
func (l *Log) SaveRevision(ctx context.Context, r *store.Revision, e *Event) error {
	return l.SaveRevisionWith(ctx, r, e, func(*store.Tx) error { return nil })
}

// SaveRevisionWith is SaveRevision with more in the same transaction, done when
// the revision has its number.
func (l *Log) SaveRevisionWith(ctx context.Context, r *store.Revision, e *Event, more func(*store.Tx) error) error {
	if r.Time.IsZero() {
		r.Time = time.Now().UTC()
	}
	if err := r.Pack(); err != nil {
		return fmt.Errorf("save revision: %w", err)
	}
	return l.AppendWith(ctx, func(tx *store.Tx) error {
		if err := tx.AddRevision(r); err != nil {
			return err
		}
		return more(tx)
	}, e)
}

// AppendLater queues an event and returns at once: for state changes and the
// like, which nobody waits for. It never blocks. When too many wait, or the
// disk fails, the event is dropped, counted and (once per spell) logged.
func (l *Log) AppendLater(e Event) {
	rows, err := rowsOf([]*Event{&e})
	if err != nil {
		l.drop(err)
		return
	}
	if l.waiting.Add(1) > maxLater {
		l.waiting.Add(-1)
		l.drop(fmt.Errorf("%d events wait already", maxLater))
		return
	}
	l.store.WriteLater(func(tx *store.Tx) error { return tx.AppendEvents(rows...) }, func(err error) {
		left := l.waiting.Add(-1)
		if err != nil {
			l.drop(err)
		} else if left == 0 {
			l.report()
		}
	})
}

// Dropped returns how many events AppendLater has dropped since the start.
func (l *Log) Dropped() int64 { return l.dropped.Load() }

// drop counts a lost event and logs the first of a spell.
func (l *Log) drop(why error) {
	l.dropped.Add(1)
	if l.lost.Add(1) == 1 {
		l.logger.Error("events are being dropped", "why", why)
	}
}

// report ends a spell of dropping with its sum.
func (l *Log) report() {
	if n := l.lost.Swap(0); n > 0 {
		l.logger.Warn("events were dropped", "count", n)
	}
}

// OpenIntents returns the intents without a result, in order: at start-up, what
// the last daemon was doing when it died; later, what is under way.
func (l *Log) OpenIntents(ctx context.Context) ([]Event, error) {
	rows, err := l.store.OpenIntents(ctx)
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(rows))
	for i, r := range rows {
		events[i] = fromRow(r)
	}
	return events, nil
}

// rowsOf checks events and gives those without a time the present one.
func rowsOf(events []*Event) ([]*store.Event, error) {
	rows := make([]*store.Event, len(events))
	for i, e := range events {
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("append events: %w", err)
		}
		row := e.row()
		if row.Time.IsZero() {
			row.Time = time.Now()
		}
		row.Time = row.Time.Round(0).UTC()
		rows[i] = row
	}
	return rows, nil
}
