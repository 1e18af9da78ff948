package httpdoor

import (
	"context"
	"net/http"
	"strconv"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/run"
)

type planInput struct{ Body wire.Order }

type planOutput struct{ Body wire.Planned }

type orderInput struct {
	// Key names a request that shall be carried out once.
	Key  string `header:"Idempotency-Key" doc:"Any text of yours that names this wish. The same wish with the same key within 24 hours is carried out once, and every time gets the answer to that once, also after the daemon has been restarted; another wish with the same key is refused with 422." maxLength:"255" example:"5b1c9c0e-nightly"`
	Body wire.Order
}

type orderOutput struct {
	Location string `header:"Location" doc:"Where the run is."`
	Replayed string `header:"Idempotent-Replayed" doc:"true when the run had been begun before, by a request with the same key."`
	Body     wire.Planned
}

type runsOutput struct{ Body wire.Runs }

type runInput struct {
	ID string `path:"id" doc:"The run's id." maxLength:"128"`
}

type runOutput struct{ Body wire.Run }

type reportOutput struct{ Body wire.RunReport }

type updatesInput struct {
	ID    string `path:"id" doc:"The run's id." maxLength:"128"`
	Last  string `header:"Last-Event-ID" doc:"Go on behind this update." maxLength:"32"`
	After int    `query:"after" doc:"As Last-Event-ID, for the first time." minimum:"0"`
}

func (d *Door) registerPlans() {
	register(d, route{
		method: http.MethodPost, path: "/v1/plans", id: "make-plan", tag: tagRuns, errors: []int{404, 409},
		summary: "Show what a run would do", doc: "Reads how it stands with the nodes and works out the steps from there to the goal. Nothing is changed.",
	}, func(ctx context.Context, in *planInput) (*planOutput, error) {
		p, err := d.opts.Desk.Plan(ctx, orderOf(ctx, in.Body))
		if err != nil {
			return nil, err
		}
		return &planOutput{d.planned(ctx, "", p)}, nil
	})
}

func (d *Door) registerRuns() {
	register(d, route{
		method: http.MethodPost, path: "/v1/runs", id: "start-run", tag: tagRuns, status: http.StatusAccepted, errors: []int{404, 409, 422},
		summary: "Bring nodes up or down, in order",
		doc:     "Makes a plan and begins to carry it out. The run belongs to the daemon: it goes on whether or not anybody follows it, and only a cancel stops it.",
	}, d.startRun)
	register(d, route{
		method: http.MethodGet, path: "/v1/runs", id: "list-runs", tag: tagRuns,
		summary: "List runs", doc: "Those under way, and the last ones that have ended, the newest first.",
	}, d.listRuns)
	register(d, route{
		method: http.MethodGet, path: "/v1/runs/{id}", id: "get-run", tag: tagRuns, errors: []int{404},
		summary: "Show one run", doc: "How far it is and, when it has ended, what became of the nodes.",
	}, func(ctx context.Context, in *runInput) (*runOutput, error) {
		info, err := d.opts.Desk.GetRun(actorOf(ctx), in.ID)
		return &runOutput{info}, err
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/runs/{id}/updates", id: "follow-run", tag: tagRuns, errors: []int{404, 503},
		summary: "Follow a run",
		doc:     "A stream of server-sent events: `update` for each thing that the run tells, with its number as id, until the run ends. Whoever comes back with Last-Event-ID goes on there; when there will be nothing more the answer is 204, and an EventSource stops asking.",
		answers: map[int]map[string]any{200: {wire.SSE: wire.Update{}}, 204: nil},
	}, func(_ context.Context, in *updatesInput) (*raw, error) {
		return written(func(w http.ResponseWriter, r *http.Request) { d.followRun(w, r, in) }), nil
	})
	register(d, route{
		method: http.MethodPost, path: "/v1/runs/{id}/cancel", id: "cancel-run", tag: tagRuns, errors: []int{404, 409},
		summary: "Stop a run", doc: "No further node is begun; what devices are doing is brought to its end. The run's last update says what was done. A run that has ended is refused.",
	}, func(ctx context.Context, in *runInput) (*nothingOutput, error) {
		return &nothingOutput{}, d.opts.Desk.CancelRun(actorOf(ctx), in.ID)
	})
}

