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

// job is what one exchange asks of one device.
type job struct {
	op     room.Op
	plugs  []int   // ascending
	cords  []int32 // the exchange's own numbers, parallel to plugs
	trace  bool
	live   bool
	verify *watch // set when the job reads back what another did

	ctx     context.Context
	mail    *mailbox
	state   atomic.Int32
	results []plugResult // parallel to plugs; valid once the job is done
}

// newJob makes room for n plugs.
func newJob(op room.Op, n int) *job {
	return &job{op: op, plugs: make([]int, 0, n), cords: make([]int32, 0, n)}
}

// The states of a job. Only the one who moves it out of jobWaiting may act on it.
const (
	jobWaiting int32 = iota
	jobTaken
	jobCancelled
)

// batch is jobs done together by one device. It is the driver's sink.
type batch struct {
	device  *device
	op      room.Op
	jobs    []*job
	trace   bool
	plugs   []int        // ascending, the union of the jobs'
	results []plugResult // parallel to plugs
	todo    []int        // plugs not yet handed to the driver
	begun   []int        // plugs in the driver's hands

	start     time.Time // the action clock
	notBefore time.Time // the next turn, for staggered work
	ctx       context.Context
	cancel    context.CancelFunc
	wanted    atomic.Int32  // jobs not cancelled
	forget    []func() bool // stop watching the jobs' contexts, which may outlive the batch by far
}

func newBatch(d *device, j *job) *batch {
	b := &batch{device: d, op: j.op, jobs: []*job{j}, trace: j.trace, plugs: j.plugs, start: time.Now()}
	return b
}

// join merges another job into a batch that has not begun.
func (b *batch) join(j *job) {
	b.jobs = append(b.jobs, j)
	if !slices.Equal(b.plugs, j.plugs) {
		b.plugs = union(b.plugs, j.plugs)
	}
}

