package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/series"
)

// sampleFlags are what samples can be told.
type sampleFlags struct {
	targets          string
	since, until     string
	quantity, device []string
	feed, ups, check []string
	group, aggregate string
	level            string
	now, json, csv   bool
	out              string
}

func samplesCommand(p *program) *cobra.Command {
	var f sampleFlags
	c := &cobra.Command{
		Use: "samples [TARGETS]", GroupID: groupLook, Short: "Show what was measured over time",
		Long: `Shows what devices and checks have measured: a line for each series, with the least, the
mean, the most and the last value, and a curve. --group puts series together: the watts
of all nodes of a feed, say. With --csv or --json samples are written one by one.`,
		Example: "  millwright samples web1 --since 1d\n  millwright samples --quantity power --group feed\n  millwright samples @db --quantity power --since 7d --level hours --csv > db.csv",
		RunE: func(c *cobra.Command, args []string) error {
			f.targets = strings.Join(args, ",")
			return p.samples(c.Context(), f)
		},
	}
	c.Flags().StringVar(&f.since, "since", "", "from this `TIME`: a time, or so long ago (3h, 2d)")
	c.Flags().StringVar(&f.until, "until", "", "up to this `TIME`")
	c.Flags().StringSliceVar(&f.quantity, "quantity", nil, "only `QUANTITY`: power, current, voltage, energy, temperature, latency…")
	c.Flags().StringSliceVar(&f.device, "device", nil, "only of this `DEVICE`")
	c.Flags().StringSliceVar(&f.feed, "feed", nil, "only of this `FEED`")
	c.Flags().StringSliceVar(&f.ups, "ups", nil, "only of this `UPS`")
	c.Flags().StringSliceVar(&f.check, "check", nil, "only of this `CHECK`")
	c.Flags().StringVar(&f.group, "group", "", "one line for each `LABEL`: node, device, plug, feed, ups, check, part; * for one of all")
	c.Flags().StringVar(&f.aggregate, "aggregate", "", "what samples within a step become: mean, min, max, last, sum, rate")
	c.Flags().StringVar(&f.level, "level", "", "for --csv and --json: raw, minutes, hours or days")
	c.Flags().BoolVar(&f.now, "now", false, "only the newest value of each")
	c.Flags().BoolVar(&f.json, "json", false, "write JSON")
	c.Flags().BoolVar(&f.csv, "csv", false, "write a table of comma-separated values")
	c.Flags().StringVarP(&f.out, "out", "o", "", "`FILE` to write --csv or --json to")
	c.MarkFlagsMutuallyExclusive("csv", "json")
	return c
}

// query puts the flags into the parameters of the API.
func (f sampleFlags) query() (url.Values, error) {
	q := url.Values{}
	for name, list := range map[string][]string{"quantity": f.quantity, "device": f.device, "feed": f.feed, "ups": f.ups, "check": f.check} {
		if len(list) > 0 {
			q.Set(name, strings.Join(list, ","))
		}
	}
	for name, text := range map[string]string{"targets": f.targets, "group": f.group, "aggregate": f.aggregate, "level": f.level} {
		if text != "" {
			q.Set(name, text)
		}
	}
	for _, t := range []struct{ flag, name, said string }{{"since", "from", f.since}, {"until", "to", f.until}} {
		at, err := moment(t.said, time.Now())
		if err != nil {
			return nil, usagef("--%s: %w", t.flag, err)
		}
		if !at.IsZero() {
			q.Set(t.name, at.UTC().Format(time.RFC3339))
		}
	}
	return q, nil
}

func (p *program) samples(ctx context.Context, f sampleFlags) error {
	q, err := f.query()
	if err != nil {
		return err
	}
	cl := p.client()
	defer cl.Close()
	switch {
	case f.now:
		for _, name := range []string{"from", "to", "group", "aggregate", "level"} {
			q.Del(name)
		}
		list, err := cl.Samples(ctx, q)
		if err != nil || f.json {
			return errOr(err, func() error { return p.pretty(list) })
		}
		return p.newestTable(list)
	case f.csv || f.json:
		return p.exportSamples(ctx, cl, q, f)
	}
	q.Del("level")
	q.Set("points", strconv.Itoa(curveWidth))
	chart, err := cl.Chart(ctx, q)
	if err != nil {
		return err
	}
	return p.chartTable(chart)
}

func errOr(err error, do func() error) error {
	if err != nil {
		return err
	}
	return do()
}

