package mqtt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// ended is what became of one plug.
type ended struct {
	plug  int
	first bool // none of the batch before it asks the same question
	was   heard
	heard heard
	sent  bool  // it was told, so that something may have happened
	err   error // nothing was heard of it
	gone  bool  // the broker says that it is not there
	odd   bool  // it said what nobody understands
	trace []devspec.Trace
}

// Do implements [driver.Session]: all plugs side by side, on one clock.
func (n *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	work, able := map[room.Op]func(context.Context, *ended){
		room.Status: n.read,
		room.On:     func(ctx context.Context, e *ended) { n.tell(ctx, e, room.StateOn) },
		room.Off:    func(ctx context.Context, e *ended) { n.tell(ctx, e, room.StateOff) },
		room.Cycle:  n.cycle,
	}[b.Op]
	if !able {
		for _, p := range b.Plugs {
			sink.Failed(p, "the device cannot "+b.Op.String())
		}
		return nil
	}
	act, cancel := n.action(ctx, b.Start)
	defer cancel()
	results := make(chan *ended)
	var workers sync.WaitGroup
	for _, e := range n.begin(b) {
		workers.Go(func() {
			if e.err = context.Cause(act); e.err == nil {
				work(act, e)
			}
			results <- e
		})
	}
	go func() {
		workers.Wait()
		close(results)
	}()
	return n.report(b, results, sink)
}

// begin notes what was heard so far of each plug. Where one question is answered
// by several plugs, only the first of them asks it.
func (n *session) begin(b driver.Batch) []*ended {
	asked := make(map[string]bool)
	list := make([]*ended, len(b.Plugs))
	for i, p := range b.Plugs {
		question := n.points[p].ask + "\x00" + n.points[p].askWith
		list[i] = &ended{plug: p, first: !asked[question]}
		list[i].was, _ = n.of(p)
		asked[question] = asked[question] || !list[i].was.gone
	}
	return list
}

// action gives the context of one action, whose clock runs from start.
func (n *session) action(ctx context.Context, start time.Time) (context.Context, context.CancelFunc) {
	if start.IsZero() {
		start = time.Now()
	}
	return context.WithDeadlineCause(ctx, start.Add(n.Timeout), errSilent)
}

var (
	errSilent = errors.New("it has not answered")
	errLost   = errors.New("the broker hung up")
)

// report tells the sink what became of the plugs.
func (n *session) report(b driver.Batch, results <-chan *ended, sink driver.Sink) error {
	var lost error
	acted := false
	for e := range results {
		if b.Trace {
			for _, t := range e.trace {
				sink.Trace(t)
			}
		}
		switch {
		case errors.Is(e.err, errLost):
			lost = &driver.Fault{Phase: driver.Lost, Device: n.env.Device, Err: errLost}
			if !b.Op.Repeatable() {
				sink.Unknown(e.plug, lost.(*driver.Fault))
			}
			continue
		case e.gone:
			sink.Failed(e.plug, "the broker says that it is offline")
		case e.err != nil || e.odd:
			n.unknown(e, sink)
			continue
		case b.Op.Changes():
			sink.Done(e.plug)
		default:
			sink.State(e.plug, e.heard.state, e.heard.raw)
		}
		acted = true
	}
	if acted {
		n.env.Acted()
	}
	return lost
}

func (n *session) unknown(e *ended, sink driver.Sink) {
	phase, why := driver.Acting, e.err
	if !e.sent {
		phase = driver.Waiting
	}
	if e.odd {
		phase, why = driver.Acting, fmt.Errorf("it says what nobody understands: %q", e.heard.raw)
	}
	f := &driver.Fault{Phase: phase, Device: n.env.Device, Err: why}
	sink.Fault(f)
	sink.Unknown(e.plug, f)
}

// ask says something to a plug and waits until it has said its state.
func (n *session) ask(ctx context.Context, e *ended, topic, payload string) {
	before := e.was
	if e.gone = before.gone; e.gone {
		return
	}
	e.sent = true
	trace := func(kind devspec.TraceKind, text string) {
		e.trace = append(e.trace, devspec.Trace{Kind: kind, Text: n.mask.String(text) + "\n"})
	}
	if e.first {
		if e.err = n.publish(ctx, topic, payload, trace); e.err != nil {
			e.err = n.whyNot(e.err)
			return
		}
	}
	for {
		now, news := n.of(e.plug)
		if now.times > before.times {
			e.heard, e.was = now, now
			trace(devspec.TraceRecv, now.raw)
			return
		}
		if now.gone {
			e.err = errors.New("it was told, and then went offline")
			return
		}
		select {
		case <-news:
		case <-n.done:
			e.err = errLost
			return
		case <-ctx.Done():
			e.err = context.Cause(ctx)
			return
		}
	}
}

// whyNot tells a lost broker from other trouble.
func (n *session) whyNot(err error) error {
	if errors.Is(err, errSilent) || errors.Is(err, context.Canceled) {
		return err
	}
	if !n.client.IsConnectionOpen() {
		return errLost
	}
	return err
}

// tell switches one plug.
func (n *session) tell(ctx context.Context, e *ended, want room.State) {
	p := &n.points[e.plug]
	e.first = true
	payload := p.off
	if want == room.StateOn {
		payload = p.on
	}
	n.ask(ctx, e, p.command, payload)
	e.odd = e.err == nil && !e.gone && e.heard.state == room.StateUnknown
}

// read reads one plug.
func (n *session) read(ctx context.Context, e *ended) {
	p := &n.points[e.plug]
	if p.ask != "" {
		n.ask(ctx, e, p.ask, p.askWith)
		return
	}
	e.heard, _ = n.of(e.plug)
	if e.gone = e.heard.gone; !e.gone && !e.heard.said {
		e.sent, e.err = true, errors.New("it has said nothing yet, and cannot be asked")
	}
}

// cycle switches one plug off and on again.
func (n *session) cycle(ctx context.Context, e *ended) {
	n.tell(ctx, e, room.StateOff)
	if e.err != nil || e.gone || e.odd {
		return
	}
	// It is off now. If nobody wants the rest any more, it has its power back all
	// the sooner; but back it has it.
	rest := time.NewTimer(n.Rest)
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
	case <-n.done:
	}
	back, cancel := n.action(context.WithoutCancel(ctx), time.Time{})
	defer cancel()
	n.tell(back, e, room.StateOn)
	if e.gone {
		e.gone, e.err = false, errors.New("it was switched off, and then went offline")
	}
}

// Measure implements [driver.Meter].
func (n *session) Measure(ctx context.Context, tell func(driver.Reading)) error {
	ctx, cancel := n.action(ctx, time.Time{})
	defer cancel()
	before := make([]heard, len(n.points))
	asked := make(map[string]bool)
	for i, p := range n.points {
		before[i], _ = n.of(i)
		if p.measure == "" || before[i].gone || asked[p.measure] {
			continue
		}
		asked[p.measure] = true
		if err := n.publish(ctx, p.measure, p.with, func(devspec.TraceKind, string) {}); err != nil {
			return &driver.Fault{Phase: driver.Lost, Device: n.env.Device, Err: err}
		}
	}
	for i, p := range n.points {
		if p.measure == "" || before[i].gone {
			continue
		}
		if !n.measured(ctx, i, before[i].measured, tell) {
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
		case <-n.done:
			return false
		case <-ctx.Done():
			return false
		}
	}
}
