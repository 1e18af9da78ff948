package desk

import (
	"errors"
	"iter"
	"slices"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
)

// rights gives what an actor may do in a room now.
func (d *Desk) rights(r *room.Room, by Actor) *auth.Rights {
	if d.access == nil {
		return auth.Unbounded(r)
	}
	return d.access.Rights(r, by.subject())
}

// needed is the role that an operation takes.
func needed(op room.Op) auth.Role {
	if op.Changes() {
		return auth.Operate
	}
	return auth.View
}

// barred writes down that somebody lacks a role, and gives back why. Unlike what
// makes no sense, it is written down for reads as well.
func (d *Desk) barred(by Actor, op, targets string, why error) error {
	e := event.Event{Actor: by.Name, Door: by.Door, Remote: by.Remote, Op: op}
	e.Targets, e.Detail = listed(targets)
	d.turnedAway(e, why)
	return why
}

// needAll holds that an actor has a role on the room as a whole.
func (d *Desk) needAll(by Actor, role auth.Role, op string) error {
	if err := d.rights(d.fleet.Room(), by).NeedAll(role, op); err != nil {
		return d.barred(by, op, "", err)
	}
	return nil
}

// need holds that an actor has a role on nodes, which they have typed as is said.
func (d *Desk) need(r *room.Room, by Actor, role auth.Role, op, typed string, nodes []room.NodeID) error {
	if err := d.rights(r, by).Need(role, op, typed, nodes); err != nil {
		return d.barred(by, op, r.Fold(nodes), err)
	}
	return nil
}

// needNamed holds that an actor has a role on nodes that are known by their names,
// since they may be of an earlier room. Those that are gone take the role on the
// room as a whole.
func (d *Desk) needNamed(by Actor, role auth.Role, op string, names iter.Seq[string]) error {
	r := d.fleet.Room()
	rights := d.rights(r, by)
	if rights.Everywhere() >= role {
		return nil
	}
	var without []string
	for name := range names {
		if id, found := r.Node(name); !found || !rights.May(role, id) {
			without = append(without, name)
		}
	}
	if len(without) == 0 {
		return nil
	}
	targets := hostlist.Fold(without)
	shown := targets
	if slices.ContainsFunc(without, func(name string) bool {
		id, found := r.Node(name)
		return !found || !rights.May(auth.View, id)
	}) {
		shown = ""
	}
	return d.barred(by, op, targets, rights.Refuse(role, op, shown))
}

// confine holds a request to the nodes on which its actor has the role that it
// takes: a read of everything becomes one of what may be seen, and naming another
// node is refused. So is what shows more than the nodes that are asked for.
func (d *Desk) confine(rights *auth.Rights, req Request, nodes []room.NodeID) ([]room.NodeID, error) {
	op := req.Op.String()
	if req.Trace && rights.Everywhere() < auth.View {
		why := rights.Refuse(auth.View, op+" with the conversations with devices, which show more than these nodes", auth.All)
		return nil, d.barred(req.Actor, op, req.Targets, why)
	}
	if req.Targets == "" {
		return rights.Only(auth.View, nodes), nil
	}
	if err := rights.Need(needed(req.Op), op, req.Targets, nodes); err != nil {
		return nil, d.barred(req.Actor, op, req.Targets, err)
	}
	return nodes, nil
}

// blind takes the guesses out of an error in targets, for those who may not see all
// names that are guessed at.
func blind(rights *auth.Rights, err error) error {
	var none *room.NoSuch
	if rights.Everywhere() >= auth.View || !errors.As(err, &none) {
		return err
	}
	return &room.Error{Code: room.CodeNotFound, Op: "read targets", Said: none.Error(), Err: none}
}

// NeedView is for what is not the desk's own and shows the room as a whole, such as
// metrics of all devices. It refuses who may not.
func (d *Desk) NeedView(by Actor, op string) error { return d.needAll(by, auth.View, op) }
