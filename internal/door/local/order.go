package local

import (
	"net/http"
	"strconv"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/local/wire"
	"millwright.dev/millwright/internal/plan"
)

// plan answers POST /v0/plan: what an order would do.
func (d *Door) plan(w http.ResponseWriter, r *http.Request) {
	_, p, err := d.planned(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, wire.Planned{Text: p.Plan.Text(p.Room), Plan: p.Plan.View(p.Room)})
}

// order answers POST /v0/order: it makes a plan and carries it out.
func (d *Door) order(w http.ResponseWriter, r *http.Request) {
	o, p, err := d.planned(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	id, err := d.opts.Desk.Submit(r.Context(), o, p)
	if err != nil {
		refuse(w, err)
		return
	}
	if err := r.Context().Err(); err != nil { // nobody has heard of the run
		_ = d.opts.Desk.CancelRun(o.Actor, id)
		return
	}
	answer(w, wire.Planned{Run: id, Text: p.Plan.Text(p.Room), Plan: p.Plan.View(p.Room)})
}

func (d *Door) planned(w http.ResponseWriter, r *http.Request) (desk.Order, desk.Planned, error) {
	var ask wire.Order
	if err := read(w, r, &ask); err != nil {
		return desk.Order{}, desk.Planned{}, err
	}
	o := desk.Order{Actor: actorOf(r.Context()), Targets: ask.Targets, Consent: desk.Consent(ask.Consent)}
	switch ask.Goal {
	case plan.Up.String():
		o.Goal = plan.Up
	case plan.Down.String():
		o.Goal = plan.Down
	default:
		return o, desk.Planned{}, invalid("there is no goal \"" + shorten(ask.Goal) + "\"; it is up or down")
	}
	p, err := d.opts.Desk.Plan(r.Context(), o)
	return o, p, err
}

// runs answers GET /v0/runs, the newest first.
func (d *Door) runs(w http.ResponseWriter, r *http.Request) {
	list, err := d.opts.Desk.ListRuns(actorOf(r.Context()))
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, list)
}

// run answers GET /v0/runs/{id}.
func (d *Door) run(w http.ResponseWriter, r *http.Request) {
	info, err := d.opts.Desk.GetRun(actorOf(r.Context()), r.PathValue("id"))
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, info)
}

// updates answers GET /v0/runs/{id}/updates: what a run tells after the n-th
// update (after=n), until it ends.
func (d *Door) updates(w http.ResponseWriter, r *http.Request) {
	after := 0
	if text := r.URL.Query().Get("after"); text != "" {
		var err error
		if after, err = strconv.Atoi(text); err != nil || after < 0 {
			refuse(w, invalid("after is not the number of an update"))
			return
		}
	}
	s := newFollow(w)
	defer s.end()
	for u, err := range d.opts.Desk.FollowRun(r.Context(), actorOf(r.Context()), r.PathValue("id"), after) {
		if err != nil {
			s.fail(err, wire.Failed{Problem: problemOf(err)})
			return
		}
		if s.line(u) != nil {
			return
		}
	}
}

// cancelRun answers POST /v0/runs/{id}/cancel.
func (d *Door) cancelRun(w http.ResponseWriter, r *http.Request) {
	if err := d.opts.Desk.CancelRun(actorOf(r.Context()), r.PathValue("id")); err != nil {
		refuse(w, err)
		return
	}
	answer(w, struct{}{})
}
