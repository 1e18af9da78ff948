package series

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/store"
)

// Aggregate says what several values become.
type Aggregate string

// The aggregates. Of the time within a step: sum is what came together, which for
// energy and power is in Wh; rate is the change per second, which for energy and power
// comes out in W.
const (
	Mean Aggregate = "mean"
	Min  Aggregate = "min"
	Max  Aggregate = "max"
	Last Aggregate = "last"
	Sum  Aggregate = "sum"
	Rate Aggregate = "rate"
)

// Bounds of a query.
const (
	maxSteps    = 5000
	maxLines    = 1000
	maxCells    = 1 << 20 // lines × steps
	maxExamined = 1 << 20 // buckets or samples read for one answer, about
	minute      = 60_000  // milliseconds
	maxStale    = 5 * minute
)

// Query asks for what a chart shows.
type Query struct {
	Match    Matcher
	From, To time.Time
	// Points is about how many are wanted on each line; 0: 600. There may be fewer.
	Points int
	// Aggregate says what the samples within a step become; empty: mean.
	Aggregate Aggregate
	// GroupBy puts series with the same value of a label onto one line, for each
	// quantity; empty: each series has its own. [GroupAll] puts all onto one. Series
	// without the label are left out, and nothing is counted twice: not the plugs of a
	// device that measures what they draw together, and not its phases.
	GroupBy Label
	// Across says what series on one line become: sum, mean, min or max; empty: sum
	// for what adds up (amps, watts, energy), mean for the rest. A series that is
	// silent for up to five minutes counts with its last value, so that a sum has no
	// dents where one meter was late.
	Across Aggregate
}

// GroupAll as Query.GroupBy puts all series of a quantity onto one line.
const GroupAll Label = "*"

// Answer is what a chart shows: lines over the same steps of time.
type Answer struct {
	From  time.Time     `json:"from"` // the beginning of the first step
	Step  time.Duration `json:"-"`
	Every float64       `json:"step"`  // Step in seconds
	Level string        `json:"level"` // what was read: "raw", "minutes", "hours" or "days"
	Lines []Line        `json:"lines"`
	// Damaged counts chunks that could not be read.
	Damaged int `json:"damaged,omitempty"`
}

// Line is a value for each step, NaN (null in JSON) where there is none.
type Line struct {
	Labels map[Label]string `json:"labels"`
	Unit   string           `json:"unit"`
	Series int              `json:"series"` // how many are on it
	Values Values           `json:"values"`
	Min    Values           `json:"min"` // the band: the least and the most within the step
	Max    Values           `json:"max"`
}

// Values are numbers of which some may be missing.
type Values []float64

// MarshalJSON writes null for what is missing.
func (v Values) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 8*len(v)+2), '[')
	for i, x := range v {
		if i > 0 {
			b = append(b, ',')
		}
		if !finite(x) {
			b = append(b, "null"...)
			continue
		}
		// Six digits behind the first are more than a chart can show.
		b = strconv.AppendFloat(b, x, 'g', 7, 64)
	}
	return append(b, ']'), nil
}

func (q *Query) check() error {
	if q.Points == 0 {
		q.Points = 600
	}
	if q.Aggregate == "" {
		q.Aggregate = Mean
	}
	switch {
	case !q.From.Before(q.To):
		return errors.New("a query's time ends after it begins")
	case q.From.UnixMilli() < earliest || q.To.UnixMilli() > latest:
		return errors.New("a query's time lies between the years 1970 and 2300")
	case q.Points < 1 || q.Points > maxSteps:
		return fmt.Errorf("a query has from 1 to %d points", maxSteps)
	case !slices.Contains([]Aggregate{Mean, Min, Max, Last, Sum, Rate}, q.Aggregate):
		return fmt.Errorf("there is no aggregate %q: mean, min, max, last, sum and rate there are", q.Aggregate)
	case !slices.Contains([]Aggregate{"", Sum, Mean, Min, Max}, q.Across):
		return fmt.Errorf("series become one by sum, mean, min or max, not by %q", q.Across)
	case q.GroupBy != "" && q.GroupBy != GroupAll && !slices.Contains(Labels(), q.GroupBy):
		return fmt.Errorf("there is no label %q to group by: there are %v", q.GroupBy, Labels())
	}
	for l := range q.Match {
		if !slices.Contains(Labels(), l) {
			return fmt.Errorf("there is no label %q: there are %v", l, Labels())
		}
	}
	return nil
}

// grid is how an answer divides the time, in milliseconds.
type grid struct {
	from, step int64
	n          int
	level      int
}

func (g grid) to() int64 { return g.from + g.step*int64(g.n) }

