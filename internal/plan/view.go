package plan

import "millwright.dev/millwright/internal/room"

// View is a plan with names instead of ids, for JSON. Slices are never nil.
type View struct {
	Goal    string       `json:"goal"`
	Summary string       `json:"summary"`
	Asked   string       `json:"asked"` // a folded host list
	Totals  Totals       `json:"totals"`
	Waves   [][]StepView `json:"waves"`
	Skipped []SkipView   `json:"skipped"`
	Blocked []BlockView  `json:"blocked"`
}

// StepView is a [Step] with names.
type StepView struct {
	Node   string     `json:"node"`
	Op     string     `json:"op"` // "pass" when nothing is done
	State  room.State `json:"state"`
	Why    string     `json:"why"`
	Settle float64    `json:"settle_seconds,omitempty"`
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

// View gives the plan with names instead of ids.
func (p Plan) View(r *room.Room) View {
	v := View{
		Goal: p.Goal.String(), Summary: p.Summary(), Asked: r.Fold(p.Asked), Totals: p.Totals(),
		Waves:   make([][]StepView, len(p.Waves)),
		Skipped: make([]SkipView, len(p.Skipped)),
		Blocked: make([]BlockView, len(p.Blocked)),
	}
	for i, wave := range p.Waves {
		v.Waves[i] = make([]StepView, len(wave))
		for j, s := range wave {
			op := "pass"
			if s.Op != 0 {
				op = s.Op.String()
			}
			v.Waves[i][j] = StepView{
				Node: r.Nodes[s.Node].Name, Op: op, State: s.State,
				Why: s.Why.Text(r), Settle: s.Settle.Seconds(),
			}
		}
	}
	for i, s := range p.Skipped {
		v.Skipped[i] = SkipView{Node: r.Nodes[s.Node].Name, State: s.State, Why: s.Why.Text(r)}
	}
	for i, b := range p.Blocked {
		v.Blocked[i] = BlockView{Node: r.Nodes[b.Node].Name, By: r.Nodes[b.By].Name, Reason: b.Reason, Why: b.Why.Text(r)}
	}
	return v
}
