package autopilot

import (
	"context"
	"maps"
	"slices"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/ups"
)

// sight is how things stand at one moment.
type sight struct {
	room      *room.Room
	kept      outage
	policy    ups.Policy
	situation ups.Situation
}

// casting holds what was worked out a short while ago for a room.
type casting struct {
	room     *room.Room
	at       time.Time
	supply   map[string][]string
	forecast map[string]ups.Forecast
}

// castLife is how long forecasts are believed.
const castLife = 10 * time.Second

// look gathers how things stand.
func (b *Battery) look(kept outage, standings []ups.Standing) sight {
	r := b.o.Room()
	c := b.casting(r)
	s := sight{room: r, kept: kept, policy: policyOf(r)}
	for _, name := range slices.Sorted(maps.Keys(kept.Stages)) { // stages that the room has no more still come back
		if !slices.ContainsFunc(s.policy.Stages, func(st ups.Stage) bool { return st.Name == name }) {
			s.policy.Stages = append(s.policy.Stages, ups.Stage{Name: name, Nodes: kept.Stages[name].Nodes})
		}
	}
	s.situation = ups.Situation{Now: time.Now(), Standings: standings, Supply: c.supply, Forecast: c.forecast, Progress: kept.upsProgress(false)}
	return s
}

// casting gives what feeds which node, and how long stages take.
func (b *Battery) casting(r *room.Room) casting {
	b.mu.Lock()
	c := b.cast
	b.mu.Unlock()
	if c.room == r && time.Since(c.at) < castLife {
		return c
	}
	c = casting{room: r, at: time.Now(), supply: ups.Supply(r, Sources(r)), forecast: make(map[string]ups.Forecast)}
	for i := range r.Battery.Stages {
		st := &r.Battery.Stages[i]
		f, err := b.o.Desk.Foresee(r, plan.Down, st.Nodes)
		if err != nil {
			b.o.Log.Warn("it cannot be foreseen how long a stage takes", "stage", st.Name, "why", err)
			continue
		}
		c.forecast[st.Name] = ups.Forecast{Expected: f.Total, Spread: 2 * f.Sd}
	}
	b.mu.Lock()
	b.cast = c
	b.mu.Unlock()
	return c
}

// policyOf gives what a room wants on battery.
func policyOf(r *room.Room) ups.Policy {
	p := ups.Policy{
		Margin: r.Battery.Margin, Single: r.Battery.SingleFeed, TrustUnwatched: r.Battery.TrustUnwatched,
		Comeback: ups.Comeback{Steady: r.Battery.BackAfter, Charge: r.Battery.BackCharge},
	}
	for i := range r.UPSes { // what it says is as old as that
		p.Slack = max(p.Slack, r.UPSes[i].Poll)
	}
	p.Slack += 2 * lookOften
	for i := range r.Battery.Stages {
		st := &r.Battery.Stages[i]
		p.Stages = append(p.Stages, ups.Stage{Name: st.Name, Nodes: r.Names(st.Nodes), When: ups.When{
			AtOnce: st.Immediately, After: st.After, Charge: st.Charge, Runtime: st.Runtime, Low: st.Low,
		}})
	}
	return p
}

// down begins the next stage that is due to go down.
func (b *Battery) down(ctx context.Context, s sight) (begun bool) {
	decision := s.policy.Decide(s.situation)
	due := decision.Due()
	if len(due) > 0 && !b.allowed(ctx, 0, s.room.Battery.Start, decision.Said+": shall they go down?") {
		due = nil
	}
	for _, st := range s.policy.Stages {
		order := stageOrder{stage: st.Name}
		if i := slices.IndexFunc(due, func(v ups.Verdict) bool { return v.Stage == st.Name }); i >= 0 {
			order.nodes, order.why = due[i].Nodes, due[i].Why
		} else if i := slices.IndexFunc(s.kept.Wishes, func(w wish) bool { return w.Stage == st.Name && !w.Up }); i >= 0 {
			order.nodes, order.why, order.hand = st.Nodes, "asked for by "+s.kept.Wishes[i].By, !emptying(s.situation.Standings)
		} else {
			continue
		}
		if b.busyDown(s) || b.soon(st.Name) {
			return false // one after the other
		}
		b.begin(ctx, s, order)
		return true
	}
	return false
}

// busyDown says whether a stage is going down and has time left for that. One that
// takes longer than was foreseen does not hold up the others.
func (b *Battery) busyDown(s sight) bool {
	for _, p := range s.kept.Stages {
		if p.Run != "" && !p.Back && s.situation.Now.Sub(p.Begun) < p.Needs {
			return true
		}
	}
	return false
}

// stageOrder is a stage that is to be begun.
type stageOrder struct {
	stage string
	nodes []string
	why   string
	up    bool
	hand  bool
}

