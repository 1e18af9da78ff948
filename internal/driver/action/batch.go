package action

import (
	"context"
	"errors"
	"sync"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// Each does a batch plug by plug, each in an action of its own, of which the
// driver's Traits.Actions has to know. do is given a plug's place in Env.Plugs.
// Where it returns nil, a change is done; of a read it has told the sink. Each tells
// the sink of the rest, so that its result is one for [driver.Session] to return.
func (d *Device) Each(ctx context.Context, b driver.Batch, sink driver.Sink, do func(a *Action, plug int) error) error {
	for i, plug := range b.Plugs {
		goOn, err := d.act(ctx, b, sink, b.Plugs[i:i+1], b.Plugs[i+1:], func(a *Action) error {
			err := do(a, plug)
			if err == nil && b.Op.Changes() {
				sink.Done(plug)
			}
			return err
		})
		if !goOn {
			return err
		}
		b.Start = time.Time{} // the next one has a clock of its own
	}
	return nil
}

// Once does a batch in one action. Where do returns nil, it has told the sink of
// every plug; where it does not, it has told of none, and Once does.
func (d *Device) Once(ctx context.Context, b driver.Batch, sink driver.Sink, do func(*Action) error) error {
	_, err := d.act(ctx, b, sink, b.Plugs, nil, do)
	return err
}

// Cannot refuses a batch whose operation is not among the driver's verbs.
func (d *Device) Cannot(b driver.Batch, sink driver.Sink) error {
	for _, plug := range b.Plugs {
		sink.Failed(plug, "the device cannot "+b.Op.String())
	}
	return nil
}

// act carries out one action and says whether others may follow it. If not, it
// has told of those to come as well, or left that to the fleet.
func (d *Device) act(ctx context.Context, b driver.Batch, sink driver.Sink, plugs, toCome []int, do func(*Action) error) (goOn bool, err error) {
	a := d.begin(ctx, b, sink)
	defer a.end()
	if a.ctx.Err() != nil {
		err = a.Over()
	} else {
		err = do(a)
	}
	f, left := a.settle(err, plugs, sink)
	var odd *Oddity
	switch {
	case f == nil:
		d.Env.Acted()
		return true, nil
	case left:
		return false, f
	case d.InStep && errors.As(err, &odd) && ctx.Err() == nil:
		return true, nil
	}
	next := a.Fault(driver.Waiting, f)
	for _, plug := range toCome {
		sink.Fault(next)
		sink.Unknown(plug, next)
	}
	if f.Phase == driver.Waiting || d.NoLine && f.Phase != driver.Lost {
		return false, nil // all is well with the session
	}
	return false, f
}

// settle tells what became of plugs whose action returned err. It gives the fault that
// was made of that, if it was no refusal, and whether all is left to the fleet, which
// repeats what can be repeated when the line broke.
func (a *Action) settle(err error, plugs []int, sink driver.Sink) (f *driver.Fault, left bool) {
	var no *Refusal
	switch {
	case err == nil:
		return nil, false
	case errors.As(err, &no):
		for _, plug := range plugs {
			sink.Failed(plug, a.device.Clean(no.Said))
		}
		return nil, false
	}
	f = a.Failed(err)
	if f.Phase == driver.Lost && a.op.Repeatable() && a.parent.Err() == nil {
		return f, true
	}
	why, told := f, f
	if f.Phase != driver.Waiting && !a.begun() {
		why = a.Fault(driver.Waiting, f)
	}
	if f.Phase == driver.Lost { // that is told by whoever is given our error
		told = why
	}
	if told.Phase != driver.Lost {
		sink.Fault(told)
	}
	for _, plug := range plugs {
		sink.Unknown(plug, why)
	}
	return f, false
}

// outcome is what became of one plug of several side by side.
type outcome struct {
	*Action
	plug   int
	state  room.State
	raw    string
	err    error
	traces []devspec.Trace
}

// Abreast does a batch's plugs side by side, at most so many at a time, on one clock
// and as one action. do is called in goroutines of its own, with an Action for each
// plug; of a read it gives what State is to tell.
func (d *Device) Abreast(ctx context.Context, b driver.Batch, sink driver.Sink, most int, do func(a *Action, plug int) (room.State, string, error)) error {
	if b.Start.IsZero() {
		b.Start = time.Now()
	}
	all := d.begin(ctx, b, sink)
	defer all.end()
	if all.ctx.Err() != nil {
		_, _ = all.settle(all.Over(), b.Plugs, sink)
		return nil
	}
	acted := false
	var lost *driver.Fault
	for o := range d.abreast(ctx, b, most, do) {
		for _, t := range o.traces {
			sink.Trace(t)
		}
		f, _ := o.settle(o.err, []int{o.plug}, sink)
		switch {
		case f != nil && f.Phase == driver.Lost:
			lost = f
		case f != nil:
			continue
		case o.err == nil && b.Op.Changes():
			sink.Done(o.plug)
		case o.err == nil:
			sink.State(o.plug, o.state, o.raw)
		}
		acted = acted || f == nil
	}
	if acted {
		d.Env.Acted()
	}
	if lost != nil {
		return lost
	}
	return nil
}

// abreast gives the outcomes as they come.
func (d *Device) abreast(ctx context.Context, b driver.Batch, most int, do func(*Action, int) (room.State, string, error)) <-chan *outcome {
	outcomes, todo := make(chan *outcome), make(chan int)
	var workers sync.WaitGroup
	for range min(most, len(b.Plugs)) {
		workers.Go(func() {
			for plug := range todo {
				o := &outcome{plug: plug, Action: d.begin(ctx, driver.Batch{Op: b.Op, Start: b.Start}, nil)}
				if b.Trace {
					o.trace = func(t devspec.Trace) { o.traces = append(o.traces, t) }
				}
				if o.ctx.Err() != nil {
					o.err = o.Over()
				} else {
					o.state, o.raw, o.err = do(o.Action, plug)
				}
				o.end()
				outcomes <- o
			}
		})
	}
	go func() {
		for _, plug := range b.Plugs {
			todo <- plug
		}
		close(todo)
		workers.Wait()
		close(outcomes)
	}()
	return outcomes
}

// Aside is an action that is in no batch: a ping, a measurement, a description. That
// the device refuses or is not understood leaves a session InStep as it is, and the
// error is then no *driver.Fault.
func (d *Device) Aside(ctx context.Context, do func(*Action) error) error {
	a := d.begin(ctx, driver.Batch{}, nil)
	defer a.end()
	err := do(a)
	var no *Refusal
	var odd *Oddity
	refused := errors.As(err, &no)
	if err == nil || refused {
		d.Env.Acted()
	}
	switch {
	case err == nil:
		return nil
	case d.NoLine || d.InStep && (refused || errors.As(err, &odd)):
		return errors.New(d.Env.Device + ": " + d.Clean(err.Error()))
	}
	return a.Failed(err)
}

// Login has do log in. Any error of its means that the device did not let us in, and
// is a *driver.Fault that says so.
func (d *Device) Login(ctx context.Context, do func(*Action) error) error {
	a := d.begin(ctx, driver.Batch{}, nil)
	defer a.end()
	if err := do(a); err != nil {
		f := *a.Failed(err)
		f.Phase = driver.LoggingIn
		return &f
	}
	d.Env.Acted()
	return nil
}
