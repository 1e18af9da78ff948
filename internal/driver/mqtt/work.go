package mqtt

import (
	"context"
	"errors"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
)

// talk is what goes on with one plug.
type talk struct {
	*action.Action
	plug  int
	first bool  // none of the batch before it asks the same question
	heard heard // last
}

// Do implements [driver.Session]: all plugs side by side, on one clock.
func (n *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	work, able := map[room.Op]func(*talk) error{
		room.Status: n.read,
		room.On:     func(t *talk) error { return n.tell(t, room.StateOn) },
		room.Off:    func(t *talk) error { return n.tell(t, room.StateOff) },
		room.Cycle:  n.cycle,
	}[b.Op]
	if !able {
		return n.Cannot(b, sink)
	}
	talks := n.begin(b)
	return n.Abreast(ctx, b, sink, len(b.Plugs), func(a *action.Action, plug int) (room.State, string, error) {
		t := talks[plug]
		t.Action = a
		err := work(t)
		return t.heard.state, t.heard.raw, err
	})
}

// begin notes what was heard so far of each plug. Where one question is answered
// by several plugs, only the first of them asks it.
func (n *session) begin(b driver.Batch) map[int]*talk {
	asked := make(map[string]bool)
	talks := make(map[int]*talk, len(b.Plugs))
	for _, p := range b.Plugs {
		question := n.points[p].ask + "\x00" + n.points[p].askWith
		t := &talk{plug: p, first: !asked[question]}
		t.heard, _ = n.of(p)
		asked[question] = asked[question] || !t.heard.gone
		talks[p] = t
	}
	return talks
}

var (
	errSilent  = errors.New("it has not answered")
	errLost    = errors.New("the broker hung up")
	errOffline = action.Refused("the broker says that it is offline")
)

// ask says something to a plug and waits until it has said its state.
func (n *session) ask(t *talk, topic, payload string) error {
	if t.heard.gone {
		return errOffline
	}
	t.Begin()
	if t.first {
		if err := n.publish(t.Action, topic, payload); err != nil {
			select {
			case <-n.Gone:
				return t.Lost(errLost)
			default:
				return err
			}
		}
	}
	for {
		now, news := n.of(t.plug)
		if now.times > t.heard.times {
			t.heard = now
			t.Trace(devspec.TraceRecv, now.raw+"\n")
			return nil
		}
		if now.gone {
			return errors.New("it was told, and then went offline")
		}
		select {
		case <-news:
		case <-n.Gone:
			return t.Lost(errLost)
		case <-t.Context().Done():
			return t.Over()
		}
	}
}

// tell switches one plug.
func (n *session) tell(t *talk, want room.State) error {
	p := &n.points[t.plug]
	t.first = true
	payload := p.off
	if want == room.StateOn {
		payload = p.on
	}
	err := n.ask(t, p.command, payload)
	if err == nil && t.heard.state == room.StateUnknown {
		return action.Odd(t.heard.raw)
	}
	return err
}

// read reads one plug.
func (n *session) read(t *talk) error {
	p := &n.points[t.plug]
	if p.ask != "" {
		return n.ask(t, p.ask, p.askWith)
	}
	t.Begin()
	t.heard, _ = n.of(t.plug)
	switch {
	case t.heard.gone:
		return errOffline
	case !t.heard.said:
		return errors.New("it has said nothing yet, and cannot be asked")
	}
	return nil
}

// cycle switches one plug off and on again.
func (n *session) cycle(t *talk) error {
	return t.Cycle(n.Rest,
		func() error { return n.tell(t, room.StateOff) },
		func() error { return n.tell(t, room.StateOn) })
}

// Measure implements [driver.Meter].
func (n *session) Measure(ctx context.Context, tell func(driver.Reading)) error {
	return n.Aside(ctx, func(a *action.Action) error { return n.measure(a, tell) })
}

func (n *session) measure(a *action.Action, tell func(driver.Reading)) error {
	before := make([]heard, len(n.points))
	asked := make(map[string]bool)
	for i, p := range n.points {
		before[i], _ = n.of(i)
		if p.measure == "" || before[i].gone || asked[p.measure] {
			continue
		}
		asked[p.measure] = true
		if err := n.publish(a, p.measure, p.with); err != nil {
			return a.Fault(driver.Lost, err)
		}
	}
	for i, p := range n.points {
		if p.measure == "" || before[i].gone {
			continue
		}
		if !n.measured(a.Context(), i, before[i].measured, tell) {
			break // who is silent for so long keeps the others from being asked again
		}
	}
	return nil
}

// measured waits for what one plug measures. It reports false when time is up.
func (n *session) measured(ctx context.Context, plug, before int, tell func(driver.Reading)) bool {
	for {
		now, news := n.of(plug)
		if now.measured > before {
			for _, r := range now.readings {
				tell(r)
			}
			return true
		}
		select {
		case <-news:
		case <-n.Gone:
			return false
		case <-ctx.Done():
			return false
		}
	}
}
