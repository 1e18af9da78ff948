package series

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/internal/store"
)

// Bounds of an import.
const (
	ocklePage    = 64      // rows read at once
	ockleSpill   = 200_000 // samples in memory before they are written
	ockleObjects = 1000    // outlets and controls of one row
)

// OckleRows is where an Ockle daemon's log comes from; [store.OckleLog] is one.
type OckleRows interface {
	Rows(ctx context.Context, after int64, n int) ([]store.OckleRow, error)
}

// OckleNames say what the outlets and controls of the log are called here; nil takes
// the server for the node, and the name for the part.
type OckleNames func(server, object string) Key

// OckleReport says what came of an import.
type OckleReport struct {
	Rows     int // read this time
	Earlier  bool
	Samples  int
	Series   int
	From, To time.Time // the earliest and the latest sample
	// LeftOut counts what was not taken, by reason.
	LeftOut map[string]int
}

// ImportOckle takes over the log of an Ockle daemon: current, there in mA, comes here
// in A, and CPU as it is, in percent. What was taken over before is not taken again,
// even if the log has grown since, and an import that was interrupted goes on where it
// was. It holds few rows in memory.
func (b *Book) ImportOckle(ctx context.Context, from OckleRows, names OckleNames) (*OckleReport, error) {
	if names == nil {
		names = func(server, object string) Key { return Key{Node: server, Part: object} }
	}
	im := &ockleImport{book: b, names: names, of: make(map[Key]*track), report: &OckleReport{LeftOut: make(map[string]int)}}
	if err := im.run(ctx, from); err != nil {
		return im.report, fmt.Errorf("import Ockle's log: %w", err)
	}
	im.report.Series = len(im.of)
	return im.report, nil
}

// ockleImport is an import on its way.
type ockleImport struct {
	book   *Book
	names  OckleNames
	of     map[Key]*track // the series that it has met
	parts  []*sealing     // what is in memory, in the order in which they were met
	by     map[*track]*sealing
	held   int
	report *OckleReport
	source string
	upto   int64
}

func (im *ockleImport) run(ctx context.Context, from OckleRows) error {
	im.by = make(map[*track]*sealing)
	first, err := from.Rows(ctx, math.MinInt64, 1)
	if err != nil || len(first) == 0 {
		return err
	}
	im.source = sourceOf(first[0])
	if im.upto, err = im.book.file.Imported(ctx, im.source); err != nil {
		return err
	}
	im.report.Earlier = im.upto != 0
	if !im.report.Earlier {
		im.upto = math.MinInt64
	}
	for {
		rows, err := from.Rows(ctx, im.upto, ocklePage)
		if err != nil {
			return err
		}
		for _, r := range rows {
			im.upto = r.ID
			im.report.Rows++
			im.row(r)
		}
		if len(rows) < ocklePage || im.held >= ockleSpill {
			if err := im.spill(ctx); err != nil {
				return err
			}
		}
		if len(rows) < ocklePage {
			return nil
		}
	}
}

// sourceOf names a log by its first row, so that it is known again wherever it lies.
func sourceOf(r store.OckleRow) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s\x00%s", r.ID, r.Server, r.Time, r.Data))
	return "ockle:" + hex.EncodeToString(sum[:16])
}

func (im *ockleImport) leave(why string) { im.report.LeftOut[why]++ }

// row takes one row.
func (im *ockleImport) row(r store.OckleRow) {
	if r.TooLong {
		im.leave("rows with a text that is missing or too long")
		return
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(r.Time), 64)
	if err != nil || !(seconds >= 0 && seconds <= latest/1000) {
		im.leave("rows without a time")
		return
	}
	at := int64(math.Round(seconds * 1000))
	var objects map[string]map[string]any
	if json.Unmarshal([]byte(r.Data), &objects) != nil || len(objects) > ockleObjects {
		im.leave("rows whose data cannot be read")
		return
	}
	for _, id := range sorted(objects) {
		object, isOutlet := strings.CutPrefix(id, "outlet")
		if !isOutlet {
			object = strings.TrimPrefix(id, "control")
		}
		if name, ok := objects[id]["name"].(string); ok && name != "" {
			object = name
		}
		for _, metric := range sorted(objects[id]) {
			if metric != "name" {
				im.metric(at, im.names(r.Server, object), metric, objects[id][metric])
			}
		}
	}
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// metric takes one value.
func (im *ockleImport) metric(at int64, k Key, metric string, value any) {
	var v float64
	switch x := value.(type) {
	case float64:
		v = x
	case string:
		var err error
		if v, err = strconv.ParseFloat(strings.TrimSpace(x), 64); err != nil {
			im.leave("values that are no numbers")
			return
		}
	default:
		im.leave("values that are no numbers")
		return
	}
	switch metric {
	case "current":
		k.Quantity, v = Current, v/1000
	case "CPU":
		k.Quantity = CPU
	default:
		im.leave("values of metrics that are not known")
		return
	}
	if !finite(v) {
		im.leave("values that are no numbers")
		return
	}
	im.sample(at, k, v)
}

// sample puts a value into the segments of its series.
func (im *ockleImport) sample(at int64, k Key, v float64) {
	t := im.of[k]
	if t == nil {
		if t = im.book.trackOf(k); t == nil {
			im.leave("values of series that cannot be kept")
			return
		}
		im.of[k] = t
	}
	s := im.by[t]
	if s == nil {
		s = &sealing{t: t, old: true}
		im.by[t] = s
		im.parts = append(im.parts, s)
	}
	n := len(s.segments)
	if n == 0 || s.segments[n-1].n >= maxPoints || max(s.segments[n-1].last, at)-min(s.segments[n-1].first, at) > window(levelRaw) {
		s.segments = append(s.segments, &segment{})
		n++
	}
	s.segments[n-1].add(at, v)
	im.held++
	im.report.Samples++
	if when := time.UnixMilli(at).UTC(); im.report.Samples == 1 {
		im.report.From, im.report.To = when, when
	} else if when.Before(im.report.From) {
		im.report.From = when
	} else if when.After(im.report.To) {
		im.report.To = when
	}
}

// trackOf gives the track of a key, a new one if need be; nil if it cannot be kept.
func (b *Book) trackOf(k Key) *track {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.tracks[k]; t != nil {
		return t
	}
	if k.check() != nil {
		return nil
	}
	return b.begin(k)
}

// spill writes what is in memory, and how far the log has been read, in one.
func (im *ockleImport) spill(ctx context.Context) error {
	if err := im.book.Flush(ctx); err != nil { // writes the series that are new
		return err
	}
	list := make([]sealing, len(im.parts))
	for i, s := range im.parts {
		list[i] = *s
	}
	upto := im.upto
	err := im.book.rest(ctx, list, func(tx *store.SampleTx) error { return tx.SetImported(im.source, upto) })
	if err != nil {
		return err
	}
	im.parts, im.held = nil, 0
	clear(im.by)
	return nil
}
