package run

import (
	"slices"
	"strings"

	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/store"
)

// queue has a run wait for others.
func (d *drive) queue(behind []string) {
	d.queued = behind
	d.run.change(func(info *Info) {
		info.State, info.Behind = Queued, behind
		d.run.waits = true
	})
	d.tell(Update{Kind: Waits, By: "run " + strings.Join(behind, " and run ")}, nil)
}

// dequeue begins a run that waited, if those that it waited for have ended. Much may
// have changed since it was planned, so it is planned anew.
func (d *drive) dequeue() {
	if d.stopping() != nil {
		return
	}
	if replan := d.runner.opts.Replan; replan != nil {
		it := d.run
		order := d.plan.Order
		order.Targets = d.plan.Asked
		r, p, err := replan(it.ctx, it.info(), order)
		if err == nil {
			if err = d.mayBe(r, p); err != nil {
				it.cancel(&stopped{Failed, "it was planned anew when it had waited, and cannot be carried out: " + err.Error()})
				return
			}
		}
		if err != nil {
			d.runner.opts.Log.Warn("a run that waited could not be planned anew; the old plan is carried out", "run", it.id, "why", err)
		} else {
			d.runner.release(it)
			s := it.sub
			s.Room, s.Plan = r, p
			it.adopt(s)
			d.adopt()
			if !d.claim() {
				return
			}
		}
		d.keepPlan()
	}
	d.queued = nil
	d.tell(Update{Kind: Begins}, nil)
	d.tellPlanned()
}

// mayBe says whether who asked for the run may have a new plan carried out.
func (d *drive) mayBe(r *room.Room, p plan.Plan) error {
	it := d.run
	if it.sub.May != nil {
		return it.sub.May(r, p)
	}
	if u := d.runner.opts.Unbounded; !it.revived || u != nil && u(it.info()) {
		return nil
	}
	known := make(map[string]bool)
	if names, err := anyLength.Parse(it.concerned); err == nil {
		for name := range names.All() {
			known[name] = true
		}
	}
	more := slices.DeleteFunc(p.Names(r), func(name string) bool { return known[name] })
	if len(more) == 0 {
		return nil
	}
	return &room.Error{
		Code: room.CodeRefused, Op: it.sub.Op, Subject: it.info().Asked,
		Said: "it would switch other nodes too by now, and since the daemon was away it is not known whether who asked may do so: ask again",
	}
}

// keepPlan puts the new plan on the disk; the run must not begin otherwise.
func (d *drive) keepPlan() {
	if d.runner.opts.Store == nil {
		return
	}
	data, concerned := d.run.sub.Plan.Encode(d.room), d.run.concerned
	d.write(func(tx *store.Tx) error { return tx.PlanRun(d.run.id, d.epoch, concerned, data) })
}

// claim takes the nodes of the new plan, or has the run wait on.
func (d *drive) claim() bool {
	r, it := d.runner, d.run
	r.mu.Lock()
	defer r.mu.Unlock()
	taken, behind := r.claims.inTheWay(it)
	if len(taken) == 0 {
		r.claims.take(it)
		return true
	}
	it.claimed = false
	d.queued = behind
	it.change(func(info *Info) { info.Behind = behind })
	return false
}
