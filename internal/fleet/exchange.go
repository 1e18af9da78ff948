package fleet

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// exchange is one request on its way: an event loop in the caller's goroutine
// that hands out jobs and puts the reports together.
//
// Each node of the request is a slot; each of its cords goes through the same
// steps. A step is an operation, and where wanted the reading back after it.
// Nearly all requests have one step; a cycle of a node with several cords has
// two, because all cords must be off before any goes on.
type exchange struct {
	fleet *Fleet
	req   Request
	sink  Sink
	ctx   context.Context
	mail  *mailbox

	slots  []slot
	cords  []cord
	owners []*device // by DeviceID, looked up once
	open   int       // slots without a result
	flying map[*job]struct{}
	ready  []int32  // slots whose next step is due
	due    []dueing // what is to be done later
	scrap  []*job   // by DeviceID, used while issuing
	share  []int32  // by DeviceID: how many cords of the request it has
}

type slot struct {
	first, n int32 // its cords
	waiting  int32 // cords not settled in this step
	step     uint8
	ended    bool
}

type cord struct {
	at      room.Cord
	slot    int32
	settled bool
	failed  *plugResult // the first thing that went wrong, in any step
	last    plugResult
	read    bool // last.state was read, not implied
	unread  bool // nothing can read it back
}

// watch is cords of one device being read back until they are as wanted.
type watch struct {
	op    room.Op
	cords []int32
	until time.Time
	total time.Duration
	pause time.Duration
}

type dueing struct {
	at    time.Time
	watch *watch // either
	slot  int32  // or
}

// Reading back begins quickly, since most devices have switched by the time they
// answer, and slows down, since the others may take a minute.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

// Do carries out a request and returns when every node has its result. The
// error is for requests that could not be begun at all (no device can do the
// operation); how it went with the nodes is told to the sink only.
//
// When ctx ends, what has not begun is dropped, what a device is doing is
// stopped as soon as the device lets it, and every node still gets a result.
func (f *Fleet) Do(ctx context.Context, req Request, sink Sink) error {
	x := f.newExchange(req)
	if err := x.lay(); err != nil {
		return err
	}
	x.ctx, x.sink = ctx, sink
	x.run()
	return nil
}

// Check says why an operation cannot be begun on these nodes: the error that
// [Fleet.Do] would give, or nil.
func (f *Fleet) Check(r *room.Room, op room.Op, nodes []room.NodeID) error {
	return f.newExchange(Request{Room: r, Op: op, Nodes: nodes}).lay()
}

// Able gives those of the nodes that an operation can be done on.
func (f *Fleet) Able(r *room.Room, op room.Op, nodes []room.NodeID) []room.NodeID {
	can := make([]bool, len(r.Devices))
	for i := range r.Devices {
		d := f.owner(r, room.DeviceID(i))
		can[i] = d != nil && d.traits.Can(op)
	}
	return slices.DeleteFunc(slices.Clone(nodes), func(id room.NodeID) bool {
		cords := r.Nodes[id].Cords
		return len(cords) == 0 || slices.ContainsFunc(cords, func(c room.Cord) bool { return !can[c.Device] })
	})
}

func (f *Fleet) newExchange(req Request) *exchange {
	return &exchange{
		fleet: f, req: req, mail: newMailbox(), owners: make([]*device, len(req.Room.Devices)),
		flying: make(map[*job]struct{}), scrap: make([]*job, len(req.Room.Devices)), share: make([]int32, len(req.Room.Devices)),
	}
}

// lay makes the slots and refuses what cannot be done.
func (x *exchange) lay() error {
	r := x.req.Room
	x.slots = make([]slot, len(x.req.Nodes))
	x.cords = make([]cord, 0, len(x.req.Nodes))
	x.open = len(x.slots)
	var cannot []string
	for i, id := range x.req.Nodes {
		node := &r.Nodes[id]
		s := &x.slots[i]
		s.first, s.n = int32(len(x.cords)), int32(len(node.Cords))
		for _, at := range node.Cords {
			x.cords = append(x.cords, cord{at: at, slot: int32(i)})
			x.share[at.Device]++
			if x.owners[at.Device] == nil {
				x.owners[at.Device] = x.fleet.owner(r, at.Device)
			}
			if d := x.owners[at.Device]; d != nil && !x.able(d, s) {
				cannot = append(cannot, node.Name)
			}
		}
		if s.n == 0 || s.n > 1 && x.req.Op == room.Reset {
			cannot = append(cannot, node.Name)
		}
		x.ready = append(x.ready, int32(i))
	}
	if len(cannot) == 0 && !x.nothingDoable() {
		return nil
	}
	if len(cannot) == 0 {
		return &room.Error{
			Code: room.CodeRefused, Op: x.req.Op.String(), Subject: r.Fold(x.req.Nodes),
			Said: "the devices can only do this for all of their plugs together",
		}
	}
	return &room.Error{
		Code: room.CodeRefused, Op: x.req.Op.String(), Subject: hostlist.Fold(cannot),
		Said: x.whyNot(cannot[0]),
	}
}

