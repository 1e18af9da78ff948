package line

import (
	"context"
	"errors"
	"time"

	"millwright.dev/millwright/internal/driver"
)

// Each does a batch plug by plug, each in an action of its own, of which the
// driver's Traits.Actions has to know. do is given a plug's name; where it returns
// nil, the device took the command. Each tells the sink how it went, so that its
// result is one for [driver.Session] to return.
func (l *Line) Each(ctx context.Context, b driver.Batch, sink driver.Sink, do func(t *Talk, plug string) error) error {
	for i, plug := range b.Plugs {
		goOn, err := l.act(ctx, b, sink, b.Plugs[i:i+1], b.Plugs[i+1:], func(t *Talk) error {
			err := do(t, l.Env.Plugs[plug].Name)
			if err == nil {
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
func (l *Line) Once(ctx context.Context, b driver.Batch, sink driver.Sink, do func(t *Talk) error) error {
	_, err := l.act(ctx, b, sink, b.Plugs, nil, do)
	return err
}

// Cannot refuses a batch whose operation is not among the driver's verbs.
func (l *Line) Cannot(b driver.Batch, sink driver.Sink) error {
	for _, plug := range b.Plugs {
		sink.Failed(plug, "the device cannot "+b.Op.String())
	}
	return nil
}

// act carries out one action and says whether others may follow it. If not, it
// has told of those to come as well, or left that to the fleet, which repeats
// what can be repeated when the line broke.
func (l *Line) act(ctx context.Context, b driver.Batch, sink driver.Sink, plugs, toCome []int, do func(*Talk) error) (goOn bool, err error) {
	t := l.talk(ctx, b.Start, nil)
	defer t.cancel()
	if b.Trace {
		t.trace = sink
	}
	err = do(t)
	var no *refusal
	switch refused := errors.As(err, &no); {
	case refused:
		for _, plug := range plugs {
			sink.Failed(plug, l.Clean(no.said))
		}
		fallthrough
	case err == nil:
		l.Env.Acted()
		return true, nil
	}
	f := t.failed(err)
	if f.Phase == driver.Lost && b.Op.Repeatable() && ctx.Err() == nil {
		return false, f
	}
	why := f
	if !t.sent { // then nothing can have happened
		why = t.fault(driver.Waiting, f.Err)
	}
	if why.Phase != driver.Lost { // a lost line is told by whoever is given our error
		sink.Fault(why)
	}
	for _, plug := range plugs {
		sink.Unknown(plug, why)
	}
	next := t.fault(driver.Waiting, f)
	for _, plug := range toCome {
		sink.Fault(next)
		sink.Unknown(plug, next)
	}
	if f.Phase == driver.Waiting { // nothing was said, so the line is well
		return false, nil
	}
	return false, f
}
