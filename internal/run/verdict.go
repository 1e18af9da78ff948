package run

import (
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
)

// good ends a step well.
func (d *drive) good(i int32) {
	s, p := &d.steps[i], &d.plan.Steps[i]
	d.leave(i)
	s.phase, s.fate = idle, good
	outcome := fleet.OK
	if s.soft {
		s.fate, outcome = unverified, fleet.Unverified
	}
	d.busy--
	if s.attempts == 0 && !s.began.IsZero() && !s.resumed && !s.asked {
		d.time(p.Do, d.names[i], time.Since(s.began))
	}
	said := s.said
	if s.attempts > 0 {
		said = "" // that is over
	}
	state := standing.OK
	if p.Do == plan.Down {
		state = standing.Off
	}
	s.attempts = 0
	d.stand(i, state, said)
	d.tell(Update{Kind: Result, Op: d.op(i), Outcome: outcome, Power: s.power, Said: said}, []int32{i})
	d.arrived(i)
}

func (d *drive) time(do plan.Goal, node string, took time.Duration) {
	t := d.took[do]
	if t == nil {
		t = &timed{Do: do.String()}
		d.took[do] = t
	}
	t.Nodes, t.Millis = append(t.Nodes, node), append(t.Millis, took.Milliseconds())
}

// arrived lets those go on that wait for a step, when its node has settled.
func (d *drive) arrived(i int32) {
	d.ready = append(d.ready, d.deps.Ended(i)...)
	if p := &d.plan.Steps[i]; p.Settle > 0 && d.deps.Awaited(i) {
		d.settling++
		d.alarms.set(alarm{time.Now().Add(p.Settle), i, true})
		d.arriving = append(d.arriving, i)
		return
	}
	d.ready = append(d.ready, d.deps.Good(i)...)
}

// flushSettling tells of the nodes that begin to settle, those together that take as long.
func (d *drive) flushSettling() {
	for len(d.arriving) > 0 {
		settle := d.plan.Steps[d.arriving[0]].Settle
		var now, later []int32
		for _, i := range d.arriving {
			if d.plan.Steps[i].Settle == settle {
				now = append(now, i)
			} else {
				later = append(later, i)
			}
		}
		d.tell(Update{Kind: Settling, Op: "on", Until: time.Now().Add(settle)}, now)
		d.arriving = later
	}
}

// ring does what is due.
func (d *drive) ring(due []alarm) {
	var settled []int32
	for _, a := range due {
		switch {
		case a.settle && d.settling > 0:
			d.settling--
			settled = append(settled, a.step)
		case !a.settle && d.steps[a.step].phase == retrying:
			d.again = append(d.again, a.step)
		}
	}
	if len(settled) > 0 {
		d.tell(Update{Kind: Settled, Op: "on"}, settled)
	}
	for _, i := range settled {
		d.ready = append(d.ready, d.deps.Good(i)...)
	}
}

// limit gives how often a step may be tried.
func (d *drive) limit(i int32) int32 {
	c := d.room.Conduct(d.plan.Steps[i].Node)
	if d.plan.Steps[i].Do == plan.Up {
		return int32(c.StartAttempts)
	}
	return int32(c.StopAttempts)
}

func (d *drive) lastAttempt(i int32) bool {
	limit := d.limit(i)
	return limit > 0 && d.steps[i].attempts+1 >= limit
}

// before gives how often a node was tried in vain before this run.
func (d *drive) before(i int32) int32 {
	if d.runner.opts.Standings == nil {
		return 0
	}
	p := &d.plan.Steps[i]
	st := d.runner.opts.Standings.Get(standing.Subject{Kind: standing.Node, Node: d.names[i]})
	n := st.Starts
	if p.Do == plan.Down {
		n = st.Stops
	}
	if limit := d.limit(i); limit > 0 {
		return min(int32(n), limit-1) // who asks again gets at least one
	}
	return int32(n)
}

