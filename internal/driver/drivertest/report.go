package drivertest

import (
	"fmt"
	"slices"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// kind is how a plug was settled.
type kind string

const (
	unsettled kind = ""
	stated    kind = "State"
	done      kind = "Done"
	failed    kind = "Failed"
	unknown   kind = "Unknown"
)

// outcome is what was told of one plug.
type outcome struct {
	kind  kind
	state room.State // of a read
	raw   string
	said  string        // of a failure
	why   *driver.Fault // of an unknown
}

// report is a sink that keeps what it hears and checks that the driver keeps to
// the rules. It has no lock on purpose: a driver that calls it from a goroutine
// of its own shows up under -race.
type report struct {
	s      *stand
	batch  driver.Batch
	plugs  map[int]outcome
	faults []*driver.Fault
	traces int
	err    error
	over   bool
}

func newReport(s *stand, b driver.Batch) *report {
	return &report{s: s, batch: b, plugs: make(map[int]outcome, len(b.Plugs))}
}

// settle notes an outcome, which must be of this batch, the first, and in time.
func (r *report) settle(plug int, o outcome) {
	r.s.Helper()
	fmt.Fprintf(&r.s.said, "%v %d: %s %v %q %q %v\n", r.batch.Op, plug, o.kind, o.state, o.raw, o.said, o.why)
	switch before := r.plugs[plug].kind; {
	case r.over:
		r.s.Errorf("%v: %s of plug %d was told after Do had returned", r.batch.Op, o.kind, plug)
	case !slices.Contains(r.batch.Plugs, plug):
		r.s.Errorf("%v: %s of plug %d, which was not asked for", r.batch.Op, o.kind, plug)
	case before != unsettled:
		r.s.Errorf("%v: plug %d was told twice: %s, then %s", r.batch.Op, plug, before, o.kind)
	}
	r.plugs[plug] = o
}

// State implements [driver.Sink].
func (r *report) State(plug int, state room.State, raw string) {
	r.s.Helper()
	if !r.batch.Op.Changes() {
		r.settle(plug, outcome{kind: stated, state: state, raw: raw})
	}
}

// Done implements [driver.Sink].
func (r *report) Done(plug int) {
	r.s.Helper()
	if !r.batch.Op.Changes() {
		r.s.Errorf("%v is a read, and ended with Done for plug %d", r.batch.Op, plug)
	}
	r.settle(plug, outcome{kind: done})
}

// Failed implements [driver.Sink].
func (r *report) Failed(plug int, said string) {
	r.s.Helper()
	if said == "" {
		r.s.Errorf("%v: plug %d failed, and nobody knows why", r.batch.Op, plug)
	}
	r.settle(plug, outcome{kind: failed, said: said})
}

// Unknown implements [driver.Sink].
func (r *report) Unknown(plug int, why *driver.Fault) {
	r.s.Helper()
	if why == nil || why.Phase == 0 {
		r.s.Errorf("%v: plug %d is unknown because of %v, which has no phase", r.batch.Op, plug, why)
	}
	if why != nil {
		r.s.heard(why)
	}
	r.settle(plug, outcome{kind: unknown, why: why})
}

// Fault implements [driver.Sink].
func (r *report) Fault(f *driver.Fault) {
	r.s.Helper()
	if f.Phase == driver.Lost {
		r.s.Errorf("%v: a lost line was told as a Fault; it is for Do to return: %v", r.batch.Op, f)
	}
	r.s.heard(f)
	r.faults = append(r.faults, f)
}

// Trace implements [driver.Sink].
func (r *report) Trace(t devspec.Trace) {
	r.s.Helper()
	if !r.batch.Trace {
		r.s.Errorf("%v: a trace that nobody asked for", r.batch.Op)
	}
	r.traces++
	fmt.Fprintln(&r.s.said, t.Text)
	fmt.Fprintln(&r.s.said, t.Format(deviceName))
}

var _ driver.Sink = (*report)(nil)

// end takes what Do returned: nil only if every plug was told of.
func (r *report) end(err error) {
	r.s.Helper()
	r.over, r.err = true, err
	if err != nil {
		_ = r.s.fault(err)
		return
	}
	for _, p := range r.batch.Plugs {
		if r.plugs[p].kind == unsettled {
			r.s.Errorf("%v: Do returned nil, but plug %d was not told of", r.batch.Op, p)
		}
	}
}

// every checks that Do went well and settled each plug of the batch like this.
func (r *report) every(want kind) {
	r.s.Helper()
	if r.err != nil {
		r.s.Fatalf("%v: %v", r.batch.Op, r.err)
	}
	for _, p := range r.batch.Plugs {
		r.plug(p, want)
	}
}

// plug checks how one plug was settled.
func (r *report) plug(p int, want kind) {
	r.s.Helper()
	if o := r.plugs[p]; o.kind != want {
		r.s.Errorf("%v: plug %d is told as %q (%s%v), want %q", r.batch.Op, p, o.kind, o.said, o.why, want)
	}
}

// notBegun checks that a plug, whose action follows one that failed, is told as
// unknown, and as surely not begun.
func (r *report) notBegun(p int) {
	r.s.Helper()
	if o := r.plugs[p]; o.kind != unknown || o.why == nil || o.why.Phase != driver.Waiting {
		r.s.Errorf("%v: plug %d is told as %q (%s%v), and its action was never begun: want Unknown of phase Waiting", r.batch.Op, p, o.kind, o.said, o.why)
	}
}

// states checks that a read gave the true state of each of its plugs.
func (r *report) states() {
	r.s.Helper()
	r.every(stated)
	for _, p := range r.batch.Plugs {
		if got, want := r.plugs[p].state, state(r.s.rig.Truth.On(r.s.rig.Plugs[p])); got != want {
			r.s.Errorf("plug %d is %v, and was read as %v (raw %q)", p, want, got, r.plugs[p].raw)
		}
	}
}

// truthful checks that what is told as done is so, and what was read is not wrong.
func (r *report) truthful() {
	r.s.Helper()
	want, _ := r.batch.Op.Wants()
	for p, o := range r.plugs {
		got := state(r.s.rig.Truth.On(r.s.rig.Plugs[p]))
		if o.kind == done && got != want {
			r.s.Errorf("%v: plug %d is told as Done, and is not", r.batch.Op, p)
		}
		if o.kind == stated && o.state != room.StateUnknown && o.state != got {
			r.s.Errorf("%v: plug %d is %v, and was read as %v (raw %q)", r.batch.Op, p, got, o.state, o.raw)
		}
	}
}

// none checks that no plug was told as this.
func (r *report) none(bad kind) {
	r.s.Helper()
	for p, o := range r.plugs {
		if o.kind == bad {
			r.s.Errorf("%v: plug %d is told as %s, which nobody can know", r.batch.Op, p, bad)
		}
	}
}

// phase gives the phase in which the batch as a whole came to harm: that of the
// first fault told or of Do's error; 0 if it did not.
func (r *report) phase() driver.Phase {
	switch {
	case len(r.faults) > 0:
		return r.faults[0].Phase
	case r.err != nil:
		return r.s.fault(r.err).Phase
	}
	return 0
}
