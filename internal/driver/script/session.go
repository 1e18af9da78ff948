package script

import (
	"context"
	"fmt"
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
	rude   bool   // no good-bye is said: it is not wanted, was said, or would not be understood
	heard  []bool // by plug; kept from batch to batch for its memory only
}

// run runs a script of the session itself, if the specification has it.
func (s *session) run(ctx context.Context, name devspec.ScriptName) error {
	err := s.Run(ctx, devspec.Action{Script: s.spec.Script(name)}, devspec.NewCall(s.plugs, nil, nil))
	if err == nil {
		s.acted()
	} else {
		s.rude = true
	}
	return err
}

// parting is how long saying good-bye may take.
const parting = 2 * time.Second

// Close implements [driver.Session]. While the conversation is in step, it ends by the
// logout script: many units have one session, and keep its place for minutes when it
// breaks off.
func (s *session) Close() error {
	if script := s.spec.Script(devspec.ScriptLogout); script != nil && !s.rude {
		ctx, cancel := context.WithTimeout(context.Background(), parting)
		defer cancel()
		// Most units hang up instead of answering; that, too, is heard.
		if s.Run(ctx, devspec.Action{Script: script}, devspec.NewCall(s.plugs, nil, nil)) == nil {
			select {
			case <-s.Done():
			case <-ctx.Done():
			}
		}
	}
	s.rude = true
	return s.Session.Close()
}

// Ping implements [driver.Pinger].
func (s *session) Ping(ctx context.Context) error {
	if err := s.run(ctx, devspec.ScriptPing); err != nil {
		return fault(ctx, s.device, err)
	}
	return nil
}

// Do implements [driver.Session].
func (s *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	family, has := families[b.Op]
	actions, err := s.spec.Choose(family, b.Plugs, b.Whole)
	if !has {
		err = fmt.Errorf("the device language has no scripts for %v", b.Op)
	}
	if err != nil {
		for _, p := range b.Plugs {
			sink.Failed(p, err.Error())
		}
		return nil
	}
	told := s.newTold(b.Op, sink)
	call := devspec.NewCall(s.plugs, b.Plugs, told)
	call.Start, call.Trace = b.Start, b.Trace
	for i, a := range actions {
		if ctx.Err() != nil { // between two scripts: the conversation is in step
			s.leave(&driver.Fault{Phase: driver.Waiting, Device: s.device, Err: context.Cause(ctx)}, b, actions[i:], told)
			return nil
		}
		if err := s.Run(ctx, a, call); err != nil {
			s.rude = true
			return s.failed(ctx, fault(ctx, s.device, err), b, actions[i:], told)
		}
		s.acted()
		for _, p := range meant(a, b) {
			told.end(p)
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
func (s *session) failed(ctx context.Context, f *driver.Fault, b driver.Batch, actions []devspec.Action, told *told) error {
	if f.Phase == driver.Lost && b.Op.Repeatable() && ctx.Err() == nil {
		return f
	}
	if f.Phase != driver.Lost { // a lost line is told by whoever is given our error
		told.sink.Fault(f)
	}
	for _, p := range meant(actions[0], b) {
		told.unknown(p, f)
	}
	s.leave(&driver.Fault{Phase: driver.Waiting, Device: s.device, Err: f}, b, actions[1:], told)
	return f
}

// leave reports actions that will not be begun.
func (s *session) leave(why *driver.Fault, b driver.Batch, actions []devspec.Action, told *told) {
	for _, a := range actions {
		told.sink.Fault(why)
		for _, p := range meant(a, b) {
			told.unknown(p, why)
		}
	}
}

// told passes a script's reports on and remembers for which plugs there was one.
type told struct {
	sink  driver.Sink
	op    room.Op
	heard []bool
}

func (s *session) newTold(op room.Op, sink driver.Sink) *told {
	if s.heard == nil {
		s.heard = make([]bool, s.plugs.Len())
	}
	clear(s.heard)
	return &told{sink: sink, op: op, heard: s.heard}
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
	if !t.op.Changes() { // in a change it is what the script went by, not its result
		t.heard[plug] = true
	}
	t.sink.State(plug, power, raw)
}

// PlugResult implements [devspec.Sink]. A script that speaks of a plug twice,
// as one that retries does, is believed the first time: what was told cannot be
// taken back.
func (t *told) PlugResult(plug int, ok bool, text string) {
	switch {
	case t.heard[plug] || !t.op.Changes():
	case ok:
		t.heard[plug] = true
		t.sink.Done(plug)
	default:
		t.heard[plug] = true
		t.sink.Failed(plug, text)
	}
}

// Trace implements [devspec.Sink].
func (t *told) Trace(tr devspec.Trace) { t.sink.Trace(tr) }

// end reports a plug whose action ended well, unless its script has said more
// about it: a change was done; a read has found nothing out.
func (t *told) end(plug int) {
	switch {
	case t.heard[plug]:
	case t.op.Changes():
		t.sink.Done(plug)
	default:
		t.sink.State(plug, room.StateUnknown, "")
	}
}

// unknown reports a plug whose action did not end well, unless its script had
// come to it before.
func (t *told) unknown(plug int, why *driver.Fault) {
	if !t.heard[plug] {
		t.sink.Unknown(plug, why)
	}
}

var (
	_ driver.Session = (*session)(nil)
	_ driver.Pinger  = (*session)(nil)
	_ devspec.Sink   = (*told)(nil)
)
