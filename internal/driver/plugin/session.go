package plugindriver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/room"
)

// session is a device that a plugin has open.
type session struct {
	*Settings
	action.Device
	open  *plugin.Session
	names []string // of the plugs
}

// Done implements [driver.Session].
func (s *session) Done() <-chan struct{} { return s.open.Done() }

// Close implements [driver.Session].
func (s *session) Close() error { return s.open.Close() }

// Do implements [driver.Session]: each batch is one action, and the plugin's to divide.
func (s *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	if !slices.Contains(s.verbs, b.Op) {
		return s.Cannot(b, sink)
	}
	switch can := s.open.Thing.Can; {
	case slices.Contains(can, b.Op.String()):
		return s.Once(ctx, b, sink, func(a *action.Action) error {
			results, err := s.ask(a, b.Op, b.Plugs)
			if err == nil {
				s.tell(a, b.Op, b.Plugs, results, sink)
			}
			return err
		})
	case b.Op == room.Cycle && slices.Contains(can, "on") && slices.Contains(can, "off"):
		return s.Once(ctx, b, sink, func(a *action.Action) error { return s.cycle(a, b.Plugs, sink) })
	}
	return s.Cannot(b, sink)
}

// ask has the plugin do one thing, and gives what became of each plug.
func (s *session) ask(a *action.Action, op room.Op, plugs []int) (map[string]plugin.PlugResult, error) {
	names := make([]string, len(plugs))
	for i, p := range plugs {
		names[i] = s.names[p]
	}
	a.Begin()
	a.Trace(devspec.TraceSend, fmt.Sprintf("%s %s\n", op, hostlist.Fold(names)))
	results, err := s.open.Do(a.Context(), op.String(), names)
	var said *plugin.Error
	switch {
	case err == nil:
		if a.Traced() {
			text, _ := json.Marshal(results) // it was JSON before
			a.Trace(devspec.TraceRecv, string(text)+"\n")
		}
		return results, nil
	case errors.As(err, &said):
		a.Trace(devspec.TraceRecv, fmt.Sprintf("error %d: %s\n", said.Code, said.Message))
		return nil, failure(a, said)
	case errors.Is(err, plugin.ErrGone):
		return nil, a.Lost(err)
	case a.Context().Err() != nil:
		return nil, a.Over()
	}
	return nil, action.Unsure(err.Error())
}

// failure is what a plugin's error means for an action.
func failure(a *action.Action, said *plugin.Error) error {
	switch said.Code {
	case plugin.Lost:
		return a.Lost(said)
	case plugin.Refused, plugin.Unreachable, plugin.Denied:
		return action.Refused(said.Message)
	}
	return action.Unsure(said.Error())
}

// cycle is off, a rest, and on for those that went off.
func (s *session) cycle(a *action.Action, plugs []int, sink driver.Sink) error {
	off, err := s.ask(a, room.Off, plugs)
	if err != nil {
		return err
	}
	var went []int
	for _, p := range plugs {
		if off[s.names[p]].Done {
			went = append(went, p)
		}
	}
	if len(went) == 0 {
		s.tell(a, room.Off, plugs, off, sink)
		return nil
	}
	a.Rest(s.Rest)
	on, err := s.ask(a, room.On, went)
	if err != nil {
		return action.Unfinished(err)
	}
	for _, p := range plugs {
		if !slices.Contains(went, p) {
			s.tell(a, room.Off, []int{p}, off, sink)
			continue
		}
		r := on[s.names[p]]
		if r.Failed != "" { // it is off now, so it is not as if nothing had been done
			r = plugin.PlugResult{Unknown: "it was switched off, and then: " + r.Failed}
		}
		s.tell(a, room.On, []int{p}, map[string]plugin.PlugResult{s.names[p]: r}, sink)
	}
	return nil
}

// tell tells the sink what became of plugs.
func (s *session) tell(a *action.Action, op room.Op, plugs []int, results map[string]plugin.PlugResult, sink driver.Sink) {
	unknown := func(p int, why string) {
		f := a.Fault(driver.Acting, errors.New(s.Clean(why)))
		sink.Fault(f)
		sink.Unknown(p, f)
	}
	for _, p := range plugs {
		r, there := results[s.names[p]]
		switch {
		case !there:
			unknown(p, "the plugin says nothing of this plug")
		case r.Unknown != "":
			unknown(p, r.Unknown)
		case r.Failed != "":
			sink.Failed(p, s.Clean(r.Failed))
		case op.Changes() && r.Done:
			sink.Done(p)
		case !op.Changes() && (r.State != "" || r.Raw != ""):
			sink.State(p, state(op, r.State), s.Clean(raw(r)))
		default:
			unknown(p, "the plugin does not say what became of this plug")
		}
	}
}

func raw(r plugin.PlugResult) string {
	if r.Raw == "" {
		return r.State
	}
	return r.Raw
}

// state reads a state's name.
func state(op room.Op, name string) room.State {
	if op == room.Temp {
		return room.StateUnknown
	}
	switch strings.ToLower(name) {
	case "on":
		return room.StateOn
	case "off":
		return room.StateOff
	}
	return room.StateUnknown
}

// meter is a session of a device that measures.
type meter struct{ *session }

// Measure implements [driver.Meter].
func (m *meter) Measure(ctx context.Context, tell func(driver.Reading)) error {
	return m.Aside(ctx, func(a *action.Action) error {
		a.Sent = true
		values, err := m.open.Measure(a.Context())
		var said *plugin.Error
		switch {
		case errors.As(err, &said):
			return failure(a, said)
		case errors.Is(err, plugin.ErrGone):
			return a.Lost(err)
		case err != nil:
			return a.Over()
		}
		for _, v := range values {
			r := driver.Reading{Plug: driver.NoPlug, Part: m.Clean(v.Part), Quantity: driver.Quantity(m.Clean(v.Quantity)), Value: v.Value}
			if v.Plug != "" {
				if r.Plug = slices.Index(m.names, v.Plug); r.Plug < 0 {
					continue // a plug that the room does not know
				}
			}
			tell(r)
		}
		return nil
	})
}

var (
	_ driver.Session = (*session)(nil)
	_ driver.Meter   = (*meter)(nil)
)
