package ups

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// When says when a stage is due. Any one of what is set is enough; the worst of
// the UPSes that feed the stage's nodes counts.
type When struct {
	AtOnce  bool          // as soon as it is on battery
	After   time.Duration // when it has been on battery for so long; 0 for never
	Charge  float64       // when the charge is below, in percent; 0 for never
	Runtime time.Duration // when the minutes left are below; 0 for never
	Low     bool          // when the UPS says that the battery is low
}

// Stage is a set of nodes that is shut down together on battery.
type Stage struct {
	Name  string
	Nodes []string
	When  When
}

// Comeback says when the power is back for good.
type Comeback struct {
	Steady time.Duration // how long the mains must have been there
	Charge float64       // how full the battery must be, in percent
}

// Policy is what to do on battery. Stages go down in their order, what can be
// spared most first, and come back in the reverse order. Whatever their When
// says, they are due when waiting longer would leave too little time.
type Policy struct {
	Stages []Stage
	// Margin is what must be left of the battery when the last stage is down.
	Margin time.Duration
	// Slack is how long it may take until it is decided again: what would not fit any
	// more then is due now.
	Slack time.Duration
	// Single also takes nodes that still have one healthy feed.
	Single bool
	// TrustUnwatched takes a feed on which no UPS hangs for a healthy one. By
	// default it is taken to have gone with the mains.
	TrustUnwatched bool
	Comeback       Comeback
}

// Forecast is how long it takes to shut a stage's nodes down, or to bring them up.
type Forecast struct {
	Expected time.Duration
	Spread   time.Duration // how much longer it may take, within reason
}

// Progress is what has become of a stage in this outage. The zero Progress is: nothing.
type Progress struct {
	Begun time.Time // when its shutdown was begun, the last time
	Nodes []string  // the nodes that were taken down so far; none named means all
	Down  bool      // that is over
	Back  bool      // it was brought back since, or is being brought back
}

// Situation is all that a decision rests on.
type Situation struct {
	Now       time.Time
	Standings []Standing
	// Supply gives each node's feeds. For a node on a feed that hangs on another
	// feed, name the one that a UPS feeds. A node without feeds (a group, a
	// service) counts as fed by all the UPSes there are.
	Supply   map[string][]string
	Forecast map[string]Forecast // by stage
	Progress map[string]Progress // by stage
}

// Verdict is what is decided of one stage.
type Verdict struct {
	Stage string
	// Nodes are those it concerns now, in order: the others have power of their
	// own, or were taken down before.
	Nodes []string
	// Due: begin it now, for these nodes. A stage that was begun is due again for
	// nodes that came to hang on batteries only later.
	Due bool
	Why string // why it is due, or what it waits for
	// Needs is how long it will take from now, at worst; Ends is when it is down
	// if all the stages up to this one begin now, one after the other.
	Needs, Ends time.Duration
	// Left is how long the worst of its UPSes lasts; nil if it does not say.
	Left *time.Duration
	// Fits: it is down before its battery is, with the margin to spare. Without
	// Left nothing is proved.
	Fits bool
	Said string // "stage services needs 3m20s ± 40s, 12m left: fits with 5m margin"
}

// Decision is what is due now, and the proof.
type Decision struct {
	Verdicts []Verdict // in the order of the stages
	Said     string    // one sentence about all
}

// Due gives the stages to begin now, in their order.
func (d Decision) Due() []Verdict {
	var due []Verdict
	for _, v := range d.Verdicts {
		if v.Due {
			due = append(due, v)
		}
	}
	return due
}

// Decide says which stages are due, and proves that those that wait can wait. It
// is pure: the same situation gives the same decision. While the mains seem to be
// back but have not held yet, nothing new is due.
func (p Policy) Decide(s Situation) Decision {
	sit := look(p, s)
	d := Decision{Verdicts: make([]Verdict, len(p.Stages))}
	ends := time.Duration(0)
	for i, stage := range p.Stages {
		v := &d.Verdicts[i]
		v.Stage, v.Nodes = stage.Name, sit.concerned(stage)
		if len(v.Nodes) == 0 && !begun(s.Progress[stage.Name]) {
			continue
		}
		v.Needs = needs(s, stage.Name, len(v.Nodes) > 0)
		ends += v.Needs
		v.Ends, v.Left = ends, sit.worst(v.Nodes)
		v.Fits = v.Left != nil && v.Ends+p.Margin <= *v.Left
	}
	last := p.lastDue(sit, d.Verdicts)
	for i, stage := range p.Stages {
		v := &d.Verdicts[i]
		prog := s.Progress[stage.Name]
		switch {
		case len(v.Nodes) == 0 && begun(prog) && prog.Down:
			v.Why = isDown
		case len(v.Nodes) == 0 && begun(prog):
			v.Why = isGoing
		case len(v.Nodes) == 0:
			v.Why = "none of its nodes is on battery alone"
		case sit.settling(v.Nodes):
			v.Why = "the mains seem to be back"
		case i < last.index:
			v.Due, v.Why = true, cmp.Or(v.Why, "stage "+p.Stages[last.index].Name+" behind it is due: "+last.why)
		case i == last.index:
			v.Due, v.Why = true, last.why
		default:
			v.Why = "it waits: " + waits(stage.When)
		}
		v.Said = v.say(p, s.Forecast[stage.Name])
	}
	d.Said = sum(d, s.Standings)
	return d
}

