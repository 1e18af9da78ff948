package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"millwright.dev/millwright/internal/store/internal/db"
)

// The kinds of event that the store itself acts upon: an intent stays open
// until a result with the same request is written.
const (
	KindIntent = "intent"
	KindResult = "result"
)

// Event is one immutable line of what happened, as it lies in the store.
// Package event gives its fields their meaning and bounds; use that to write.
type Event struct {
	Seq     int64     // position in the log, from 1, without gaps; given by the store
	Time    time.Time // when it happened; nanoseconds are kept, the zone is not
	Kind    string
	Request string // shared by an intent and its result
	Actor   string
	Door    string
	Remote  string
	Op      string
	Targets string // a folded host list
	Count   int
	Outcome string
	Detail  string
	Data    []byte // JSON, or nil
}

// EventRange selects a page of events by position.
type EventRange struct {
	After   int64  // only events with Seq > After
	Through int64  // only events with Seq <= Through; 0: no upper end
	Request string // only events of this request; "": of all
	Newest  bool   // newest first, where it is otherwise oldest first; not with Request
	Page    int    // most events to return, at least 1
}

// AppendEvents writes events to the log and fills in their Seq. They become
// visible, and durable, with the transaction.
func (tx *Tx) AppendEvents(events ...*Event) error {
	for _, e := range events {
		seq := tx.lastSeq + 1
		err := tx.q.InsertEvent(tx.ctx, db.InsertEventParams{
			Seq: seq, Time: e.Time.UnixNano(), Kind: e.Kind, Request: e.Request, Actor: e.Actor, Door: e.Door,
			Remote: e.Remote, Op: e.Op, Targets: e.Targets, Count: int64(e.Count), Outcome: e.Outcome,
			Detail: e.Detail, Data: e.Data,
		})
		if err != nil {
			return fmt.Errorf("append event %d (%s %s): %w", seq, e.Kind, e.Op, err)
		}
		if err := tx.trackIntent(e, seq); err != nil {
			return err
		}
		e.Seq, tx.lastSeq = seq, seq
		kept := *e
		kept.Time = time.Unix(0, e.Time.UnixNano()).UTC() // as it will be read back
		tx.appended = append(tx.appended, kept)
	}
	return nil
}

// trackIntent keeps the list of intents that wait for their result.
func (tx *Tx) trackIntent(e *Event, seq int64) error {
	if e.Request == "" {
		return nil
	}
	switch e.Kind {
	case KindIntent:
		if err := tx.q.OpenIntent(tx.ctx, db.OpenIntentParams{Request: e.Request, Seq: seq}); err != nil {
			return fmt.Errorf("open intent of request %s: %w", e.Request, err)
		}
	case KindResult:
		if err := tx.q.CloseIntent(tx.ctx, e.Request); err != nil {
			return fmt.Errorf("close intent of request %s: %w", e.Request, err)
		}
	}
	return nil
}

// Events returns one page of events. A page shorter than r.Page is the last.
// Several callers may get the same Data, which must not be changed.
func (s *Store) Events(ctx context.Context, r EventRange) ([]Event, error) {
	low, high := r.After+1, r.Through
	if high <= 0 {
		high = math.MaxInt64
	}
	if !r.Newest && r.Request == "" {
		if events, all := s.recent.page(low, high, r.Page); all {
			return events, ctx.Err()
		}
	}
	var rows []db.Event
	err := s.read(ctx, func(q *db.Queries) (err error) {
		switch {
		case r.Request != "":
			rows, err = q.EventsOfRequest(ctx, db.EventsOfRequestParams{Request: r.Request, Low: low, High: high, Page: int64(r.Page)})
		case r.Newest:
			rows, err = q.EventsDown(ctx, db.EventsDownParams{Low: low, High: high, Page: int64(r.Page)})
		default:
			rows, err = q.EventsUp(ctx, db.EventsUpParams{Low: low, High: high, Page: int64(r.Page)})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return eventsOf(rows), nil
}

// FirstSince returns the lowest position of an event that happened at the given
// time or later, 0 if there is none yet. Later positions may hold earlier times:
// an event's time is when it happened, not when it was written.
func (s *Store) FirstSince(ctx context.Context, t time.Time) (int64, error) {
	var first int64
	err := s.read(ctx, func(q *db.Queries) (err error) {
		first, err = q.FirstSeqSince(ctx, t.UnixNano())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("find first event since %s: %w", t.Format(time.RFC3339), err)
	}
	return first, nil
}

// OpenIntents returns, in order, the intents that have no result: what was
// under way when the last daemon died, and what is under way now.
func (s *Store) OpenIntents(ctx context.Context) ([]Event, error) {
	var rows []db.Event
	err := s.read(ctx, func(q *db.Queries) (err error) {
		rows, err = q.OpenIntents(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read open intents: %w", err)
	}
	return eventsOf(rows), nil
}

// PruneEvents deletes the events that happened before the given time and
// returns how many. Open intents and the newest event always stay, so that no
// position is ever given out twice. Nothing calls it by itself.
func (s *Store) PruneEvents(ctx context.Context, before time.Time) (int64, error) {
	var n int64
	err := s.Write(ctx, func(tx *Tx) (err error) {
		n, err = tx.q.PruneEvents(tx.ctx, before.UnixNano())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("prune events before %s: %w", before.Format(time.RFC3339), err)
	}
	s.recent.forget()
	return n, nil
}

// Tail returns the position of the newest committed event, and a channel that
// is closed when a newer one is committed.
func (s *Store) Tail() (last int64, grown <-chan struct{}) {
	return s.recent.tail()
}

func eventsOf(rows []db.Event) []Event {
	events := make([]Event, len(rows))
	for i, r := range rows {
		events[i] = Event{
			Seq: r.Seq, Time: time.Unix(0, r.Time).UTC(), Kind: r.Kind, Request: r.Request, Actor: r.Actor,
			Door: r.Door, Remote: r.Remote, Op: r.Op, Targets: r.Targets, Count: int(r.Count), Outcome: r.Outcome,
			Detail: r.Detail, Data: r.Data,
		}
	}
	return events
}

// forgetOldest holds a store in memory to its bound, a tenth at a time.
func (s *Store) forgetOldest(tx *Tx) error {
	const slack = memoryEvents / 10
	if s.lock != nil || tx.lastSeq < memoryEvents || tx.lastSeq/slack == tx.begun/slack {
		return nil
	}
	if _, err := tx.q.PruneEventsThrough(tx.ctx, tx.lastSeq-memoryEvents); err != nil {
		return fmt.Errorf("forget the oldest events: %w", err)
	}
	return tx.forgetRuns()
}
