package series

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/store"
)

// exportPage is how many chunks of one series are in memory at once.
const exportPage = 32

// Selection says what to export.
type Selection struct {
	Match    Matcher
	From, To time.Time // To is not included
	Level    string    // "raw", "minutes", "hours" or "days"; "": raw
}

// Row is one sample, or what samples were rolled up to.
type Row struct {
	Key   Key
	At    time.Time // of the sample, or the beginning of the span
	Value float64   // of the sample, or the mean

	// Of a sample, the count is 1 and these are its value.
	Count          int64
	Min, Max, Last float64
	Increase       float64 // of counters, and for power in Wh; only of what is rolled up
}

func levelOf(name string) (int, error) {
	for l := range levels {
		if name == levelName(l) || name == "" && l == levelRaw {
			return l, nil
		}
	}
	return 0, fmt.Errorf("there is no level %q: there are raw, minutes, hours and days", name)
}

// Export gives what is chosen, series by series, each by time. It holds little of it in
// memory, and ends after an error. What is flushed while it runs may be missed.
func (b *Book) Export(ctx context.Context, s Selection) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		level, err := levelOf(s.Level)
		if err == nil && (s.From.UnixMilli() < earliest || s.To.UnixMilli() > latest) {
			err = errors.New("the time lies between the years 1970 and 2300")
		}
		for l := range s.Match {
			if (&Key{}).at(l) == nil && l != LabelQuantity {
				err = fmt.Errorf("there is no label %q: there are %v", l, Labels())
			}
		}
		if err != nil {
			yield(Row{}, fmt.Errorf("export samples: %w", err))
			return
		}
		from, to := s.From.UnixMilli(), s.To.UnixMilli()
		for _, f := range b.find(s.Match) {
			e := exporting{book: b, level: level, from: from, to: to, f: f}
			if !e.all(ctx, yield) {
				return
			}
		}
	}
}

// exporting is one series on its way out.
type exporting struct {
	book     *Book
	level    int
	from, to int64
	f        found
	rows     []Row
}

// all yields the rows of the series, and says whether more are wanted.
func (e *exporting) all(ctx context.Context, yield func(Row, error) bool) bool {
	after := store.SampleChunk{First: max(0, e.from-window(e.level)) - 1}
	for more := true; more; {
		err := ctx.Err()
		if err == nil {
			after, more, err = e.page(ctx, after)
		}
		if err != nil {
			yield(Row{}, fmt.Errorf("export samples: %w", err))
			return false
		}
		for _, r := range e.rows {
			if !yield(r, nil) {
				return false
			}
		}
	}
	return true
}

// page reads the next chunks, and behind the last one what is in memory.
func (e *exporting) page(ctx context.Context, after store.SampleChunk) (store.SampleChunk, bool, error) {
	e.book.resting.RLock()
	defer e.book.resting.RUnlock()
	e.rows = e.rows[:0]
	chunks, err := e.book.file.ChunkPage(ctx, int64(e.level), e.f.id, after, e.to-1, exportPage)
	if err != nil {
		return after, false, err
	}
	last := len(chunks) < exportPage
	var list []bucket
	for _, c := range chunks {
		after = c
		if e.level == levelRaw {
			_ = readPoints(c.Data, e.sample) // what is damaged is left out
			continue
		}
		_ = readBuckets(c.Data, e.level, func(k bucket) { list = append(list, k) })
	}
	if last {
		var held []byte
		e.book.inMemory(e.f.track, e.from-window(e.level), e.to, &held, func(before carry, data []byte) {
			if e.level == levelRaw {
				_ = readPoints(data, e.sample)
				return
			}
			r := roll{q: e.f.key.Quantity, c: before}
			_ = readPoints(data, r.add)
			list = append(list, coarser(r.list, e.level)...)
		})
	}
	for _, k := range tidy(list) {
		if k.at >= e.from && k.at < e.to {
			e.rows = append(e.rows, Row{
				Key: e.f.key, At: time.UnixMilli(k.at).UTC(), Value: k.sum / float64(k.count), Count: k.count,
				Min: k.min, Max: k.max, Last: k.last, Increase: k.inc,
			})
		}
	}
	return after, !last, nil
}

func (e *exporting) sample(at int64, v float64) {
	if at >= e.from && at < e.to {
		e.rows = append(e.rows, Row{Key: e.f.key, At: time.UnixMilli(at).UTC(), Value: v, Count: 1, Min: v, Max: v, Last: v})
	}
}

// text gives a number as short as it can be without losing anything.
func text(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// timeFormat is RFC 3339 with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// CSV writes rows with a header line: time, the labels, unit, value, count, min, max,
// last, increase.
func CSV(w io.Writer, rows iter.Seq2[Row, error]) error {
	out := csv.NewWriter(w)
	head := []string{"time"}
	for _, l := range Labels() {
		head = append(head, string(l))
	}
	if err := out.Write(append(head, "unit", "value", "count", "min", "max", "last", "increase")); err != nil {
		return err
	}
	var record []string
	for r, err := range rows {
		if err != nil {
			return err
		}
		record = append(record[:0], r.At.Format(timeFormat))
		for _, l := range Labels() {
			record = append(record, harmless(r.Key.Get(l)))
		}
		record = append(record, r.Key.Quantity.Unit(), text(r.Value), strconv.FormatInt(r.Count, 10), text(r.Min), text(r.Max), text(r.Last), text(r.Increase))
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// harmless keeps spreadsheets from taking a name for a formula.
func harmless(v string) string {
	if v != "" && (v[0] == '=' || v[0] == '+' || v[0] == '-' || v[0] == '@') {
		return "'" + v
	}
	return v
}

// jsonRow is a row in JSON.
type jsonRow struct {
	Time     string           `json:"time"`
	Labels   map[Label]string `json:"labels"`
	Unit     string           `json:"unit,omitempty"`
	Value    float64          `json:"value"`
	Count    int64            `json:"count"`
	Min      float64          `json:"min"`
	Max      float64          `json:"max"`
	Last     float64          `json:"last"`
	Increase float64          `json:"increase,omitempty"`
}

// JSON writes rows as one array, a line for each.
func JSON(w io.Writer, rows iter.Seq2[Row, error]) error {
	out := bufio.NewWriter(w)
	sign := "[\n"
	for r, err := range rows {
		if err != nil {
			return err
		}
		line, err := json.Marshal(jsonRow{
			Time: r.At.Format(timeFormat), Labels: r.Key.Map(), Unit: r.Key.Quantity.Unit(), Value: r.Value,
			Count: r.Count, Min: r.Min, Max: r.Max, Last: r.Last, Increase: r.Increase,
		})
		if err != nil {
			return err
		}
		_, _ = out.WriteString(sign) // Flush gives the error
		if _, err := out.Write(line); err != nil {
			return err
		}
		sign = ",\n"
	}
	if sign == "[\n" {
		_, _ = out.WriteString("[")
	}
	_, _ = out.WriteString("\n]\n")
	return out.Flush()
}
