package ockle

import (
	"context"
	"math"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
	"millwright.dev/millwright/ockle"
)

// serverView tells of one server and all that it has, as read now. Of one that is not
// known it tells nothing, which is no error.
func serverView(ctx context.Context, v visit) (ockle.Values, error) {
	if _, named := v.said.Get(ockle.KeyServer); !named {
		return nil, ockle.Errorf(ockle.CodeInvalid, "%s is missing", ockle.KeyServer)
	}
	id, err := v.server()
	if err != nil {
		return nil, nil //nolint:nilerr // as it has always been
	}
	name := v.view.Room.Nodes[id].Name
	plugs, err := v.desk.Plugs(ctx, v.actor, name)
	if err != nil {
		return nil, err
	}
	view := ockle.ServerView{
		Name: name, Outlets: make(map[string]ockle.Object), Controls: make(map[string]ockle.Object), Tests: make(map[string]ockle.Test),
	}
	data := v.measured(ctx, name)
	for _, p := range plugs {
		o := ockle.Object{Name: v.outlet(name, p.Device, p.Plug), OpState: plugState(p), State: p.State == room.StateOn, Data: data[p.Device+":"+p.Plug]}
		if o.Data == nil {
			o.Data = map[string]any{}
		}
		view.Outlets[ockle.ObjectKey(ockle.Outlet, o.Name)] = o
	}
	v.controls(ctx, id, &view)
	if err := v.tests(id, &view); err != nil {
		return nil, err
	}
	now := v.view.Standing(id) // after the reading, which may have changed it
	view.OpState, view.StartAttempts = stateOf(now.State), now.Starts
	return view.Values(), nil
}

// plugState gives a plug's state; that of one to which nothing was done yet is as it was
// read.
func plugState(p desk.Plug) ockle.State {
	if s := objectState(p.Standing.State); s != ockle.ObjectNotInitiated {
		return s
	}
	if p.State == room.StateOn {
		return ockle.OK
	}
	return ockle.ObjectNotInitiated
}

// measured gives what the devices of a node measure at its plugs, by "device:plug", in
// the units of Ockle's: currents in mA, and how busy processors are in per cent.
func (v *visit) measured(ctx context.Context, name string) map[string]map[string]any {
	all := make(map[string]map[string]any)
	r := v.view.Room
	_, err := v.desk.Measure(ctx, v.actor, name, func(m desk.Measured) {
		for _, reading := range m.Readings {
			if reading.Plug == "" {
				continue
			}
			key := r.Devices[m.Device].Name + ":" + reading.Plug
			if all[key] == nil {
				all[key] = make(map[string]any)
			}
			switch reading.Quantity {
			case driver.Current:
				all[key]["current"] = math.Round(reading.Value * 1000)
			case driver.CPU:
				all[key]["CPU"] = math.Round(reading.Value*10) / 10
			default: // Ockle's pages break at names that they do not know
			}
		}
	})
	if err != nil {
		return nil
	}
	return all
}

// controls adds a server's controls, each with its state as it says now, if it can.
func (v *visit) controls(ctx context.Context, id room.NodeID, view *ockle.ServerView) {
	r := v.view.Room
	for _, c := range r.Nodes[id].Controls {
		name := r.Controls[c].Name
		state, _ := v.desk.Control(ctx, v.actor, view.Name, name, "status") // what cannot be asked is off
		o := ockle.Object{Name: v.controlName(view.Name, name), State: state == room.StateOn, OpState: ockle.ObjectNotInitiated, Data: map[string]any{}}
		for _, e := range v.view.Entries(id) {
			if e.Kind == standing.Control && e.Object == name {
				o.OpState = objectState(e.State)
			}
		}
		if o.OpState == ockle.ObjectNotInitiated && bool(o.State) {
			o.OpState = ockle.OK
		}
		view.Controls[ockle.ObjectKey(ockle.Control, o.Name)] = o
	}
}

func (v *visit) tests(id room.NodeID, view *ockle.ServerView) error {
	r := v.view.Room
	for _, c := range r.Nodes[id].Checks {
		short := v.checkName(view.Name, r.Checks[c].Name)
		view.Tests[ockle.ObjectKey(ockle.TestOf, short)] = ockle.Test{Name: short, OpState: ockle.ObjectNotInitiated}
	}
	reports, err := v.desk.Checks(v.actor, view.Name)
	if err != nil {
		return err
	}
	for _, rep := range reports {
		short := v.checkName(view.Name, rep.Check)
		key := ockle.ObjectKey(ockle.TestOf, short)
		if _, has := view.Tests[key]; has && !rep.At.IsZero() {
			view.Tests[key] = ockle.Test{Name: short, OpState: verdict(rep.Verdict)}
		}
	}
	return nil
}

// verdict gives a check's word as a test's. What nobody can tell has not succeeded.
func verdict(v check.Verdict) ockle.State {
	if v == check.OK {
		return ockle.Succeeded
	}
	return ockle.Failed
}
