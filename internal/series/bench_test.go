package series

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"millwright.dev/millwright/internal/store"
)

func BenchmarkAppend(b *testing.B) {
	book := open(b, files(b, ""), Options{Flush: time.Hour})
	defer shut(b, book)
	keys := make([]Key, 1000)
	for i := range keys {
		keys[i] = watts(fmt.Sprint("web", i))
	}
	at := time.Now()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%200_000 == 199_999 {
			b.StopTimer()
			if err := book.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		book.Append(at.Add(time.Duration(i)*10*time.Millisecond), keys[i%1000], float64(100+i%17))
	}
}

// room is 1,000 nodes with three values every ten seconds and five checks a minute.
type room struct {
	nodes  [1000][3]Key
	checks [5000]Key
	wh     [1000]float64
	rnd    *rand.Rand
}

func newRoom() *room {
	r := &room{rnd: rand.New(rand.NewPCG(1, 1))}
	for i := range r.nodes {
		name := fmt.Sprint("web", i)
		for j, q := range []Quantity{Power, Current, Energy} {
			r.nodes[i][j] = Key{Node: name, Device: fmt.Sprint("pdu", i/24), Plug: fmt.Sprint(i % 24), Feed: fmt.Sprint("feed", i/500), Quantity: q}
		}
		for j := range 5 {
			r.checks[5*i+j] = Key{Node: name, Check: fmt.Sprint("check", j), Quantity: Latency}
		}
	}
	return r
}

// minute appends a minute of samples that jitter as real ones do.
func (r *room) minute(b *Book, at time.Time) {
	for i := range 6 {
		for n := range r.nodes {
			when := at.Add(time.Duration(i)*10*time.Second + time.Duration(n*10+r.rnd.IntN(3))*time.Millisecond)
			w := 180 + math.Round(r.rnd.NormFloat64()*40)/10
			r.wh[n] += w / 360
			b.Append(when, r.nodes[n][0], w)
			b.Append(when, r.nodes[n][1], math.Round(w/2.3)/100)
			b.Append(when, r.nodes[n][2], math.Floor(r.wh[n]))
		}
	}
	for n := range r.checks {
		b.Append(at.Add(time.Duration(n)*12*time.Millisecond), r.checks[n], 0.0004+math.Abs(r.rnd.NormFloat64())/3000)
	}
}

// BenchmarkRoom lives through some hours of a room as fast as it can, and says what
// share of a core they would have taken, what they hold in memory, and by what the file
// grows in a day: at first all of it, and later, when samples as they came go again
// after a week, by the minutes, hours and days alone.
func BenchmarkRoom(b *testing.B) {
	const hours = 6
	for b.Loop() {
		f := files(b, b.TempDir())
		book := open(b, f, Options{Flush: 24 * time.Hour})
		r := newRoom()
		begin := time.Now().Add(-hours * time.Hour).Truncate(time.Hour)
		heap, cpu := heapBytes(), processorTime()
		var grew, slowest time.Duration
		var size int64
		for m := range hours * 60 {
			if m == 120 {
				size = f.Bytes()
			}
			r.minute(book, begin.Add(time.Duration(m)*time.Minute))
			t := time.Now()
			if err := book.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
			slowest = max(slowest, time.Since(t))
		}
		grew = processorTime() - cpu
		b.ReportMetric(100*grew.Hours()/hours, "core-%")
		b.ReportMetric(float64(heapBytes()-heap)/1e6, "heap-MB")
		b.ReportMetric(float64(slowest)/1e6, "slowest-flush-ms")
		b.ReportMetric(float64(f.Bytes()-size)/1e6/(hours-2)*24, "MB/day")
		for level := range levels {
			var bytes int
			err := book.scanBytes(b.Context(), level, func(n int) { bytes += n })
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(bytes)/1e6/hours*24, levelName(level)+"-MB/day")
		}
		again := time.Now()
		shut(b, book)
		book = open(b, f, Options{Flush: 24 * time.Hour})
		b.ReportMetric(float64(time.Since(again))/1e6, "restart-ms")
		shut(b, book)
		runtime.KeepAlive(r)
	}
}

