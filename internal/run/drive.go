package run

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
)

// fate is what has become of a step of the plan.
type fate uint8

const (
	pending fate = iota
	passed
	good
	unverified
	failed
	unknown
	notBegun
	blocked
	fateEnd
)

// phase is where a step is that has begun and not ended.
type phase uint8

const (
	idle     phase = iota
	gated          // it waits for the room's limits
	moving         // something is being done to its node
	retrying       // it waits to be tried again
)

// step is how it stands with one step of the plan.
type step struct {
	fate     fate
	phase    phase
	begun    bool // its intent is in the log
	inside   bool // the gate counts it
	switched bool // and is told that its cords are through
	resumed  bool // it was cut off in the act by the end of a daemon
	disputed bool
	soft     bool  // its cords could not be read back
	attempts int32 // that have failed
	waits    int32 // the step, from 1, that it was told to wait for because that is tried again
	cut      bool  // its power is cut though it has not halted
	started  bool  // its controls have started what they start
	asked    bool  // people were asked, which says nothing of how long it takes
	power    room.State
	began    time.Time
	powered  time.Time // when its cords came on
	act      plan.Acts // what is being done to its node
	said     string
}

// drive is a run being carried out. It belongs to one goroutine.
type drive struct {
	runner *Runner
	run    *run
	epoch  int64
	room   *room.Room
	plan   *plan.Plan
	names  []string // by step
	deps   *plan.Deps
	gate   *plan.Gate
	steps  []step
	at     []int32 // by NodeID: the step of the node that is or was under way

	ready    []int32 // steps that can begin
	again    []int32 // steps whose time to be tried again has come
	busy     int     // steps that have begun, or wait at the gate
	settling int     // nodes that settle while something waits for them
	queued   []string
	paused   bool
	alarms   alarms

	pending   []Update // told when they are on the disk
	events    []*event.Event
	standings []standing.Change
	entered   []int32    // steps whose attempts begin in this turn, and are not told of yet
	began     [2][]int32 // steps that begin in this turn, up and down
	passing   [2][]int32
	revived   map[revival][]int32 // steps that are tried again in this turn
	arriving  []int32             // steps whose nodes begin to settle in this turn
	power     [2][]int32          // steps whose cords are to be switched, on and off
	looks     [2][]int32          // steps of which a second witness is to be heard
	reads     []int32             // steps whose cords are to be read
	effects   []effect
	wg        sync.WaitGroup
	took      map[plan.Goal]*timed
}

// effect is something that is to be done for a step.
type effect struct {
	step int32
	do   func(context.Context)
}

func newDrive(r *Runner, it *run, epoch int64) *drive {
	d := &drive{runner: r, run: it, epoch: epoch}
	d.adopt()
	return d
}

// adopt makes ready for the run's plan.
func (d *drive) adopt() {
	d.room, d.plan = d.run.sub.Room, &d.run.sub.Plan
	d.deps = plan.NewDeps(d.plan)
	d.gate = d.runner.gateOf(d.room)
	d.steps = make([]step, len(d.plan.Steps))
	d.at = make([]int32, len(d.room.Nodes))
	d.names = make([]string, len(d.plan.Steps))
	d.took = make(map[plan.Goal]*timed)
	d.revived = make(map[revival][]int32)
	for i := range d.plan.Steps {
		if s := &d.plan.Steps[i]; s.Node != room.None {
			d.names[i] = d.room.Nodes[s.Node].Name
		}
	}
	d.ready = d.deps.Begin()
}

// gateOf gives the gate of a room, which all its runs share.
func (r *Runner) gateOf(rm *room.Room) *plan.Gate {
	r.mu.Lock()
	defer r.mu.Unlock()
	var states func(room.NodeID) room.State
	if r.opts.State != nil {
		states = func(id room.NodeID) room.State { return r.opts.State(rm, id) }
	}
	if r.gateFor == rm {
		if len(rm.Feeds) > 0 {
			r.gate.Refresh(states)
		}
		return r.gate
	}
	var watts func(room.NodeID) (float64, bool)
	if r.opts.Watts != nil {
		watts = func(id room.NodeID) (float64, bool) { return r.opts.Watts(rm, id) }
	}
	r.gate, r.gateFor, r.gateAt = plan.NewGate(rm, states, watts), rm, time.Now()
	return r.gate
}

