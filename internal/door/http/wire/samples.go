package wire

import (
	"time"

	"millwright.dev/millwright/internal/series"
)

// Sample is the newest value of one series.
type Sample struct {
	Labels   map[series.Label]string `json:"labels" doc:"What it is of: node, device, plug, feed, ups, check, part."`
	Quantity string                  `json:"quantity" doc:"What was measured." example:"power"`
	Unit     string                  `json:"unit,omitempty" doc:"The unit of the value." example:"W"`
	Value    float64                 `json:"value" doc:"The value."`
	Time     time.Time               `json:"time" doc:"When it was measured."`
}

// Samples are the newest values.
type Samples struct {
	Items []Sample `json:"items" doc:"By label." nullable:"false"`
}

// Chart is what was measured over time, in equal steps.
type Chart struct {
	From  time.Time   `json:"from" doc:"The beginning of the first step."`
	Step  float64     `json:"step_seconds" doc:"How long a step is."`
	Level string      `json:"level" doc:"What it was made of." enum:"raw,minutes,hours,days"`
	Lines []ChartLine `json:"lines" doc:"The lines, by quantity and label." nullable:"false"`
}

// ChartLine is a line of a chart: a value for each step, null where nothing is known.
type ChartLine struct {
	Labels map[series.Label]string `json:"labels" doc:"What it is of, the quantity included."`
	Unit   string                  `json:"unit,omitempty" doc:"The unit of its values."`
	Series int                     `json:"series" doc:"How many series are on it."`
	Values []*float64              `json:"values" doc:"A value for each step." nullable:"false"`
	Min    []*float64              `json:"min" doc:"The least within each step." nullable:"false"`
	Max    []*float64              `json:"max" doc:"The most within each step." nullable:"false"`
}

// ChartOf puts an answer into words.
func ChartOf(a *series.Answer) Chart {
	out := Chart{From: a.From, Step: a.Step.Seconds(), Level: a.Level, Lines: make([]ChartLine, len(a.Lines))}
	for i, l := range a.Lines {
		out.Lines[i] = ChartLine{Labels: l.Labels, Unit: l.Unit, Series: l.Series, Values: known(l.Values), Min: known(l.Min), Max: known(l.Max)}
	}
	return out
}

// known makes gaps of what is not a number.
func known(values series.Values) []*float64 {
	out := make([]*float64, len(values))
	for i := range values {
		if values[i] == values[i] { //nolint:gocritic // only what is not a number differs from itself
			out[i] = &values[i]
		}
	}
	return out
}