// union merges two ascending lists.
func union(a, b []int) []int {
	all := make([]int, 0, len(a)+len(b))
	all = append(append(all, a...), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// due says whether the batch's next turn has come.
func (b *batch) due() bool { return b.notBefore.IsZero() || !time.Now().Before(b.notBefore) }

// prepare is done once, when the batch is about to meet the device.
func (b *batch) prepare() {
	if b.results != nil {
		return
	}
	b.results = make([]plugResult, len(b.plugs))
	b.todo = b.plugs
	b.ctx, b.cancel = context.WithCancel(b.device.ctx)
	b.wanted.Store(int32(len(b.jobs)))
	for _, j := range b.jobs {
		if j.ctx.Done() == nil {
			continue
		}
		b.forget = append(b.forget, context.AfterFunc(j.ctx, func() {
			if b.wanted.Add(-1) == 0 {
				b.cancel()
			}
		}))
	}
}

// perform gives the driver the batch's next turn, and returns the batch if
// there is more to do later, nil when it is finished.
func (d *device) perform(b *batch) *batch {
	b.prepare()
	if b.ctx.Err() != nil {
		b.fail(&driver.Fault{Phase: driver.Waiting, Device: d.name, Err: context.Canceled})
		return nil
	}
	if len(b.begun) == 0 {
		b.turn(d.def.Load())
	}
	err := d.session.Do(b.ctx, driver.Batch{
		Op: b.op, Plugs: b.begun, Whole: b.whole(), Start: b.start, Trace: b.trace,
	}, b)
	if err != nil {
		return d.broke(b, err)
	}
	b.sweep()
	b.begun = nil
	if len(b.todo) == 0 {
		b.finish()
		return nil
	}
	b.start = time.Time{}
	return b
}

// turn moves as many plugs from todo to begun as the device's limits let go at once.
func (b *batch) turn(def *room.Device) {
	n := len(b.todo)
	if b.op.Changes() && def.AtOnce > 0 {
		n = min(n, def.AtOnce)
	}
	if def.Stagger > 0 && (b.op == room.On || b.op == room.Cycle) {
		n = 1
		b.notBefore = time.Now().Add(def.Stagger)
	}
	b.begun, b.todo = b.todo[:n], b.todo[n:]
	if b.start.IsZero() {
		b.start = time.Now()
	}
}

// whole says whether what is begun is all that the device has.
func (b *batch) whole() bool {
	return len(b.begun) == len(b.device.plugs) && b.device.used == len(b.begun)
}

// broke deals with a session that has failed under a batch: what can be tried
// again on a new one is kept, what cannot is reported.
func (d *device) broke(b *batch, err error) *batch {
	fault := asFault(d.name, err)
	d.lose(fault)
	d.tries.Reset()
	expired := time.Since(b.start) >= d.traits.Timeout
	if fault.Phase == driver.Lost && b.op.Repeatable() && b.ctx.Err() == nil && !expired {
		b.begun = slices.DeleteFunc(slices.Clone(b.begun), func(p int) bool { return b.at(p).reported })
		if len(b.begun) > 0 {
			return b
		}
		b.begun = nil
		if len(b.todo) > 0 {
			return b
		}
		b.finish()
		return nil
	}
	b.fail(fault)
	return nil
}

// fail ends a batch with a fault: what is in the driver's hands is unknown, the
// rest was not begun.
func (b *batch) fail(fault *driver.Fault) {
	b.prepare()
	told := false
	for _, p := range b.begun {
		if r := b.at(p); !r.reported {
			*r = plugResult{reported: true, verdict: wasUnknown, state: r.state, raw: r.raw, said: fault.Error(), fault: fault}
			told = told || fault.Phase == driver.Lost
		}
	}
	for _, p := range b.todo {
		*b.at(p) = plugResult{reported: true, verdict: notDone(b.op), said: fault.Error(), fault: fault}
	}
	// A driver reports the faults of its own actions; those of the line, and of
	// actions that never came to the driver, are ours to tell.
	n := 0
	if len(b.todo) > 0 {
		n = 1
		if count := b.device.traits.Actions; count != nil {
			n = max(1, count(b.op, len(b.todo), len(b.todo) == len(b.device.plugs)))
		}
	} else if told || fault.Phase != driver.Acting && len(b.begun) > 0 {
		n = 1
	}
	if fault.Phase == driver.Connecting {
		b.Trace(devspec.Trace{Kind: devspec.TraceConnectTimeout})
	}
	for range n {
		b.Fault(fault)
	}
	b.todo, b.begun = nil, nil
	b.finish()
}

// notDone is the outcome of something that was never begun: for a read there is
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

// finish gives each job its results.
func (b *batch) finish() {
	for _, stop := range b.forget {
		stop()
	}
	b.cancel()
	for _, j := range b.jobs {
		j.results = b.results
		if len(j.plugs) != len(b.plugs) {
			j.results = make([]plugResult, len(j.plugs))
			for i, p := range j.plugs {
				j.results[i] = *b.at(p)
			}
		}
		j.mail.post(letter{kind: letterDone, job: j})
	}
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

// settle notes a plug's outcome and tells those who want to hear at once.
func (b *batch) settle(plug int) {
	r := b.at(plug)
	r.reported = true
	for _, j := range b.jobs {
		if !j.live {
			continue
		}
		if i, found := slices.BinarySearch(j.plugs, plug); found {
			j.mail.post(letter{kind: letterPlug, job: j, cord: j.cords[i], result: *r})
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
	r := b.at(plug)
	r.verdict, r.said, r.fault = wasUnknown, why.Error(), why
	if why.Phase == driver.Waiting {
		r.verdict = notDone(b.op)
	}
	b.settle(plug)
}

// Fault implements [driver.Sink].
func (b *batch) Fault(f *driver.Fault) {
	for _, j := range b.jobs {
		j.mail.post(letter{kind: letterFault, fault: f})
	}
}

// Trace implements [driver.Sink].
func (b *batch) Trace(t devspec.Trace) {
	for _, j := range b.jobs {
		if j.trace {
			j.mail.post(letter{kind: letterTrace, device: b.device.name, trace: t})
		}
	}
}