// clock is the gate's time.
func (d *drive) clock() time.Duration { return time.Since(d.runner.gateAt) }

// drive carries the run out, turn by turn, to its end or until the daemon stops.
func (d *drive) drive() {
	for d.turn() {
		d.listen()
	}
	d.wg.Wait()
}

// turn does all that can be done now, and says whether there will be more.
func (d *drive) turn() bool {
	d.advance()
	if d.stopping() == parking {
		d.unlaunch()
		d.commit() // what devices have done to the end
		if d.under() {
			return true
		}
		d.discard()
		d.run.park()
		return false
	}
	if d.finished() {
		return !d.end()
	}
	if !d.commit() {
		return true
	}
	d.launch()
	return true
}

// stopping says why nothing more is to begin.
func (d *drive) stopping() *stopped { return stoppedBy(d.run.ctx) }

// mayAct is asked immediately before each effect.
func (d *drive) mayAct() bool { return d.run.ctx.Err() == nil && d.run.epoch.Load() == d.epoch }

// under says whether anything is being done to a node.
func (d *drive) under() bool {
	return slices.ContainsFunc(d.steps, func(s step) bool { return s.phase == moving })
}

// unlaunch forgets what was to be done, and has not been.
func (d *drive) unlaunch() {
	var steps []int32
	for way := range d.power {
		steps = append(append(steps, d.power[way]...), d.looks[way]...)
		d.power[way], d.looks[way] = nil, nil
	}
	steps = append(steps, d.reads...)
	for _, e := range d.effects {
		steps = append(steps, e.step)
	}
	d.reads, d.effects = nil, nil
	for _, i := range steps {
		if d.steps[i].phase == moving {
			d.leave(i)
			d.steps[i].phase = idle
			d.busy--
		}
	}
}

// finished says whether nothing can happen any more.
func (d *drive) finished() bool {
	if len(d.queued) > 0 {
		return d.stopping() != nil
	}
	if d.stopping() != nil {
		return d.busy == 0
	}
	return d.busy == 0 && d.settling == 0 && len(d.ready) == 0 && len(d.again) == 0
}

func (d *drive) status() State { return d.run.state() }

// advance begins what can begin. That a step begins is told before what comes of it.
func (d *drive) advance() {
	if len(d.queued) > 0 {
		return
	}
	if d.stopping() != nil {
		d.dropWaiting()
	}
	for more := true; more; {
		if !d.paused && d.stopping() == nil {
			d.takeUp()
		}
		d.flushBegun()
		more = d.start()
	}
	d.flushSettling()
}

// takeUp has those ask to begin that wait for nothing else.
func (d *drive) takeUp() {
	for len(d.again) > 0 {
		i := d.again[0]
		d.again = d.again[1:]
		switch {
		case d.steps[i].phase != retrying: // it has been taken up already
		case d.plan.Steps[i].Node == room.None:
			d.gone(i)
		default:
			d.ask(i)
		}
	}
	for len(d.ready) > 0 {
		i := d.ready[0]
		d.ready = d.ready[1:]
		d.consider(i)
	}
	d.strand()
}

// start has the attempts begin of which it is told by now, and says whether there were any.
func (d *drive) start() bool {
	steps := d.entered
	d.entered = nil
	for _, i := range steps {
		if d.plan.Steps[i].Do == plan.Up {
			d.startUp(i)
		} else {
			d.startDown(i)
		}
	}
	return len(steps) > 0
}

// gone fails a step that is counted as busy, and whose node the room has no more.
func (d *drive) gone(i int32) {
	d.steps[i].phase = moving
	d.fail(i, failed, "it is no longer in the room")
}

// consider takes a step up whose turn has come.
func (d *drive) consider(i int32) {
	s := &d.steps[i]
	switch {
	case s.fate != pending || s.phase != idle || s.begun:
	case d.plan.Steps[i].Node == room.None:
		d.busy++
		d.gone(i)
	case d.plan.Steps[i].Acts == 0:
		s.fate = passed
		d.standGroup(i)
		way := b2i(d.plan.Steps[i].Do == plan.Down)
		d.passing[way] = append(d.passing[way], i)
		d.arrived(i)
	default:
		d.busy++
		d.ask(i)
	}
}