// niceSteps are those that people read off an axis, in seconds.
func niceSteps() []int64 {
	return []int64{
		1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 28800, 43200,
		86400, 2 * 86400, 3 * 86400, 7 * 86400, 14 * 86400, 28 * 86400, 56 * 86400, 91 * 86400, 182 * 86400, 364 * 86400,
	}
}

// plan chooses the step and the level: the coarsest that the step allows, one that
// reaches back far enough, and that does not have too much to read.
func plan(q *Query, now int64, keep Retention, series []found) grid {
	from, to := q.From.UnixMilli(), q.To.UnixMilli()
	every := int64(1000)
	for _, f := range series {
		every = max(every, min(f.every, maxStale))
	}
	need := max((to-from+int64(q.Points)-1)/int64(q.Points), every)
	g := grid{}
	for {
		g.step = niceSteps()[len(niceSteps())-1] * 1000
		for _, s := range niceSteps() {
			if s*1000 >= need {
				g.step = s * 1000
				break
			}
		}
		for l := range levels {
			if resolution(l) <= g.step && (l == levelRaw || g.step%resolution(l) == 0) {
				g.level = l
			}
		}
		kept := keep.of(g.level) == 0 || now-keep.of(g.level) <= from
		read := (to - from) / max(resolution(g.level), 1000) * int64(len(series))
		if g.level == levelRaw {
			read = (to - from) / 10_000 * int64(len(series))
		}
		if g.level == levelDays || kept && read <= maxExamined {
			break
		}
		need = resolution(g.level + 1)
	}
	g.from = floor(from, g.step)
	g.n = int((to - g.from + g.step - 1) / g.step)
	return g
}

// found is a series that a query is about, with what of it is not in the file.
type found struct {
	id    int64
	key   Key
	every int64
	track *track
}

// find gives the series that are chosen, by id.
func (b *Book) find(m Matcher) []found {
	p := m.prepare()
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []found
	for _, t := range b.byID {
		if t != nil && p.match(&t.key) {
			list = append(list, found{id: t.id, key: t.key, every: t.every, track: t})
		}
	}
	return list
}

// grouped gives the series that belong onto lines of a label: those that have it, but for
// what a device has measured as a whole as well.
func grouped(list []found, by Label) []found {
	if by == "" {
		return list
	}
	total := func(k Key) Key { return Key{Device: k.Device, Quantity: k.Quantity} }
	totals, plugs := make(map[Key]bool), make(map[Key]bool)
	for _, f := range list {
		switch k := f.key; {
		case k.Device == "" || k.Part != "" || !k.Quantity.traits().adds:
		case k.Plug == "":
			totals[total(k)] = true
		default:
			plugs[Key{Device: k.Device, Plug: k.Plug, Quantity: k.Quantity}] = true
		}
	}
	return slices.DeleteFunc(list, func(f found) bool {
		k := f.key
		if by != GroupAll && k.Get(by) == "" {
			return true
		}
		switch {
		case k.Part != "" && by == LabelPart:
			return false
		case k.Part != "" && k.Plug != "":
			return plugs[Key{Device: k.Device, Plug: k.Plug, Quantity: k.Quantity}]
		case k.Part != "", k.Plug != "" && (by == LabelDevice || by == GroupAll):
			return totals[total(k)]
		}
		return false
	})
}

// Ask answers a query. It does not matter to it how much is in memory yet.
func (b *Book) Ask(ctx context.Context, q Query) (*Answer, error) {
	if err := q.check(); err != nil {
		return nil, fmt.Errorf("ask for samples: %w", err)
	}
	list := grouped(b.find(q.Match), q.GroupBy)
	b.mu.Lock()
	keep := b.retention
	b.mu.Unlock()
	now := time.Now().UnixMilli()
	g := plan(&q, now, keep, list)
	lines := newLines(&q, g, list)
	if len(lines.all) > maxLines || len(lines.all)*g.n > maxCells {
		return nil, fmt.Errorf("ask for samples: %d lines of %d points are too many for one answer (at most %d lines, and %d points in all): choose fewer series, group them, or ask for fewer points",
			len(lines.all), g.n, maxLines, maxCells)
	}
	a := &Answer{
		From: time.UnixMilli(g.from).UTC(), Step: time.Duration(g.step) * time.Millisecond,
		Every: float64(g.step) / 1000, Level: levelName(g.level),
	}
	err := b.scan(ctx, g, list, func(f found, cells []bucket) { lines.add(f, cells, now) }, &a.Damaged)
	if err != nil {
		return nil, fmt.Errorf("ask for samples: %w", err)
	}
	a.Lines = lines.finish()
	return a, nil
}