// Why a stage that was begun is not due.
const (
	isDown  = "it is down"
	isGoing = "it is going down"
)

// cause is the last stage that is due by itself, and why. Those before it go too.
type cause struct {
	index int // -1 for none
	why   string
}

// lastDue finds the last stage that is due, and notes for each one why.
func (p Policy) lastDue(sit *sight, verdicts []Verdict) cause {
	last := cause{index: -1}
	for i, stage := range p.Stages {
		v := &verdicts[i]
		if len(v.Nodes) == 0 || sit.settling(v.Nodes) {
			continue
		}
		why := sit.called(stage.When, v.Nodes)
		if why == "" {
			why = p.pressed(verdicts, i)
		}
		if why != "" {
			v.Why, last = why, cause{i, why}
		}
	}
	return last
}

// pressed says why the i-th stage cannot wait: one behind it, or itself, would not
// be down in time if all from here on began any later.
func (p Policy) pressed(verdicts []Verdict, i int) string {
	for k := i; k < len(verdicts); k++ {
		v := &verdicts[k]
		if v.Left == nil || len(v.Nodes) == 0 || v.Ends+p.Margin+p.Slack < *v.Left {
			continue
		}
		need := length(v.Ends) + " until stage " + v.Stage + " is down, with " + length(p.Margin) + " margin, and " + length(*v.Left) + " left"
		if v.Fits {
			return "it must begin now: " + need
		}
		return "it does not fit and begins now: " + need
	}
	return ""
}

func begun(p Progress) bool { return !p.Back && (p.Down || !p.Begun.IsZero()) }

// needs is how long a stage still takes, at worst; more says that there are nodes
// of it that were not begun.
func needs(s Situation, stage string, more bool) time.Duration {
	f, prog := s.Forecast[stage], s.Progress[stage]
	whole := max(0, f.Expected) + max(0, f.Spread)
	switch {
	case more || !begun(prog):
		return whole
	case prog.Down:
		return 0
	}
	return max(0, whole-s.Now.Sub(prog.Begun))
}

func waits(w When) string {
	var on []string
	if w.After > 0 {
		on = append(on, length(w.After)+" on battery")
	}
	if w.Charge > 0 {
		on = append(on, fmt.Sprintf("a charge below %.0f %%", w.Charge))
	}
	if w.Runtime > 0 {
		on = append(on, "less than "+length(w.Runtime)+" left")
	}
	if w.Low {
		on = append(on, "a low battery")
	}
	if len(on) == 0 {
		return "for the last moment at which it fits"
	}
	return "for " + strings.Join(on, " or ") + ", or the last moment at which it fits"
}

func (v *Verdict) say(p Policy, f Forecast) string {
	if v.Why == isDown || len(v.Nodes) == 0 {
		return "stage " + v.Stage + ": " + v.Why
	}
	text := "stage " + v.Stage + " needs " + length(f.Expected)
	if f.Spread > 0 {
		text += " ± " + length(f.Spread)
	}
	switch {
	case v.Left == nil:
		text += "; its UPS does not say how long it lasts, so nothing is proved"
	case v.Fits:
		text += "; " + length(*v.Left) + " left, down after " + length(v.Ends) + ": fits with " + length(*v.Left-v.Ends) + " margin"
	default:
		text += "; " + length(*v.Left) + " left, down after " + length(v.Ends) + ": does not fit with " + length(p.Margin) + " margin"
	}
	return text + "; " + v.Why
}

// sum says how it stands in one sentence.
func sum(d Decision, standings []Standing) string {
	var names, due []string
	for _, s := range standings {
		if s.State.Out() {
			names = append(names, s.Source)
		}
	}
	if len(names) == 0 {
		return "no UPS is on battery"
	}
	slices.Sort(names)
	concerned, fits, gone := false, true, false
	for _, v := range d.Verdicts {
		concerned = concerned || len(v.Nodes) > 0
		gone = gone || v.Why == isDown || v.Why == isGoing
		fits = fits && (v.Fits || len(v.Nodes) == 0)
		if v.Due {
			due = append(due, v.Stage)
		}
	}
	text := "on battery: " + strings.Join(names, ", ")
	switch {
	case !concerned && gone:
		return text + "; nothing is left that has to go down"
	case !concerned:
		return text + "; every node of every stage has power by another feed"
	case len(due) > 0:
		text += "; begin " + strings.Join(due, ", ")
	default:
		text += "; nothing is due"
	}
	if fits {
		return text + "; what waits is down in time"
	}
	return text + "; it is not proved that all is down in time"
}
