package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/standing"
)

// Order is a wish that takes steps in an order.
type Order struct {
	Actor   Actor
	Goal    plan.Goal
	Targets string // as typed; empty means every node

	// How far the plan reaches, as those of [plan.Order].
	Dependents, Dependencies, Only, Force bool
	// Conflict says what is done about other runs that are at work on the nodes.
	Conflict run.Conflict

	ID, Mark string // as those of [Request]
	// Shown is the digest of the plan that somebody has agreed to: another one is not
	// carried out. Empty takes any.
	Shown string

	Consent // for veto hooks
}

// Planned is the plan for an order, with the room it was made for.
type Planned struct {
	Room    *room.Room
	Targets room.Targets
	Plan    plan.Plan
}

// Digest tells plans apart that do something else, or in another order.
func (p Planned) Digest() string {
	h := sha256.New()
	for i := range p.Plan.Steps {
		s := &p.Plan.Steps[i]
		fmt.Fprintln(h, p.Room.Nodes[s.Node].Name, s.Do, s.Acts, s.After, s.Soft)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Plan reads how it stands with the nodes that an order concerns, and works out
// what would have to be done. Nothing is changed.
func (d *Desk) Plan(ctx context.Context, o Order) (Planned, error) {
	r := d.fleet.Room()
	rights := d.rights(r, o.Actor)
	if err := rights.NeedAny(auth.Operate, o.Goal.String()); err != nil {
		return Planned{}, d.barred(o.Actor, o.Goal.String(), o.Targets, err)
	}
	targets := room.Targets{Nodes: r.All()}
	if o.Targets != "" {
		var err error
		if targets, err = r.Resolve(o.Targets); err != nil {
			return Planned{}, d.refuseOrder(o, blind(rights, err))
		}
	}
	typed := o.Targets
	if typed == "" {
		typed = auth.All
	}
	if err := d.need(r, o.Actor, auth.Operate, o.Goal.String(), typed, targets.Nodes); err != nil {
		return Planned{}, err
	}
	wanted := plan.Order{
		Goal: o.Goal, Targets: targets.Nodes, Dependents: o.Dependents, Dependencies: o.Dependencies, Only: o.Only, Force: o.Force,
	}
	if wanted.Goal.Op() == 0 {
		return Planned{}, d.refuseOrder(o, &room.Error{Code: room.CodeInvalid, Op: "plan", Said: "no such goal"})
	}
	p, err := d.plan(ctx, r, wanted)
	if err != nil {
		return Planned{}, d.refuseOrder(o, err)
	}
	if err := d.mayCarryOut(o, r, p); err != nil {
		return Planned{}, err
	}
	return Planned{Room: r, Targets: targets, Plan: p}, nil
}

// plan reads the nodes that an order concerns, and works out the steps and how long they
// will take.
func (d *Desk) plan(ctx context.Context, r *room.Room, o plan.Order) (plan.Plan, error) {
	corded := slices.DeleteFunc(plan.Concerned(r, o), func(id room.NodeID) bool { return len(r.Nodes[id].Cords) == 0 })
	states := d.read(ctx, r, corded)
	if err := ctx.Err(); err != nil {
		return plan.Plan{}, &room.Error{Code: room.CodeTimeout, Op: o.Goal.String(), Said: "given up while reading the devices", Err: err}
	}
	state := func(id room.NodeID) room.State {
		if s, read := states[id]; read {
			return s
		}
		return d.state.Get(r, id).State
	}
	policy := d.policy(r)
	p, err := plan.Build(r, state, o, policy)
	if err != nil {
		return plan.Plan{}, err
	}
	p.Foresee(r, state, policy)
	return p, nil
}

// Replan makes the plan of a run anew that had to wait for others; see [run.Options].
func (d *Desk) Replan(ctx context.Context, _ run.Info, o plan.Order) (*room.Room, plan.Plan, error) {
	r := d.fleet.Room()
	p, err := d.plan(ctx, r, o)
	return r, p, err
}

// mayCarryOut holds that an order's actor may operate all that a plan switches:
// also what is dragged along because it needs, or is needed by, what was named.
func (d *Desk) mayCarryOut(o Order, r *room.Room, p plan.Plan) error {
	rights := d.rights(r, o.Actor)
	if err := rights.Need(auth.Operate, o.Goal.String(), "", slices.Concat(p.Asked, p.Switched())); err != nil {
		var why *auth.Missing
		if errors.As(err, &why) {
			err = &room.Error{Code: room.CodeRefused, Op: o.Goal.String(), Subject: o.Targets, Said: "it would switch other nodes too, since they depend on each other. " + why.Error(), Err: why}
		}
		return d.barred(o.Actor, o.Goal.String(), o.Targets, err)
	}
	return nil
}

// Submit carries out a plan as a run, and gives its id. The run goes on whether
// or not anybody follows it.
func (d *Desk) Submit(ctx context.Context, o Order, p Planned) (string, error) {
	if err := d.mayCarryOut(o, p.Room, p.Plan); err != nil {
		return "", err
	}
	if o.Shown != "" && o.Shown != p.Digest() {
		return "", d.refuseOrder(o, &room.Error{
			Code: room.CodeBusy, Op: o.Goal.String(), Subject: o.Targets, Said: "nothing was done, since the plan is no longer the one that was shown: something has changed meanwhile",
		})
	}
	if o.ID == "" {
		o.ID = d.newID()
	}
	note, err := d.veto(ctx, wish{
		id: o.ID, actor: o.Actor, op: o.Goal.Op(), order: o.Goal.String(), consent: o.Consent, room: p.Room, nodes: p.Plan.Switched(),
	})
	if err != nil {
		return "", d.refuseOrder(o, err)
	}
	id, err := d.runs.Submit(ctx, run.Submission{
		Room: p.Room, Plan: p.Plan, Actor: o.Actor.Name, Door: o.Actor.Door, Remote: o.Actor.Remote,
		ID: o.ID, Mark: o.Mark, Note: note, Conflict: o.Conflict,
		May: func(r *room.Room, p plan.Plan) error { return d.mayCarryOut(o, r, p) },
	})
	if err != nil {
		return "", d.refuseOrder(o, err)
	}
	return id, nil
}

// Running counts the runs under way; see [Desk.Room].
func (d *Desk) Running() int { return d.runs.Active() }

func (d *Desk) refuseOrder(o Order, why error) error {
	e := event.Event{Actor: o.Actor.Name, Door: o.Actor.Door, Remote: o.Actor.Remote, Op: o.Goal.String(), Request: o.ID}
	e.Targets, e.Detail = listed(o.Targets)
	d.turnedAway(e, why)
	return why
}

// policy says which nodes are not to be touched, how they stand, and what was recorded.
func (d *Desk) policy(r *room.Room) plan.Policy {
	held := d.state.Held()
	p := plan.Policy{
		Held: func(id room.NodeID) (plan.Hold, bool) {
			name := r.Nodes[id].Name
			if h, is := held[name]; is {
				return plan.Hold{Reason: h.String() + "; if you know how it stands: millwright clear " + name, Doubtful: true}, true
			}
			if d.standings != nil {
				if h, is := d.standings.Held(name); is {
					return plan.Hold{Reason: strings.TrimPrefix(h.String(), "held ")}, true // "is held: by root"
				}
			}
			return plan.Hold{}, false
		},
		Duration: func(id room.NodeID, do plan.Goal) (time.Duration, time.Duration, bool) {
			return d.runs.Duration(r, id, do)
		},
	}
	if d.controls != nil {
		p.Can = func(id room.ControlID) plan.Abilities { return d.controls.Can(r, id) }
	}
	if d.watts != nil {
		p.Watts = func(id room.NodeID) (float64, bool) { return d.watts(r, id) }
	}
	if d.standings != nil {
		p.Standing = func(id room.NodeID) standing.Standing { return d.standings.Node(r.Nodes[id].Name) }
	}
	return p
}

// read asks the devices for the states of nodes. What cannot be read is unknown.
func (d *Desk) read(ctx context.Context, r *room.Room, nodes []room.NodeID) map[room.NodeID]room.State {
	reader := &reader{states: make(map[room.NodeID]room.State, len(nodes))}
	readable := d.fleet.Able(r, room.Status, nodes)
	if len(readable) == 0 {
		return reader.states
	}
	if err := d.state.Do(ctx, fleet.Request{Room: r, Op: room.Status, Nodes: readable, Hasty: true}, reader); err != nil {
		d.log.Warn("cannot read the nodes' states before planning", "why", err)
	}
	return reader.states
}

// reader is a sink that keeps states.
type reader struct{ states map[room.NodeID]room.State }

func (r *reader) Result(res fleet.Result)        { r.states[res.Node] = res.State }
func (r *reader) Fault(*driver.Fault)            {}
func (r *reader) Diagnostic(room.NodeID, string) {}
func (r *reader) Trace(string, devspec.Trace)    {}
