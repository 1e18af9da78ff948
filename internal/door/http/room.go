package httpdoor

import (
	"context"
	"net/http"
	"os"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/state"
)

type versionOutput struct{ Body wire.Version }

type roomOutput struct{ Body wire.Room }

func (d *Door) registerRoom() {
	register(d, route{
		method: http.MethodGet, path: "/v1/room", id: "get-room", tag: tagRoom,
		summary: "Show the room at a glance", doc: "How many nodes and devices there are for the asker to see, what is believed of them, and where the log stands.",
	}, d.getRoom)
	register(d, route{
		method: http.MethodGet, path: "/v1/version", id: "get-version", tag: tagRoom,
		summary: "Show which daemon answers", doc: "Its version and process, and which configuration it runs.",
	}, func(ctx context.Context, _ *struct{}) (*versionOutput, error) {
		v, err := d.version(ctx)
		return &versionOutput{v}, err
	})
}

func (d *Door) version(ctx context.Context) (wire.Version, error) {
	if err := d.stillAllowed(ctx); err != nil {
		return wire.Version{}, err
	}
	r := d.opts.Desk.Room()
	v := wire.Version{
		Version: d.opts.Version, PID: os.Getpid(), Started: d.started, Room: r.Name, Config: d.opts.Config,
		Nodes: len(r.Nodes), Devices: len(r.Devices), Held: d.held(),
	}
	if d.opts.Broken != nil {
		v.Broken = d.opts.Broken()
	}
	return v, nil
}

// held counts the nodes that are held back.
func (d *Door) held() (n int) {
	d.opts.Desk.Beliefs(func(_ *room.Room, _ room.NodeID, b state.Belief) {
		if b.Held != nil {
			n++
		}
	})
	return n
}

func (d *Door) getRoom(ctx context.Context, _ *struct{}) (*roomOutput, error) {
	if err := d.stillAllowed(ctx); err != nil {
		return nil, err
	}
	v := d.viewOf(ctx)
	out := wire.Room{
		Name: v.Room.Name, Groups: len(v.Room.Groups), Version: d.opts.Version,
		Started: d.started, Seq: d.opts.Desk.Events().Last(), States: noStates(), Links: make(map[fleet.Link]int),
	}
	for _, id := range seen(v, v.Room.Sorted()) {
		b := v.Belief(id)
		out.Nodes++
		out.States[b.State.String()]++
		if b.Held != nil {
			out.Held++
		}
	}
	for i := range v.Room.Devices {
		if s, ok := v.Device(room.DeviceID(i)); ok {
			out.Devices++
			out.Links[s.Link]++
		}
	}
	runs, err := d.opts.Desk.ListRuns(actorOf(ctx))
	for i := range runs {
		if !runs[i].State.Final() {
			out.Runs++
		}
	}
	return &roomOutput{out}, err
}

// noStates counts nothing, in every state.
func noStates() map[string]int {
	counts := make(map[string]int)
	for _, s := range []room.State{room.StateOn, room.StateOff, room.StateDegraded, room.StateUnknown} {
		counts[s.String()] = 0
	}
	return counts
}
