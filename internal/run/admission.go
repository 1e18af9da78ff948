package run

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
)

// ask has a step that is counted as busy begin, or wait for the room's limits.
func (d *drive) ask(i int32) {
	d.steps[i].phase = gated
	if t := plan.TicketOf(d.plan, i, d); d.gate.Ask(t, d.clock()) {
		d.enter(i)
	}
}

// enter begins an attempt of a step that the gate has let in.
func (d *drive) enter(i int32) {
	s, p := &d.steps[i], &d.plan.Steps[i]
	s.phase, s.inside, s.switched = moving, true, false
	d.at[p.Node] = i
	if !s.begun {
		s.begun, s.began = true, time.Now()
		s.attempts = d.before(i)
		d.began[b2i(p.Do == plan.Down)] = append(d.began[b2i(p.Do == plan.Down)], i)
	} else { // each attempt is on the disk before it touches anything
		key := revival{s.resumed, s.attempts + 1, p.Do}
		d.revived[key] = append(d.revived[key], i)
	}
	d.stand(i, moved(p.Do), "")
	s.act = 0
	d.entered = append(d.entered, i)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// revival is what steps have in common that begin another attempt in the same turn.
type revival struct {
	resumed bool
	attempt int32
	do      plan.Goal
}

// flushRevived tells of the steps that are tried again, or go on after a restart.
func (d *drive) flushRevived() {
	keys := slices.Collect(maps.Keys(d.revived))
	sort.Slice(keys, func(i, j int) bool {
		x, y := keys[i], keys[j]
		return cmp.Or(b2i(y.resumed)-b2i(x.resumed), int(x.attempt-y.attempt), int(x.do)-int(y.do)) < 0
	})
	for _, key := range keys {
		u := Update{Kind: Phase, Op: key.do.Op().String(), Act: "attempt " + strconv.Itoa(int(key.attempt)), Attempt: int(key.attempt)}
		if key.resumed {
			u.Act = "goes on"
		}
		d.tell(u, d.revived[key])
	}
	clear(d.revived)
}

// admitted takes in that the gate lets steps begin, of this run or of others.
func (d *drive) admitted(list []plan.Ticket) {
	for _, t := range list {
		if owner, ok := t.Owner.(*drive); ok && owner == d {
			d.admit(t)
		} else if ok && !owner.run.box.post(letter{kind: letterAdmitted, ticket: t}) {
			d.refund(t)
		}
	}
}

// refund gives a ticket back that nobody will use.
func (d *drive) refund(t plan.Ticket) {
	d.admitted(d.gate.Switched(t, d.clock()))
	d.admitted(d.gate.Ended(t, !t.On, d.clock()))
}

// shut ends the run's business with the gate.
func (d *drive) shut() {
	d.gate.Withdraw(d)
	for _, l := range d.run.box.close() {
		if l.kind == letterAdmitted {
			d.refund(l.ticket)
		}
	}
}

// admit begins a step that waited at the gate, unless nothing is to begin any more.
func (d *drive) admit(t plan.Ticket) {
	s := &d.steps[t.Step]
	switch {
	case s.phase == gated && !d.paused && d.stopping() == nil:
		d.enter(t.Step)
	default:
		d.admitted(d.gate.Switched(t, d.clock()))
		d.admitted(d.gate.Ended(t, d.draws(t.Step), d.clock()))
		if s.phase == gated {
			d.putBack(t.Step)
		}
	}
}

// putBack takes a step out that waits at the gate, to be considered later.
func (d *drive) putBack(i int32) {
	s := &d.steps[i]
	s.phase = idle
	if s.begun { // it waits for another attempt
		d.again = append(d.again, i)
		s.phase = retrying
		return
	}
	d.busy--
	d.ready = append(d.ready, i)
}

// leave tells the gate that an attempt is over.
func (d *drive) leave(i int32) {
	s := &d.steps[i]
	if !s.inside {
		return
	}
	s.inside = false
	t := plan.TicketOf(d.plan, i, d)
	d.throughCords(i)
	d.admitted(d.gate.Ended(t, d.draws(i), d.clock()))
}

// draws says whether a step's node draws power, as far as is known.
func (d *drive) draws(i int32) bool {
	s, p := &d.steps[i], &d.plan.Steps[i]
	switch s.power {
	case room.StateOff:
		return false
	case room.StateOn, room.StateDegraded:
		return true
	case room.StateUnknown:
	}
	return p.State != room.StateOff || s.attempts > 0
}

// throughCords tells the gate that a step's cords are done with.
func (d *drive) throughCords(i int32) {
	if s := &d.steps[i]; !s.switched {
		s.switched = true
		d.admitted(d.gate.Switched(plan.TicketOf(d.plan, i, d), d.clock()))
	}
}
