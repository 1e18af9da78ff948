package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
)

// startDown begins an attempt to take a node down.
func (d *drive) startDown(i int32) {
	s, acts := &d.steps[i], d.plan.Steps[i].Acts
	switch {
	case acts.Has(plan.CordsOff) && s.resumed:
		s.act = actRead
		d.reads = append(d.reads, i)
	case acts.Has(plan.ControlsOff) && d.runner.opts.Controls != nil && !s.cut:
		d.askControls(i)
	default:
		d.cutCords(i)
	}
}

func (d *drive) handleDown(i int32, l *letter) {
	s := &d.steps[i]
	switch {
	case s.act == actRead:
		s.power = l.result.State
		if l.result.State == room.StateOff {
			d.unpowered(i, &fleet.Result{Node: l.result.Node, Outcome: fleet.OK, State: room.StateOff})
			return
		}
		if d.plan.Steps[i].Acts.Has(plan.ControlsOff) && d.runner.opts.Controls != nil && !s.cut {
			d.askControls(i)
			return
		}
		d.cutCords(i)
	case l.kind == letterAnswer:
		d.answered(i, l)
	case s.act == plan.ControlsOff && l.kind == letterHalted:
		d.halted(i, l.said)
	case s.act == plan.ControlsOff && l.err != nil:
		d.controlsFailed(i, l.err)
	case s.act == plan.ControlsOff:
		d.awaitHalt(i)
	case s.act == plan.Halt && l.err == nil:
		d.halted(i, l.said)
	case s.act == plan.Halt:
		d.overdue(i, l.err)
	case s.act == plan.CordsOff:
		d.unpowered(i, &l.result)
	case s.act == actLook && l.evidence.Testimony == Disagrees:
		d.dispute(i, l)
	default:
		d.good(i)
	}
}

// askControls has all controls of a node shut it down, at the same time. One that was
// asked before may have halted since.
func (d *drive) askControls(i int32) {
	s, p := &d.steps[i], &d.plan.Steps[i]
	before := s.attempts > 0 || s.resumed
	s.resumed = false
	r, node := d.nowOf(p.Node)
	if r != d.room && !d.canOff(r, node) { // it has none any more
		d.cutCords(i)
		return
	}
	d.enterPhase(i, plan.ControlsOff)
	d.effect(i, plan.ControlsOff, func(ctx context.Context) letter {
		if before {
			if said, proved := d.proof(ctx, r, node); proved {
				return letter{kind: letterHalted, said: said}
			}
		}
		return letter{kind: letterSaid, err: d.allOff(ctx, r, node)}
	})
}

// canOff says whether a node has a control that can shut it down.
func (d *drive) canOff(r *room.Room, node room.NodeID) bool {
	return slices.ContainsFunc(r.Nodes[node].Controls, func(id room.ControlID) bool { return d.runner.opts.Controls.Can(r, id).Off })
}

