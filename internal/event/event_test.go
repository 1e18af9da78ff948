package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/store"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		appendUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

func newLog(t testing.TB) (*event.Log, *store.Store) {
	t.Helper()
	s, err := store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return event.New(s, nil), s
}

func add(t testing.TB, l *event.Log, events ...*event.Event) {
	t.Helper()
	if err := l.Append(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
}

func TestAppendFillsSeqAndTimeAndReadGivesItBack(t *testing.T) {
	l, _ := newLog(t)
	before := time.Now().UTC()
	e := &event.Event{
		Kind: event.Intent, Request: "r1", Actor: "ann", Door: "powerman", Remote: "127.0.0.1:9", Op: "on",
		Targets: "web[1-3]", Count: 3, Outcome: event.OK, Detail: "all of them", Data: json.RawMessage(`{"ok":"web[1-3]"}`),
	}
	add(t, l, e)
	if e.Seq != 1 || e.Time.Before(before) || e.Time.After(time.Now()) {
		t.Errorf("got seq %d, time %v", e.Seq, e.Time)
	}
	got, err := l.Read(t.Context(), event.Filter{})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if d := cmp.Diff(*e, got[0]); d != "" {
		t.Error(d)
	}
}

func TestTextIsBoundedAndClean(t *testing.T) {
	l, _ := newLog(t)
	targets := strings.Repeat("n,", event.MaxTargets/2)
	e := &event.Event{
		Kind: event.State, Targets: targets, Actor: "a\x00b\xff", Remote: strings.Repeat("é", event.MaxField),
		Detail: "x" + strings.Repeat("é", event.MaxDetail),
	}
	add(t, l, e)
	got, err := l.Read(t.Context(), event.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	g := got[0]
	if g.Targets != targets {
		t.Error("a long host list was changed")
	}
	if g.Actor != "a\uFFFDb\uFFFD" {
		t.Errorf("actor %q", g.Actor)
	}
	for limit, s := range map[int]string{event.MaxDetail: g.Detail, event.MaxField: g.Remote} {
		if len(s) > limit || len(s) < limit-4 || !strings.HasSuffix(s, event.CutMark) || !utf8.ValidString(s) {
			t.Errorf("text for %d bytes has %d and ends in %q", limit, len(s), s[len(s)-12:])
		}
	}
}

func TestUnfitEventsAreRefusedWhole(t *testing.T) {
	l, _ := newLog(t)
	good := &event.Event{Kind: event.State}
	for name, bad := range map[string]*event.Event{
		"no kind":         {Op: "on"},
		"intent, no id":   {Kind: event.Intent},
		"long id":         {Kind: event.Intent, Request: strings.Repeat("x", event.MaxField+1)},
		"long targets":    {Kind: event.State, Targets: strings.Repeat("x", event.MaxTargets+1)},
		"long data":       {Kind: event.State, Data: json.RawMessage(`"` + strings.Repeat("x", event.MaxData) + `"`)},
		"data not JSON":   {Kind: event.State, Data: json.RawMessage(`{`)},
		"request is used": {Kind: event.Intent, Request: "twice"},
	} {
		if bad.Request == "twice" {
			add(t, l, &event.Event{Kind: event.Intent, Request: "twice"})
		}
		if err := l.Append(t.Context(), good, bad); err == nil {
			t.Errorf("%s: kept", name)
		}
	}
	if got, err := l.Read(t.Context(), event.Filter{}); err != nil || len(got) != 1 {
		t.Errorf("left %v, %v", got, err)
	}
}

func TestReadFilters(t *testing.T) {
	l, s := newLog(t)
	at := func(s int) time.Time { return time.Unix(int64(1000+s), 0).UTC() }
	for i := range 400 { // more than a page; seq i+1 at second i, but 300 and 301 swapped
		e := &event.Event{Kind: event.State, Time: at(i), Targets: fmt.Sprintf("n[%d-%d]", i, i+1), Request: fmt.Sprint("r", i/2)}
		switch {
		case i%100 == 7:
			e.Kind = event.Device
		case i == 300:
			e.Time = at(301)
		case i == 301:
			e.Time = at(300)
		}
		add(t, l, e)
	}
	big := "big[0-99999]"
	add(t, l, &event.Event{Kind: event.State, Time: at(400), Targets: big})
	cases := []struct {
		name string
		f    event.Filter
		want string // count, first seq, last seq
	}{
		{"all", event.Filter{}, "401 1 401"},
		{"limit", event.Filter{Limit: 3}, "3 1 3"},
		{"newest", event.Filter{Limit: 3, Newest: true}, "3 399 401"},
		{"newest of all", event.Filter{Newest: true}, "401 1 401"},
		{"after", event.Filter{AfterSeq: 390}, "11 391 401"},
		{"since", event.Filter{Since: at(301)}, "100 301 401"},
		{"since the future", event.Filter{Since: at(5000)}, "0"},
		{"until", event.Filter{Until: at(10)}, "10 1 10"},
		{"newest until", event.Filter{Until: at(10), Newest: true, Limit: 2}, "2 9 10"},
		{"node", event.Filter{Node: "n200"}, "2 200 201"},
		{"no node", event.Filter{Node: "n0200"}, "0"},
		{"node in a list beyond what may be asked for", event.Filter{Node: "big77777"}, "1 401 401"},
		{"kind", event.Filter{Kinds: []event.Kind{event.Device}}, "4 8 308"},
		{"newest of kind", event.Filter{Kinds: []event.Kind{event.Device, event.Daemon}, Newest: true, Limit: 1}, "1 308 308"},
		{"request", event.Filter{Request: "r100"}, "2 201 202"},
		{"newest of request", event.Filter{Request: "r100", Newest: true, Limit: 1}, "1 202 202"},
		{"all at once", event.Filter{Since: at(2), Until: at(100), AfterSeq: 5, Node: "n7", Kinds: []event.Kind{event.Device}, Request: "r3"}, "1 8 8"},
	}
	for _, from := range []string{"what is fresh", "the database"} {
		for _, c := range cases {
			events, err := l.Read(t.Context(), c.f)
			if err != nil {
				t.Fatal(c.name, err)
			}
			got := "0"
			if len(events) > 0 {
				got = fmt.Sprint(len(events), events[0].Seq, events[len(events)-1].Seq)
			}
			if got != c.want {
				t.Errorf("%s, from %s: got %s, want %s", c.name, from, got, c.want)
			}
		}
		// Pruning, here of nothing, leaves only the database to read from.
		if n, err := s.PruneEvents(t.Context(), at(-1)); err != nil || n != 0 {
			t.Fatal(n, err)
		}
	}
}

func TestOpenIntentsAreThoseWithoutResult(t *testing.T) {
	l, _ := newLog(t)
	add(t, l, &event.Event{Kind: event.Intent, Request: "a"}, &event.Event{Kind: event.Intent, Request: "b", Op: "cycle"})
	add(t, l, &event.Event{Kind: event.Result, Request: "a"})
	open, err := l.OpenIntents(t.Context())
	if err != nil || len(open) != 1 || open[0].Request != "b" || open[0].Op != "cycle" {
		t.Errorf("open %+v, %v", open, err)
	}
}

func TestEventAndWhatItTellsOfAreOneTransaction(t *testing.T) {
	l, s := newLog(t)
	rev := &store.Revision{Author: "ann", Files: map[string][]byte{"room.yaml": []byte("nodes:")}}
	e := &event.Event{Kind: event.Revision, Op: "reload"}
	if err := l.SaveRevision(t.Context(), rev, e); err != nil || rev.Number != 1 || e.Seq != 1 {
		t.Fatal(rev.Number, e.Seq, err)
	}
	// A bad event keeps the revision out; a bad interruption keeps the event out.
	if err := l.SaveRevision(t.Context(), &store.Revision{}, &event.Event{Kind: event.Intent, Request: ""}); err == nil {
		t.Error("the bad event was kept")
	}
	boom := errors.New("boom")
	err := l.AppendWith(t.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.SetInterruptions(store.Interruption{Node: "web1"}), boom)
	}, &event.Event{Kind: event.Result, Outcome: event.Unknown})
	if !errors.Is(err, boom) {
		t.Error(err)
	}
	revs, err1 := s.Revisions(t.Context(), 0, 9)
	cut, err2 := s.Interruptions(t.Context())
	events, err3 := l.Read(t.Context(), event.Filter{})
	if err := errors.Join(err1, err2, err3); err != nil || len(revs) != 1 || len(cut) != 0 || len(events) != 1 {
		t.Errorf("%d revisions, %d interruptions, %d events, %v", len(revs), len(cut), len(events), err)
	}
}