// nothingDoable says whether not one of the devices can do the operation for
// just these plugs, though each can do it for others. Where some can, those do,
// and the rest say that they could not.
func (x *exchange) nothingDoable() bool {
	if len(x.cords) == 0 {
		return false
	}
	for id, n := range x.share {
		d, n := x.owners[id], int(n)
		if n == 0 {
			continue
		}
		if d == nil || d.traits.Actions == nil || d.traits.Actions(x.req.Op, n, n == len(d.plugs) && d.used == n) > 0 {
			return false
		}
	}
	return !x.composed(&x.slots[0])
}

func (x *exchange) whyNot(name string) string {
	id, _ := x.req.Room.Node(name)
	cords := x.req.Room.Nodes[id].Cords
	switch {
	case len(cords) == 0:
		return "has no cord, so there is nothing to switch"
	case len(cords) > 1 && x.req.Op == room.Reset:
		return "has several cords, and a reset goes to one plug; use cycle"
	}
	def := x.req.Room.Devices[cords[0].Device]
	return fmt.Sprintf("device %s (driver %s) cannot do %s", def.Name, def.Driver, x.req.Op)
}

// able says whether a device can do all steps of a slot.
func (x *exchange) able(d *device, s *slot) bool {
	if x.composed(s) {
		return d.traits.Can(room.Off) && d.traits.Can(room.On)
	}
	return d.traits.Can(x.req.Op)
}