func (d *Door) registerRunControl() {
	register(d, route{
		method: http.MethodPost, path: "/v1/runs/{id}/pause", id: "pause-run", tag: tagRuns, errors: []int{404, 409},
		summary: "Pause a run", doc: "Nothing new is begun until it is resumed; what devices are doing is brought to its end. It stays paused over a restart of the daemon.",
	}, func(ctx context.Context, in *runInput) (*nothingOutput, error) {
		return &nothingOutput{}, d.opts.Desk.PauseRun(actorOf(ctx), in.ID)
	})
	register(d, route{
		method: http.MethodPost, path: "/v1/runs/{id}/resume", id: "resume-run", tag: tagRuns, errors: []int{404, 409},
		summary: "Resume a run", doc: "Has a paused run go on.",
	}, func(ctx context.Context, in *runInput) (*nothingOutput, error) {
		return &nothingOutput{}, d.opts.Desk.ResumeRun(actorOf(ctx), in.ID)
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/runs/{id}/report", id: "report-run", tag: tagRuns, errors: []int{404},
		summary: "Report on a run", doc: "All that the run has told so far, in one document: each step with its times, attempts, evidence and outcome.",
	}, func(ctx context.Context, in *runInput) (*reportOutput, error) {
		by := actorOf(ctx)
		info, err := d.opts.Desk.GetRun(by, in.ID)
		if err != nil {
			return nil, err
		}
		updates, _, _, err := d.opts.Desk.RunSince(by, in.ID, 0)
		if err != nil {
			return nil, err
		}
		return &reportOutput{wire.RunReport{Run: info, Updates: append([]wire.Update{}, updates...)}}, nil
	})
}

// orderOf reads a wish; its goal has been looked at.
func orderOf(ctx context.Context, ask wire.Order) desk.Order {
	o := desk.Order{
		Actor: actorOf(ctx), Targets: ask.Targets, Consent: desk.Consent(ask.Consent),
		Dependents: ask.Dependents, Dependencies: ask.Dependencies, Only: ask.Only, Force: ask.Force, Shown: ask.Shown,
	}
	o.Goal, _ = plan.ParseGoal(ask.Goal)
	if ask.Conflict != "refuse" {
		o.Conflict = run.Conflict(ask.Conflict)
	}
	return o
}

// planned shows a plan as far as it may be seen.
func (d *Door) planned(ctx context.Context, id string, p desk.Planned) wire.Planned {
	digest := p.Digest()
	p = d.viewOf(ctx).Plan(p)
	return wire.Planned{Run: id, Digest: digest, Text: p.Plan.Text(p.Room), Plan: p.Plan.View(p.Room)}
}

func (d *Door) startRun(ctx context.Context, in *orderInput) (*orderOutput, error) {
	o := orderOf(ctx, in.Body)
	if in.Key != "" {
		turn, err := d.turn(ctx, o.Actor, in.Key, "run", in.Body)
		if err != nil {
			return nil, err
		}
		defer turn.leave()
		if turn.before != nil {
			return begunBefore(turn.before), nil
		}
		o.ID, o.Mark = turn.id, turn.mark
	}
	p, err := d.opts.Desk.Plan(ctx, o)
	if err != nil {
		return nil, err
	}
	id, err := d.opts.Desk.Submit(ctx, o, p)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil && in.Key == "" { // nobody has heard of the run, nor can ask for it
		_ = d.opts.Desk.CancelRun(o.Actor, id)
		return nil, err
	}
	return &orderOutput{Location: "/v1/runs/" + id, Body: d.planned(ctx, id, p)}, nil
}

// begunBefore answers with a run that was begun before; its plan is not kept.
func begunBefore(intent *event.Event) *orderOutput {
	return &orderOutput{Location: "/v1/runs/" + intent.Request, Replayed: "true", Body: wire.Planned{
		Run: intent.Request, Text: intent.Detail,
		Plan: plan.View{
			Goal: intent.Op, Summary: intent.Detail, Asked: intent.Targets,
			Steps: []plan.StepView{}, Skipped: []plan.SkipView{}, Blocked: []plan.BlockView{}, Over: []plan.BlockView{},
		},
	}}
}

func (d *Door) listRuns(ctx context.Context, _ *struct{}) (*runsOutput, error) {
	list, err := d.opts.Desk.ListRuns(actorOf(ctx))
	return &runsOutput{wire.Runs{Items: append([]wire.Run{}, list...)}}, err
}

func (d *Door) followRun(w http.ResponseWriter, r *http.Request, in *updatesInput) {
	info, err := d.opts.Desk.GetRun(actorOf(r.Context()), in.ID)
	if err != nil {
		refuse(w, err)
		return
	}
	after := in.After
	if n, err := strconv.Atoi(in.Last); err == nil && n >= 0 {
		after = n
	} else if in.Last != "" {
		refuse(w, invalid("Last-Event-ID is not the number of an update"))
		return
	}
	if info.State.Final() && after >= info.Updates {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s, err := d.openSSE(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	defer s.close()
	s.updates(r.Context(), in.ID, after)
}

// updates passes on what a run tells, until it ends or may no longer be seen.
func (s *sse) updates(ctx context.Context, id string, after int) {
	at := func() string { return strconv.Itoa(after) }
	s.pace = runPace
	for {
		list, over, more, err := s.d.opts.Desk.RunSince(actorOf(ctx), id, after)
		if err != nil {
			s.problem(err)
			return
		}
		for i := range list {
			data, err := sseFrame("update", strconv.Itoa(list[i].N), &list[i])
			if err != nil {
				s.problem(err)
				return
			}
			s.put(data)
			after = list[i].N
		}
		if over || s.wait(ctx, more, at) != nil {
			return
		}
	}
}
