package fleet

import (
	"slices"
	"time"

	"millwright.dev/millwright/internal/room"
)

// A cycle of a node with several cords is two steps: all cords off, a rest, and
// all on again. Once a cord is off, or may be, the second step is owed: it is
// carried out whatever happens to the request meanwhile, whether it is cancelled,
// or the device's settings are changed by a reload. Otherwise a slip would leave
// a machine dark that was to be off for seconds.

// composed says whether an operation on a node with so many cords is made of two
// steps.
func composed(op room.Op, cords int) bool { return op == room.Cycle && cords > 1 }

func (x *exchange) composed(s *slot) bool { return composed(x.req.Op, int(s.n)) }

// giving says whether the slot is in the step that gives power back.
func (x *exchange) giving(s *slot) bool { return x.composed(s) && s.step == 1 }

// restLater puts the second step off until the rest is over. It reports false if
// there is none to come: nothing was taken, so nothing is owed.
func (x *exchange) restLater(si int32) bool {
	s := &x.slots[si]
	cords := x.cords[s.first : s.first+s.n]
	if !x.composed(s) || s.step > 0 || !slices.ContainsFunc(cords, func(c cord) bool { return c.acted }) {
		return false
	}
	s.step = 1
	for i := range cords {
		cords[i].read, cords[i].glimpse = false, room.StateUnknown // what was read belongs to the step that has ended
	}
	x.due = append(x.due, later{at: time.Now().Add(x.req.Room.Settings.Rest), slot: si})
	return true
}

// orphaned says whether a job that gives power back failed only because its
// device was replaced meanwhile, so that its heir may still do it.
func (j *job) orphaned(r *plugResult) bool {
	return j.second && j.to != nil && j.to.ctx.Err() != nil && (r.verdict == wasNotBegun || r.verdict == wasUnknown)
}

// giveAgain hands what an orphaned job owed to whoever owns its device now.
func (x *exchange) giveAgain(j *job, owed []int32) {
	again := newJob(j.op, len(owed))
	again.second = true
	for _, ci := range owed {
		again.plugs = append(again.plugs, int(x.cords[ci].at.Plug))
		again.cords = append(again.cords, ci)
	}
	x.send(again)
}
