package autopilot

import (
	"fmt"
	"slices"
	"time"

	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/ups"
)

// Rehearsal is what would be done if the mains went now: when each stage begins and is
// down, and whether all of that fits into what the batteries last.
type Rehearsal struct {
	Runtime time.Duration // how long they last
	Said    string        // the proof in a sentence
	Fits    bool
	Guessed int // steps of which nothing was recorded, so that their time is a guess
	Stages  []RehearsedStage
}

// RehearsedStage is a stage of a [Rehearsal].
type RehearsedStage struct {
	Stage    string
	Nodes    []string
	Expected time.Duration // how long it takes
	Spread   time.Duration // how much longer it may take
	Begins   time.Duration // after the mains went
	Down     time.Duration // at the latest
	Why      string        // it begins then
	Begun    bool          // it begins before the batteries are empty
	Fits     bool          // it is down before that, with the margin
}

// How many moments a rehearsal looks at, in a room of many nodes and in one of few.
const (
	rehearsalSteps = 600
	finerSteps     = 3600
	fewNodes       = 1000
)

// Rehearse works out what would be done if all mains went now and the batteries lasted
// for so long; zero is as long as the UPSes say, or are assumed to. Nothing is touched.
func (b *Battery) Rehearse(runtime time.Duration) (Rehearsal, error) {
	r := b.o.Room()
	if len(r.Battery.Stages) == 0 {
		return Rehearsal{}, &room.Error{Code: room.CodeRefused, Op: "battery test", Said: "the room has no battery: stages, so nothing would be done"}
	}
	forecasts, guessed, err := b.foreseen(r)
	if err != nil {
		return Rehearsal{}, err
	}
	sources := Sources(r)
	if len(sources) == 0 { // by hand only: as if one fed everything
		sources = []ups.Source{{Name: "the battery"}}
	}
	standings := b.pretended(sources)
	if runtime <= 0 {
		runtime = lasts(r, standings)
	}
	h := &rehearsing{
		policy: policyOf(r), supply: ups.Supply(r, sources), forecasts: forecasts, standings: standings,
		runtime: runtime, begun: make(map[string]ups.Progress), downAt: make(map[string]time.Duration),
	}
	if len(Sources(r)) == 0 {
		h.supply = nil
	}
	if h.steps = rehearsalSteps; len(r.Nodes) <= fewNodes {
		h.steps = finerSteps
	}
	out := h.run()
	out.Guessed = guessed
	return out, nil
}

// foreseen gives how long the stages take, and how much of that is guessed.
func (b *Battery) foreseen(r *room.Room) (map[string]ups.Forecast, int, error) {
	forecasts, guessed := make(map[string]ups.Forecast), 0
	for i := range r.Battery.Stages {
		st := &r.Battery.Stages[i]
		f, err := b.o.Desk.Foresee(r, plan.Down, st.Nodes)
		if err != nil {
			return nil, 0, err
		}
		forecasts[st.Name] = ups.Forecast{Expected: f.Total, Spread: 2 * f.Sd}
		guessed += f.Guessed
	}
	return forecasts, guessed, nil
}

// pretended gives how the UPSes would stand if the mains had gone just now.
func (b *Battery) pretended(sources []ups.Source) []ups.Standing {
	now := b.o.UPSes()
	list := make([]ups.Standing, len(sources))
	for i, s := range sources {
		if at := slices.IndexFunc(now, func(st ups.Standing) bool { return st.Source == s.Name }); at >= 0 {
			list[i] = now[at]
		}
		list[i].Source, list[i].Feeds, list[i].State, list[i].Settling, list[i].Contact = s.Name, s.Feeds, ups.OnBattery, false, true
	}
	return list
}

// lasts is how long the first of the batteries lasts.
func lasts(r *room.Room, standings []ups.Standing) time.Duration {
	var least time.Duration
	for i, s := range standings {
		d := 5 * time.Minute
		if i < len(r.UPSes) {
			d = r.UPSes[i].Assumed
		}
		if s.Runtime != nil && *s.Runtime > 0 {
			d = *s.Runtime
		}
		if least == 0 || d < least {
			least = d
		}
	}
	return least
}

// rehearsing is one rehearsal under way.
type rehearsing struct {
	policy    ups.Policy
	supply    map[string][]string
	forecasts map[string]ups.Forecast
	standings []ups.Standing
	runtime   time.Duration
	steps     int

	begun  map[string]ups.Progress
	downAt map[string]time.Duration
	busy   time.Duration // until when stages go down that have begun
}

// run lets the time pass, and begins stages as the policy says.
func (h *rehearsing) run() Rehearsal {
	out := Rehearsal{Runtime: h.runtime, Fits: true}
	zero := time.Now()
	step := max(h.runtime/time.Duration(h.steps), time.Second)
	for t := time.Duration(0); t < h.runtime && len(h.begun) < len(h.policy.Stages); t += step {
		h.decide(&out, zero, t)
	}
	for _, st := range h.policy.Stages {
		if _, is := h.begun[st.Name]; !is {
			out.Stages = append(out.Stages, RehearsedStage{Stage: st.Name, Why: "none of its nodes would be on battery alone, or nothing calls for it in time"})
		}
	}
	var end, needs, spread time.Duration
	for _, st := range out.Stages {
		if st.Begun {
			end, out.Fits = max(end, st.Down), out.Fits && st.Fits
			needs, spread = needs+st.Expected, spread+st.Spread
		}
	}
	out.Said = fmt.Sprintf("%s left, needs %s ± %s: ", brief(h.runtime), brief(needs), brief(spread))
	if out.Fits {
		out.Said += "fits, with " + brief(h.runtime-end) + " left in the end"
	} else {
		out.Said += "does not fit with a margin of " + brief(h.policy.Margin)
	}
	return out
}

// decide begins what is due after some time.
func (h *rehearsing) decide(out *Rehearsal, zero time.Time, t time.Duration) {
	left := h.runtime - t
	for i := range h.standings {
		s := &h.standings[i]
		charge := 100 * float64(left) / float64(h.runtime)
		s.Runtime, s.Charge, s.Since, s.Battery = &left, &charge, zero, zero
		low := 10.0
		if s.Reading.LowCharge.Known {
			low = s.Reading.LowCharge.Value
		}
		if s.State = ups.OnBattery; charge <= low {
			s.State = ups.Low
		}
	}
	for name, p := range h.begun {
		p.Down = h.downAt[name] <= t
		h.begun[name] = p
	}
	d := h.policy.Decide(ups.Situation{Now: zero.Add(t), Standings: h.standings, Supply: h.supply, Forecast: h.forecasts, Progress: h.begun})
	for _, v := range d.Due() {
		if _, again := h.begun[v.Stage]; again {
			continue
		}
		f := h.forecasts[v.Stage]
		begins := max(t, h.busy)
		h.busy = begins + f.Expected + f.Spread
		h.begun[v.Stage] = ups.Progress{Begun: zero.Add(begins), Nodes: v.Nodes}
		h.downAt[v.Stage] = h.busy
		out.Stages = append(out.Stages, RehearsedStage{
			Stage: v.Stage, Nodes: v.Nodes, Expected: f.Expected, Spread: f.Spread, Begins: begins, Down: h.busy, Why: v.Why,
			Begun: true, Fits: h.busy+h.policy.Margin <= h.runtime,
		})
	}
}

// brief writes a time as people say it.
func brief(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	text := d.Round(time.Second).String()
	for _, end := range []string{"m0s", "h0m"} {
		if n := len(text) - len(end); n > 0 && text[n:] == end {
			text = text[:n+1]
		}
	}
	return text
}