// composed says whether the slot's operation is made of two steps.
func (x *exchange) composed(s *slot) bool { return x.req.Op == room.Cycle && s.n > 1 }

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
	ctx := x.ctx
	for x.open > 0 {
		for _, l := range x.mail.wait(ctx, x.nextDue()) {
			x.handle(l)
		}
		if ctx.Err() != nil {
			x.cancel()
			ctx = context.Background() // the rest is waiting for what is in the devices' hands
			continue
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
		if !x.mustRead(l.cord, &l.result) {
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
		s.waiting = s.n
		for ci := s.first; ci < s.first+s.n; ci++ {
			c := &x.cords[ci]
			c.settled = false
			j := x.scrap[c.at.Device]
			if j == nil {
				j = newJob(x.op(s), min(int(x.share[c.at.Device]), len(x.ready)*int(s.n)))
				x.scrap[c.at.Device] = j
				jobs = append(jobs, j)
			} else if j.op != x.op(s) { // a mixed cycle: a device gets one job of each kind
				x.send(c.at.Device, &job{op: x.op(s), plugs: []int{int(c.at.Plug)}, cords: []int32{ci}})
				continue
			}
			j.plugs = append(j.plugs, int(c.at.Plug))
			j.cords = append(j.cords, ci)
		}
	}
	x.ready = x.ready[:0]
	for _, j := range jobs {
		id := x.cords[j.cords[0]].at.Device
		x.scrap[id] = nil
		x.send(id, j)
	}
}

// send submits a job to a device's owner.
func (x *exchange) send(id room.DeviceID, j *job) {
	if !sort.IntsAreSorted(j.plugs) {
		sort.Sort(byPlug{j})
	}
	j.ctx, j.mail = x.ctx, x.mail
	j.live, j.trace = x.req.Live && j.verify == nil, x.req.Trace
	x.flying[j] = struct{}{}
	if d := x.owners[id]; d != nil && d.submit(j) {
		return
	}
	j.results = make([]plugResult, len(j.plugs))
	fault := &driver.Fault{Phase: driver.Waiting, Device: x.req.Room.Devices[id].Name, Err: errGone}
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
	var back []int32
	for i, ci := range j.cords {
		switch {
		case x.cords[ci].settled:
		case x.mustRead(ci, &j.results[i]):
			back = append(back, ci)
		default:
			x.settle(ci, j.results[i])
		}
	}
	if len(back) == 0 {
		return
	}
	def := &x.req.Room.Devices[x.cords[back[0]].at.Device]
	total := verifyFor(x.req.Room, def)
	x.look(&watch{op: j.op, cords: back, until: time.Now().Add(total), total: total, pause: firstPause})
}

// mustRead says whether an outcome is to be read back before it is believed.
func (x *exchange) mustRead(ci int32, r *plugResult) bool {
	c := &x.cords[ci]
	op := x.op(&x.slots[c.slot])
	if _, provable := op.Wants(); !provable || !x.req.Verify || !r.verdict.good() || x.ctx.Err() != nil {
		return false
	}
	d := x.owners[c.at.Device]
	if d == nil || verifyFor(x.req.Room, &x.req.Room.Devices[c.at.Device]) == 0 {
		return false
	}
	c.unread = !d.traits.Can(room.Status)
	return !c.unread
}

// look reads a watch's cords once.
func (x *exchange) look(w *watch) {
	j := &job{op: room.Status, verify: w}
	for _, ci := range w.cords {
		j.plugs = append(j.plugs, int(x.cords[ci].at.Plug))
		j.cords = append(j.cords, ci)
	}
	x.send(x.cords[w.cords[0]].at.Device, j)
}

// readBack compares what was read with what was wanted.
func (x *exchange) readBack(j *job) {
	w := j.verify
	want, _ := w.op.Wants()
	late := !time.Now().Before(w.until)
	var still []int32
	for i, ci := range j.cords {
		r := j.results[i]
		x.cords[ci].read = true
		switch {
		case r.state == want:
			r.verdict, r.said, r.fault = wasOK, "", nil
			x.settle(ci, r)
		case late:
			x.settle(ci, unproved(r, want, w.total))
		default:
			still = append(still, ci)
		}
	}
	if len(still) == 0 {
		return
	}
	w.cords = still
	x.due = append(x.due, dueing{at: time.Now().Add(w.pause), watch: w})
	w.pause = min(2*w.pause, lastPause)
}

// unproved is the result of a command that was taken and did not show in time.
func unproved(r plugResult, want room.State, after time.Duration) plugResult {
	if r.state == room.StateUnknown {
		said := fmt.Sprintf("taken, but the device could not say within %v whether it is %v", after, want)
		if r.said != "" {
			said += ": " + r.said
		}
		r.verdict, r.said = wasUnknown, said
		return r
	}
	r.verdict, r.said = wasFailed, fmt.Sprintf("taken, but still %v after %v", r.state, after)
	return r
}

// settle ends a cord's part in the present step.
func (x *exchange) settle(ci int32, r plugResult) {
	c := &x.cords[ci]
	if c.settled {
		return
	}
	c.settled = true
	s := &x.slots[c.slot]
	if want, ok := x.op(s).Wants(); ok && !c.read && r.verdict.good() {
		r.state = want
	}
	c.last = r
	if !r.verdict.good() && c.failed == nil {
		c.failed = &plugResult{}
		*c.failed = r
	}
	if s.waiting--; s.waiting == 0 && !s.ended {
		x.stepped(c.slot)
	}
}

// stepped goes on after a slot's step: to the next one or to the result.
func (x *exchange) stepped(si int32) {
	s := &x.slots[si]
	if x.composed(s) && s.step == 0 {
		if x.ctx.Err() != nil {
			x.leftOff(si, &driver.Fault{Phase: driver.Waiting, Err: context.Cause(x.ctx)})
			return
		}
		// Even if a cord refused to go off the others must come on again: a
		// failed cycle leaves the machine with the power it had.
		s.step = 1
		x.due = append(x.due, dueing{at: time.Now().Add(x.req.Room.Settings.Rest), slot: si})
		return
	}
	x.conclude(si)
}

// conclude makes the node's result from its cords'.
func (x *exchange) conclude(si int32) {
	s := &x.slots[si]
	s.ended = true
	x.open--
	node := x.req.Nodes[si]
	res := Result{Node: node, Outcome: OK}
	states := make([]room.State, 0, 2)
	for _, c := range x.cords[s.first : s.first+s.n] {
		states = append(states, c.last.state)
		if c.last.raw != "" {
			res.Raw = c.last.raw
		}
		if c.unread && res.Outcome == OK {
			res.Outcome = Unverified
		}
		if c.failed != nil && (res.Outcome.Good() || c.failed.verdict == wasUnknown) {
			res.Outcome, res.Said = outcomes[c.failed.verdict], c.failed.said
			res.Err = c.failed.err(x.req.Op, x.req.Room.Nodes[node].Name)
		}
	}
	res.State = room.Combine(states)
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
	x.due = slices.DeleteFunc(x.due, func(d dueing) bool {
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

// cancel drops all that no device has taken yet.
func (x *exchange) cancel() {
	stopped := &driver.Fault{Phase: driver.Waiting, Err: context.Cause(x.ctx)}
	for j := range x.flying {
		if !j.state.CompareAndSwap(jobWaiting, jobCancelled) {
			continue
		}
		delete(x.flying, j)
		outcome := notDone(j.op)
		if j.verify != nil {
			outcome = wasUnknown
		}
		for _, ci := range j.cords {
			x.settle(ci, plugResult{verdict: outcome, said: "cancelled", fault: stopped})
		}
	}
	for _, d := range x.due {
		if d.watch != nil {
			for _, ci := range d.watch.cords {
				x.settle(ci, plugResult{verdict: wasUnknown, said: "cancelled before it was read back", fault: stopped})
			}
			continue
		}
		x.leftOff(d.slot, stopped)
	}
	x.due = nil
	for _, si := range x.ready {
		x.leftOff(si, stopped)
	}
	x.ready = nil
}

// leftOff ends a composed cycle that was cancelled between its halves.
func (x *exchange) leftOff(si int32, why *driver.Fault) {
	s := &x.slots[si]
	for ci := s.first; ci < s.first+s.n; ci++ {
		c := &x.cords[ci]
		c.failed = &plugResult{verdict: wasFailed, said: "cancelled between off and on: left without power", fault: why}
	}
	x.conclude(si)
}
