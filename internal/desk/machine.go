package desk

import (
	"context"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// logLimit is how long reading a machine's whole log may take: some service
// processors give a few entries a second.
const logLimit = 3 * time.Minute

// one gives the node of a name on which an actor has a role.
func (d *Desk) one(by Actor, role auth.Role, op, node string) (*room.Room, room.NodeID, error) {
	r := d.fleet.Room()
	rights := d.rights(r, by)
	if err := rights.NeedAny(auth.View, op); err != nil { // who may nothing learns no names
		return nil, room.None, d.barred(by, op, "", err)
	}
	found, err := r.Resolve(node)
	if err != nil {
		return nil, room.None, blind(rights, err)
	}
	if len(found.Nodes) != 1 {
		return nil, room.None, &room.Error{Code: room.CodeInvalid, Op: op, Subject: node, Said: "name one node"}
	}
	return r, found.Nodes[0], d.need(r, by, role, op, node, found.Nodes)
}

// Boot reads what a node boots from next.
func (d *Desk) Boot(ctx context.Context, by Actor, node string) (b driver.Boot, err error) {
	r, id, err := d.one(by, auth.View, "boot device", node)
	if err != nil {
		return b, err
	}
	return b, fleet.Reach(ctx, d.fleet, r, id, "boot device", 0, func(ctx context.Context, s driver.Booter, plug int) (err error) {
		b, err = s.Boot(ctx, plug)
		return err
	})
}

// SetBoot says what a node boots from next. It is written down before and after.
func (d *Desk) SetBoot(ctx context.Context, by Actor, node string, b driver.Boot) error {
	const op = "set boot device"
	r, id, err := d.one(by, auth.Operate, op, node)
	if err != nil {
		return err
	}
	return d.deed(by, r, id, op, bootText(b), func(ctx context.Context) error {
		return fleet.Reach(ctx, d.fleet, r, id, op, 0, func(ctx context.Context, s driver.Booter, plug int) error {
			return s.SetBoot(ctx, plug, b)
		})
	})
}

func bootText(b driver.Boot) string {
	text := string(b.From)
	if b.UEFI {
		text += " by UEFI"
	}
	if b.Persistent {
		return text + ", from now on"
	}
	return text + ", once"
}

// MachineLog tells the entries of a node's own event log, oldest first.
func (d *Desk) MachineLog(ctx context.Context, by Actor, node string, tell func(driver.LogEntry)) error {
	r, id, err := d.one(by, auth.View, "read log", node)
	if err != nil {
		return err
	}
	return fleet.Reach(ctx, d.fleet, r, id, "read log", logLimit, func(ctx context.Context, s driver.Logbook, plug int) error {
		return s.Log(ctx, plug, tell)
	})
}

// ClearMachineLog empties a node's own event log. It is written down before and after.
func (d *Desk) ClearMachineLog(ctx context.Context, by Actor, node string) error {
	const op = "clear log"
	r, id, err := d.one(by, auth.Operate, op, node)
	if err != nil {
		return err
	}
	return d.deed(by, r, id, op, "", func(ctx context.Context) error {
		return fleet.Reach(ctx, d.fleet, r, id, op, logLimit, func(ctx context.Context, s driver.Logbook, plug int) error {
			return s.ClearLog(ctx, plug)
		})
	})
}

// deed does one thing with one machine, with its intent on the disk before and its
// result after. Like any change it goes on when its asker goes away.
func (d *Desk) deed(by Actor, r *room.Room, id room.NodeID, op, detail string, work func(context.Context) error) error {
	e := by.author()
	e.Request, e.Op, e.Targets, e.Count, e.Detail = d.newID(), op, r.Nodes[id].Name, 1, detail
	ctx, leave, err := d.enter(deed{id: e.Request, named: e.Targets, nodes: []room.NodeID{id}, parts: share{room: r}}, logLimit)
	if err != nil {
		return err
	}
	defer leave()
	intent := e
	intent.Kind = event.Intent
	if err := d.events.Append(ctx, &intent); err != nil {
		return d.unwritten(&intent, "nothing was done, because it could not be written down first: ", err)
	}
	failed := work(ctx)
	result := e
	result.Kind, result.Outcome = event.Result, event.OK
	if failed != nil {
		result.Outcome, result.Detail = event.Failed, failed.Error()
	}
	if err := d.events.Append(context.WithoutCancel(ctx), &result); err != nil && failed == nil {
		return d.unwritten(&result, "it was done, but its result could not be written down: ", err)
	}
	return failed
}
