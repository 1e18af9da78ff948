package fleet

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// batch is jobs done together by one device. It is the driver's sink.
type batch struct {
	device  *device
	op      room.Op
	jobs    []*job
	trace   bool
	plugs   []int        // ascending, the union of the jobs'
	results []plugResult // parallel to plugs; made when the work begins
	todo    []int        // plugs not yet handed to the driver
	begun   []int        // plugs in the driver's hands
	faults  []*driver.Fault

	start  time.Time // the action clock
	breaks int       // how often the line broke under it
	ctx    context.Context
	cancel context.CancelCauseFunc
	wanted atomic.Int32  // jobs not cancelled
	late   atomic.Bool   // the driver was told to stop because it took too long
	forget []func() bool // stop watching the jobs' contexts, which may outlive the batch by far
}

func newBatch(d *device, j *job) *batch {
	b := &batch{device: d, op: j.op, trace: j.trace, plugs: j.plugs, start: time.Now()}
	b.ctx, b.cancel = context.WithCancelCause(d.ctx)
	b.add(j)
	return b
}

// accepts says whether a job may be done together with those of the batch. What
// must not be done twice is not shared, since a shared failure is tried again.
func (b *batch) accepts(j *job) bool {
	return j.op == b.op && j.op.Repeatable() && !j.trace && !b.trace && !j.alone && !b.jobs[0].alone
}

// join merges another job into a batch that has not begun.
func (b *batch) join(j *job) {
	b.add(j)
	if !slices.Equal(b.plugs, j.plugs) {
		all := append(slices.Clone(b.plugs), j.plugs...)
		slices.Sort(all)
		b.plugs = slices.Compact(all)
	}
}

func (b *batch) add(j *job) {
	b.jobs = append(b.jobs, j)
	b.wanted.Add(1)
	if j.ctx.Done() == nil {
		return
	}
	b.forget = append(b.forget, context.AfterFunc(j.ctx, func() {
		if b.wanted.Add(-1) == 0 {
			b.cancel(context.Cause(j.ctx))
		}
	}))
}

// hasty says whether nobody in the batch wants to wait for a lost device.
func (b *batch) hasty() bool {
	return !slices.ContainsFunc(b.jobs, func(j *job) bool { return !j.hasty })
}

// abandoned says whether whoever asked has given the batch up.
func (b *batch) abandoned() bool { return b.ctx.Err() != nil && !b.late.Load() }

// inrush says whether the batch's operation switches things on.
func (b *batch) inrush() bool { return b.op == room.On || b.op == room.Cycle }

// prepare is done once, when the batch is about to meet the device or its end.
func (b *batch) prepare() {
	if b.results == nil {
		b.results = make([]plugResult, len(b.plugs))
		b.todo = b.plugs
	}
}

// perform gives the driver the batch's next turn, and returns the batch if
// there is more to do later, nil when it is finished.
func (d *device) perform(b *batch) *batch {
	b.prepare()
	if b.ctx.Err() != nil {
		b.fail(d.stopped(b))
		return nil
	}
	if len(b.begun) == 0 && !b.nextTurn(d.def.Load()) {
		b.finish(b.jobs)
		return nil
	}
	if err := d.do(b); err != nil {
		return d.broke(b, err)
	}
	b.sweep()
	b.begun = nil
	if len(b.todo) == 0 {
		b.finish(b.jobs)
		return nil
	}
	b.start = time.Time{} // the next turn has a clock of its own
	return b
}

// overdue is how much longer than all its actions may take a driver is given.
const overdue = 30 * time.Second

// do hands the plugs in begun to the driver.
func (d *device) do(b *batch) error {
	limit := time.Duration(d.countActions(b.op, len(b.begun))) * d.traits.Timeout
	defer d.watch(limit, b.op.String(), func() {
		b.late.Store(true)
		b.cancel(nil)
	})()
	return d.session.Do(b.ctx, driver.Batch{
		Op: b.op, Plugs: b.begun, Whole: d.whole(len(b.begun)), Start: b.start, Trace: b.trace,
	}, b)
}

// nextTurn moves as many plugs from todo to begun as the device's limits let go
// at once. It reports false when nobody wants any of them any more.
func (b *batch) nextTurn(def *room.Device) bool {
	b.dropUnwanted()
	n := len(b.todo)
	if b.op.Changes() && def.AtOnce > 0 {
		n = min(n, def.AtOnce)
	}
	if def.Stagger > 0 && b.inrush() {
		n = min(n, 1)
		b.device.lastOn = time.Now()
	}
	b.begun, b.todo = b.todo[:n], b.todo[n:]
	if b.start.IsZero() {
		b.start = time.Now()
	}
	return n > 0
}

