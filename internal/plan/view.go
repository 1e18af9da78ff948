package plan

import (
	"time"

	"millwright.dev/millwright/internal/room"
)

// View is a plan with names instead of ids, for JSON. Slices are never nil.
type View struct {
	Goal     string        `json:"goal"`
	Summary  string        `json:"summary"`
	Asked    string        `json:"asked"` // a folded host list
	Totals   Totals        `json:"totals"`
	Steps    []StepView    `json:"steps"`
	Skipped  []SkipView    `json:"skipped"`
	Blocked  []BlockView   `json:"blocked"`
	Over     []BlockView   `json:"over"`
	Forecast *ForecastView `json:"forecast,omitempty"`
}

// StepView is a [Step] with names. Other steps are named by their places, from 0.
type StepView struct {
	Node    string       `json:"node"`
	Do      string       `json:"do"`   // "up", "down"
	Acts    string       `json:"acts"` // "pass" when nothing is done
	State   room.State   `json:"state"`
	Why     string       `json:"why"`
	Layer   int          `json:"layer"` // from 1
	After   []int32      `json:"after,omitempty"`
	Soft    []int32      `json:"soft,omitempty"`
	Choices []ChoiceView `json:"choices,omitempty"`
	Settle  float64      `json:"settle_seconds,omitempty"`
	Begin   float64      `json:"begin_seconds,omitempty"` // as foreseen
	End     float64      `json:"end_seconds,omitempty"`
}

// ChoiceView is a [Choice].
type ChoiceView struct {
	Least int     `json:"least"`
	Of    []int32 `json:"of"`
}

// SkipView is a [Skip] with names.
type SkipView struct {
	Node  string     `json:"node"`
	State room.State `json:"state"`
	Why   string     `json:"why"`
}

// BlockView is a [Block] with names.
type BlockView struct {
	Node   string `json:"node"`
	By     string `json:"by"`
	Reason string `json:"reason"`
	Why    string `json:"why"`
}

// ForecastView is a [Forecast] with names; the steps' times stand with the steps.
type ForecastView struct {
	Seconds  float64     `json:"seconds"`
	Sd       float64     `json:"sd_seconds"`
	Guessed  int         `json:"guessed"`
	Critical []string    `json:"critical"`
	Watts    float64     `json:"watts"`
	Curve    []DrawnView `json:"curve"`
	Feeds    []FeedUse   `json:"feeds"`
	Stranded []BlockView `json:"stranded"`
}

// DrawnView is a [Drawn].
type DrawnView struct {
	At    float64 `json:"at_seconds"`
	Watts float64 `json:"watts"`
}

// View gives the plan with names instead of ids.
func (p *Plan) View(r *room.Room) View {
	v := View{
		Goal: p.Goal.String(), Summary: p.Summary(), Asked: r.Fold(p.Asked), Totals: p.Totals(),
		Steps: make([]StepView, len(p.Steps)), Skipped: make([]SkipView, len(p.Skipped)),
		Blocked: blockViews(r, p.Blocked), Over: blockViews(r, p.Over),
	}
	for i, layer := range p.layers() {
		s := &p.Steps[i]
		v.Steps[i] = StepView{
			Node: r.Nodes[s.Node].Name, Do: s.Do.String(), Acts: s.Acts.String(), State: s.State, Why: s.Why.Text(r), Layer: int(layer),
			After: s.After, Soft: s.Soft, Settle: s.Settle.Seconds(),
		}
		for _, c := range s.Choices {
			v.Steps[i].Choices = append(v.Steps[i].Choices, ChoiceView(c))
		}
		if f := p.Forecast; f != nil {
			v.Steps[i].Begin, v.Steps[i].End = seconds(f.Begin[i]), seconds(f.End[i])
		}
	}
	for i, s := range p.Skipped {
		v.Skipped[i] = SkipView{Node: r.Nodes[s.Node].Name, State: s.State, Why: s.Why.Text(r)}
	}
	if f := p.Forecast; f != nil {
		v.Forecast = &ForecastView{
			Seconds: seconds(f.Total), Sd: seconds(f.Sd), Guessed: f.Guessed, Critical: r.Names(f.Critical), Watts: f.Watts,
			Curve: make([]DrawnView, len(f.Curve)), Feeds: append([]FeedUse{}, f.Feeds...), Stranded: blockViews(r, f.Stranded),
		}
		for i, d := range f.Curve {
			v.Forecast.Curve[i] = DrawnView{seconds(d.At), d.Watts}
		}
	}
	return v
}

func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }

func blockViews(r *room.Room, blocks []Block) []BlockView {
	list := make([]BlockView, len(blocks))
	for i, b := range blocks {
		list[i] = BlockView{Node: r.Nodes[b.Node].Name, By: r.Nodes[b.By].Name, Reason: b.Reason, Why: b.Why.Text(r)}
	}
	return list
}
