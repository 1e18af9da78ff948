package httpdoor

import (
	"bufio"
	"context"
	"net/http"
	"time"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/series"
)

// Inputs that choose series have these in common. They stand in each, since parameters
// are not taken from structs within structs.
type newestInput struct {
	Targets  string   `query:"targets" doc:"Only those of these nodes." example:"web[1-40]"`
	Quantity []string `query:"quantity" doc:"Only these quantities." example:"power"`
	Node     []string `query:"node" doc:"Only those of these nodes, by name."`
	Device   []string `query:"device" doc:"Only those of these devices."`
	Plug     []string `query:"plug" doc:"Only those of these plugs."`
	Feed     []string `query:"feed" doc:"Only those of these feeds."`
	UPS      []string `query:"ups" doc:"Only those of these UPSes."`
	Check    []string `query:"check" doc:"Only those of these checks."`
	Part     []string `query:"part" doc:"Only those of these parts."`
}

type chartInput struct {
	Targets   string    `query:"targets" doc:"Only those of these nodes." example:"web[1-40]"`
	Quantity  []string  `query:"quantity" doc:"Only these quantities." example:"power"`
	Node      []string  `query:"node" doc:"Only those of these nodes, by name."`
	Device    []string  `query:"device" doc:"Only those of these devices."`
	Plug      []string  `query:"plug" doc:"Only those of these plugs."`
	Feed      []string  `query:"feed" doc:"Only those of these feeds."`
	UPS       []string  `query:"ups" doc:"Only those of these UPSes."`
	Check     []string  `query:"check" doc:"Only those of these checks."`
	Part      []string  `query:"part" doc:"Only those of these parts."`
	From      time.Time `query:"from" doc:"From then on. Without it, the last three hours."`
	To        time.Time `query:"to" doc:"Up to then. Without it, now."`
	Points    int       `query:"points" doc:"About how many values each line shall have." minimum:"1" maximum:"5000" default:"600"`
	Aggregate string    `query:"aggregate" doc:"What the samples within a step become." enum:"mean,min,max,last,sum,rate" default:"mean"`
	Group     string    `query:"group" doc:"Put series with the same value of this label onto one line; * puts all onto one." enum:"node,device,plug,feed,ups,check,part,*"`
	Across    string    `query:"across" doc:"What series on one line become. Without it, a sum of what adds up and a mean of the rest." enum:"sum,mean,min,max"`
}

type exportInput struct {
	Targets  string    `query:"targets" doc:"Only those of these nodes." example:"web[1-40]"`
	Quantity []string  `query:"quantity" doc:"Only these quantities." example:"power"`
	Node     []string  `query:"node" doc:"Only those of these nodes, by name."`
	Device   []string  `query:"device" doc:"Only those of these devices."`
	Feed     []string  `query:"feed" doc:"Only those of these feeds."`
	UPS      []string  `query:"ups" doc:"Only those of these UPSes."`
	Check    []string  `query:"check" doc:"Only those of these checks."`
	From     time.Time `query:"from" doc:"From then on. Without it, the last day."`
	To       time.Time `query:"to" doc:"Up to then. Without it, now."`
	Level    string    `query:"level" doc:"As they came, or rolled up." enum:"raw,minutes,hours,days" default:"raw"`
	Format   string    `query:"format" doc:"How it is written." enum:"csv,json" default:"csv"`
}

type newestOutput struct{ Body wire.Samples }

type chartOutput struct{ Body wire.Chart }

// matcher makes a choice of series out of parameters.
func matcher(by map[series.Label][]string) series.Matcher {
	m := series.Matcher{}
	for label, values := range by {
		if len(values) > 0 {
			m[label] = values
		}
	}
	return m
}

