package fleet

import (
	"context"
	"slices"
	"sort"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// exchange is one request on its way: an event loop in the caller's goroutine
// that hands out jobs and puts the reports together.
//
// Each node of the request is a slot; each of its cords goes through the same
// steps. A step is an operation, and where wanted the reading back after it. At
// any time a cord waits for exactly one job; what other jobs say of it is stale.
// Nearly all requests have one step. A cycle of a node with several cords has
// two, because all cords must be off before any goes on; see twostep.go.
type exchange struct {
	fleet *Fleet
	req   Request
	sink  Sink
	ctx   context.Context
	mail  *mailbox

	slots  []slot
	cords  []cord
	open   int // slots without a result
	flying map[*job]struct{}
	ready  []int32 // slots whose next step is due
	due    []later // what is to be done later

	devices perDevice[share]
}

// share is what one device has to do with an exchange.
type share struct {
	cords int  // how many of the request hang on it
	job   *job // the one that is being put together
}

type slot struct {
	first, n int32 // its cords
	waiting  int32 // cords not settled in this step
	step     uint8
}

type cord struct {
	at     room.Cord
	slot   int32
	job    *job        // the one it waits for, nil when it is settled
	failed *plugResult // the first thing that went wrong, in any step
	last   plugResult
	acted  bool // in some step its device took the command, or may have
	read   bool // last.state was read, not implied

	glimpse room.State // what reading back saw last
	unread  bool       // it should have been read back, and was not
}

// later is something to be done at a time: a watch's next look, or the second
// step of a slot.
type later struct {
	at    time.Time
	watch *watch
	slot  int32
}

// Do carries out a request and returns when every node has its result. The
// error is for requests that could not be begun at all (no device can do the
// operation); how it went with the nodes is told to the sink only.
//
// When ctx ends, what has not begun is dropped, what a device is doing is
// stopped as soon as the device lets it, and every node still gets a result.
// Power that was taken to be given back is given back all the same.
func (f *Fleet) Do(ctx context.Context, req Request, sink Sink) error {
	if err := f.Check(req.Room, req.Op, req.Nodes); err != nil {
		return err
	}
	x := &exchange{
		fleet: f, req: req, ctx: ctx, sink: sink, mail: newMailbox(),
		flying: make(map[*job]struct{}), devices: newPerDevice[share](req.Room, len(req.Nodes)),
	}
	x.lay()
	x.run()
	return nil
}

// lay makes the slots and their cords.
func (x *exchange) lay() {
	x.slots = make([]slot, len(x.req.Nodes))
	x.cords = make([]cord, 0, len(x.req.Nodes))
	x.ready = make([]int32, len(x.req.Nodes))
	x.open = len(x.slots)
	for i, id := range x.req.Nodes {
		cords := x.req.Room.Nodes[id].Ways(x.req.Op)
		x.slots[i] = slot{first: int32(len(x.cords)), n: int32(len(cords))}
		x.ready[i] = int32(i)
		for _, at := range cords {
			x.cords = append(x.cords, cord{at: at, slot: int32(i)})
			x.devices.at(at.Device).cords++
		}
	}
}

// op is the operation of a slot's present step.
func (x *exchange) op(s *slot) room.Op {
	switch {
	case !x.composed(s):
		return x.req.Op
	case s.step == 0:
		return room.Off
	}
	return room.On
}

func (x *exchange) run() {
	x.issue()
	stop := x.ctx.Done()
	for x.open > 0 || len(x.flying) > 0 {
		for _, l := range x.mail.wait(stop, x.nextDue()) {
			x.handle(l)
		}
		if stop != nil && x.ctx.Err() != nil {
			x.cancel()
			stop = nil // the rest is waiting for what is in the devices' hands
		}
		x.fire(time.Now())
		x.issue()
	}
}

func (x *exchange) handle(l letter) {
	switch l.kind {
	case letterDone:
		delete(x.flying, l.job)
		if l.job.verify != nil {
			x.readBack(l.job)
		} else {
			x.acted(l.job)
		}
	case letterPlug:
		if x.cords[l.cord].job == l.job && !l.job.orphaned(&l.result) && !x.mustRead(l.cord, &l.result) {
			x.settle(l.cord, l.result)
		}
	case letterDiagnostic:
		x.sink.Diagnostic(x.req.Nodes[x.cords[l.cord].slot], l.said)
	case letterFault:
		x.sink.Fault(l.fault)
	case letterTrace:
		x.sink.Trace(l.device, l.trace)
	}
}

// issue hands the present step of all ready slots to their devices.
func (x *exchange) issue() {
	if len(x.ready) == 0 {
		return
	}
	var jobs []*job
	for _, si := range x.ready {
		s := &x.slots[si]
		s.waiting = 0
		for ci := s.first; ci < s.first+s.n; ci++ {
			c := &x.cords[ci]
			if s.step > 0 && !c.acted {
				continue // it was never taken off, so there is nothing to give back
			}
			s.waiting++
			own := x.devices.at(c.at.Device)
			j := own.job
			if j == nil || j.op != x.op(s) { // a mixed cycle: a device gets a job of each kind
				j = newJob(x.op(s), min(own.cords, len(x.ready)*int(s.n)))
				j.second = s.step > 0
				own.job = j
				jobs = append(jobs, j)
			}
			j.plugs = append(j.plugs, int(c.at.Plug))
			j.cords = append(j.cords, ci)
		}
	}
	x.ready = x.ready[:0]
	for _, j := range jobs {
		x.devices.at(x.cords[j.cords[0]].at.Device).job = nil
		x.send(j)
	}
}

// send submits a job to the owner of its device.
func (x *exchange) send(j *job) {
	if !sort.IntsAreSorted(j.plugs) {
		sort.Sort(byPlug{j})
	}
	j.ctx, j.mail = x.ctx, x.mail
	if j.second {
		j.ctx = context.WithoutCancel(x.ctx)
	}
	j.live, j.trace = x.req.Live && j.verify == nil, x.req.Trace
	j.hasty = x.req.Hasty && !j.op.Changes()
	for _, ci := range j.cords {
		x.cords[ci].job = j
	}
	x.flying[j] = struct{}{}
	id := x.cords[j.cords[0]].at.Device
	d := x.fleet.owner(x.req.Room, id)
	if d == nil && j.second {
		if d, j.plugs = x.fleet.heir(x.req.Room, id, j.plugs); d != nil {
			sort.Sort(byPlug{j})
		}
	}
	if j.to = d; d == nil || !d.submit(j) {
		x.gone(j, x.req.Room.Devices[id].Name)
	}
}

// gone ends a job whose device is no longer there.
func (x *exchange) gone(j *job, device string) {
	fault := &driver.Fault{Phase: driver.Waiting, Device: device, Err: errGone}
	j.to = nil
	j.results = make([]plugResult, len(j.cords))
	for i := range j.results {
		j.results[i] = plugResult{reported: true, verdict: notDone(j.op), said: fault.Error(), fault: fault}
	}
	x.mail.post(letter{kind: letterFault, fault: fault})
	x.mail.post(letter{kind: letterDone, job: j})
}

// byPlug sorts a job's plugs and cords together.
type byPlug struct{ *job }

func (b byPlug) Len() int           { return len(b.plugs) }
func (b byPlug) Less(i, j int) bool { return b.plugs[i] < b.plugs[j] }
func (b byPlug) Swap(i, j int) {
	b.plugs[i], b.plugs[j] = b.plugs[j], b.plugs[i]
	b.cords[i], b.cords[j] = b.cords[j], b.cords[i]
}

// acted takes the results of a job that did the step's operation.
func (x *exchange) acted(j *job) {
	var back, owed []int32
	for i, ci := range j.cords {
		switch {
		case x.cords[ci].job != j:
		case j.orphaned(&j.results[i]):
			owed = append(owed, ci)
		case x.mustRead(ci, &j.results[i]):
			back = append(back, ci)
		default:
			x.settle(ci, j.results[i])
		}
	}
	if len(back) > 0 {
		x.watch(j, back)
	}
	if len(owed) > 0 {
		x.giveAgain(j, owed)
	}
}

// settle ends a cord's part in the present step.
func (x *exchange) settle(ci int32, r plugResult) {
	c := &x.cords[ci]
	c.job = nil
	s := &x.slots[c.slot]
	if want, ok := x.op(s).Wants(); ok && !c.read && r.verdict.good() {
		r.state = want
	}
	c.last = r
	c.acted = c.acted || r.verdict.good() || r.verdict == wasUnknown
	if x.giving(s) && r.verdict == wasNotBegun {
		c.last.verdict, c.last.said = wasUnknown, "left without power: "+r.said
	}
	if !c.last.verdict.good() && c.failed == nil {
		c.failed = &plugResult{}
		*c.failed = c.last
	}
	if s.waiting--; s.waiting == 0 && !x.restLater(c.slot) {
		x.conclude(c.slot)
	}
}

// conclude makes the node's result from its cords'.
func (x *exchange) conclude(si int32) {
	s := &x.slots[si]
	x.open--
	node := x.req.Nodes[si]
	res := Result{Node: node, Outcome: OK}
	states := make([]room.State, 0, 2)
	acted := false
	for _, c := range x.cords[s.first : s.first+s.n] {
		states = append(states, c.last.state)
		acted = acted || c.acted
		if c.last.raw != "" {
			res.Raw = c.last.raw
		}
		if c.unread && res.Outcome == OK {
			res.Outcome, res.Said = Unverified, c.last.said
		}
		if c.failed != nil && (res.Outcome.Good() || c.failed.verdict == wasUnknown) {
			res.Outcome, res.Said = outcomes[c.failed.verdict], c.failed.said
			res.Err = c.failed.err(x.req.Op, x.req.Room.Nodes[node].Name)
		}
	}
	if acted && res.Outcome == NotBegun { // one cord was switched and another was not
		res.Outcome = Failed
	}
	res.State = room.Combine(states)
	if !x.req.Op.Changes() {
		switch {
		case res.State != room.StateUnknown:
			res.Outcome, res.Err = OK, nil // one live cord tells enough; Said tells of the other
		case res.Outcome == Failed:
			res.Outcome = Unknown // what cannot be read is not known
		}
	}
	x.sink.Result(res)
}

func (x *exchange) nextDue() time.Time {
	var first time.Time
	for _, d := range x.due {
		if first.IsZero() || d.at.Before(first) {
			first = d.at
		}
	}
	return first
}

// fire does what has become due.
func (x *exchange) fire(now time.Time) {
	x.due = slices.DeleteFunc(x.due, func(d later) bool {
		if now.Before(d.at) {
			return false
		}
		if d.watch != nil {
			x.look(d.watch)
		} else {
			x.ready = append(x.ready, d.slot)
		}
		return true
	})
}

// cancel drops what no device has taken yet, and ends all reading back.
func (x *exchange) cancel() {
	for j := range x.flying {
		if j.second || !j.state.CompareAndSwap(jobWaiting, jobCancelled) {
			continue
		}
		delete(x.flying, j)
		for i, ci := range j.cords {
			switch {
			case x.cords[ci].job != j:
			case j.verify != nil:
				x.unproved(ci)
			default:
				x.settle(ci, j.known(i, plugResult{verdict: notDone(j.op), said: "cancelled"}))
			}
		}
	}
	watches := slices.Clone(x.due)
	x.due = slices.DeleteFunc(x.due, func(d later) bool { return d.watch != nil && !d.watch.second })
	for _, d := range watches {
		if d.watch == nil || d.watch.second {
			continue
		}
		for _, ci := range d.watch.cords {
			x.unproved(ci)
		}
	}
}
