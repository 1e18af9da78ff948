package fleet

import (
	"context"
	"fmt"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// Reach lets work talk to the device that reaches into a node: its service
// processor, or the first of its cords' devices, whose session is a T
// ([driver.Booter], [driver.Logbook], [driver.Consoler]). Work is given the session and
// the plug; it runs as [Fleet.Use] says, for at most limit (zero is as long as an action
// may take). The error says of which device; if there is none, that the node cannot do op.
func Reach[T any](ctx context.Context, f *Fleet, r *room.Room, id room.NodeID, op string, limit time.Duration, work func(ctx context.Context, session T, plug int) error) error {
	n := &r.Nodes[id]
	ways := n.BMC
	if len(ways) == 0 {
		ways = n.Cords
	}
	for _, way := range ways {
		able, err := reach(ctx, f, r, way, limit, work)
		if able || err != nil {
			if err != nil {
				return deviceError(r.Devices[way.Device].Name, op, err)
			}
			return nil
		}
	}
	return &room.Error{Code: room.CodeRefused, Op: op, Subject: n.Name, Said: cannotReach(r, ways)}
}

// reach tries one way; able says whether the session was a T.
func reach[T any](ctx context.Context, f *Fleet, r *room.Room, way room.Cord, limit time.Duration, work func(context.Context, T, int) error) (able bool, err error) {
	patience := limit
	if patience == 0 {
		patience = driver.DefaultTimeout
		if t, ok := f.Traits(r, way.Device); ok && t.Timeout > 0 {
			patience = t.Timeout
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = f.use(r, way.Device, &errand{ctx: ctx, limit: limit, done: make(chan error, 1), work: func(ctx context.Context, s driver.Session) error {
		session, ok := s.(T)
		if able = ok; !ok {
			return nil
		}
		return work(ctx, session, int(way.Plug))
	}})
	return able, err
}

func cannotReach(r *room.Room, ways []room.Cord) string {
	if len(ways) == 0 {
		return "it has neither a service processor nor cords"
	}
	d := &r.Devices[ways[0].Device]
	return fmt.Sprintf("device %s (driver %s) does not reach into the machine for that; if its service processor is another device, name it as the node's `bmc:`", d.Name, d.Driver)
}

// ReadLog reads the log of a plug's machine, if the device's session is a
// [driver.Logbook].
func (f *Fleet) ReadLog(ctx context.Context, r *room.Room, id room.DeviceID, plug int, limit time.Duration, tell func(driver.LogEntry)) error {
	able, err := reach(ctx, f, r, room.Cord{Device: id, Plug: int32(plug)}, limit, func(ctx context.Context, s driver.Logbook, plug int) error {
		return s.Log(ctx, plug, tell)
	})
	if err == nil && !able {
		err = &room.Error{Code: room.CodeRefused, Said: "it keeps no log"}
	}
	if err != nil {
		return deviceError(r.Devices[id].Name, "read log", err)
	}
	return nil
}
