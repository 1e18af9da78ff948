package desk

import (
	"context"
	"iter"
	"slices"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/promtext"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/series"
)

// Chart is a question for what was measured over time.
type Chart struct {
	Actor   Actor
	Targets string // of these nodes; "" is all that may be seen
	Match   series.Matcher
	From    time.Time
	To      time.Time
	Points  int
	// Aggregate, Across and GroupBy are as those of [series.Query].
	Aggregate, Across series.Aggregate
	GroupBy           series.Label
}

// matched gives which series an actor asks for and may see. Those of a feed or a UPS are
// of the room as a whole; those of a device go with what hangs on it.
func (d *Desk) matched(by Actor, op, targets string, m series.Matcher) (series.Matcher, error) {
	v := d.View(by)
	if err := v.rights.NeedAny(auth.View, op); err != nil {
		return nil, d.barred(by, op, targets, err)
	}
	if d.samples == nil {
		return nil, &room.Error{Code: room.CodeRefused, Op: op, Said: "this daemon keeps no samples"}
	}
	if v.Everything() && targets == "" {
		return m, nil
	}
	nodes, err := v.Nodes(targets)
	if err != nil {
		return nil, err
	}
	names := v.Room.Names(nodes)
	if asked, given := m[series.LabelNode]; given {
		names = slices.DeleteFunc(names, func(n string) bool { return !slices.Contains(asked, n) })
	}
	if len(names) == 0 {
		names = []string{"\x00"} // no series is of it
	}
	out := series.Matcher{series.LabelNode: names}
	for label, values := range m {
		if label != series.LabelNode {
			out[label] = values
		}
	}
	return out, nil
}

// Chart answers what was measured over time, made for charts.
func (d *Desk) Chart(ctx context.Context, c Chart) (*series.Answer, error) {
	m, err := d.matched(c.Actor, "chart", c.Targets, c.Match)
	if err != nil {
		return nil, err
	}
	a, err := d.samples.Ask(ctx, series.Query{
		Match: m, From: c.From, To: c.To, Points: c.Points, Aggregate: c.Aggregate, Across: c.Across, GroupBy: c.GroupBy,
	})
	if err != nil {
		return nil, &room.Error{Code: room.CodeInvalid, Op: "chart", Said: err.Error(), Err: err}
	}
	return a, nil
}

// Newest gives the newest sample of each series that is asked for.
func (d *Desk) Newest(by Actor, targets string, match series.Matcher) ([]series.Sample, error) {
	m, err := d.matched(by, "samples", targets, match)
	if err != nil {
		return nil, err
	}
	return d.samples.Latest(m), nil
}

// ExportSamples gives samples one by one.
func (d *Desk) ExportSamples(ctx context.Context, by Actor, targets string, s series.Selection) (iter.Seq2[series.Row, error], error) {
	m, err := d.matched(by, "export samples", targets, s.Match)
	if err != nil {
		return nil, err
	}
	s.Match = m
	return d.samples.Export(ctx, s), nil
}

// WriteSamples writes what was measured last as metrics; see [Desk.Room].
func (d *Desk) WriteSamples(w *promtext.Writer) {
	if d.samples != nil {
		d.samples.WriteMetrics(w)
	}
}