// dropWaiting gives up what has not begun, or waits to be tried again.
func (d *drive) dropWaiting() {
	for _, t := range d.gate.Withdraw(d) {
		d.give(t.Step)
	}
	for i := range d.steps {
		if d.steps[i].phase == retrying || d.steps[i].phase == gated {
			d.give(int32(i))
		}
	}
	d.ready, d.again, d.settling = nil, nil, 0
}

// give gives up a step that is not being worked on.
func (d *drive) give(i int32) {
	s := &d.steps[i]
	if s.phase != gated && s.phase != retrying {
		return
	}
	s.phase = idle
	d.busy--
	if s.begun && d.stopping() != parking {
		s.phase = moving
		d.busy++
		d.fail(i, notBegun, d.stopping().said+"; before that: "+s.said)
	}
}

// strand fails what no limit will ever let through.
func (d *drive) strand() {
	for _, x := range d.gate.Strand(d) {
		d.steps[x.Step].phase = moving
		d.fail(x.Step, failed, x.Said)
	}
}

// flushBegun tells of what begins or passes in this turn, those together that go the
// same way.
func (d *drive) flushBegun() {
	for i, list := range d.passing {
		if len(list) > 0 {
			d.tell(Update{Kind: Passed, Op: [2]string{"on", "off"}[i]}, list)
			d.passing[i] = nil
		}
	}
	for i, list := range d.began {
		if len(list) > 0 {
			d.tell(Update{Kind: StepBegan, Op: [2]string{"on", "off"}[i]}, list)
			d.began[i] = nil
		}
	}
	d.flushRevived()
}

// tell adds an update about some steps.
func (d *drive) tell(u Update, steps []int32) {
	u.N = d.run.size() + len(d.pending) + 1
	u.Time = time.Now()
	if len(steps) == 1 {
		u.Nodes, u.Count = d.names[steps[0]], 1
	} else if len(steps) > 1 {
		u.Nodes, u.Count = d.foldSteps(steps), len(steps)
	}
	d.pending = append(d.pending, u)
}

func (d *drive) foldSteps(steps []int32) string {
	names := make([]string, len(steps))
	for n, i := range steps {
		names[n] = d.names[i]
	}
	return foldNames(names)
}

// discard lets go of what the gate holds for a run that does not go on.
func (d *drive) discard() {
	d.shut()
	for i := range d.steps {
		d.leave(int32(i))
	}
	d.pending, d.events, d.standings = nil, nil, nil
}

// listen waits until something happens, and takes it in.
func (d *drive) listen() {
	wait := time.Hour
	if at, ok := d.alarms.next(); ok {
		wait = time.Until(at)
	}
	if at, ok := d.gate.Next(); ok {
		wait = min(wait, at-d.clock())
	}
	stopped := d.run.ctx.Done()
	if d.stopping() != nil {
		stopped = nil // it is known
	}
	timer := time.NewTimer(max(wait, 0))
	select {
	case <-d.run.box.wake:
	case <-timer.C:
	case <-stopped:
	}
	timer.Stop()
	for _, l := range d.run.box.take() {
		d.handle(&l)
	}
	d.admitted(d.gate.Tick(d.clock()))
	d.ring(d.alarms.due(time.Now()))
}

// handle takes in one letter.
func (d *drive) handle(l *letter) {
	switch l.kind {
	case letterAdmitted:
		d.admit(l.ticket)
	case letterPause:
		if !d.paused {
			d.paused = true
			for _, t := range d.gate.Withdraw(d) {
				d.putBack(t.Step)
			}
			d.tell(Update{Kind: PausedNow, By: l.by}, nil)
		}
	case letterResume:
		if d.paused {
			d.paused = false
			d.tell(Update{Kind: Resumed, By: l.by}, nil)
		}
	case letterLook:
	case letterFree:
		if len(d.queued) > 0 {
			d.dequeue()
		}
	default:
		if l.kind == letterPower || l.kind == letterWitness {
			l.step = d.at[l.result.Node]
		}
		if s := &d.steps[l.step]; s.phase != moving || s.act != l.act {
			return // it has been decided meanwhile
		}
		if d.plan.Steps[l.step].Do == plan.Up {
			d.handleUp(l.step, l)
		} else {
			d.handleDown(l.step, l)
		}
	}
}

// result of a node as people are told of it.
func wordsOf(res *fleet.Result) string {
	if res.Said == "" && res.Err != nil {
		return res.Err.Error()
	}
	return strings.TrimSpace(res.Said)
}
