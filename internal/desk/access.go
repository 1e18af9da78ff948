package desk

import (
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

// need holds that an actor has a role on nodes.
func (d *Desk) need(r *room.Room, by Actor, role auth.Role, op string, nodes []room.NodeID) error {
	if err := d.rights(r, by).Need(role, op, nodes); err != nil {
		return d.barred(by, op, r.Fold(nodes), err)
	}
	return nil
}

// NeedConfigure is for what is not the desk's own and concerns the configuration:
// revisions, secrets, settings of devices. It refuses who may not.
func (d *Desk) NeedConfigure(by Actor, op string) error { return d.needAll(by, auth.Configure, op) }

// NeedAdmin is for what is not the desk's own and only an admin may do: backups.
func (d *Desk) NeedAdmin(by Actor, op string) error { return d.needAll(by, auth.Admin, op) }

// NeedView is for what is not the desk's own and shows the room as a whole:
// metrics of all devices, the list of revisions.
func (d *Desk) NeedView(by Actor, op string) error { return d.needAll(by, auth.View, op) }