func (p *program) exportSamples(ctx context.Context, cl *client.Client, q url.Values, f sampleFlags) error {
	q.Del("group")
	q.Del("aggregate")
	q.Set("format", "csv")
	if f.json {
		q.Set("format", "json")
	}
	body, err := cl.ExportSamples(ctx, q)
	if err != nil {
		return err
	}
	defer body.Close()
	copyTo := func(w io.Writer) error { _, err := io.Copy(w, body); return err }
	if f.out == "" {
		return copyTo(p.stdout)
	}
	return writeWhole(f.out, true, copyTo)
}

// curveWidth is how many values a curve has; on a terminal each is one column.
const curveWidth = 40

func (p *program) chartTable(chart wire.Chart) error {
	if len(chart.Lines) == 0 {
		p.printf("nothing was measured in this time\n")
		return nil
	}
	t := table{style: p.out, head: []string{"OF", "QUANTITY", "LEAST", "MEAN", "MOST", "LAST", "CURVE"}}
	for _, l := range chart.Lines {
		s := summed(l)
		unit := clean(l.Unit)
		t.row(text(labelText(l.Labels)), text(strings.ReplaceAll(l.Labels[series.LabelQuantity], "_", " ")),
			number(amount(s.least, unit)), number(amount(s.mean, unit)), number(amount(s.most, unit)), number(amount(s.last, unit)),
			text(curve(l.Values, s.least, s.most, p.out.utf8)))
	}
	if err := t.write(p.stdout); err != nil {
		return err
	}
	end := chart.From.Add(time.Duration(chart.Step * float64(time.Second) * float64(len(chart.Lines[0].Values))))
	p.printf("%s\n", p.out.faint(fmt.Sprintf("from %s to %s, a step is %v", p.since(chart.From), p.since(end), time.Duration(chart.Step*float64(time.Second)).Round(time.Second))))
	return nil
}

// sums is a line in four numbers.
type sums struct{ least, mean, most, last float64 }

func summed(l wire.ChartLine) sums {
	s := sums{math.Inf(1), 0, math.Inf(-1), math.NaN()}
	n := 0
	for i, v := range l.Values {
		if v == nil {
			continue
		}
		n++
		s.mean, s.last = s.mean+*v, *v
		if i < len(l.Min) && l.Min[i] != nil {
			s.least = min(s.least, *l.Min[i])
		}
		if i < len(l.Max) && l.Max[i] != nil {
			s.most = max(s.most, *l.Max[i])
		}
	}
	s.mean /= float64(n)
	return s
}

// labelText says what a line is of: "web1 pdu1:3".
func labelText(labels map[series.Label]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		switch name {
		case series.LabelQuantity, series.LabelDevice, series.LabelPlug, series.LabelNode:
		default:
			parts = append(parts, string(name)+" "+labels[name])
		}
	}
	at := labels[series.LabelDevice]
	if labels[series.LabelPlug] != "" {
		at += ":" + labels[series.LabelPlug]
	}
	out := strings.TrimSpace(strings.Join(append([]string{labels[series.LabelNode], at}, parts...), " "))
	if out == "" {
		return "all"
	}
	return out
}

// amount writes a number with three digits that count, and its unit.
func amount(v float64, unit string) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ""
	}
	scaled, prefix := v, ""
	switch size := math.Abs(v); {
	case unit == "" || unit == "%" || unit == "°C" || v == 0:
	case size >= 1e6:
		scaled, prefix = v/1e6, "M"
	case size >= 1e4:
		scaled, prefix = v/1e3, "k"
	case size < 1 && unit == "s":
		scaled, prefix = v*1e3, "m"
	}
	digits := strconv.FormatFloat(scaled, 'f', max(0, 2-int(math.Floor(math.Log10(max(math.Abs(scaled), 1))))), 64)
	return strings.TrimSpace(digits + " " + prefix + unit)
}

// curve draws values as bars of eight heights; a gap is a blank.
func curve(values []*float64, least, most float64, utf8 bool) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	if !utf8 {
		bars = []rune("_.-=+*#@")
	}
	var b strings.Builder
	for _, v := range values {
		if v == nil {
			b.WriteByte(' ')
			continue
		}
		at := 0
		if most > least {
			at = int((*v - least) / (most - least) * float64(len(bars)-1))
		}
		b.WriteRune(bars[min(max(at, 0), len(bars)-1)])
	}
	return strings.TrimRight(b.String(), " ")
}

func (p *program) newestTable(list []wire.Sample) error {
	if len(list) == 0 {
		p.printf("nothing was measured yet\n")
		return nil
	}
	t := table{style: p.out, head: []string{"OF", "QUANTITY", "VALUE", "AT"}}
	for _, s := range list {
		t.row(text(labelText(s.Labels)), text(strings.ReplaceAll(s.Quantity, "_", " ")), number(amount(s.Value, clean(s.Unit))), text(p.since(s.Time)))
	}
	return t.write(p.stdout)
}
