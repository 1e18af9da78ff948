package event

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/store"
)

// page is how many events are read at a time: few enough that a page of the
// longest host lists stays within some tens of megabytes, and that no reader
// keeps the database's old pages alive for long.
const page = 128

// MaxRead is the most events that [Log.Read] returns when no limit is given.
const MaxRead = 10_000

// Filter says which events are wanted. Zero fields do not narrow it.
type Filter struct {
	Since    time.Time // at this time or later
	Until    time.Time // before this time
	AfterSeq int64     // with a Seq greater than this
	Node     string    // with this node among the Targets
	Kinds    []Kind    // of one of these kinds
	Request  string    // of this request
	Limit    int       // at most this many; 0: MaxRead for Read, no limit for Follow
	Newest   bool      // Read: the last Limit of those that match, not the first; Follow: begin with only them
	// BeforeSeq is for Read: with a Seq less than this; 0 is no bound.
	BeforeSeq int64
}

// Match says whether an event passes, positions aside.
func (f *Filter) Match(e *Event) bool {
	switch {
	case !f.Since.IsZero() && e.Time.Before(f.Since),
		!f.Until.IsZero() && !e.Time.Before(f.Until),
		f.Request != "" && e.Request != f.Request,
		len(f.Kinds) > 0 && !slices.Contains(f.Kinds, e.Kind),
		f.Node != "" && !names(e.Targets, f.Node):
		return false
	}
	return true
}

// match is Match for a row.
func (f *Filter) match(r *store.Event) bool {
	e := fromRow(*r)
	return f.Match(&e)
}

// names says whether a folded host list has the node.
func names(targets, node string) bool {
	if targets == "" {
		return false
	}
	if targets == node {
		return true
	}
	// Nothing is expanded, so what was once accepted may be as large as it is.
	list, err := hostlist.Limits{Range: math.MaxInt32, Items: math.MaxInt32, Names: math.MaxInt32}.Parse(targets)
	return err == nil && list.Contains(node)
}

// Last gives the position of the newest event, 0 when there is none.
func (l *Log) Last() int64 {
	last, _ := l.store.Tail()
	return last
}

// Read returns the events that match, oldest first.
func (l *Log) Read(ctx context.Context, f Filter) ([]Event, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = MaxRead
	}
	var events []Event
	visit := func(r *store.Event) bool {
		events = append(events, fromRow(*r))
		return len(events) < limit
	}
	last, _ := l.store.Tail()
	err := l.begin(ctx, &f, last)
	if err != nil {
		return nil, err
	}
	if f.BeforeSeq > 0 {
		last = min(last, f.BeforeSeq-1)
	}
	if f.Newest {
		err = l.walkBack(ctx, &f, last, visit)
		slices.Reverse(events)
	} else {
		_, err = l.walk(ctx, &f, f.AfterSeq, last, visit)
	}
	if err != nil {
		return nil, err
	}
	return events, nil
}

// begin moves f.AfterSeq past what lies before f.Since; last is the end of the
// log as it is now.
func (l *Log) begin(ctx context.Context, f *Filter, last int64) error {
	if f.Since.IsZero() {
		return nil
	}
	first, err := l.store.FirstSince(ctx, f.Since)
	if err != nil {
		return err
	}
	if first == 0 {
		first = last + 1
	}
	f.AfterSeq = max(f.AfterSeq, first-1)
	return nil
}

// walk visits the matching events in (after, through], oldest first, until
// visit says false. It returns the position up to which it has looked.
func (l *Log) walk(ctx context.Context, f *Filter, after, through int64, visit func(*store.Event) bool) (int64, error) {
	for after < through {
		if err := ctx.Err(); err != nil {
			return after, err
		}
		rows, err := l.store.Events(ctx, store.EventRange{
			After: after, Through: through, Request: f.Request, Page: page,
		})
		if err != nil {
			return after, err
		}
		for i := range rows {
			after = rows[i].Seq
			if f.match(&rows[i]) && !visit(&rows[i]) {
				return after, nil
			}
		}
		if len(rows) < page {
			return through, nil
		}
	}
	return after, nil
}

// walkBack is walk from the newest event to the oldest.
func (l *Log) walkBack(ctx context.Context, f *Filter, through int64, visit func(*store.Event) bool) error {
	if f.Request != "" { // a request has few events; its index gives them forwards
		return l.walkBackRequest(ctx, f, through, visit)
	}
	for through > f.AfterSeq {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows, err := l.store.Events(ctx, store.EventRange{
			After: f.AfterSeq, Through: through, Newest: true, Page: page,
		})
		if err != nil {
			return err
		}
		for i := range rows {
			through = rows[i].Seq - 1
			if f.match(&rows[i]) && !visit(&rows[i]) {
				return nil
			}
		}
		if len(rows) < page {
			return nil
		}
	}
	return nil
}

func (l *Log) walkBackRequest(ctx context.Context, f *Filter, through int64, visit func(*store.Event) bool) error {
	var all []store.Event
	_, err := l.walk(ctx, f, f.AfterSeq, through, func(r *store.Event) bool {
		all = append(all, *r)
		return len(all) < MaxRead
	})
	if err != nil {
		return err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if !visit(&all[i]) {
			return nil
		}
	}
	return nil
}

// Follow yields the events that match, from the past on into the future,
// oldest first, with no gap and no event twice, until ctx ends (its error is the
// last thing yielded), f.Until or the limit is reached, or the caller stops. With Newest, it
// begins with the last Limit events and then goes on without a limit.
//
// A follower reads from the store at its own pace: a slow one delays nobody and
// costs no memory.
func (l *Log) Follow(ctx context.Context, f Filter) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := l.follow(ctx, f, func(e Event) bool { return yield(e, nil) }); err != nil {
			yield(Event{}, err)
		}
	}
}

// follow returns nil when visit has said false or it is at the filter's end.
func (l *Log) follow(ctx context.Context, f Filter, visit func(Event) bool) error {
	last, _ := l.store.Tail()
	if err := l.begin(ctx, &f, last); err != nil {
		return err
	}
	after := f.AfterSeq
	if f.Newest {
		start, err := l.newestStart(ctx, f, last)
		if err != nil {
			return err
		}
		after, f.Limit = start, 0
	}
	until, stopTimer := alarm(f.Until)
	defer stopTimer()
	stopped, ended, count := false, false, 0
	for {
		// The position is asked before reading, so what is committed while we
		// read is announced on the channel that we wait on.
		last, grown := l.store.Tail()
		var err error
		after, err = l.walk(ctx, &f, after, last, func(r *store.Event) bool {
			count++
			stopped = !visit(fromRow(*r)) || count == f.Limit
			return !stopped
		})
		if err != nil {
			return fmt.Errorf("follow events: %w", err)
		}
		if stopped || ended {
			return nil
		}
		select {
		case <-grown:
		case <-until:
			ended = true // once more, for what has come since
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// alarm returns a channel that is sent to at the time given; never, if zero.
func alarm(at time.Time) (<-chan time.Time, func() bool) {
	if at.IsZero() {
		return nil, func() bool { return false }
	}
	timer := time.NewTimer(time.Until(at))
	return timer.C, timer.Stop
}

// newestStart returns the position after which the last f.Limit matches lie.
func (l *Log) newestStart(ctx context.Context, f Filter, last int64) (int64, error) {
	start, count := last, 0
	err := l.walkBack(ctx, &f, last, func(r *store.Event) bool {
		if count == f.Limit {
			return false
		}
		start = r.Seq - 1
		count++
		return count < f.Limit
	})
	return start, err
}
