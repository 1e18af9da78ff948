package desk

import (
	"context"
	"slices"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/rounds"
	"millwright.dev/millwright/internal/standing"
)

// maxLooks bounds how many nodes are looked at by one request.
const maxLooks = 1000

// Checks gives how the checks of nodes stand that may be seen; no targets are all nodes.
func (d *Desk) Checks(by Actor, targets string) ([]rounds.Report, error) {
	v := d.View(by)
	nodes, err := v.Nodes(targets)
	if err != nil || d.rounds == nil {
		return nil, err
	}
	var list []rounds.Report
	for _, id := range nodes {
		if len(v.Room.Nodes[id].Checks) > 0 {
			list = append(list, d.rounds.Last(v.Room.Nodes[id].Name)...)
		}
	}
	return list, nil
}

// Look has the checks of nodes made now, those that are named or all, and tells how they
// stand then, node by node as they come. Checks may do something (run a command), so it
// takes the right to operate the nodes.
func (d *Desk) Look(ctx context.Context, by Actor, targets string, names []string, tell func([]rounds.Report)) error {
	r, nodes, err := d.targeted(by, auth.Operate, "check", targets)
	if err != nil {
		return err
	}
	nodes = slices.DeleteFunc(unique(r, nodes), func(id room.NodeID) bool { return len(r.Nodes[id].Checks) == 0 })
	switch {
	case d.rounds == nil || len(nodes) == 0:
		return &room.Error{Code: room.CodeRefused, Op: "check", Subject: targets, Said: "these nodes have no checks"}
	case len(nodes) > maxLooks:
		return &room.Error{Code: room.CodeRefused, Op: "check", Subject: targets, Said: "these are too many nodes to look at at once"}
	}
	for _, name := range names {
		if _, found := r.Check(name); !found {
			return &room.Error{Code: room.CodeNotFound, Op: "check", Subject: name, Said: "the room has no such check"}
		}
	}
	answers := make(chan []rounds.Report)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	gate := make(chan struct{}, 64)
	for _, id := range nodes {
		go func() {
			select {
			case gate <- struct{}{}:
				defer func() { <-gate }()
			case <-ctx.Done():
			}
			reports := d.rounds.Now(ctx, r.Nodes[id].Name, names...)
			select {
			case answers <- reports:
			case <-ctx.Done():
			}
		}()
	}
	for range nodes {
		select {
		case reports := <-answers:
			tell(reports)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Controls gives the controls of a node, with what they are able to do.
func (d *Desk) Controls(by Actor, node string) (*room.Room, []room.ControlID, func(room.ControlID) plan.Abilities, error) {
	r, id, err := d.one(by, auth.View, "list controls", node)
	if err != nil || d.controls == nil {
		return r, nil, nil, err
	}
	return r, r.Nodes[id].Controls, func(c room.ControlID) plan.Abilities { return d.controls.Can(r, c) }, nil
}

// Control has one control of a node asked: to shut it down, to start it, or only for its
// status. What changes something is written down before and after. Like a look, it all
// takes the right to operate the node: a status may be a command that is run, or a log-in.
func (d *Desk) Control(ctx context.Context, by Actor, node, name, op string) (room.State, error) {
	r, id, err := d.one(by, auth.Operate, "control "+op, node)
	if err != nil {
		return room.StateUnknown, err
	}
	c, found := r.Control(name)
	if !found || d.controls == nil || !slices.Contains(r.Nodes[id].Controls, c) {
		return room.StateUnknown, &room.Error{Code: room.CodeNotFound, Op: "control " + op, Subject: node, Said: "it has no control " + name}
	}
	can := d.controls.Can(r, c)
	switch {
	case op == "status":
		return d.controls.Status(ctx, r, id, c)
	case op == "on" && !can.On || op == "off" && !can.Off:
		return room.StateUnknown, &room.Error{Code: room.CodeRefused, Op: "control " + op, Subject: node, Said: "control " + name + ": " + control.ErrCannot.Error()}
	}
	subject := standing.Subject{Kind: standing.Control, Node: r.Nodes[id].Name, Object: name}
	err = d.deed(by, r, id, "control "+op, name, func(ctx context.Context) error {
		if op == "on" {
			return d.controls.On(ctx, r, id, c)
		}
		return d.controls.Off(ctx, r, id, c)
	})
	state := room.StateUnknown
	if err == nil && can.Status {
		state, _ = d.controls.Status(ctx, r, id, c) // it was asked, whatever it says now
	}
	d.standings.Set(standing.Change{Subject: subject, Standing: controlled(by, op, state, can.Status, err)})
	return state, err
}

// controlled is how a control stands that somebody has asked by hand. One that can tell
// is still on its way as long as it does not say that it is where it should be.
func controlled(by Actor, op string, state room.State, tells bool, err error) standing.Standing {
	moving, there, failed, want := standing.SwitchingOff, standing.ForcedOff, standing.FailedToStop, room.StateOff
	if op == "on" {
		moving, there, failed, want = standing.SwitchingOn, standing.ForcedOn, standing.FailedToStart, room.StateOn
	}
	switch {
	case err != nil:
		return standing.Standing{State: failed, Reason: err.Error()}
	case tells && state != want:
		return standing.Standing{State: moving, Reason: "asked by " + by.String()}
	}
	return standing.Standing{State: there, Reason: "by " + by.String()}
}
