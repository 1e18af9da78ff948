package fleet

import (
	"context"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// ReadPlug reads one plug of a device, whatever hangs on it: the service processor of a
// machine that is switched by an outlet, for example. Op is one that changes nothing.
func (f *Fleet) ReadPlug(ctx context.Context, r *room.Room, way room.Cord, op room.Op) (room.State, error) {
	d := &r.Devices[way.Device]
	if t, ok := f.Traits(r, way.Device); op.Changes() || !ok || !t.Can(op) {
		return room.StateUnknown, &room.Error{Code: room.CodeRefused, Op: op.String(), Subject: d.Name, Said: "this device cannot do that"}
	}
	ctx, cancel := f.patient(ctx, r, way.Device)
	defer cancel()
	answer := oneState{plug: int(way.Plug)}
	err := f.Use(ctx, r, way.Device, func(ctx context.Context, s driver.Session) error {
		return s.Do(ctx, driver.Batch{Op: op, Plugs: []int{int(way.Plug)}}, &answer)
	})
	if err == nil && answer.said != "" {
		err = &room.Error{Code: room.CodeDevice, Said: answer.said}
	}
	if err != nil {
		return room.StateUnknown, deviceError(d.Name, op.String(), err)
	}
	return answer.state, nil
}

// oneState is a sink for the state of one plug.
type oneState struct {
	plug  int
	state room.State
	said  string
}

func (o *oneState) State(plug int, state room.State, _ string) {
	if plug == o.plug {
		o.state = state
	}
}

func (o *oneState) Failed(_ int, said string)        { o.said = said }
func (o *oneState) Unknown(_ int, why *driver.Fault) { o.said = why.Error() }
func (o *oneState) Done(int)                         {}
func (o *oneState) Fault(*driver.Fault)              {}
func (o *oneState) Trace(devspec.Trace)              {}

var _ driver.Sink = (*oneState)(nil)