// dropUnwanted takes out the plugs that only cancelled jobs asked for.
func (b *batch) dropUnwanted() {
	if int(b.wanted.Load()) == len(b.jobs) {
		return
	}
	b.todo = slices.DeleteFunc(slices.Clone(b.todo), func(p int) bool {
		for _, j := range b.jobs {
			if _, asks := slices.BinarySearch(j.plugs, p); asks && j.ctx.Err() == nil {
				return false
			}
		}
		*b.at(p) = plugResult{reported: true, verdict: notDone(b.op), said: "cancelled"}
		return true
	})
}

// yield gives up switching plugs on that somebody wants off meanwhile. It reports
// whether nothing is left to do, and the batch has ended.
func (b *batch) yield(plugs []int) bool {
	b.prepare()
	b.todo = slices.DeleteFunc(slices.Clone(b.todo), func(p int) bool {
		if _, asked := slices.BinarySearch(plugs, p); !asked {
			return false
		}
		*b.at(p) = plugResult{reported: true, verdict: wasNotBegun, said: "overtaken by a later off"}
		return true
	})
	if len(b.todo)+len(b.begun) > 0 {
		return false
	}
	b.finish(b.jobs)
	return true
}

// broke deals with a session that has failed under a batch: what can be tried
// again on a new one is kept, what cannot is reported.
func (d *device) broke(b *batch, err error) *batch {
	fault := asFault(d.name, err)
	if b.abandoned() { // not the device's doing, but the conversation is out of step
		d.hangUp()
		d.soon = true
		b.fail(d.stopped(b))
		return nil
	}
	d.lose(fault)
	expired := time.Since(b.start) >= d.traits.Timeout
	if fault.Phase != driver.Lost || !b.op.Repeatable() || expired {
		d.soon = true
		b.fail(fault)
		return nil
	}
	b.breaks++
	d.soon = b.breaks == 1
	b.begun = slices.DeleteFunc(slices.Clone(b.begun), func(p int) bool { return b.at(p).reported })
	if len(b.begun)+len(b.todo) > 0 {
		return b
	}
	b.finish(b.jobs)
	return nil
}

// fail ends a batch with a fault: what is in the driver's hands is unknown, the
// rest was not begun. Jobs that were merged do not fail for each other's sake.
func (b *batch) fail(fault *driver.Fault) {
	b.prepare()
	lost := fault.Phase == driver.Lost || fault.Phase == driver.Stopped
	unheard := false
	for _, p := range b.begun {
		r := b.at(p)
		if !r.reported {
			*r = plugResult{reported: true, verdict: wasUnknown, state: r.state, raw: r.raw, said: fault.Error(), fault: fault}
		}
		unheard = unheard || r.fault == fault // a driver may have said so of the plugs, but it tells no lost line
	}
	for _, p := range b.todo {
		*b.at(p) = plugResult{reported: true, verdict: notDone(b.op), said: fault.Error(), fault: fault}
	}
	// A driver reports the faults of its own actions; those of the line, and of
	// actions that never came to the driver, are ours to tell.
	n := 0
	switch {
	case len(b.todo) > 0:
		n = b.device.countActions(b.op, len(b.todo))
	case len(b.begun) > 0 && (lost && unheard || fault.Phase != driver.Acting && !lost):
		n = 1
	}
	if fault.Phase == driver.Connecting {
		b.Trace(devspec.Trace{Kind: devspec.TraceConnectTimeout})
	}
	for range n {
		b.Fault(fault)
	}
	b.todo, b.begun = nil, nil
	spared, rest := b.spare(fault)
	b.finish(rest)
	b.device.again(spared)
}

func (d *device) countActions(op room.Op, plugs int) int {
	if d.traits.Actions == nil {
		return 1
	}
	return max(1, d.traits.Actions(op, plugs, d.whole(plugs)))
}

// spare divides the jobs of a merged batch into those that deserve another try,
// each for itself, and the rest. A change that failed together may be the fault
// of one; a read that the device did not answer would not be answered again, but
// one that never came to the device deserves its turn. What was overtaken in part
// is not tried again, since that would undo what came later.
func (b *batch) spare(fault *driver.Fault) (spared, rest []*job) {
	if len(b.jobs) == 1 || fault.Phase != driver.Acting && fault.Phase != driver.Lost {
		return nil, b.jobs
	}
	for _, j := range b.jobs {
		hurt, touched, overtaken := false, false, false
		for _, p := range j.plugs {
			r := b.at(p)
			hurt = hurt || !r.verdict.good()
			overtaken = overtaken || r.verdict == wasNotBegun && r.fault == nil
			touched = touched || r.fault == nil || r.fault.Phase != driver.Waiting
		}
		if hurt && !overtaken && j.ctx.Err() == nil && (b.op.Changes() || !touched) {
			j.tried = b.of(j)
			spared = append(spared, j)
		} else {
			rest = append(rest, j)
		}
	}
	return spared, rest
}