// allOff asks all controls that can.
func (d *drive) allOff(ctx context.Context, r *room.Room, node room.NodeID) error {
	c := d.runner.opts.Controls
	ids := r.Nodes[node].Controls
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for n, id := range ids {
		if c.Can(r, id).Off {
			wg.Go(func() {
				if err := c.Off(ctx, r, node, id); err != nil {
					errs[n] = fmt.Errorf("control %s: %w", r.Controls[id].Name, err)
				}
			})
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// proof looks for a positive proof that a node has halted. Not to know is none.
func (d *drive) proof(ctx context.Context, r *room.Room, node room.NodeID) (said string, proved bool) {
	c := d.runner.opts.Controls
	statuses, off := 0, 0
	for _, id := range r.Nodes[node].Controls {
		if !c.Can(r, id).Status {
			continue
		}
		statuses++
		if state, err := c.Status(ctx, r, node, id); err == nil && state == room.StateOff {
			off++
		}
	}
	if statuses > 0 && off == statuses {
		return "its controls say that it is down", true
	}
	if w := d.runner.opts.Witness; w != nil {
		if proved, said := w.Halted(ctx, r, node); proved {
			return said, true
		}
	}
	return "", false
}

// awaitHalt waits for that proof until the grace time is over.
func (d *drive) awaitHalt(i int32) {
	node := d.plan.Steps[i].Node
	d.enterPhase(i, plan.Halt)
	grace := d.room.Conduct(node).Grace
	r, at := d.nowOf(node)
	if r != d.room && !d.canOff(r, at) { // the controls that were asked know best
		r, at = d.room, node
	}
	d.effect(i, plan.Halt, func(ctx context.Context) letter {
		ctx, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		for wait := 250 * time.Millisecond; ; wait = min(wait*3/2, 5*time.Second) {
			if said, proved := d.proof(ctx, r, at); proved {
				return letter{kind: letterHalted, said: said}
			}
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return letter{kind: letterHalted, err: fmt.Errorf("it has not halted within %v, as far as anything can tell", grace)}
			}
		}
	})
}

// halted goes on with the cords.
func (d *drive) halted(i int32, said string) {
	d.tell(Update{Kind: Phase, Op: d.op(i), Act: "halted", Said: said}, []int32{i})
	d.cutCords(i)
}

// controlsFailed counts a failure to ask. When no attempt is left, it is as if the grace
// time were over.
func (d *drive) controlsFailed(i int32, err error) {
	if d.lastAttempt(i) && d.stopping() == nil && d.afterGrace(i) != room.Hold {
		d.overdue(i, err)
		return
	}
	d.attemptFailed(i, failed, err.Error())
}

// afterGrace says what is to be done with a node that has not halted. A restart cuts
// nobody off.
func (d *drive) afterGrace(i int32) room.AfterGrace {
	p := &d.plan.Steps[i]
	what := d.room.Conduct(p.Node).AfterGrace
	switch {
	case !p.Acts.Has(plan.CordsOff):
		return room.Hold
	case what == room.Cut && d.plan.Goal == plan.Restart, what == room.Ask && d.runner.opts.Ask == nil, what == "":
		return room.Hold
	}
	return what
}

// overdue does what is to be done when a node has not halted in time.
func (d *drive) overdue(i int32, why error) {
	s := &d.steps[i]
	what := d.afterGrace(i)
	switch {
	case d.stopping() != nil || what == room.Hold:
		d.attemptFailed(i, failed, why.Error()+"; its power stays on")
	case what == room.Cut:
		s.cut = true
		d.tell(Update{Kind: Phase, Op: d.op(i), Act: "cut", Said: why.Error() + "; its power is cut"}, []int32{i})
		d.cutCords(i)
	default:
		s.act, s.asked = plan.Halt, true
		q := Question{Run: d.run.id, Node: d.names[i], Said: why.Error()}
		d.tell(Update{Kind: Asking, Op: d.op(i), Said: q.Said + "; people are asked whether its power shall be cut"}, []int32{i})
		d.effect(i, plan.Halt, func(ctx context.Context) letter {
			answer, err := d.runner.opts.Ask(ctx, q)
			return letter{kind: letterAnswer, answer: answer, err: err, said: why.Error()}
		})
	}
}

// answered does what somebody has said.
func (d *drive) answered(i int32, l *letter) {
	s := &d.steps[i]
	switch {
	case l.err != nil:
		d.attemptFailed(i, failed, l.said+"; its power stays on, since nobody has decided: "+l.err.Error())
	case l.answer == CutIt:
		s.cut = true
		d.tell(Update{Kind: Phase, Op: d.op(i), Act: "cut", Said: "somebody has said so"}, []int32{i})
		d.cutCords(i)
	case l.answer == WaitOn:
		d.awaitHalt(i)
	default:
		d.steps[i].attempts = max(d.steps[i].attempts, int32(d.room.Conduct(d.plan.Steps[i].Node).StopAttempts)-1)
		d.attemptFailed(i, failed, l.said+"; its power stays on, as somebody has said")
	}
}

// cutCords switches a node's cords off.
func (d *drive) cutCords(i int32) {
	if !d.plan.Steps[i].Acts.Has(plan.CordsOff) {
		d.good(i)
		return
	}
	d.steps[i].act = plan.CordsOff
	d.power[1] = append(d.power[1], i)
}

// unpowered takes in that a node's cords were switched off, or not.
func (d *drive) unpowered(i int32, res *fleet.Result) {
	s, node := &d.steps[i], d.plan.Steps[i].Node
	s.resumed = false
	if res.Outcome != fleet.NotBegun {
		s.power = res.State
	}
	d.standPlugs(i, res)
	switch res.Outcome {
	case fleet.OK, fleet.Unverified:
		s.soft, s.power = res.Outcome == fleet.Unverified, room.StateOff
		d.throughCords(i)
		if d.runner.opts.Witness != nil && d.room.Conduct(node).Witness > 0 {
			s.act = actLook
			d.looks[1] = append(d.looks[1], i)
			return
		}
		d.good(i)
	case fleet.NotBegun:
		d.attemptFailed(i, notBegun, wordsOf(res))
	case fleet.Failed:
		d.attemptFailed(i, failed, wordsOf(res))
	default:
		d.attemptFailed(i, unknown, wordsOf(res))
	}
}
