package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
)

// Acts beyond those of plans, between which a step goes back and forth.
const (
	actRead plan.Acts = 1 << 6 // the cords are read, after an interruption
	actLook plan.Acts = 1 << 7 // a second witness is heard
)

// startUp begins an attempt to bring a node up.
func (d *drive) startUp(i int32) {
	s, acts := &d.steps[i], d.plan.Steps[i].Acts
	switch {
	case acts.Has(plan.CordsOn) && s.resumed:
		s.act = actRead
		d.reads = append(d.reads, i)
	case acts.Has(plan.CordsOn):
		s.act = plan.CordsOn
		d.power[0] = append(d.power[0], i)
	default:
		s.resumed = false
		d.startControls(i)
	}
}

func (d *drive) handleUp(i int32, l *letter) {
	s := &d.steps[i]
	switch {
	case s.act == actRead:
		d.readUp(i, &l.result)
	case s.act == plan.CordsOn:
		d.powered(i, &l.result)
	case s.act == actLook && l.evidence.Testimony == Disagrees:
		d.dispute(i, l)
	case s.act == actLook:
		d.startControls(i)
	case l.err != nil:
		d.attemptFailed(i, failed, l.err.Error())
	case s.act == plan.ControlsOn:
		d.startChecks(i)
	default:
		d.good(i)
	}
}

// readUp goes on with a step that was cut off in the act: what is on already stays.
func (d *drive) readUp(i int32, res *fleet.Result) {
	s := &d.steps[i]
	s.resumed = false
	if s.power = res.State; res.State == room.StateOn {
		d.powered(i, &fleet.Result{Node: res.Node, Outcome: fleet.OK, State: res.State})
		return
	}
	s.act, s.started = plan.CordsOn, false
	d.power[0] = append(d.power[0], i)
}

// powered takes in that a node's cords were switched on, or not.
func (d *drive) powered(i int32, res *fleet.Result) {
	s, node := &d.steps[i], d.plan.Steps[i].Node
	if res.Outcome != fleet.NotBegun {
		s.power = res.State
	}
	d.standPlugs(i, res)
	some := res.State == room.StateDegraded && plan.Enough(d.room.Conduct(node), len(d.room.Nodes[node].Cords))
	switch {
	case res.Outcome == fleet.OK, res.Outcome == fleet.Unverified, some:
		s.soft = res.Outcome == fleet.Unverified
		if some {
			s.said = "but not through all its cords"
		}
		s.powered = time.Now()
		d.throughCords(i)
		if d.runner.opts.Witness != nil && d.room.Conduct(node).Witness > 0 {
			s.act = actLook
			d.looks[0] = append(d.looks[0], i)
			return
		}
		d.startControls(i)
	case res.Outcome == fleet.NotBegun:
		d.attemptFailed(i, notBegun, wordsOf(res))
	case res.Outcome == fleet.Failed:
		d.attemptFailed(i, failed, wordsOf(res))
	default:
		d.attemptFailed(i, unknown, wordsOf(res))
	}
}

// startControls has a node's controls start what they start, one after the other. Those
// that were through with it before an interruption are not asked again.
func (d *drive) startControls(i int32) {
	p := &d.plan.Steps[i]
	if !p.Acts.Has(plan.ControlsOn) || d.runner.opts.Controls == nil || d.steps[i].started {
		d.startChecks(i)
		return
	}
	c := d.runner.opts.Controls
	r, node := d.nowOf(p.Node)
	if r != d.room && len(r.Nodes[node].Controls) == 0 { // it has none any more
		d.startChecks(i)
		return
	}
	d.enterPhase(i, plan.ControlsOn)
	d.effect(i, plan.ControlsOn, func(ctx context.Context) letter {
		for _, id := range r.Nodes[node].Controls {
			if !c.Can(r, id).On {
				continue
			}
			if err := c.On(ctx, r, node, id); err != nil {
				return letter{kind: letterSaid, err: fmt.Errorf("control %s: %w", r.Controls[id].Name, err)}
			}
		}
		return letter{kind: letterSaid}
	})
}

// startChecks waits for a node's checks to say that it has come up.
func (d *drive) startChecks(i int32) {
	s, p := &d.steps[i], &d.plan.Steps[i]
	if !p.Acts.Has(plan.Checks) || d.runner.opts.Checks == nil {
		d.good(i)
		return
	}
	r, node := d.nowOf(p.Node)
	var checks []room.CheckID
	for _, id := range r.Nodes[node].Checks {
		if r.Checks[id].Starting {
			checks = append(checks, id)
		}
	}
	if len(checks) == 0 { // it has none any more
		d.good(i)
		return
	}
	d.enterPhase(i, plan.Checks)
	from := s.powered
	if from.IsZero() {
		from = time.Now()
	}
	c, until, now := d.runner.opts.Checks, from.Add(d.room.Conduct(p.Node).StartWithin), time.Now()
	d.effect(i, plan.Checks, func(ctx context.Context) letter {
		late := time.Since(now) // that the run stood still because the disk was full is not the node's fault
		results, err := c.Settle(ctx, r, node, checks, until.Add(late))
		if err == nil {
			err = verdict(results)
		}
		return letter{kind: letterSaid, err: err}
	})
}

// verdict says what is wrong by a node's checks.
func verdict(results []CheckResult) error {
	var wrong []string
	for _, res := range results {
		if !res.OK {
			wrong = append(wrong, strings.TrimSuffix("check "+res.Check+": "+res.Said, ": "))
		}
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}

// enterPhase says that a step has come to another of its acts.
func (d *drive) enterPhase(i int32, act plan.Acts) {
	d.steps[i].act = act
	d.tell(Update{Kind: Phase, Op: d.op(i), Act: act.String()}, []int32{i})
}

// op gives the operation that a step's way is known by.
func (d *drive) op(i int32) string { return d.plan.Steps[i].Do.Op().String() }

// effect has something done when what was told so far is on the disk. What it gives is a
// letter to the driver.
func (d *drive) effect(i int32, act plan.Acts, do func(context.Context) letter) {
	d.effects = append(d.effects, effect{i, func(ctx context.Context) {
		l := letter{kind: letterSaid, err: errNotBegun}
		if d.mayAct() {
			l = do(ctx)
		}
		l.step, l.act = i, act
		d.run.box.post(l)
	}})
}

var errNotBegun = errors.New("it was stopped before")

// moved gives the state of what is on its way.
func moved(do plan.Goal) standing.State {
	if do == plan.Up {
		return standing.SwitchingOn
	}
	return standing.SwitchingOff
}