// attemptFailed counts a failed attempt: there will be another, or the node has failed
// for good.
func (d *drive) attemptFailed(i int32, f fate, said string) {
	s, p := &d.steps[i], &d.plan.Steps[i]
	switch d.stopping() {
	case nil:
	case parking: // the next daemon reads the device and goes on
		d.leave(i)
		s.phase = idle
		d.busy--
		return
	default:
		d.fail(i, f, said)
		return
	}
	last := d.lastAttempt(i)
	s.started = false
	s.attempts++
	s.said = said
	if last {
		d.fail(i, f, said)
		return
	}
	d.leave(i)
	c := d.room.Conduct(p.Node)
	wait := c.RetryAfter
	for n := int32(1); n < s.attempts && wait < c.RetryMost; n++ {
		wait *= 2
	}
	if c.RetryMost > 0 {
		wait = min(wait, c.RetryMost)
	}
	until := time.Now().Add(wait)
	s.phase = retrying
	d.alarms.set(alarm{until, i, false})
	state := standing.FailedToStart
	if p.Do == plan.Down {
		state = standing.FailedToStop
	}
	d.stand(i, state, said)
	d.tell(Update{Kind: Retrying, Op: d.op(i), Attempt: int(s.attempts) + 1, Until: until, Power: s.power, Said: said}, []int32{i})
	if waiting := d.deps.Waiting(i, d.knowsWhy); len(waiting) > 0 {
		for _, n := range waiting {
			d.steps[n].waits = i + 1
		}
		d.tell(Update{Kind: Awaiting, By: d.names[i], Said: said}, waiting)
	}
}

// knowsWhy says whether it was told of a step that it waits for another, which is still
// being tried. Once is enough: a large room would tell of little else.
func (d *drive) knowsWhy(n int32) bool {
	by := d.steps[n].waits
	return by > 0 && d.steps[by-1].fate == pending
}

// fail ends a step that has not come to the goal, and says who is blocked by it.
func (d *drive) fail(i int32, f fate, said string) {
	s, p := &d.steps[i], &d.plan.Steps[i]
	d.leave(i)
	s.phase, s.fate, s.said = idle, f, said
	d.busy--
	outcome := fleet.Failed
	switch f {
	case unknown:
		outcome = fleet.Unknown
	case notBegun:
		outcome = fleet.NotBegun
	}
	if p.Node != room.None {
		d.stand(i, d.failedState(i), said)
	}
	d.tell(Update{Kind: Result, Op: d.op(i), Outcome: outcome, Power: s.power, Said: said}, []int32{i})
	d.block(i)
}

// failedState gives how a node stands after a step that did not come to the goal.
func (d *drive) failedState(i int32) standing.State {
	s, up := &d.steps[i], d.plan.Steps[i].Do == plan.Up
	limit := d.limit(i)
	switch {
	case s.disputed:
		return standing.Disputed
	case d.stopping() != nil: // stopped in the middle: it is as it was read last
		switch {
		case s.power == room.StateOff:
			return standing.Off
		case s.power != room.StateUnknown && d.plan.Steps[i].Acts&(plan.Checks|plan.ControlsOn) == 0:
			return standing.OK
		}
		return standing.Initial
	case limit > 0 && s.attempts >= limit && up:
		return standing.NeverStarted
	case limit > 0 && s.attempts >= limit:
		return standing.NeverStopped
	case up:
		return standing.FailedToStart
	}
	return standing.FailedToStop
}

// block finds what cannot go on because of a step. If that is because the run was
// stopped, nothing is to blame.
func (d *drive) block(i int32) {
	never := d.deps.Fail(i)
	d.ready = append(d.ready, d.deps.Ended(i)...)
	var names []int32
	stopped := d.stopping() != nil
	for _, n := range never {
		s, p := &d.steps[n], &d.plan.Steps[n]
		switch {
		case s.fate != pending || s.phase != idle:
			continue
		case stopped:
			continue
		case p.Acts == 0 && p.Node != room.None && len(d.room.Nodes[p.Node].Cords) > 0:
			s.fate = passed // it is where it should be, and is left alone
		default:
			s.fate = blocked
			names = append(names, n)
		}
	}
	for _, n := range never {
		d.ready = append(d.ready, d.deps.Ended(n)...)
	}
	if len(names) > 0 {
		d.tell(Update{Kind: Blocked, By: d.names[i], Said: d.why(i)}, names)
	}
}

