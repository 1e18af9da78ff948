package run

import (
	"strings"

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