// notDone is the verdict on something that was never begun: for a read there is
// simply no answer.
func notDone(op room.Op) verdict {
	if op.Changes() {
		return wasNotBegun
	}
	return wasUnknown
}

// sweep settles what a driver left unsaid. A read without an answer is an
// unknown state; a change without one is an unknown outcome.
func (b *batch) sweep() {
	for _, p := range b.begun {
		r := b.at(p)
		switch {
		case r.reported:
		case b.op.Changes():
			r.verdict, r.said = wasUnknown, "the driver did not say how it went"
		default:
			r.verdict = wasOK
		}
		r.reported = true
	}
}

// finish gives jobs their results and ends the batch.
func (b *batch) finish(jobs []*job) {
	for _, stop := range b.forget {
		stop()
	}
	b.cancel(nil)
	b.prepare()
	for _, j := range jobs {
		j.results = b.results
		if len(j.plugs) != len(b.plugs) || j.tried != nil {
			j.results = b.of(j)
		}
		if len(b.faults) > 0 && slices.ContainsFunc(j.results, b.wanting) {
			for _, f := range b.faults {
				j.mail.post(letter{kind: letterFault, fault: f})
			}
		}
		j.mail.post(letter{kind: letterDone, job: j})
	}
}

// of gives a job's part of the results.
func (b *batch) of(j *job) []plugResult {
	part := make([]plugResult, len(j.plugs))
	for i, p := range j.plugs {
		part[i] = j.known(i, *b.at(p))
	}
	return part
}

// wanting says whether a result is not what was asked for, so that the faults of
// a merged batch concern whoever asked.
func (b *batch) wanting(r plugResult) bool {
	return !r.verdict.good() || !b.op.Changes() && r.state == room.StateUnknown && r.raw == ""
}

// at gives the place where a plug's result is kept.
func (b *batch) at(plug int) *plugResult {
	if len(b.plugs) == len(b.device.plugs) {
		return &b.results[plug]
	}
	i, found := slices.BinarySearch(b.plugs, plug)
	if !found {
		return &plugResult{} // not asked for: nobody will look at it
	}
	return &b.results[i]
}

// settle notes that a plug's outcome is known, and tells those who want to hear
// at once. Bad news of a merged batch waits for its end, since it may be tried again.
func (b *batch) settle(plug int) {
	r := b.at(plug)
	r.reported = true
	if !r.verdict.good() && len(b.jobs) > 1 {
		return
	}
	for _, j := range b.jobs {
		if !j.live {
			continue
		}
		if i, found := slices.BinarySearch(j.plugs, plug); found {
			j.mail.post(letter{kind: letterPlug, job: j, cord: j.cords[i], result: j.known(i, *r)})
		}
	}
}

// State implements [driver.Sink].
func (b *batch) State(plug int, state room.State, raw string) {
	r := b.at(plug)
	r.state, r.raw = state, raw
	if !b.op.Changes() {
		r.verdict = wasOK
		b.settle(plug)
	}
}

// Done implements [driver.Sink].
func (b *batch) Done(plug int) {
	b.at(plug).verdict = wasOK
	b.settle(plug)
}

// Failed implements [driver.Sink].
func (b *batch) Failed(plug int, said string) {
	r := b.at(plug)
	r.verdict, r.said = wasFailed, said
	for _, j := range b.jobs {
		if i, found := slices.BinarySearch(j.plugs, plug); found {
			j.mail.post(letter{kind: letterDiagnostic, cord: j.cords[i], said: said})
		}
	}
	b.settle(plug)
}

// Unknown implements [driver.Sink].
func (b *batch) Unknown(plug int, why *driver.Fault) {
	if why.Phase == driver.Lost && b.abandoned() {
		why = b.device.stopped(b) // we cut the line, it did not break
	}
	r := b.at(plug)
	r.verdict, r.said, r.fault = wasUnknown, why.Error(), why
	if why.Phase == driver.Waiting {
		r.verdict = notDone(b.op)
	}
	b.settle(plug)
}

// Fault implements [driver.Sink].
func (b *batch) Fault(f *driver.Fault) {
	if len(b.jobs) > 1 { // who it concerns is clear at the end
		b.faults = append(b.faults, f)
		return
	}
	b.jobs[0].mail.post(letter{kind: letterFault, fault: f})
}

// Trace implements [driver.Sink].
func (b *batch) Trace(t devspec.Trace) {
	for _, j := range b.jobs {
		if j.trace {
			j.mail.post(letter{kind: letterTrace, device: b.device.name, trace: t})
		}
	}
}
