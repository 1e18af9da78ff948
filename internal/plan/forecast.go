package plan

import (
	"container/heap"
	"math"
	"slices"
	"time"

	"millwright.dev/millwright/internal/room"
)

// Forecast is how a plan will probably go, by what was recorded of earlier ones.
type Forecast struct {
	Begin, End []time.Duration // by the places of steps, from the plan's begin
	Total      time.Duration
	Sd         time.Duration // standard deviation of Total, along the critical path
	Guessed    int           // steps of which nothing was recorded
	Critical   []room.NodeID // the chain of steps that Total comes from, in order
	Watts      float64       // what is drawn more in the end than now; negative is freed
	Curve      []Drawn       // how the watts come and go
	Feeds      []FeedUse     // in the order of the room
	Stranded   []Block       // what no feed can carry
}

// Drawn is what the plan's nodes draw more than before, from a time on.
type Drawn struct {
	At    time.Duration
	Watts float64
}

// Guesses for steps of which nothing was recorded.
const (
	guessCords    = 2 * time.Second
	guessControls = 30 * time.Second
	guessChecks   = 30 * time.Second
	maxCurve      = 240
)

// Foresee works out how long the plan will take and what it draws, step by step under
// the same limits as a run, and keeps it in the plan.
func (p *Plan) Foresee(r *room.Room, states func(room.NodeID) room.State, policy Policy) *Forecast {
	s := &seer{plan: p, room: r, policy: policy, gate: NewGate(r, states, policy.Watts)}
	s.Forecast = &Forecast{Begin: make([]time.Duration, len(p.Steps)), End: make([]time.Duration, len(p.Steps))}
	s.deps = NewDeps(p)
	s.sd, s.cause = make([]float64, len(p.Steps)), make([]int32, len(p.Steps))
	s.stuck = make([]bool, len(p.Steps))
	for i := range s.cause {
		s.cause[i] = room.None
	}
	s.run()
	p.Forecast = s.Forecast
	return s.Forecast
}

// seer plays a plan through.
type seer struct {
	*Forecast
	plan   *Plan
	room   *room.Room
	policy Policy
	gate   *Gate
	deps   *Deps
	sd     []float64
	cause  []int32 // by step: the one whose end or begin let it begin
	stuck  []bool
	now    time.Duration
	coming turns
	last   int32 // the step whose turn it was last
}

type turnKind uint8

const (
	turnSwitched turnKind = iota
	turnEnd
	turnSettled
)

// turn is something that happens to a step.
type turn struct {
	at   time.Duration
	step int32
	kind turnKind
}

type turns []turn

func (t turns) Len() int { return len(t) }
func (t turns) Less(i, j int) bool {
	if t[i].at != t[j].at {
		return t[i].at < t[j].at
	}
	return t[i].step < t[j].step
}
func (t turns) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *turns) Push(x any)   { *t = append(*t, x.(turn)) } //nolint:forcetypeassert // ours alone
func (t *turns) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}

func (s *seer) run() {
	s.last = room.None
	s.ready(s.deps.Begin())
	for {
		tick, timed := s.gate.Next()
		switch {
		case timed && (len(s.coming) == 0 || tick < s.coming[0].at):
			s.now = tick
			s.admitted(s.gate.Tick(tick))
		case len(s.coming) > 0:
			t := heap.Pop(&s.coming).(turn) //nolint:forcetypeassert // ours alone
			s.now = t.at
			s.turn(t)
		default:
			if !s.strand() {
				s.sum()
				return
			}
		}
	}
}

// ready has steps ask at the gate.
func (s *seer) ready(steps []int32) {
	from := s.last
	for len(steps) > 0 {
		i := steps[0]
		steps = steps[1:]
		step := &s.plan.Steps[i]
		s.cause[i] = from
		if step.Acts == 0 {
			s.Begin[i] = s.now
			heap.Push(&s.coming, turn{s.now, i, turnEnd})
			continue
		}
		if t := TicketOf(s.plan, i, nil); s.gate.Ask(t, s.now) {
			s.begin(t)
		}
	}
}

func (s *seer) admitted(list []Ticket) {
	for _, t := range list {
		if s.last != room.None {
			s.cause[t.Step] = s.last
		}
		s.begin(t)
	}
}