func (d *Door) registerSamples() {
	register(d, route{
		method: http.MethodGet, path: "/v1/samples", id: "list-samples", tag: tagSamples, errors: []int{404},
		summary: "List the newest samples", doc: "The newest value of each series that is kept: of nodes, plugs, devices, feeds, checks and UPSes.",
	}, func(ctx context.Context, in *newestInput) (*newestOutput, error) {
		list, err := d.opts.Desk.Newest(actorOf(ctx), in.Targets, matcher(map[series.Label][]string{
			series.LabelQuantity: in.Quantity, series.LabelNode: in.Node, series.LabelDevice: in.Device, series.LabelPlug: in.Plug,
			series.LabelFeed: in.Feed, series.LabelUPS: in.UPS, series.LabelCheck: in.Check, series.LabelPart: in.Part,
		}))
		out := wire.Samples{Items: make([]wire.Sample, len(list))}
		for i, s := range list {
			labels := s.Key.Map()
			delete(labels, series.LabelQuantity)
			out.Items[i] = wire.Sample{Labels: labels, Quantity: string(s.Key.Quantity), Unit: s.Unit, Value: s.Value, Time: s.At}
		}
		return &newestOutput{out}, err
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/samples/chart", id: "chart-samples", tag: tagSamples, errors: []int{404},
		summary: "Give samples for a chart",
		doc:     "Lines over the same steps of time, with the least and the most within each step. How fine the samples are that it is made of follows from the span and the number of points.",
	}, func(ctx context.Context, in *chartInput) (*chartOutput, error) {
		from, to := span(in.From, in.To, 3*time.Hour)
		a, err := d.opts.Desk.Chart(ctx, desk.Chart{
			Actor: actorOf(ctx), Targets: in.Targets, From: from, To: to, Points: in.Points,
			Aggregate: series.Aggregate(in.Aggregate), Across: series.Aggregate(in.Across), GroupBy: series.Label(in.Group),
			Match: matcher(map[series.Label][]string{
				series.LabelQuantity: in.Quantity, series.LabelNode: in.Node, series.LabelDevice: in.Device, series.LabelPlug: in.Plug,
				series.LabelFeed: in.Feed, series.LabelUPS: in.UPS, series.LabelCheck: in.Check, series.LabelPart: in.Part,
			}),
		})
		if err != nil {
			return nil, err
		}
		return &chartOutput{wire.ChartOf(a)}, nil
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/samples/export", id: "export-samples", tag: tagSamples, errors: []int{404},
		summary: "Export samples", doc: "All samples of a span, as a table. It is written as it is read; an answer that breaks off is not whole.",
		answers: map[int]map[string]any{200: {"text/csv": "", "application/json": []any{}}},
	}, d.exportSamples)
}

func span(from, to time.Time, usual time.Duration) (time.Time, time.Time) {
	if to.IsZero() {
		to = time.Now()
	}
	if from.IsZero() {
		from = to.Add(-usual)
	}
	return from, to
}

func (d *Door) exportSamples(ctx context.Context, in *exportInput) (*raw, error) {
	from, to := span(in.From, in.To, 24*time.Hour)
	rows, err := d.opts.Desk.ExportSamples(ctx, actorOf(ctx), in.Targets, series.Selection{From: from, To: to, Level: in.Level, Match: matcher(map[series.Label][]string{
		series.LabelQuantity: in.Quantity, series.LabelNode: in.Node, series.LabelDevice: in.Device,
		series.LabelFeed: in.Feed, series.LabelUPS: in.UPS, series.LabelCheck: in.Check,
	})})
	if err != nil {
		return nil, err
	}
	return written(func(w http.ResponseWriter, r *http.Request) {
		media, write := "text/csv; charset=utf-8", series.CSV
		if in.Format == "json" {
			media, write = "application/json", series.JSON
		}
		w.Header().Set("Content-Type", media)
		buffered := bufio.NewWriterSize(w, 64<<10)
		if err := write(buffered, rows); err != nil {
			panic(http.ErrAbortHandler) // so that the client sees that it is not whole
		}
		_ = buffered.Flush()
	}), nil
}