// scan tells what is known of each series, put into the steps of a grid; the cells are
// valid until tell returns.
func (b *Book) scan(ctx context.Context, g grid, list []found, tell func(found, []bucket), damaged *int) error {
	b.resting.RLock()
	defer b.resting.RUnlock()
	rows := int((g.to()-g.from)/window(g.level))*4 + 2
	page := max(1, min(100, 2000/rows))
	s := scanner{g: g, cells: make([]bucket, g.n)}
	pages, stop := b.readAhead(ctx, g, list, page)
	defer stop()
	for len(list) > 0 {
		n := min(page, len(list))
		next := <-pages
		if next.err != nil {
			return next.err
		}
		chunks := next.chunks
		for _, f := range list[:n] {
			s.begin(f.key.Quantity)
			for len(chunks) > 0 && chunks[0].Series == f.id {
				if s.chunk(chunks[0].Data) != nil {
					*damaged++
				}
				chunks = chunks[1:]
			}
			b.inMemory(f.track, g.from, g.to(), &s.held, s.segment)
			tell(f, s.cells)
		}
		list = list[n:]
	}
	return nil
}

// pageOf is what is in the file of some series, or why it cannot be read.
type pageOf struct {
	chunks []store.SampleChunk
	err    error
}

// readAhead reads what is in the file of series, some at a time, while what was read
// before is put together. stop ends it and waits for its end.
func (b *Book) readAhead(ctx context.Context, g grid, list []found, page int) (_ <-chan pageOf, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	pages := make(chan pageOf)
	go func() {
		defer close(pages)
		ids := make([]int64, 0, page)
		for len(list) > 0 {
			n := min(page, len(list))
			ids = ids[:0]
			for _, f := range list[:n] {
				ids = append(ids, f.id)
			}
			list = list[n:]
			var p pageOf
			p.chunks, p.err = b.file.Chunks(ctx, store.SampleRange{
				Level: int64(g.level), Series: ids, From: g.from, To: g.to() - 1, Span: window(g.level),
			})
			select {
			case pages <- p:
			case <-ctx.Done():
				return
			}
		}
	}()
	return pages, func() {
		cancel()
		for range pages { // until it has ended
		}
	}
}

// inMemory tells the segments of a track that have something between two times. The
// bytes are copied into held, which is used again.
func (b *Book) inMemory(t *track, from, to int64, held *[]byte, tell func(before carry, data []byte)) {
	type part struct {
		before     carry
		start, end int
	}
	var parts [maxFull + 1]part
	n := 0
	*held = (*held)[:0]
	b.mu.Lock()
	note := func(s *segment) {
		if s.n == 0 || s.last < from || s.first >= to || n == len(parts) {
			return
		}
		start := len(*held)
		*held = s.bytes(*held)
		parts[n] = part{s.before, start, len(*held)}
		n++
	}
	for _, s := range t.full {
		note(s)
	}
	note(&t.open)
	b.mu.Unlock()
	for _, p := range parts[:n] {
		tell(p.before, (*held)[p.start:p.end])
	}
}

// scanner puts the buckets and samples of one series after the other into cells.
type scanner struct {
	g     grid
	cells []bucket
	held  []byte
	q     Quantity
	c     carry
}

func (s *scanner) begin(q Quantity) {
	clear(s.cells)
	s.q, s.c = q, carry{}
}

func (s *scanner) put(k bucket) {
	if k.at < s.g.from {
		return
	}
	if i := (k.at - s.g.from) / s.g.step; i < int64(s.g.n) {
		s.cells[i].merge(k)
	}
}

func (s *scanner) sample(at int64, v float64) {
	inc := s.c.next(s.q, at, v)
	s.put(bucket{at: at, count: 1, min: v, max: v, sum: v, last: v, inc: inc})
}

// chunk takes in a chunk of the grid's level.
func (s *scanner) chunk(data []byte) error {
	if s.g.level == levelRaw {
		return readPoints(data, s.sample)
	}
	return readBuckets(data, s.g.level, s.put)
}

// segment takes in samples that have not come to rest.
func (s *scanner) segment(before carry, data []byte) {
	s.c = before
	_ = readPoints(data, s.sample) // these bytes are our own
}

// Sample is the newest of a series.
type Sample struct {
	Key   Key
	At    time.Time
	Value float64
	Unit  string
}

// Latest gives the newest sample of each series that is chosen, sorted by key.
func (b *Book) Latest(m Matcher) []Sample {
	p := m.prepare()
	b.mu.Lock()
	var list []Sample
	for _, t := range b.byID {
		if t != nil && t.last.has && p.match(&t.key) {
			list = append(list, Sample{Key: t.key, At: time.UnixMilli(t.last.at).UTC(), Value: t.last.v, Unit: t.key.Quantity.Unit()})
		}
	}
	b.mu.Unlock()
	sort.Slice(list, func(i, j int) bool { return list[i].Key.Compare(list[j].Key) < 0 })
	return list
}

// missing is what stands for no value.
func missing() float64 { return math.NaN() }
