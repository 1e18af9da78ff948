package fleet

import (
	"context"
	"slices"
	"sync/atomic"

	"millwright.dev/millwright/internal/room"
)

// job is what one exchange asks of one device.
type job struct {
	op     room.Op
	plugs  []int   // ascending
	cords  []int32 // the exchange's own numbers, parallel to plugs
	trace  bool
	live   bool
	hasty  bool    // it does not wait for a device that cannot be reached
	alone  bool    // it is not merged with others: together they have failed
	second bool    // it gives power back that the exchange took, so it is never cancelled
	verify *watch  // set when the job reads back what another did
	to     *device // whom the exchange gave it to, nil when there was none

	ctx     context.Context
	mail    *mailbox
	state   atomic.Int32
	tried   []plugResult // parallel to plugs: what became of them in a try together with others
	results []plugResult // parallel to plugs; valid once the job is done
}

// known is what is known of a plug after this try: if it was not begun in it, what
// became of it in the one before.
func (j *job) known(i int, r plugResult) plugResult {
	if r.verdict == wasNotBegun && j.tried != nil && j.tried[i].verdict != wasNotBegun {
		return j.tried[i]
	}
	return r
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

func (j *job) claim() bool { return j.state.CompareAndSwap(jobWaiting, jobTaken) }

// take gives the next batch: the first job of the queue, merged with those right
// behind it that ask for the same.
func (d *device) take() *batch {
	return d.takeIf(func(*job, []*job) bool { return true })
}

// takeQuick gives a batch that may overtake the work that waits for its turn: a
// read, or an off, for which nobody should wait until the last machine of a rack
// is on. It never overtakes a change of the same plug that stands in the queue.
func (d *device) takeQuick() *batch {
	return d.takeIf(func(j *job, passed []*job) bool {
		if !j.op.Changes() {
			return true
		}
		return j.op == room.Off && !slices.ContainsFunc(passed, func(p *job) bool { return p.op.Changes() && meet(p.plugs, j.plugs) })
	})
}

// meet says whether two ascending lists have a plug in common.
func meet(a, b []int) bool {
	return slices.ContainsFunc(a, func(p int) bool {
		_, found := slices.BinarySearch(b, p)
		return found
	})
}

// takeIf gives the first batch that fits; passed are the jobs before it.
func (d *device) takeIf(fits func(j *job, passed []*job) bool) *batch {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b *batch
	sealed := false // once something behind the batch was left, order must be kept
	rest := d.queue[:0]
	for _, j := range d.queue {
		switch {
		case j.state.Load() == jobCancelled: // its exchange has forgotten it
		case b == nil && fits(j, rest):
			if j.claim() {
				b = newBatch(d, j)
			}
		case b != nil && !sealed && b.accepts(j) && fits(j, rest):
			if j.claim() {
				b.join(j)
			}
		default:
			rest = append(rest, j)
			sealed = b != nil
		}
	}
	clear(d.queue[len(rest):])
	d.queue = rest
	if len(rest) == 0 && cap(rest) > 64 {
		d.queue = nil // a burst is no reason to keep its memory
	}
	return b
}
