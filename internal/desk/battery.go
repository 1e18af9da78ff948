package desk

import (
	"context"
	"slices"
	"sort"
	"strings"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/autopilot"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/ups"
)

// Foresee works out how long it takes to bring nodes to a goal, by what is believed and
// was recorded. No device is asked, and nothing is written down: it is for those within
// the daemon who ask again and again.
func (d *Desk) Foresee(r *room.Room, goal plan.Goal, nodes []room.NodeID) (*plan.Forecast, error) {
	policy := d.policy(r)
	state := func(id room.NodeID) room.State { return d.state.Get(r, id).State }
	p, err := plan.Build(r, state, plan.Order{Goal: goal, Targets: nodes}, policy)
	if err != nil {
		return nil, err
	}
	return p.Foresee(r, state, policy), nil
}

// UPSes tells how the room's UPSes stand. They are of the room as a whole.
func (d *Desk) UPSes(by Actor) ([]ups.Standing, error) {
	if err := d.needAll(by, auth.View, "list UPSes"); err != nil || d.upses == nil {
		return nil, err
	}
	return d.upses.List(), nil
}

// Battery tells how it stands with the stages that go down on battery.
func (d *Desk) Battery(by Actor) (autopilot.Status, error) {
	if err := d.needAll(by, auth.View, "show the battery"); err != nil || d.battery == nil {
		return autopilot.Status{}, err
	}
	return d.battery.Status(), nil
}

// RehearseBattery works out what would be done if the mains went now; see
// [autopilot.Battery.Rehearse].
func (d *Desk) RehearseBattery(by Actor, runtime time.Duration) (autopilot.Rehearsal, error) {
	switch err := d.needAll(by, auth.View, "battery test"); {
	case err != nil:
		return autopilot.Rehearsal{}, err
	case d.battery == nil:
		return autopilot.Rehearsal{}, noBattery("battery test")
	}
	return d.battery.Rehearse(runtime)
}

func noBattery(op string) error {
	return &room.Error{Code: room.CodeRefused, Op: op, Said: "this daemon does nothing on battery"}
}

// WishBattery has stages taken down or brought back by hand: all, if none is named. It
// takes the right to operate all nodes of these stages, and all that goes down with them.
// It gives the stages in the order in which they go.
func (d *Desk) WishBattery(ctx context.Context, by Actor, up bool, stages []string) ([]string, error) {
	goal := plan.Down
	if up {
		goal = plan.Up
	}
	op := "battery " + goal.String()
	if err := d.rights(d.fleet.Room(), by).NeedAny(auth.Operate, op); err != nil {
		return nil, d.barred(by, op, "", err)
	}
	if d.battery == nil {
		return nil, noBattery(op)
	}
	r := d.fleet.Room()
	for _, st := range d.battery.Status().Stages {
		if len(stages) > 0 && !slices.Contains(stages, st.Name) {
			continue
		}
		names := st.Nodes
		if up {
			names = st.Taken
		}
		var nodes []room.NodeID
		for _, name := range names {
			if id, found := r.Node(name); found {
				nodes = append(nodes, id)
			}
		}
		if len(nodes) == 0 {
			continue
		}
		o := Order{Actor: by, Goal: goal, Targets: r.Fold(nodes)}
		if err := d.mayDrag(o, r, nodes); err != nil {
			return nil, err
		}
	}
	return d.battery.Wish(ctx, up, stages, by.String())
}

// mayDrag holds that an order's actor may operate its nodes and all that goes with
// them, by what is believed of their states.
func (d *Desk) mayDrag(o Order, r *room.Room, nodes []room.NodeID) error {
	if err := d.need(r, o.Actor, auth.Operate, o.Goal.String(), o.Targets, nodes); err != nil {
		return err
	}
	p, err := plan.Build(r, func(id room.NodeID) room.State { return d.state.Get(r, id).State },
		plan.Order{Goal: o.Goal, Targets: nodes}, d.policy(r))
	if err != nil {
		return d.refuseOrder(o, err)
	}
	return d.mayCarryOut(o, r, p)
}

