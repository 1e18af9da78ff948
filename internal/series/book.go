package series

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"millwright.dev/millwright/internal/store"
)

// Bounds of a book.
const (
	maxPending  = 1 << 18 // samples that wait for the journal
	maxFull     = 64      // chunks of one series that wait to be written
	maxBody     = 32 << 10
	slots       = 60 // series are sealed and pruned in that many turns, one each flush
	spareBodies = 1024
)

// Times outside of these are no times of samples: 1970 and 2300.
const (
	earliest = 0
	latest   = 10_413_792_000_000
)

// Retention says for how long each level is kept; 0 is for ever.
type Retention struct {
	Raw     time.Duration // samples as they came
	Minutes time.Duration
	Hours   time.Duration
	Days    time.Duration
}

// day is 24 hours.
const day = 24 * time.Hour

// DefaultRetention is 7 days, 90 days, 3 years, and for ever.
func DefaultRetention() Retention {
	return Retention{Raw: 7 * day, Minutes: 90 * day, Hours: 3 * 365 * day}
}

// Check says what is wrong with a retention: samples cannot rest for less than a day,
// and no level may go before the finer ones.
func (r Retention) Check() error {
	finer := r.Raw
	for i, d := range [levels]time.Duration{r.Raw, r.Minutes, r.Hours, r.Days} {
		if d != 0 && d < day {
			return fmt.Errorf("retention of %s: %v is less than a day", levelName(i), d)
		}
		if d != 0 && (d < finer || finer == 0) {
			return fmt.Errorf("retention of %s is shorter than that of what they are made of", levelName(i))
		}
		finer = d
	}
	return nil
}

// of gives the retention of a level in milliseconds, 0 for ever.
func (r Retention) of(level int) int64 {
	return [levels]time.Duration{r.Raw, r.Minutes, r.Hours, r.Days}[level].Milliseconds()
}

// Options adjust a [Book]; the zero value is right for most.
type Options struct {
	// Retention; the zero value is [DefaultRetention], and for a file in memory a day, a
	// week, 90 days and a year.
	Retention Retention
	// Flush is how often what is new is written down, and so what the death of the
	// process may cost; 0: a minute. Series are sealed every 60 of them.
	Flush time.Duration
	// MaxSeries bounds how many series there may be; 0: 50,000. Samples of more are lost.
	MaxSeries int
	// Trouble is told when samples cannot be written any more, once, and nil when they
	// can be again. It must not call the book.
	Trouble func(error)
	// Tee is given each sample that is accepted; it must be quick. Sender.Send of
	// remotewrite is meant for it.
	Tee func(at time.Time, k Key, value float64)
	// Log gets what is odd; nil: nobody does.
	Log *slog.Logger
}

// Book keeps samples. Its methods may be called from any goroutine.
type Book struct {
	file *store.Samples
	o    Options

	mu        sync.Mutex // holds what follows, and the tracks; never while on the disk
	tracks    map[Key]*track
	byID      []*track // by id - 1, nil where the file has a gap
	pending   []sample // not in the journal yet
	shadow    []sample // its memory while the journal is written, and the other way round
	fresh     []*track // not in the file yet
	batch     int64    // number of the newest journal entry
	retention Retention
	spare     [][]byte
	counts    Counts
	lastFlush time.Time
	trouble   error

	// resting is held for writing while chunks go from memory to the file, and for
	// reading by those who look at both.
	resting sync.RWMutex
	// flushing is held by the one who flushes, and guards clock.
	flushing sync.Mutex
	clock    clock

	stop context.CancelFunc
	done chan struct{}
}

// sample waits for the journal.
type sample struct {
	t  *track
	at int64
	v  float64
}

// track is a series.
type track struct {
	id     int64
	key    Key
	open   segment
	full   []*segment // wait to be written
	sealed int64      // number of the newest journal entry that is wholly in chunks

	last    carry // of the newest sample
	every   int64 // between the two newest samples, in milliseconds
	written int64 // chunks written since the program began
}

// segment is what a chunk is made from.
type segment struct {
	points
	before carry // the sample before the first
	batch  int64 // the journal entry that its first sample is in
}

// Counts are what came of the samples since the program began.
type Counts struct {
	Accepted uint64
	Refused  uint64 // not a number, no time, or a label that cannot be kept
	Lost     uint64 // there was no room: too many series, or the disk is full
}

// Stats is how a book is doing.
type Stats struct {
	Counts
	Series    int
	Waiting   int       // samples that are not in the journal yet
	Bytes     int64     // of the file
	LastFlush time.Time // zero: not yet
	Trouble   error     // why samples cannot be written; nil: they can
}

// Open opens the book that a file holds, makes good what a crash has left undone, and
// begins to write every minute. The file is to be closed after the book.
func Open(ctx context.Context, file *store.Samples, o Options) (*Book, error) {
	if o.Retention == (Retention{}) {
		o.Retention = DefaultRetention()
		if file.InMemory() {
			o.Retention = Retention{Raw: day, Minutes: 7 * day, Hours: 90 * day, Days: 365 * day}
		}
	}
	if o.Flush <= 0 {
		o.Flush = time.Minute
	}
	if o.MaxSeries <= 0 {
		o.MaxSeries = 50_000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := o.Retention.Check(); err != nil {
		return nil, fmt.Errorf("open samples: %w", err)
	}
	b := &Book{file: file, o: o, tracks: make(map[Key]*track), retention: o.Retention, done: make(chan struct{})}
	if err := b.load(ctx); err != nil {
		return nil, fmt.Errorf("open samples: %w", err)
	}
	b.clock.start(time.Now(), b.newest())
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	b.stop = stop
	go b.run(life)
	return b, nil
}

// run flushes again and again; [Book.Close] ends it.
func (b *Book) run(ctx context.Context) {
	defer close(b.done)
	tick := time.NewTicker(b.o.Flush)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = b.Flush(ctx) // told by Trouble and Stats
		case <-ctx.Done():
			return
		}
	}
}