func TestAppendLaterNeverBlocksAndCountsWhatItDrops(t *testing.T) {
	s, err := store.OpenMemory(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var text lockedBuffer
	l := event.New(s, slog.New(slog.NewTextHandler(&text, nil)))
	begun, wait := make(chan struct{}), make(chan struct{})
	s.WriteLater(func(*store.Tx) error { close(begun); <-wait; return nil }, func(error) {})
	<-begun
	const sent, kept = 20_000, 16_384
	for range sent {
		l.AppendLater(event.Event{Kind: event.State, Op: "on"})
	}
	l.AppendLater(event.Event{}) // unfit
	close(wait)
	add(t, l, &event.Event{Kind: event.Daemon, Op: "end"})
	if d := l.Dropped(); d != sent-kept+1 {
		t.Errorf("dropped %d", d)
	}
	if last, _ := s.Tail(); last != kept+1 {
		t.Errorf("the log ends at %d", last)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if log := text.String(); strings.Count(log, "\n") != 2 || !strings.Contains(log, fmt.Sprint("count=", sent-kept+1)) {
		t.Errorf("logged:\n%s", log)
	}
	l.AppendLater(event.Event{Kind: event.State})
	if d := l.Dropped(); d != sent-kept+2 {
		t.Errorf("after close: dropped %d", d)
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestFollowersSeeEveryEventOnceInOrder(t *testing.T) {
	for name, open := range map[string]func() (*store.Store, error){
		"folder": func() (*store.Store, error) { return store.Open(t.Context(), t.TempDir(), store.Options{}) },
		"memory": func() (*store.Store, error) { return store.OpenMemory(t.Context(), store.Options{}) },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := open()
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			follow(t, event.New(s, nil))
		})
	}
}

// follow lets writers write while followers come at different times; one of
// them stands still until all is written.
func follow(t *testing.T, l *event.Log) {
	const writers, each, followers = 8, 100, 12 // more events than are kept fresh
	total := writers * each
	written := make(chan struct{})
	var writing, reading sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				if i%2 == 0 {
					l.AppendLater(event.Event{Kind: event.State, Op: fmt.Sprint(w, "/", i)})
				} else {
					add(t, l, &event.Event{Kind: event.State, Op: fmt.Sprint(w, "/", i)})
				}
			}
		})
	}
	for f := range followers {
		reading.Go(func() {
			next := int64(f*3 + 1)
			for e, err := range l.Follow(t.Context(), event.Filter{AfterSeq: next - 1, Limit: total - f*3}) {
				if err != nil || e.Seq != next {
					t.Errorf("follower %d: event %d instead of %d, %v", f, e.Seq, next, err)
					return
				}
				next++
				if f == 0 {
					<-written
				}
			}
			if next != int64(total+1) {
				t.Errorf("follower %d ended before %d", f, next)
			}
		})
	}
	writing.Wait()
	close(written)
	reading.Wait()
}