// begin begins a stage's run, in either direction.
func (b *Battery) begin(ctx context.Context, s sight, o stageOrder) {
	if err := b.tryBegin(ctx, s, o); err != nil {
		if ctx.Err() == nil {
			b.hampered(o.stage, o.up, o.nodes, err)
		}
		return
	}
	b.mu.Lock()
	delete(b.trouble, o.stage)
	b.mu.Unlock()
}

func (b *Battery) tryBegin(ctx context.Context, s sight, o stageOrder) error {
	nodes := names(o.nodes).in(s.room)
	if len(nodes) == 0 { // the room has none of them any more
		return b.change(ctx, nil, func(k *outage) { nothing(k, o) })
	}
	id := b.o.NewID()
	planning, cancel := context.WithTimeout(ctx, planTime)
	defer cancel()
	p, err := b.o.Desk.Prepare(planning, Order{
		ID: id, Actor: batteryActor, Goal: goalOf(o.up), Targets: s.room.Fold(nodes), Reason: "stage " + o.stage + ": " + o.why,
	})
	if err != nil {
		return err
	}
	e := told("stage "+goalOf(o.up).String(), o.nodes, "begun", "stage "+o.stage+" begins: "+o.why)
	if len(p.Switched) == 0 {
		e.Outcome, e.Detail = event.OK, "stage "+o.stage+": nothing is switched: "+p.Plan.Summary()
		return b.change(ctx, e, func(k *outage) { nothing(k, o) })
	}
	before, there := s.kept.Stages[o.stage]
	next := before
	next.Run, next.Back, next.Said, next.Was = id, o.up, o.why, nil
	if before.Was = nil; there {
		next.Was = &before
	}
	if !o.up {
		next.Begun, next.Down, next.Hand = time.Now(), false, o.hand && (!there || before.Hand)
		next.Nodes, next.Taken = next.Nodes.with(o.nodes), next.Taken.with(p.Room.Names(p.Switched))
		f := s.situation.Forecast[o.stage]
		next.Needs = f.Expected + f.Spread
	}
	if err := b.change(ctx, e, func(k *outage) { k.Stages[o.stage] = next; k.unwish(o.stage) }); err != nil {
		return err
	}
	if err := p.Begin(ctx, b.conflict(s, o, p)); err != nil {
		if undo := b.change(ctx, nil, func(k *outage) { notBegun(k, o.stage) }); undo != nil {
			b.o.Log.Error("what was done on battery cannot be written down", "why", undo)
		}
		return err
	}
	b.await(ctx, id)
	return nil
}

// nothing notes a stage for which nothing had to be switched.
func nothing(k *outage, o stageOrder) {
	k.unwish(o.stage)
	if o.up {
		delete(k.Stages, o.stage)
		return
	}
	p, there := k.Stages[o.stage]
	p.Begun, p.Down, p.Run, p.Back, p.Said = time.Now(), true, "", false, "nothing had to be switched"
	p.Hand = o.hand && (!there || p.Hand)
	p.Nodes = p.Nodes.with(o.nodes)
	k.Stages[o.stage] = p
}

// conflict says what becomes of other runs on the nodes. The battery does not wait for
// those of others; but a stage that still goes down is not cut short for the next.
func (b *Battery) conflict(s sight, o stageOrder, p Prepared) run.Conflict {
	if o.up {
		return run.WhenFree
	}
	if !s.kept.active(true, false) {
		return run.TakeOver
	}
	own := make(map[string]bool)
	for _, st := range s.kept.Stages {
		if !st.Back {
			own[st.Run] = true
		}
	}
	for _, id := range b.o.Runs.Holders(p.Room, p.Switched) {
		if !own[id] {
			_ = b.o.Runs.Cancel(id, batteryActor) // it has ended meanwhile, or is waited for
		}
	}
	return run.WhenFree
}

// back begins the next stage that may come back.
func (b *Battery) back(ctx context.Context, s sight) (begun bool) {
	if s.kept.active(true, true) {
		return false
	}
	for _, st := range slices.Backward(s.policy.Stages) {
		p, down := s.kept.Stages[st.Name]
		i := slices.IndexFunc(s.kept.Wishes, func(w wish) bool { return w.Stage == st.Name && w.Up })
		if i < 0 || b.soon(st.Name) {
			continue
		}
		if !down {
			_ = b.change(ctx, nil, func(o *outage) { o.unwish(st.Name) })
			return true
		}
		b.begin(ctx, s, stageOrder{stage: st.Name, nodes: p.Taken, up: true, why: "asked for by " + s.kept.Wishes[i].By})
		return true
	}
	automatic := s.situation
	automatic.Progress = s.kept.upsProgress(true)
	decision := s.policy.Return(automatic)
	due := decision.Due() // at most one
	if len(due) == 0 || b.soon(due[0].Stage) || !b.allowed(ctx, 1, s.room.Battery.Back, decision.Said+": shall it come back?") {
		return false
	}
	name := due[0].Stage
	b.begin(ctx, s, stageOrder{stage: name, nodes: s.kept.Stages[name].Taken, up: true, why: due[0].Why})
	return true
}
