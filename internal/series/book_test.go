package series

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/store"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(appendDir); dir != "" {
		appendUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// files opens the samples of a state folder, "" for memory.
func files(t testing.TB, dir string) *store.Samples {
	t.Helper()
	ctx := context.Background()
	var s *store.Store
	var err error
	if dir == "" {
		s, err = store.OpenMemory(ctx, store.Options{})
	} else {
		s, err = store.Open(ctx, dir, store.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.OpenSamples(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(f.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return f
}

func open(t testing.TB, f *store.Samples, o Options) *Book {
	t.Helper()
	b, err := Open(context.Background(), f, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func shut(t testing.TB, b *Book) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func ask(t testing.TB, b *Book, q Query) *Answer {
	t.Helper()
	a, err := b.Ask(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func watts(node string) Key { return Key{Node: node, Device: "pdu", Plug: node, Quantity: Power} }

// total counts and sums up what an answer's first line has.
func total(v Values) (n int, sum float64) {
	for _, x := range v {
		if !math.IsNaN(x) {
			n++
			sum += x
		}
	}
	return n, sum
}

// TestADayOfSamples lets a meter be read for a day, and looks at all levels while the
// newest hour is still in memory.
func TestADayOfSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, files(t, ""), Options{})
		defer shut(t, b)
		begin := time.Now()
		for i := range 24 * 360 {
			v := 100.0
			if i%360 == 7 {
				v = 460 // once an hour
			}
			b.Append(time.Now(), watts("web1"), v)
			time.Sleep(10 * time.Second)
		}
		end := time.Now()
		for _, tt := range []struct {
			points int
			from   time.Time
			level  string
			n      int
		}{
			{360, end.Add(-time.Hour), "raw", 360},
			{1440, begin, "minutes", 1440},
			{24, begin, "hours", 24},
			{1, begin, "days", 1},
		} {
			for agg, want := range map[Aggregate]float64{Sum: 101 * end.Sub(tt.from).Hours(), Mean: 101, Min: 100, Max: 0, Last: 0} {
				a := ask(t, b, Query{From: tt.from, To: end, Points: tt.points, Aggregate: agg})
				if a.Level != tt.level || len(a.Lines) != 1 {
					t.Fatalf("%d points: level %s, %d lines", tt.points, a.Level, len(a.Lines))
				}
				l := a.Lines[0]
				n, sum := total(l.Values)
				if n != tt.n {
					t.Errorf("%s, %s: %d values, not %d", tt.level, agg, n, tt.n)
				}
				if agg == Mean || agg == Min {
					sum /= float64(n)
				}
				if want > 0 && math.Abs(sum-want) > 1.2 {
					t.Errorf("%s, %s: %v, not %v", tt.level, agg, sum, want)
				}
				if agg == Sum && l.Unit != "Wh" || agg != Sum && l.Unit != "W" {
					t.Errorf("%s is in %s", agg, l.Unit)
				}
				if peak := highest(l.Max); agg == Mean && peak != 460 {
					t.Errorf("%s: the band goes up to %v", tt.level, peak)
				}
			}
		}
		if s := b.Stats(); s.Accepted != 24*360 || s.Lost != 0 || s.Refused != 0 || s.Series != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func highest(v Values) float64 {
	most := math.Inf(-1)
	for _, x := range v {
		if x > most {
			most = x
		}
	}
	return most
}

// TestACrashCostsAMinute leaves books without closing them, again and again, and counts.
func TestACrashCostsAMinute(t *testing.T) {
	dir := t.TempDir()
	key := Key{Node: "web1", Quantity: Energy}
	begin := time.Now().Add(-30 * time.Hour).Truncate(time.Hour)
	at, wh := begin, 0.0
	for life := range 5 {
		f, crash := crashing(t, dir)
		b, err := Open(t.Context(), f, Options{Flush: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		for range 90 + life { // minutes, so that some lives end after a seal, some before
			for range 6 {
				wh++
				b.Append(at, key, wh)
				at = at.Add(10 * time.Second)
			}
			if err := b.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.Append(at.Add(time.Second), key, 1e9) // never written
		crash(b)
	}
	f, crash := crashing(t, dir)
	b := open(t, f, Options{})
	defer crash(b)
	for _, points := range []int{2000, 100, 5} {
		a := ask(t, b, Query{From: begin, To: at, Points: points, Aggregate: Sum})
		if _, sum := total(a.Lines[0].Values); math.Abs(sum-(wh-1)) > 0.01 {
			t.Errorf("%s: the counter grew by %v, not %v", a.Level, sum, wh-1)
		}
	}
	rows, err := rowsOf(t, b, Selection{From: begin, To: at})
	if err != nil || len(rows) != int(wh) {
		t.Errorf("%d samples of %v are there, %v", len(rows), wh, err)
	}
	if last := b.Latest(nil); len(last) != 1 || last[0].Value != wh || last[0].Unit != "Wh" {
		t.Errorf("newest: %+v", last)
	}
}

// crashing opens samples and gives what leaves them as a crash would: nothing more is
// written.
func crashing(t *testing.T, dir string) (*store.Samples, func(*Book)) {
	t.Helper()
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.OpenSamples(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return f, func(b *Book) {
		b.stop()
		<-b.done
		if err := errors.Join(f.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	}
}

func rowsOf(t *testing.T, b *Book, s Selection) (list []Row, err error) {
	for r, e := range b.Export(t.Context(), s) {
		if e != nil {
			return list, e
		}
		list = append(list, r)
	}
	return list, nil
}

// TestClocksThatJump appends what clocks that are wrong say, and still has all.
func TestClocksThatJump(t *testing.T) {
	now := time.Now().Truncate(time.Minute)
	f := files(t, "")
	b := open(t, f, Options{Flush: time.Hour})
	defer shut(t, b)
	n := 0
	for _, jump := range []time.Duration{0, -time.Hour, 10 * 365 * day, -20 * 365 * day, time.Minute, 0} {
		for i := range 10 {
			b.Append(now.Add(jump+time.Duration(i)*time.Second), watts("web1"), 50)
			n++
		}
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * slots {
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// That from twenty years ago is older than samples are kept, and went.
	rows, err := rowsOf(t, b, Selection{From: time.UnixMilli(0), To: now.Add(30 * 365 * day)})
	if err != nil || len(rows) != n-10 {
		t.Errorf("%d of %d samples are there, %v", len(rows), n, err)
	}
	for _, at := range []int64{-5, math.MaxInt64 / 4, latest + 1} {
		b.Append(time.UnixMilli(at), watts("web1"), 50)
	}
	if s := b.Stats(); s.Refused != 3 {
		t.Errorf("%+v", s)
	}
}

// TestNothingIsPrunedAfterAJump gives the time of day a year more than has passed.
func TestNothingIsPrunedAfterAJump(t *testing.T) {
	var c clock
	now := time.Now()
	c.start(now, now.UnixMilli())
	step := func(wall, passed time.Duration, may bool) {
		t.Helper()
		now = now.Add(wall)
		if c.tick(now, passed); c.mayPrune() != may {
			t.Errorf("after %v, of which %v have passed: pruning is %v", wall, passed, !may)
		}
	}
	step(time.Minute, time.Minute, true)
	step(-time.Hour, time.Minute, true)
	step(365*day, time.Minute, false)
	step(23*time.Hour, 23*time.Hour, false)
	step(-365*day, time.Minute, false)
	step(time.Hour, time.Hour, true)
	step(30*day, 30*day, true) // the machine slept
	c = clock{}
	if c.start(now, now.Add(-100*day).UnixMilli()); c.mayPrune() {
		t.Error("after a long absence the clock is believed at once")
	}
}

// TestRetention keeps each level for its time.
func TestRetention(t *testing.T) {
	b := open(t, files(t, t.TempDir()), Options{Flush: time.Hour})
	defer shut(t, b)
	now := time.Now()
	for _, ago := range []time.Duration{100 * day, 30 * day, time.Hour} {
		b.Append(now.Add(-ago), watts("web1"), 50)
	}
	count := func() string {
		t.Helper()
		for range slots + 1 {
			if err := b.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var said []string
		for _, level := range []string{"raw", "minutes", "hours", "days"} {
			rows, err := rowsOf(t, b, Selection{From: now.Add(-1000 * day), To: now.Add(day), Level: level})
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, fmt.Sprint(len(rows)))
		}
		return strings.Join(said, " ")
	}
	if got := count(); got != "1 2 3 3" {
		t.Errorf("by default there are %s", got)
	}
	if err := b.SetRetention(Retention{Raw: day, Minutes: day, Hours: 40 * day, Days: 0}); err != nil {
		t.Fatal(err)
	}
	if got := count(); got != "1 1 2 3" {
		t.Errorf("with less there are %s", got)
	}
	for _, bad := range []Retention{{Raw: time.Hour}, {Raw: 2 * day, Minutes: day}, {Raw: 0, Minutes: day}, {Raw: -day}} {
		if b.SetRetention(bad) == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

// TestHostileLabels holds that nobody fills the book with what cannot be kept.
func TestHostileLabels(t *testing.T) {
	b := open(t, files(t, ""), Options{MaxSeries: 3})
	defer shut(t, b)
	for _, k := range []Key{
		{}, {Node: "x"}, {Node: "a\nnode=b", Quantity: Power}, {Node: strings.Repeat("x", 300), Quantity: Power}, {Node: "\xff", Quantity: Power},
	} {
		b.Append(time.Now(), k, 1)
	}
	b.Append(time.Now(), watts("a"), math.NaN())
	b.Append(time.Now(), watts("a"), math.Inf(-1))
	for i := range 5 {
		b.Append(time.Now(), watts(fmt.Sprint(i)), 1)
	}
	if s := b.Stats(); s.Accepted != 3 || s.Refused != 7 || s.Lost != 2 || s.Series != 3 {
		t.Errorf("%+v", s)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	b := open(t, files(t, ""), Options{Flush: time.Hour})
	defer shut(t, b)
	k, at := watts("web1"), time.Now()
	for range 2 { // both buffers grow to their size
		for i := range 5000 {
			b.Append(at.Add(time.Duration(i)*time.Millisecond), k, 1)
		}
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.tracks[k].open.body = make([]byte, 0, maxBody)
	if n := testing.AllocsPerRun(1000, func() { b.Append(at, k, 2) }); n > 0 {
		t.Errorf("%v allocations each", n)
	}
}

// TestAFullDiskIsSaidOnce takes all room away, and gives it back.
func TestAFullDiskIsSaidOnce(t *testing.T) {
	f := files(t, t.TempDir())
	var said []error
	b := open(t, f, Options{Flush: time.Hour, Trouble: func(err error) { said = append(said, err) }})
	defer shut(t, b)
	begin := time.Now().Truncate(time.Minute)
	n := 0
	append100 := func() {
		for range 100 {
			b.Append(begin.Add(time.Duration(n)*time.Second), watts("web1"), 5)
			n++
		}
	}
	for spell := range 3 {
		append100()
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.SetReserve(math.MaxInt64)
		for range 70 { // so that every series has its turn
			if err := b.Flush(t.Context()); !errors.Is(err, store.ErrNoRoom) {
				t.Fatalf("flushed without room: %v", err)
			}
		}
		append100()
		if b.Stats().Trouble == nil {
			t.Error("the trouble is not in the figures")
		}
		f.SetReserve(0)
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := 2 * (spell + 1); len(said) != want || said[want-2] == nil || said[want-1] != nil {
			t.Fatalf("spell %d: %v was said", spell, said)
		}
	}
	for range slots {
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := rowsOf(t, b, Selection{From: begin, To: begin.Add(time.Hour)})
	if err != nil || len(rows) != n {
		t.Errorf("%d of %d samples are there, %v", len(rows), n, err)
	}
	f.SetReserve(math.MaxInt64)
	for i := range maxPending + 10 {
		b.Append(begin.Add(time.Duration(i)*time.Millisecond), watts("web1"), 5)
	}
	if s := b.Stats(); s.Lost != 10 || s.Waiting != maxPending {
		t.Errorf("%+v", s)
	}
	f.SetReserve(0)
}
