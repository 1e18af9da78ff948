package script

import (
	"context"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// session is a conversation with one scripted device.
type session struct {
	*devspec.Session
	device string
	spec   *devspec.Spec
	plugs  *devspec.PlugTable
	acted  func()
}

// run runs a script of the session itself, if the specification has it.
func (s *session) run(ctx context.Context, name devspec.ScriptName) error {
	err := s.Run(ctx, devspec.Action{Script: s.spec.Script(name)}, devspec.NewCall(s.plugs, nil, nil))
	if err == nil {
		s.acted()
	}
	return err
}

// Ping implements [driver.Pinger].
func (s *session) Ping(ctx context.Context) error {
	if err := s.run(ctx, devspec.ScriptPing); err != nil {
		return fault(s.device, err)
	}
	return nil
}

// Do implements [driver.Session].
func (s *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	actions, err := s.spec.Choose(families[b.Op], b.Plugs, b.Whole)
	if err != nil {
		for _, p := range b.Plugs {
			sink.Failed(p, err.Error())
		}
		return nil
	}
	told := &told{sink: sink, op: b.Op}
	call := devspec.NewCall(s.plugs, b.Plugs, told)
	call.Start, call.Trace = b.Start, b.Trace
	for i, a := range actions {
		if err := s.Run(ctx, a, call); err != nil {
			return s.failed(fault(s.device, err), b, actions[i:], told)
		}
		s.acted()
		for _, p := range meant(a, b) {
			told.done(p)
		}
		call.Start = time.Time{} // the next one starts now
	}
	return nil
}

// meant are the plugs that an action was for.
func meant(a devspec.Action, b driver.Batch) []int {
	if a.Plugs == nil {
		return b.Plugs
	}
	return a.Plugs
}

// failed reports an action that failed and those that were to follow it. When
// the line broke under something that may be repeated, that is left to the fleet.
func (s *session) failed(f *driver.Fault, b driver.Batch, actions []devspec.Action, told *told) error {
	if f.Phase == driver.Lost && b.Op.Repeatable() {
		return f
	}
	told.sink.Fault(f)
	for _, p := range meant(actions[0], b) {
		told.unknown(p, f)
	}
	waiting := &driver.Fault{Phase: driver.Waiting, Device: s.device, Err: f}
	for _, a := range actions[1:] {
		told.sink.Fault(waiting)
		for _, p := range meant(a, b) {
			told.unknown(p, waiting)
		}
	}
	return f
}

// told passes a script's reports on and remembers for which plugs there was one.
type told struct {
	sink   driver.Sink
	op     room.Op
	result map[int]bool
}

// PlugState implements [devspec.Sink].
func (t *told) PlugState(plug int, state devspec.State, raw string) {
	power := room.StateUnknown
	switch state {
	case devspec.On:
		power = room.StateOn
	case devspec.Off:
		power = room.StateOff
	case devspec.Unknown:
	}
	t.sink.State(plug, power, raw)
}

// PlugResult implements [devspec.Sink].
func (t *told) PlugResult(plug int, ok bool, text string) {
	if t.result == nil {
		t.result = make(map[int]bool)
	}
	t.result[plug] = true
	if ok {
		t.sink.Done(plug)
	} else {
		t.sink.Failed(plug, text)
	}
}

// Trace implements [devspec.Sink].
func (t *told) Trace(tr devspec.Trace) { t.sink.Trace(tr) }

// done reports a plug whose action ended well, unless its script has said more
// about it. For a read there is nothing to add.
func (t *told) done(plug int) {
	if t.op.Changes() && !t.result[plug] {
		t.sink.Done(plug)
	}
}

func (t *told) unknown(plug int, why *driver.Fault) {
	if !t.result[plug] {
		t.sink.Unknown(plug, why)
	}
}

var (
	_ driver.Session = (*session)(nil)
	_ driver.Pinger  = (*session)(nil)
	_ devspec.Sink   = (*told)(nil)
)
