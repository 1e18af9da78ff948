package desk

import (
	"context"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// Abilities are what a node's devices can do beside switching.
type Abilities struct {
	Boot  bool // tell and set what it boots from
	Log   bool // read and clear its own event log
	Meter bool // measure
}

// Can tells which operations can be done on a node that the actor may see. Nothing is
// asked of any device.
func (d *Desk) Can(by Actor, node string) ([]room.Op, error) {
	r, id, err := d.one(by, auth.View, "describe", node)
	if err != nil {
		return nil, err
	}
	var ops []room.Op
	for _, op := range room.Ops() {
		if d.fleet.Check(r, op, []room.NodeID{id}) == nil {
			ops = append(ops, op)
		}
	}
	return ops, nil
}

// Abilities finds out what the devices of a node can do beside switching. That shows
// only when they are connected to, so it may take a moment; an error says that one
// could not be asked, with what is known of the others.
func (d *Desk) Abilities(ctx context.Context, by Actor, node string) (a Abilities, err error) {
	const op = "describe"
	r, id, err := d.one(by, auth.View, op, node)
	if err != nil {
		return a, err
	}
	n := &r.Nodes[id]
	for at := range n.Links() {
		inside := len(n.BMC) == 0 || n.BMC[0] == at
		failed := d.fleet.Use(ctx, r, at.Device, func(_ context.Context, s driver.Session) error {
			_, boots := s.(driver.Booter)
			_, logs := s.(driver.Logbook)
			_, measures := s.(driver.Meter)
			a.Boot, a.Log, a.Meter = a.Boot || boots && inside, a.Log || logs && inside, a.Meter || measures
			return nil
		})
		if failed != nil {
			err = &room.Error{Code: room.CodeOf(failed), Op: op, Subject: r.Devices[at.Device].Name, Err: failed}
		}
	}
	return a, err
}
