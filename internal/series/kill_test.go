package series

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"millwright.dev/millwright/internal/store"
)

// appendDir makes this program, run anew, append to a state folder until it is killed.
const appendDir = "MILLWRIGHT_TEST_APPEND_DIR"

// killBegin is the time of the first sample; they are a second apart, and their value
// is their number.
func killBegin() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// century keeps what is that old, whatever the time is now.
func century() Retention {
	return Retention{Raw: 36500 * day, Minutes: 36500 * day, Hours: 36500 * day}
}

// appendUntilKilled goes on where the one before was killed, and says after each flush
// how many samples are written.
func appendUntilKilled(dir string) {
	ctx := context.Background()
	s, err := store.Open(ctx, dir, store.Options{})
	if err != nil {
		panic(err)
	}
	f, err := s.OpenSamples(ctx)
	if err != nil {
		panic(err)
	}
	b, err := Open(ctx, f, Options{Flush: time.Hour, Retention: century()})
	if err != nil {
		panic(err)
	}
	key := Key{Node: "a", Quantity: Energy}
	n := 0
	if last := b.Latest(nil); len(last) > 0 {
		n = int(last[0].Value) + 1
	}
	for {
		for range 100 {
			b.Append(killBegin().Add(time.Duration(n)*time.Second), key, float64(n))
			n++
		}
		if err := b.Flush(ctx); err != nil {
			panic(err)
		}
		fmt.Println(n)
	}
}

// TestKilled kills a program that samples, again and again: what it said it had written
// is there, once, at all levels.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	written := 0
	for life := range 6 {
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), appendDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for i := 0; lines.Scan(); i++ {
			if written, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
			if i == 20+17*life {
				_ = cmd.Process.Kill()
			}
		}
		_ = cmd.Wait()
	}
	f, crash := crashing(t, dir)
	b := open(t, f, Options{Flush: time.Hour, Retention: century()})
	defer crash(b)
	end := b.Latest(nil)[0]
	if end.Value < float64(written-1) {
		t.Errorf("%v samples are there, and %d were written", end.Value+1, written)
	}
	from, to := killBegin(), end.At.Add(time.Second)
	rows, err := rowsOf(t, b, Selection{From: from, To: to})
	if err != nil || len(rows) != int(end.Value)+1 {
		t.Errorf("%d samples of %v, %v", len(rows), end.Value+1, err)
	}
	for _, level := range []string{"minutes", "hours", "days"} {
		rows, err := rowsOf(t, b, Selection{From: from.Truncate(day), To: to.Add(day), Level: level})
		var count, grown float64
		for _, r := range rows {
			count, grown = count+float64(r.Count), grown+r.Increase
		}
		if err != nil || count != end.Value+1 || grown != end.Value {
			t.Errorf("%s: %v samples, grown by %v, of %v: %v", level, count, grown, end.Value, err)
		}
	}
}
