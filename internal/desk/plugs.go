package desk

import (
	"context"
	"sync"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
)

// Plug is one of a node's plugs, as it was read just now.
type Plug struct {
	Device, Plug string
	State        room.State
	Standing     standing.Standing
}

// Plugs reads the plugs that a node hangs on, each by itself and all at the same time. What
// cannot be read is unknown.
func (d *Desk) Plugs(ctx context.Context, by Actor, node string) ([]Plug, error) {
	r, id, err := d.one(by, auth.View, "read plugs", node)
	if err != nil {
		return nil, err
	}
	cords := r.Nodes[id].Cords
	list := make([]Plug, len(cords))
	var wg sync.WaitGroup
	for i, c := range cords {
		subject := plugOf(r, id, c)
		dev := &r.Devices[c.Device]
		list[i] = Plug{Device: dev.Name, Plug: dev.Plugs[c.Plug].Name, Standing: d.standings.Get(subject)}
		wg.Go(func() {
			if state, err := d.fleet.ReadPlug(ctx, r, c, room.Status); err == nil {
				list[i].State = state
			}
		})
	}
	wg.Wait()
	return list, nil
}

func plugOf(r *room.Room, id room.NodeID, c room.Cord) standing.Subject {
	dev := &r.Devices[c.Device]
	return standing.Subject{Kind: standing.Plug, Node: r.Nodes[id].Name, Object: dev.Name + ":" + dev.Plugs[c.Plug].Name}
}

// SwitchPlug switches one plug of a node on or off, and nothing else of it. It is written
// down before and after.
func (d *Desk) SwitchPlug(ctx context.Context, by Actor, node string, device, plug string, op room.Op) error {
	r, id, err := d.one(by, auth.Operate, op.String(), node)
	if err != nil {
		return err
	}
	var way *room.Cord
	for i, c := range r.Nodes[id].Cords {
		if dev := &r.Devices[c.Device]; dev.Name == device && dev.Plugs[c.Plug].Name == plug {
			way = &r.Nodes[id].Cords[i]
		}
	}
	name := device + ":" + plug
	switch {
	case op != room.On && op != room.Off:
		return &room.Error{Code: room.CodeInvalid, Op: op.String(), Subject: name, Said: "a plug is switched on or off"}
	case way == nil:
		return &room.Error{Code: room.CodeNotFound, Op: op.String(), Subject: node, Said: "it does not hang on " + name}
	}
	note, err := d.veto(ctx, wish{id: d.newID(), actor: by, op: op, room: r, nodes: []room.NodeID{id}})
	if err != nil {
		return err
	}
	if note != "" {
		note = "; " + note
	}
	err = d.deed(by, r, id, op.String(), "plug "+name+" alone"+note, func(ctx context.Context) error {
		_, err := d.fleet.SwitchPlug(ctx, r, *way, op)
		return err
	})
	now := standing.Standing{State: standing.ForcedOn, Reason: "by " + by.String()}
	switch {
	case err != nil && op == room.On:
		now = standing.Standing{State: standing.FailedToStart, Reason: err.Error()}
	case err != nil:
		now = standing.Standing{State: standing.FailedToStop, Reason: err.Error()}
	case op == room.Off:
		now.State = standing.ForcedOff
	}
	d.standings.Set(standing.Change{Subject: plugOf(r, id, *way), Standing: now})
	// What is believed of the node follows the device.
	if rd := d.fleet.Able(r, room.Status, []room.NodeID{id}); len(rd) > 0 {
		_ = d.state.Do(ctx, fleet.Request{Room: r, Op: room.Status, Nodes: rd, Hasty: true}, silent{}) // it was switched, whatever is read
	}
	return err
}
