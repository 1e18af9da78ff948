package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestFullDiskLosesNothingAcknowledged limits the database's size, which is to
// SQLite what a full disk is, and then lifts the limit.
func TestFullDiskLosesNothingAcknowledged(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	limit := func(pages int) {
		t.Helper()
		s.connMu.Lock()
		defer s.connMu.Unlock()
		rows, err := s.conn.conn.QueryContext(t.Context(), fmt.Sprint("PRAGMA max_page_count = ", pages))
		if err != nil {
			t.Fatal(err)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write := func(detail string) error {
		return s.Write(t.Context(), func(tx *Tx) error {
			return tx.AppendEvents(&Event{Time: time.Now(), Kind: "state", Detail: detail})
		})
	}
	limit(100)
	acked := 0
	for err = nil; err == nil; acked++ {
		err = write(strings.Repeat("x", 10_000))
	}
	acked-- // the last one failed
	if !strings.Contains(err.Error(), "full") || acked == 0 {
		t.Fatalf("after %d events: %v", acked, err)
	}
	if err := write(strings.Repeat("x", 10_000)); err == nil {
		t.Error("a second write to the full disk was acknowledged")
	}
	if last, _ := s.Tail(); last != int64(acked) {
		t.Errorf("the log ends at %d after %d acknowledged events", last, acked)
	}
	limit(1 << 20)
	if err := write("room again"); err != nil {
		t.Fatal(err)
	}
	s.recent.forget() // read what is on the disk
	events, err := s.Events(t.Context(), EventRange{Page: 1000})
	if err != nil || len(events) != acked+1 || events[acked].Seq != int64(acked+1) {
		t.Errorf("%d events are there, %v", len(events), err)
	}
}

// TestConnectionsAreSafeAndSmall asks SQLite itself: a misspelt pragma in an
// address is ignored without a word.
func TestConnectionsAreSafeAndSmall(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const full = "2"
	type query interface {
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}
	for name, c := range map[string]struct {
		db   query
		want map[string]string
	}{
		"writer": {s.conn, map[string]string{
			"journal_mode": "wal", "synchronous": full, "foreign_keys": "1", "busy_timeout": "10000",
			"cache_size": "-1024", "journal_size_limit": "8388608",
		}},
		"reader": {s.readDB, map[string]string{"query_only": "1", "journal_mode": "wal", "busy_timeout": "10000", "cache_size": "-512"}},
	} {
		for pragma, want := range c.want {
			var got string
			if err := c.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %s is %s, want %s (%v)", name, pragma, got, want, err)
			}
		}
	}
}
