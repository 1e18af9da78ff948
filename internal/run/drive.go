package run

import (
	"context"
	"errors"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
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

// act switches nodes by one request. If the fleet will not have it because some
// of them cannot be switched like that, the others get theirs.
func (d *drive) act(op room.Op, nodes []room.NodeID) {
	err := d.do(op, nodes)
	if err == nil {
		return
	}
	refused, others := d.refused(err, nodes)
	d.fail(op, refused, err)
	if len(others) > 0 && d.mayAct() {
		if err := d.do(op, others); err != nil {
			d.fail(op, others, err)
		}
	}
}

// do makes one request. If it gives no error, every node has its result.
func (d *drive) do(op room.Op, nodes []room.NodeID) error {
	err := d.runner.opts.Fleet.Do(d.run.ctx, fleet.Request{
		Room: d.room, Op: op, Nodes: nodes, Verify: true, Live: true,
	}, sink{d, op})
	if err != nil {
		return err
	}
	for _, id := range nodes {
		if d.fates[id] == pending {
			d.result(op, fleet.Result{Node: id, Outcome: fleet.Unknown, Said: "nothing was heard of it"})
		}
	}
	return nil
}

// refused divides nodes into those that a refusal is about and the others. If it
// names none, it is about all.
func (d *drive) refused(err error, nodes []room.NodeID) (refused, others []room.NodeID) {
	var e *room.Error
	if !errors.As(err, &e) || e.Code != room.CodeRefused {
		return nodes, nil
	}
	names, err := hostlist.Expand(e.Subject)
	if err != nil {
		return nodes, nil
	}
	named := make(map[string]bool, len(names))
	for _, name := range names {
		named[name] = true
	}
	for _, id := range nodes {
		if named[d.run.name(id)] {
			refused = append(refused, id)
		} else {
			others = append(others, id)
		}
	}
	if len(refused) == 0 {
		return nodes, nil
	}
	return refused, others
}

// fail gives those nodes a result that have none.
func (d *drive) fail(op room.Op, nodes []room.NodeID, err error) {
	said := err.Error()
	if e := (*room.Error)(nil); errors.As(err, &e) && e.Said != "" {
		said = e.Said
	}
	for _, id := range nodes {
		if d.fates[id] == pending {
			d.result(op, fleet.Result{Node: id, Outcome: fleet.Failed, Said: said})
		}
	}
}

// result takes what became of a node.
func (d *drive) result(op room.Op, res fleet.Result) {
	if d.fates[res.Node] != pending {
		return
	}
	said := res.Said
	if said == "" && res.Err != nil {
		said = res.Err.Error()
	}
	switch res.Outcome {
	case fleet.OK:
		d.arrived(res.Node, good)
	case fleet.Unverified:
		d.arrived(res.Node, unverified)
	case fleet.NotBegun:
		d.lost(res.Node, notBegun, said)
	case fleet.Failed:
		d.lost(res.Node, failed, said)
	default:
		d.lost(res.Node, unknown, said)
	}
	d.tell(Update{Kind: Result, Op: op.String(), Outcome: res.Outcome, Power: res.State, Said: said}, []room.NodeID{res.Node})
}

func (d *drive) lost(id room.NodeID, f fate, said string) {
	d.fates[id] = f
	d.said[id] = said
	d.bad = append(d.bad, id)
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

// sink takes the fleet's reports of one request.
type sink struct {
	*drive
	op room.Op
}

func (s sink) Result(res fleet.Result)        { s.result(s.op, res) }
func (s sink) Diagnostic(room.NodeID, string) {} // the node's result says it too
func (s sink) Trace(string, devspec.Trace)    {}
func (s sink) Fault(f *driver.Fault) {
	s.runner.opts.Log.Debug("run met a fault", "run", s.run.id, "epoch", s.epoch, "fault", f)
}

var _ fleet.Sink = sink{}

// record puts the result on record and gives the sentence that ends the run.
func (r *Runner) record(it *run, rep report) string {
	const patience = 30 * time.Second // for a disk that does not answer
	ctx, cancel := context.WithTimeout(context.WithoutCancel(it.ctx), patience)
	defer cancel()
	it.conclude(rep)
	if err := r.opts.Events.Append(ctx, it.result(rep)); err != nil {
		r.opts.Log.Error("the result of a run could not be put on record", "run", it.id, "epoch", it.epoch, "error", err)
		return rep.said + "; this result could not be put on record: " + err.Error()
	}
	return rep.said
}
