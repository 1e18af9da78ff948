package fleet

import (
	"context"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// lookAgain is how long a plug that was switched is left alone between two looks.
const lookAgain = 200 * time.Millisecond

// SwitchPlug switches one plug of a device, whatever hangs on it, and reads it back for
// as long as the room says; unread says that it cannot be read. An error wraps what the
// device said.
func (f *Fleet) SwitchPlug(ctx context.Context, r *room.Room, way room.Cord, op room.Op) (unread bool, err error) {
	d := &r.Devices[way.Device]
	t, ok := f.Traits(r, way.Device)
	if !ok || !t.Can(op) {
		return false, &room.Error{Code: room.CodeRefused, Op: op.String(), Subject: d.Name, Said: "this device cannot do that"}
	}
	told := oneChange{plug: int(way.Plug)}
	err = f.Use(ctx, r, way.Device, func(ctx context.Context, s driver.Session) error {
		return s.Do(ctx, driver.Batch{Op: op, Plugs: []int{int(way.Plug)}, Start: time.Now()}, &told)
	})
	switch {
	case told.fault != nil:
		return false, deviceError(d.Name, op.String(), told.fault)
	case told.said != "":
		return false, &room.Error{Code: room.CodeDevice, Op: op.String(), Subject: d.Name, Said: told.said}
	case err != nil:
		return false, deviceError(d.Name, op.String(), err)
	case !t.Can(room.Status):
		return true, nil
	}
	return f.agrees(ctx, r, way, op)
}

// agrees reads a plug until it is as it was switched, for as long as the room says.
func (f *Fleet) agrees(ctx context.Context, r *room.Room, way room.Cord, op room.Op) (unread bool, err error) {
	d := &r.Devices[way.Device]
	patience := r.Settings.Verify
	if d.Verify != 0 {
		patience = d.Verify
	}
	if patience <= 0 {
		return true, nil
	}
	want := room.StateOn
	if op == room.Off {
		want = room.StateOff
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		now, err := f.ReadPlug(ctx, r, way, room.Status)
		if err == nil && now == want {
			return false, nil
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			if err == nil {
				err = &room.Error{Code: room.CodeDevice, Op: op.String(), Subject: d.Name, Said: "the device took the command, and the plug is still " + now.String()}
			}
			return false, err
		}
	}
}

// oneChange is a sink for the change of one plug.
type oneChange struct {
	plug  int
	said  string
	fault *driver.Fault
}

func (o *oneChange) Failed(_ int, said string)        { o.said = said }
func (o *oneChange) Unknown(_ int, why *driver.Fault) { o.fault = why }
func (*oneChange) State(int, room.State, string)      {}
func (*oneChange) Done(int)                           {}
func (*oneChange) Fault(*driver.Fault)                {}
func (*oneChange) Trace(devspec.Trace)                {}

var _ driver.Sink = (*oneChange)(nil)