// why says what went wrong with a step, so that it completes "because …".
func (d *drive) why(i int32) string {
	text, up := d.names[i], d.plan.Steps[i].Do == plan.Up
	switch f := d.steps[i].fate; {
	case f == unknown && up:
		text += " may not have come on"
	case f == unknown:
		text += " may not have gone off"
	case up:
		text += " did not come on"
	default:
		text += " did not go off"
	}
	return strings.TrimSuffix(text+": "+d.steps[i].said, ": ")
}

// dispute ends a step of whose node two witnesses disagree. Trying again would not tell
// who is right.
func (d *drive) dispute(i int32, l *letter) {
	s := &d.steps[i]
	if d.stopping() == parking {
		d.attemptFailed(i, unknown, l.said)
		return
	}
	want := "on"
	if d.plan.Steps[i].Do == plan.Down {
		want = "off"
	}
	s.disputed = true
	said := "its plug says that it is " + want + ", but " + l.evidence.Said
	if l.said != "" {
		said += "; " + l.said
	}
	d.tell(Update{Kind: Disputed, Op: d.op(i), Said: said}, []int32{i})
	d.events = append(d.events, &event.Event{
		Kind: event.State, Targets: d.names[i], Count: 1, Outcome: event.Unknown, Op: d.op(i), Detail: "two witnesses disagree: " + said,
	})
	d.fail(i, failed, said)
}

// stand says how a node stands.
func (d *drive) stand(i int32, state standing.State, reason string) {
	if d.runner.opts.Standings == nil {
		return
	}
	s, do := &d.steps[i], d.plan.Steps[i].Do
	st := standing.Standing{State: state, Reason: reason}
	if do == plan.Up {
		st.Starts = int(s.attempts)
	} else {
		st.Stops = int(s.attempts)
	}
	d.standings = append(d.standings, standing.Change{Subject: standing.Subject{Kind: standing.Node, Node: d.names[i]}, Standing: st})
}

// standGroup says how a node without cords and checks stands: as what it stands for.
func (d *drive) standGroup(i int32) {
	if id := d.plan.Steps[i].Node; len(d.room.Nodes[id].Cords) > 0 {
		return
	}
	state := standing.OK
	if d.plan.Steps[i].Do == plan.Down {
		state = standing.Off
	}
	d.stand(i, state, "")
}

// standPlugs says how the plugs of a node stand after they were switched.
func (d *drive) standPlugs(i int32, res *fleet.Result) {
	if d.runner.opts.Standings == nil || res.Outcome == fleet.NotBegun {
		return
	}
	state := map[bool][2]standing.State{
		true:  {standing.OK, standing.FailedToStart},
		false: {standing.Off, standing.FailedToStop},
	}[d.plan.Steps[i].Do == plan.Up][b2i(!res.Outcome.Good())]
	if res.Outcome == fleet.Unknown {
		state = standing.Unknown
	}
	for _, c := range d.room.Nodes[d.plan.Steps[i].Node].Cords {
		dev := &d.room.Devices[c.Device]
		d.standings = append(d.standings, standing.Change{
			Subject:  standing.Subject{Kind: standing.Plug, Node: d.names[i], Object: dev.Name + ":" + dev.Plugs[c.Plug].Name},
			Standing: standing.Standing{State: state, Reason: wordsOf(res)},
		})
	}
}

// tellPlanned names what the plan itself has blocked.
func (d *drive) tellPlanned() {
	type cause struct {
		by     room.NodeID
		reason string
	}
	var order []cause
	nodes := make(map[cause][]string)
	for _, b := range d.plan.Blocked {
		key := cause{b.By, b.Reason}
		if nodes[key] == nil {
			order = append(order, key)
		}
		nodes[key] = append(nodes[key], d.room.Nodes[b.Node].Name)
	}
	for _, key := range order {
		name := d.room.Nodes[key.by].Name
		u := Update{Kind: Blocked, By: name, Said: name + " " + key.reason}
		u.Nodes, u.Count = foldNames(nodes[key]), len(nodes[key])
		d.tell(u, nil)
	}
}

// anyOf gives the steps of a list that are in some phase of some act.
func (d *drive) still(list []int32, act plan.Acts) []int32 {
	return slices.DeleteFunc(slices.Clone(list), func(i int32) bool {
		return d.steps[i].phase != moving || d.steps[i].act != act
	})
}