// Close writes what is new and ends the book's work.
func (b *Book) Close() error {
	b.stop()
	<-b.done
	return b.Flush(context.Background())
}

// Append takes a sample. It allocates nothing for a series that is known, and does not
// wait for the disk. Values of latency are kept to the microsecond.
func (b *Book) Append(at time.Time, k Key, value float64) {
	ms := at.UnixMilli()
	if k.Quantity == Latency {
		value = math.Round(value*1e6) / 1e6
	}
	b.mu.Lock()
	ok := b.take(ms, k, value)
	b.mu.Unlock()
	if ok && b.o.Tee != nil {
		b.o.Tee(at, k, value)
	}
}

// take says whether it took a sample; the book is locked.
func (b *Book) take(ms int64, k Key, value float64) bool {
	if !finite(value) || ms < earliest || ms > latest {
		b.counts.Refused++
		return false
	}
	t := b.tracks[k]
	if t == nil {
		if err := k.check(); err != nil {
			b.counts.Refused++
			return false
		}
		if t = b.begin(k); t == nil {
			b.counts.Lost++
			return false
		}
	}
	if len(b.pending) >= maxPending || !b.add(t, ms, value, b.batch+1) {
		b.counts.Lost++
		return false
	}
	b.pending = append(b.pending, sample{t, ms, value})
	b.counts.Accepted++
	return true
}

// begin makes a track for a key that is new; nil if there are too many. The key is
// valid, and the book is locked.
func (b *Book) begin(k Key) *track {
	if len(b.tracks) >= b.o.MaxSeries {
		return nil
	}
	t := &track{id: int64(len(b.byID) + 1), key: k, sealed: b.batch}
	b.tracks[k] = t
	b.byID = append(b.byID, t)
	b.fresh = append(b.fresh, t)
	return t
}

// add puts a sample into its series' open segment, which is set aside first when the
// sample does not go with it; false if there is no room. The book is locked.
func (b *Book) add(t *track, at int64, v float64, batch int64) bool {
	s := &t.open
	if s.n > 0 && (s.n >= maxPoints || len(s.body) >= maxBody || max(s.last, at)-min(s.first, at) > window(levelRaw)) {
		if len(t.full) >= maxFull {
			return false
		}
		b.setAside(t)
	}
	if s.n == 0 {
		s.before, s.batch = t.last, batch
		if s.body == nil && len(b.spare) > 0 {
			n := len(b.spare) - 1
			s.body, b.spare = b.spare[n], b.spare[:n]
		}
	}
	if t.last.has {
		t.every = at - t.last.at
	}
	s.add(at, v)
	t.last.next(t.key.Quantity, at, v)
	return true
}

// setAside moves the open segment to those that wait to be written.
func (b *Book) setAside(t *track) {
	moved := t.open
	t.full = append(t.full, &moved)
	t.open = segment{}
}

// SetRetention changes for how long samples are kept, from the next flush on.
func (b *Book) SetRetention(r Retention) error {
	if err := r.Check(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.retention = r
	return nil
}

// Stats tells how the book is doing.
func (b *Book) Stats() Stats {
	b.mu.Lock()
	s := Stats{Counts: b.counts, Series: len(b.tracks), Waiting: len(b.pending), LastFlush: b.lastFlush, Trouble: b.trouble}
	b.mu.Unlock()
	s.Bytes = b.file.Bytes()
	return s
}

// newest gives the time of the newest sample, 0 without any.
func (b *Book) newest() int64 {
	var at int64
	for _, t := range b.tracks {
		if t.last.has {
			at = max(at, t.last.at)
		}
	}
	return at
}

// load reads the series, and appends what the journal has anew.
func (b *Book) load(ctx context.Context) error {
	var odd error
	err := b.file.Series(ctx, func(s store.SampleSeries) {
		k, err := parseKey(s.Labels)
		if err != nil {
			odd = errors.Join(odd, fmt.Errorf("series %d: %w", s.ID, err))
		}
		t := &track{id: s.ID, key: k, sealed: s.Sealed}
		if s.LastAt != 0 {
			t.last = carry{at: s.LastAt, v: s.Last, has: true}
		}
		for int64(len(b.byID)) < s.ID-1 && len(b.byID) < 2*b.o.MaxSeries {
			b.byID = append(b.byID, nil)
		}
		if int64(len(b.byID)) != s.ID-1 || err != nil || b.tracks[k] != nil {
			b.byID = append(b.byID, nil)
			return
		}
		b.byID = append(b.byID, t)
		b.tracks[k] = t
		b.batch = max(b.batch, s.Sealed)
	})
	if err != nil {
		return err
	}
	err = b.file.Journal(ctx, func(e store.SampleEntry) {
		b.batch = max(b.batch, e.Number)
		damaged := readEntry(e.Data, func(id, at int64, v float64) {
			if id < 1 || id > int64(len(b.byID)) {
				return
			}
			if t := b.byID[id-1]; t != nil && e.Number > t.sealed && at >= earliest && at <= latest {
				b.add(t, at, v, e.Number)
			}
		})
		if damaged != nil {
			odd = errors.Join(odd, fmt.Errorf("journal entry %d: %w", e.Number, damaged))
		}
	})
	if odd != nil {
		b.o.Log.LogAttrs(ctx, slog.LevelWarn, "some samples could not be read again", slog.Any("error", odd))
	}
	return err
}