// Schedules tells how those schedules stand all of whose nodes may be seen.
func (d *Desk) Schedules(by Actor) ([]autopilot.Entry, error) { return d.schedules(by) }

func (d *Desk) schedules(by Actor) ([]autopilot.Entry, error) {
	v := d.View(by)
	if err := v.rights.NeedAny(auth.View, "list schedules"); err != nil {
		return nil, d.barred(by, "list schedules", "", err)
	}
	if d.timetable == nil {
		return nil, nil
	}
	return slices.DeleteFunc(d.timetable.List(), func(e autopilot.Entry) bool {
		if v.Everything() {
			return false
		}
		return e.Schedule.Nodes == nil || e.Room != v.Room || slices.ContainsFunc(e.Schedule.Nodes, func(id room.NodeID) bool { return !v.Sees(id) })
	}), nil
}

// schedule finds a schedule that may be seen.
func (d *Desk) schedule(by Actor, op, name string) (autopilot.Entry, error) {
	list, err := d.schedules(by)
	if err != nil {
		return autopilot.Entry{}, err
	}
	for _, e := range list {
		if e.Schedule.Name == name {
			return e, nil
		}
	}
	return autopilot.Entry{}, &room.Error{Code: room.CodeNotFound, Op: op, Subject: name, Said: "the room has no such schedule"}
}

// Firing is one time at which a schedule is due.
type Firing struct {
	Schedule autopilot.Entry
	At       time.Time
	Note     string
}

// PreviewSchedules gives the next times at which schedules are due, the soonest first:
// of one that is named, or of all that are enabled.
func (d *Desk) PreviewSchedules(by Actor, name string, n int) ([]Firing, error) {
	list, err := d.schedules(by)
	if name != "" && err == nil {
		var one autopilot.Entry
		one, err = d.schedule(by, "preview", name)
		list = []autopilot.Entry{one}
	}
	if err != nil {
		return nil, err
	}
	var all []Firing
	for _, e := range list {
		if name == "" && !e.Enabled {
			continue
		}
		firings, err := d.timetable.Preview(e.Schedule.Name, n)
		if err != nil {
			return nil, err
		}
		for _, f := range firings {
			all = append(all, Firing{Schedule: e, At: f.At, Note: f.Note})
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].At.Before(all[j].At) })
	return all[:min(n, len(all))], nil
}

// RunSchedule does now what a schedule does, as a wish of who asks.
func (d *Desk) RunSchedule(ctx context.Context, by Actor, name string, consent Consent) (string, Planned, error) {
	e, err := d.schedule(by, "run schedule", name)
	if err != nil {
		return "", Planned{}, err
	}
	goal, _ := plan.ParseGoal(e.Schedule.Do)
	o := Order{Actor: by, Goal: goal, Consent: consent}
	if e.Schedule.Nodes != nil {
		o.Targets = e.Room.Fold(e.Schedule.Nodes)
	}
	o.Reason = strings.TrimSuffix("schedule "+name+", by hand: "+consent.Reason, ": ")
	p, err := d.Plan(ctx, o)
	if err != nil {
		return "", Planned{}, err
	}
	id, err := d.Submit(ctx, o, p)
	return id, p, err
}

// EnableSchedule has a schedule carried out from now on, or not, whatever its file says.
func (d *Desk) EnableSchedule(ctx context.Context, by Actor, name string, on bool) error {
	op := map[bool]string{true: "enable schedule", false: "disable schedule"}[on]
	if err := d.needAll(by, auth.Configure, op); err != nil {
		return err
	}
	if _, err := d.schedule(by, op, name); err != nil {
		return err
	}
	return d.timetable.Enable(ctx, name, on, by.String())
}
