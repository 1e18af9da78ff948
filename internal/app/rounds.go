package app

import (
	"context"
	"sync"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/rounds"
	"millwright.dev/millwright/internal/standing"
	"millwright.dev/millwright/internal/transport"
)

func (a *App) openRounds(dialer *transport.Dialer) {
	a.rounds = rounds.New(rounds.Options{
		Wanted: a.expected, Credential: a.credential, Dial: dialer.Dial,
		Measure: a.measureNode, State: a.readNode, Events: a.events, Changed: a.checkChanged, Log: a.log,
	})
	a.rounds.Every(a.sampleCheck)
	a.onClose(a.rounds.Close)
}

// makeRounds has checks made that are due, until ctx ends. The returned function waits.
func (a *App) makeRounds(ctx context.Context) (wait func()) {
	var wg sync.WaitGroup
	wg.Go(func() { a.rounds.Run(ctx) })
	return wg.Wait
}

// expected says whether a node is expected to be up, so that its checks are worth making
// unasked: not one that is off or on its way, and not one in maintenance.
func (a *App) expected(node string) bool {
	if h, held := a.standings.Held(node); held && h.Kind == standing.Maintenance {
		return false
	}
	switch s := a.standings.Node(node).State; {
	case s.Moving() || s == standing.Off || s == standing.ForcedOff || s.ForGood():
		return false
	case s.Up():
		return true
	}
	r := a.fleet.Room()
	id, found := r.Node(node)
	return found && (len(r.Nodes[id].Cords) == 0 || a.state.Get(r, id).State == room.StateOn)
}

// checkChanged notes how a check stands now.
func (a *App) checkChanged(c rounds.Change) {
	states := map[check.Verdict]standing.State{check.OK: standing.Succeeded, check.Bad: standing.Failed, check.Unknown: standing.CannotTell}
	a.standings.Set(standing.Change{
		Subject:  standing.Subject{Kind: standing.Check, Node: c.Node, Object: c.Check},
		Standing: standing.Standing{State: states[c.To], Reason: c.Said, Since: c.At},
	})
}

// measureNode gives what a node's own devices measure of it now.
func (a *App) measureNode(ctx context.Context, node string) ([]check.Value, error) {
	r := a.fleet.Room()
	id, found := r.Node(node)
	if !found {
		return nil, &room.Error{Code: room.CodeNotFound, Op: "measure", Subject: node, Said: "there is no such node"}
	}
	mine := make(map[room.DeviceID]map[int]bool)
	var devices []room.DeviceID
	for c := range r.Nodes[id].Links() {
		if mine[c.Device] == nil {
			mine[c.Device] = make(map[int]bool)
			devices = append(devices, c.Device)
		}
		mine[c.Device][int(c.Plug)] = true
	}
	var values []check.Value
	var failed error
	a.fleet.Measure(ctx, r, devices, func(m fleet.Measured) {
		if m.Err != nil {
			failed = m.Err
		}
		for _, v := range m.Readings {
			whole := v.Plug == driver.NoPlug && len(r.Devices[m.Device].Plugs) == 1 // a BMC's parts are its machine's
			if whole || mine[m.Device][v.Plug] {
				values = append(values, check.Value{Part: v.Part, Quantity: v.Quantity, Value: v.Value})
			}
		}
	})
	if len(values) > 0 {
		return values, nil
	}
	return nil, failed
}

// readNode reads one thing of a node from its devices.
func (a *App) readNode(ctx context.Context, node string, op room.Op) (room.State, error) {
	r := a.fleet.Room()
	id, found := r.Node(node)
	if !found {
		return room.StateUnknown, &room.Error{Code: room.CodeNotFound, Op: op.String(), Subject: node, Said: "there is no such node"}
	}
	var got fleet.One
	err := a.state.Do(ctx, fleet.Request{Room: r, Op: op, Nodes: []room.NodeID{id}, Hasty: true}, &got)
	switch {
	case err != nil:
		return room.StateUnknown, err
	case got.Res.Err != nil:
		return room.StateUnknown, got.Res.Err
	}
	return got.Res.State, nil
}