// scanBytes tells the sizes of the chunks of a level.
func (b *Book) scanBytes(ctx context.Context, level int, tell func(int)) error {
	for _, f := range b.find(nil) {
		list, err := b.file.Chunks(ctx, store.SampleRange{Level: int64(level), Series: []int64{f.id}, To: latest})
		if err != nil {
			return err
		}
		for _, c := range list {
			tell(len(c.Data))
		}
	}
	return nil
}

func heapBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkChart asks for charts over a year: 1,000 series of which there are hours and
// days, and 10 of which there are minutes as well.
func BenchmarkChart(b *testing.B) {
	f := files(b, b.TempDir())
	book := open(b, f, Options{Flush: 24 * time.Hour, Retention: Retention{Raw: 7 * day, Minutes: 2 * 365 * day}})
	defer shut(b, book)
	end := time.Now().Truncate(24 * time.Hour)
	fillYear(b, book, end)
	some := make([]string, 10)
	for i := range some {
		some[i] = fmt.Sprint("web", i)
	}
	all := Matcher{LabelQuantity: {"power"}}
	for name, q := range map[string]Query{
		"one-year":                {Match: Matcher{LabelNode: {"web1"}}},
		"one-year-5000-points":    {Match: Matcher{LabelNode: {"web1"}}, Points: 5000},
		"ten-year-2000-points":    {Match: Matcher{LabelNode: some}, Points: 2000},
		"ten-week-of-minutes":     {Match: Matcher{LabelNode: some}, From: end.Add(-7 * day), Points: 2000},
		"1000-year-each-its-line": {Match: all},
		"1000-year-by-feed":       {Match: all, GroupBy: LabelFeed},
		"1000-month-by-feed":      {Match: all, GroupBy: LabelFeed, From: end.Add(-30 * day)},
		"1000-month-one-line-max": {Match: all, GroupBy: GroupAll, From: end.Add(-30 * day), Aggregate: Max},
		"1000-year-energy":        {Match: all, GroupBy: GroupAll, Aggregate: Sum},
		"1000-year-2000-points":   {Match: all, GroupBy: GroupAll, Points: 2000},
	} {
		b.Run(name, func(b *testing.B) {
			if q.From.IsZero() {
				q.From = end.Add(-365 * day)
			}
			q.To = end
			var a *Answer
			cpu, best := processorTime(), time.Hour
			for b.Loop() {
				t := time.Now()
				a = ask(b, book, q)
				best = min(best, time.Since(t))
			}
			b.ReportMetric(float64(processorTime()-cpu)/1e6/float64(b.N), "core-ms/chart")
			b.ReportMetric(float64(best)/1e6, "best-ms")
			n, _ := total(a.Lines[0].Values)
			b.ReportMetric(float64(n), "points")
			b.ReportMetric(float64(b.Elapsed())/1e6/float64(b.N), "ms/chart")
		})
	}
}

// fillYear writes a year of roll-ups as flushes would have.
func fillYear(b *testing.B, book *Book, end time.Time) {
	b.Helper()
	for n := range 1000 {
		book.Append(end, Key{Node: fmt.Sprint("web", n), Feed: fmt.Sprint("feed", n/100), Quantity: Power}, 180)
	}
	if err := book.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	begin := end.Add(-365 * day).UnixMilli()
	for n := range 1000 {
		err := book.file.Write(b.Context(), func(tx *store.SampleTx) error {
			for level := levelMinutes; level < levels; level++ {
				if level == levelMinutes && n >= 10 {
					continue
				}
				var list []bucket
				flush := func() error {
					k := store.SampleChunk{Level: int64(level), Series: int64(n + 1), First: list[0].at, Last: list[len(list)-1].at + resolution(level) - 1}
					k.Data = packBuckets(list, level)
					list = list[:0]
					return tx.PutChunk(k)
				}
				for at := begin; at < end.UnixMilli(); at += resolution(level) {
					if len(list) > 0 && (at%window(level) < resolution(level) || level == levelMinutes && len(list) == 60) {
						if err := flush(); err != nil {
							return err
						}
					}
					w := 180 + float64(at/resolution(level)%37)/10
					samples := resolution(level) / 10_000
					list = append(list, bucket{at: at, count: samples, min: w - 9, max: w + 7, last: w, sum: w * float64(samples), inc: w * float64(resolution(level)) / 3_600_000})
				}
				if err := flush(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