// TicketOf gives the ticket by which a step asks at a gate.
func TicketOf(p *Plan, i int32, owner any) Ticket {
	step := &p.Steps[i]
	return Ticket{Owner: owner, Step: i, Node: step.Node, On: step.Do == Up, Cords: step.Acts&(CordsOn|CordsOff) != 0, Rank: int64(i)}
}

func (s *seer) begin(t Ticket) {
	mean, sd := s.lasts(t.Step)
	s.Begin[t.Step], s.sd[t.Step] = s.now, sd.Seconds()
	if t.On {
		s.last = t.Step
		s.curve(s.gate.watts(t.Node))
	}
	if t.Cords {
		heap.Push(&s.coming, turn{s.now + min(mean, guessCords/4), t.Step, turnSwitched})
	}
	heap.Push(&s.coming, turn{s.now + mean, t.Step, turnEnd})
}

// lasts says how long a step will take.
func (s *seer) lasts(i int32) (mean, sd time.Duration) {
	step := &s.plan.Steps[i]
	if s.policy.Duration != nil {
		if mean, sd, known := s.policy.Duration(step.Node, step.Do); known {
			return mean, sd
		}
	}
	s.Guessed++
	if step.Acts&(CordsOn|CordsOff) != 0 {
		mean += guessCords
	}
	if step.Acts&(ControlsOff|ControlsOn) != 0 {
		mean += min(guessControls, s.room.Conduct(step.Node).Grace/4)
	}
	if step.Acts.Has(Checks) {
		mean += min(guessChecks, s.room.Conduct(step.Node).StartWithin/4)
	}
	return mean, mean / 2
}

func (s *seer) turn(t turn) {
	step := &s.plan.Steps[t.step]
	s.last = t.step
	switch t.kind {
	case turnSwitched:
		s.admitted(s.gate.Switched(TicketOf(s.plan, t.step, nil), s.now))
	case turnEnd:
		s.End[t.step] = s.now
		if step.Acts != 0 {
			if step.Do == Down {
				s.curve(-s.gate.watts(step.Node))
			}
			s.admitted(s.gate.Ended(TicketOf(s.plan, t.step, nil), step.Do == Up, s.now))
		}
		s.last = t.step
		s.ready(s.deps.Ended(t.step))
		if step.Settle > 0 {
			heap.Push(&s.coming, turn{s.now + step.Settle, t.step, turnSettled})
			return
		}
		s.ready(s.deps.Good(t.step))
	case turnSettled:
		s.ready(s.deps.Good(t.step))
	}
}

// strand gives up on what no feed will ever carry.
func (s *seer) strand() bool {
	list := s.gate.Strand(nil)
	for _, x := range list {
		s.stuck[x.Step] = true
		s.Stranded = append(s.Stranded, Block{Node: x.Node, By: x.Node, Reason: x.Said, Why: s.plan.Steps[x.Step].Why})
	}
	for _, x := range list {
		s.ready(s.deps.Ended(x.Step))
	}
	return len(s.coming) > 0 || len(list) > 0
}

// curve notes a change of what is drawn.
func (s *seer) curve(watts float64) {
	if watts == 0 {
		return
	}
	s.Watts += watts
	if n := len(s.Curve); n > 0 && s.Curve[n-1].At == s.now {
		s.Curve[n-1].Watts = s.Watts
		return
	}
	s.Curve = append(s.Curve, Drawn{s.now, s.Watts})
}

func (s *seer) sum() {
	last := int32(room.None)
	for i, end := range s.End {
		if s.plan.Steps[i].Acts != 0 && end > s.Total {
			s.Total, last = end, int32(i)
		}
	}
	variance := 0.0
	seen := make(map[int32]bool)
	for i := last; i != room.None && !seen[i]; i = s.cause[i] {
		seen[i] = true
		variance += s.sd[i] * s.sd[i]
		if s.plan.Steps[i].Acts != 0 {
			s.Critical = append(s.Critical, s.plan.Steps[i].Node)
		}
	}
	slices.Reverse(s.Critical)
	s.Sd = time.Duration(math.Sqrt(variance) * float64(time.Second))
	s.Feeds = s.gate.uses()
	if n := len(s.Curve); n > maxCurve { // the shape is enough
		thin := make([]Drawn, 0, maxCurve+1)
		for i := range maxCurve {
			thin = append(thin, s.Curve[i*n/maxCurve])
		}
		s.Curve = append(thin, s.Curve[n-1])
	}
}