func TestFollowFromTheNewestOn(t *testing.T) {
	l, _ := newLog(t)
	for range 300 {
		add(t, l, &event.Event{Kind: event.State, Targets: "a"})
	}
	add(t, l, &event.Event{Kind: event.State, Targets: "b"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []int64
	for e, err := range l.Follow(ctx, event.Filter{Node: "a", Newest: true, Limit: 2}) {
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			break
		}
		switch got = append(got, e.Seq); e.Seq {
		case 300:
			add(t, l, &event.Event{Kind: event.State, Targets: "b"}, &event.Event{Kind: event.State, Targets: "a"})
		case 303:
			cancel()
		}
	}
	if d := cmp.Diff([]int64{299, 300, 303}, got); d != "" {
		t.Error(d)
	}
}

func TestFollowEndsAtItsUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := store.OpenMemory(t.Context(), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		l := event.New(s, nil)
		start := time.Now()
		l.AppendLater(event.Event{Kind: event.State, Op: "history"})
		go func() {
			for range 9 {
				time.Sleep(10 * time.Minute)
				l.AppendLater(event.Event{Kind: event.State})
			}
		}()
		n := 0
		for _, err := range l.Follow(t.Context(), event.Filter{Until: start.Add(time.Hour)}) {
			if n++; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(start); n != 6 || took != time.Hour {
			t.Errorf("%d events in %v", n, took)
		}
		time.Sleep(time.Hour) // let the writer end
	})
}

func TestFollowEndsWithItsContext(t *testing.T) {
	l, _ := newLog(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n := 0
	for _, err := range l.Follow(ctx, event.Filter{}) {
		if n++; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if n != 1 {
		t.Errorf("yielded %d times", n)
	}
}
