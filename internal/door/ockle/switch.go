package ockle

import (
	"context"
	"errors"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/rounds"
	"millwright.dev/millwright/ockle"
)

// one is the sink of a request for one node.
type one struct {
	result fleet.Result
	said   string
}

func (*one) Begin(desk.Began)                        {}
func (o *one) Result(r fleet.Result)                 { o.result = r }
func (o *one) Fault(f *driver.Fault)                 { o.said = f.Error() }
func (o *one) Diagnostic(_ room.NodeID, said string) { o.said = said }
func (*one) Trace(string, devspec.Trace)             {}

// forced is the answer to what was switched by hand: the state it is in then and, if the
// device would not, what it said.
func forced(on bool, err error) (ockle.Values, error) {
	var told *room.Error
	if err != nil && (!errors.As(err, &told) || told.Code != room.CodeDevice && told.Code != room.CodeTimeout && told.Code != room.CodeUnknown) {
		return nil, err // nothing was done
	}
	state := ockle.ForcedOff
	switch {
	case err != nil && on:
		state = ockle.FailedToStart
	case err != nil:
		state = ockle.FailedToStop
	case on:
		state = ockle.ForcedOn
	}
	values := value(ockle.KeyStatus, string(state))
	if err != nil {
		values = append(values, ockle.Value{Key: ockle.KeyError, Text: err.Error()})
	}
	return values, nil
}

func opOf(on bool) room.Op {
	if on {
		return room.On
	}
	return room.Off
}

// setServer switches a server by hand, whatever depends on it.
func setServer(ctx context.Context, v visit) (ockle.Values, error) {
	id, err := v.server()
	if err != nil {
		return nil, err
	}
	on, err := v.on()
	if err != nil {
		return nil, err
	}
	sink := &one{}
	sum, err := v.desk.Do(ctx, desk.Request{Actor: v.actor, Op: opOf(on), Targets: v.view.Room.Nodes[id].Name, Verify: true}, sink)
	if err == nil && !sum.Good() {
		said := sink.said
		if said == "" {
			said = sink.result.Said
		}
		err = &room.Error{Code: room.CodeDevice, Op: opOf(on).String(), Subject: v.view.Room.Nodes[id].Name, Said: said, Err: sink.result.Err}
	}
	return forced(on, err)
}

// object gives the name of the object that the command names.
func (v *visit) object() (string, error) {
	name, found := v.said.Get(ockle.KeyObject)
	if !found {
		return "", ockle.Errorf(ockle.CodeInvalid, "%s is missing", ockle.KeyObject)
	}
	return name, nil
}

// named gives a server and the name of an object of it.
func (v *visit) named() (id room.NodeID, object string, err error) {
	if id, err = v.server(); err == nil {
		object, err = v.object()
	}
	return id, object, err
}

func (v *visit) lacks(id room.NodeID, kind ockle.Kind, name string) error {
	return ockle.Errorf(ockle.CodeNotFound, "server %s has no %s %q", v.view.Room.Nodes[id].Name, kind, name)
}

func switchOutlet(ctx context.Context, v visit) (ockle.Values, error) {
	id, name, err := v.named()
	if err != nil {
		return nil, err
	}
	on, err := v.on()
	if err != nil {
		return nil, err
	}
	device, plug, found := v.plug(id, name)
	if !found {
		return nil, v.lacks(id, ockle.Outlet, name)
	}
	return forced(on, v.desk.SwitchPlug(ctx, v.actor, v.view.Room.Nodes[id].Name, device, plug, opOf(on)))
}

// switchControl has one control asked. One that has taken the request and is not there
// yet is on its way.
func switchControl(ctx context.Context, v visit) (ockle.Values, error) {
	id, name, err := v.named()
	if err != nil {
		return nil, err
	}
	on, err := v.on()
	if err != nil {
		return nil, err
	}
	control, found := v.control(id, name)
	if !found {
		return nil, v.lacks(id, ockle.Control, name)
	}
	state, err := v.desk.Control(ctx, v.actor, v.view.Room.Nodes[id].Name, control, opOf(on).String())
	switch {
	case err == nil && on && state == room.StateOff:
		return value(ockle.KeyStatus, string(ockle.SwitchingOn)), nil
	case err == nil && !on && state == room.StateOn:
		return value(ockle.KeyStatus, string(ockle.SwitchingOff)), nil
	}
	return forced(on, err)
}

// runTest has one test made now. What nobody can tell has failed, and why is told.
func runTest(ctx context.Context, v visit) (ockle.Values, error) {
	id, short, err := v.named()
	if err != nil {
		return nil, err
	}
	name, found := v.check(id, short)
	if !found {
		return nil, v.lacks(id, ockle.TestOf, short)
	}
	var made []rounds.Report
	if err := v.desk.Look(ctx, v.actor, v.view.Room.Nodes[id].Name, []string{name}, func(list []rounds.Report) { made = append(made, list...) }); err != nil {
		return nil, err
	}
	for _, r := range made {
		if r.Check != name {
			continue
		}
		values := value(ockle.KeyStatus, string(verdict(r.Last.Verdict)))
		if r.Last.Verdict != check.OK && r.Last.Said != "" {
			values = append(values, ockle.Value{Key: ockle.KeyError, Text: r.Last.Said})
		}
		return values, nil
	}
	return nil, ockle.Errorf(ockle.CodeTimeout, "the test was not made")
}
