package run

import (
	"time"

	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
)

// drive carries a run out, wave by wave, as the holder of an epoch: whoever drives
// a run with an older epoch than the run's has been replaced and must not act.
func (r *Runner) drive(it *run, epoch int64) {
	d := newDrive(r, it, epoch)
	d.tellHeld()
	for i, steps := range it.sub.Plan.Waves {
		if !d.mayAct() {
			break
		}
		d.wave(i+1, steps)
	}
	report := d.report()
	said := r.record(it, report)
	r.retire(it) // before the end is told: who hears of it may submit again
	it.tell(Update{Kind: Ended, State: report.state, Said: said})
	r.opts.Log.Info("run ended", "run", it.id, "epoch", epoch, "state", report.state, "said", said)
	it.sub = Submission{} // an ended run does not keep its room
}

// fate is what has become of a node of the plan.
type fate uint8

const (
	outside fate = iota // not a step of the plan
	pending
	passed
	good
	unverified
	failed
	unknown
	notBegun
	blocked
	fateEnd
)

// drive is a run being carried out. It belongs to one goroutine, which is also
// the one that the fleet calls back on.
type drive struct {
	runner *Runner
	run    *run
	epoch  int64
	room   *room.Room
	goal   plan.Goal

	number  int           // of the wave under way
	fates   []fate        // by NodeID
	steps   []plan.Step   // by NodeID, through at
	at      []int32       // by NodeID
	bad     []room.NodeID // that did not come to the goal in the wave under way
	said    map[room.NodeID]string
	settled map[room.NodeID]time.Time // when those that settle will have, or have
}

func newDrive(r *Runner, it *run, epoch int64) *drive {
	d := &drive{
		runner: r, run: it, epoch: epoch, room: it.sub.Room, goal: it.sub.Plan.Goal,
		said: make(map[room.NodeID]string), settled: make(map[room.NodeID]time.Time),
	}
	d.fates = make([]fate, len(d.room.Nodes))
	d.at = make([]int32, len(d.room.Nodes))
	for s := range it.sub.Plan.Steps() {
		d.fates[s.Node] = pending
		d.at[s.Node] = int32(len(d.steps))
		d.steps = append(d.steps, s)
	}
	return d
}

func (d *drive) step(id room.NodeID) *plan.Step { return &d.steps[d.at[id]] }

func (d *drive) cordless(id room.NodeID) bool { return len(d.room.Nodes[id].Cords) == 0 }

// mayAct is asked immediately before each effect.
func (d *drive) mayAct() bool { return d.run.ctx.Err() == nil && d.run.epoch == d.epoch }

func (d *drive) tell(u Update, nodes []room.NodeID) {
	u.Wave, u.Waves, u.Count = d.number, d.run.now.Waves, len(nodes)
	if len(nodes) == 1 {
		u.Nodes = d.run.name(nodes[0])
	} else {
		u.Nodes = d.room.Fold(nodes)
	}
	d.run.tell(u)
}

// tellHeld names what the plan itself has blocked.
func (d *drive) tellHeld() {
	at := make(map[room.NodeID]int)
	var by [][]room.NodeID
	var first []plan.Block
	for _, b := range d.run.sub.Plan.Blocked {
		i, found := at[b.By]
		if !found {
			i = len(by)
			at[b.By] = i
			by, first = append(by, nil), append(first, b)
		}
		by[i] = append(by[i], b.Node)
	}
	for i, nodes := range by {
		name := d.run.name(first[i].By)
		d.tell(Update{Kind: Blocked, By: name, Said: name + " is held: " + first[i].Reason}, nodes)
	}
}

// wave switches what is not blocked of one wave, when what it waits for has
// settled, and finds out who is blocked by what came of it.
func (d *drive) wave(number int, steps []plan.Step) {
	var all, passing []room.NodeID
	acting := make(map[room.Op][]room.NodeID)
	for _, s := range steps {
		switch {
		case d.fates[s.Node] != pending:
			continue
		case s.Op == 0:
			passing = append(passing, s.Node)
		default:
			acting[s.Op] = append(acting[s.Op], s.Node)
		}
		all = append(all, s.Node)
	}
	if len(all) == 0 {
		return
	}
	d.number = number
	if !d.settle(all) {
		return
	}
	d.tell(Update{Kind: WaveBegan}, all)
	if len(passing) > 0 {
		for _, id := range passing {
			d.arrived(id, passed)
		}
		d.tell(Update{Kind: Passed}, passing)
	}
	for _, op := range room.Ops() {
		if nodes := acting[op]; len(nodes) > 0 && d.mayAct() {
			d.tell(Update{Kind: StepBegan, Op: op.String()}, nodes)
			d.act(op, nodes)
		}
	}
	d.tell(Update{Kind: WaveEnded}, nil)
	d.block()
}

// settle waits until everything that the nodes need has settled; false means that
// the run was stopped meanwhile.
func (d *drive) settle(nodes []room.NodeID) bool {
	if len(d.settled) == 0 || d.goal != plan.Up {
		return true
	}
	now, until := time.Now(), time.Time{}
	var waited []room.NodeID
	for _, id := range nodes {
		for _, need := range d.room.Nodes[id].Needs {
			at, found := d.settled[need]
			if !found || !at.After(now) {
				continue
			}
			delete(d.settled, need) // by the time anyone looks again it will have
			waited = append(waited, need)
			if at.After(until) {
				until = at
			}
		}
	}
	if len(waited) == 0 {
		return true
	}
	d.tell(Update{Kind: Settling, Until: until}, waited)
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.run.ctx.Done():
		return false
	}
	d.tell(Update{Kind: Settled}, waited)
	return d.mayAct()
}

// arrived notes that a node has come to the goal, and begins its time to settle.
func (d *drive) arrived(id room.NodeID, f fate) {
	d.fates[id] = f
	if settle := d.step(id).Settle; settle > 0 {
		d.settled[id] = time.Now().Add(settle)
	}
}

// block finds what cannot go on since nodes of this wave did not come to the goal.
// If that is because the run was stopped, nothing is to blame.
func (d *drive) block() {
	causes := d.bad
	d.bad = nil
	if d.run.ctx.Err() != nil {
		return
	}
	d.room.Sort(causes)
	for _, cause := range causes {
		var names []room.NodeID
		for queue := []room.NodeID{cause}; len(queue) > 0; queue = queue[1:] {
			for _, id := range d.waiting(queue[0]) {
				if d.fates[id] != pending {
					continue
				}
				d.fates[id] = blocked
				queue = append(queue, id)
				if d.step(id).Op == 0 && !d.cordless(id) {
					d.fates[id] = passed // it is where it should be, and is left alone
					continue
				}
				names = append(names, id)
			}
		}
		if len(names) > 0 {
			name := d.run.name(cause)
			d.tell(Update{Kind: Blocked, By: name, Said: d.why(cause)}, names)
		}
	}
}

// waiting gives what must reach the goal after a node.
func (d *drive) waiting(id room.NodeID) []room.NodeID {
	if d.goal == plan.Up {
		return d.room.NeededBy(id)
	}
	return d.room.Nodes[id].Needs
}

// why says what went wrong with a node, so that it completes "because …".
func (d *drive) why(id room.NodeID) string {
	text := d.run.name(id)
	up := d.goal == plan.Up
	switch f := d.fates[id]; {
	case f == unknown && up:
		text += " may not have come on"
	case f == unknown:
		text += " may not have gone off"
	case up:
		text += " did not come on"
	default:
		text += " did not go off"
	}
	if said := d.said[id]; said != "" {
		text += ": " + said
	}
	return text
}
