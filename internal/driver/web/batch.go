package web

import (
	"context"
	"errors"
	"time"

	"millwright.dev/millwright/internal/driver"
)

// Each does a batch plug by plug, each in an action of its own, of which the
// driver's Traits.Actions has to know. do is given a plug's place in Env.Plugs.
// Where it returns nil, a change is done; of a read it has told the sink. Each tells
// the sink of the rest, so that its result is one for [driver.Session] to return.
//
// After an answer that nobody understands it goes on with the next plug: with HTTP
// each answer has a question. After a timeout or a line that broke it does not.
func (c *Client) Each(ctx context.Context, b driver.Batch, sink driver.Sink, do func(t *Talk, plug int) error) error {
	for i, plug := range b.Plugs {
		goOn, err := c.act(ctx, b, sink, b.Plugs[i:i+1], b.Plugs[i+1:], func(t *Talk) error {
			err := do(t, plug)
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
func (c *Client) Once(ctx context.Context, b driver.Batch, sink driver.Sink, do func(t *Talk) error) error {
	_, err := c.act(ctx, b, sink, b.Plugs, nil, do)
	return err
}

// Cannot refuses a batch whose operation is not among the driver's verbs.
func (c *Client) Cannot(b driver.Batch, sink driver.Sink) error {
	for _, plug := range b.Plugs {
		sink.Failed(plug, "the device cannot "+b.Op.String())
	}
	return nil
}

// Aside is an action that is in no batch: a ping, a measurement, a description.
// That the device refuses or is not understood leaves the session as it is, and the
// error is then no *driver.Fault.
func (c *Client) Aside(ctx context.Context, do func(*Talk) error) error {
	t := c.talk(ctx, time.Time{})
	defer t.cancel()
	err := do(t)
	var no *refusal
	var odd *oddity
	refused := errors.As(err, &no)
	if err == nil || refused {
		c.Env.Acted()
	}
	switch {
	case err == nil:
		return nil
	case refused || errors.As(err, &odd):
		return errors.New(c.Env.Device + ": " + c.Clean(err.Error()))
	}
	return t.failed(err)
}

// act carries out one action and says whether others may follow it. If not, it
// has told of those to come as well, or left that to the fleet, which repeats
// what can be repeated when the line broke.
func (c *Client) act(ctx context.Context, b driver.Batch, sink driver.Sink, plugs, toCome []int, do func(*Talk) error) (goOn bool, err error) {
	t := c.talk(ctx, b.Start)
	defer func() { t.cancel() }() // which Rest makes anew
	if b.Trace {
		t.trace = sink
	}
	err = do(t)
	var no *refusal
	switch refused := errors.As(err, &no); {
	case refused:
		for _, plug := range plugs {
			sink.Failed(plug, c.Clean(no.said))
		}
		fallthrough
	case err == nil:
		c.Env.Acted()
		return true, nil
	}
	f := t.failed(err)
	if f.Phase == driver.Lost && b.Op.Repeatable() && ctx.Err() == nil {
		return false, f
	}
	if f.Phase != driver.Lost { // a lost line is told by whoever is given our error
		sink.Fault(f)
	}
	why := f
	if f.Phase != driver.Waiting && (!t.sent || b.Op.Changes() && !t.changed) { // then nothing can have happened
		why = t.fault(driver.Waiting, f)
	}
	for _, plug := range plugs {
		sink.Unknown(plug, why)
	}
	var odd *oddity
	if errors.As(err, &odd) && ctx.Err() == nil {
		return true, nil
	}
	next := t.fault(driver.Waiting, f)
	for _, plug := range toCome {
		sink.Fault(next)
		sink.Unknown(plug, next)
	}
	if f.Phase == driver.Waiting { // nothing was said, so all is well with the session
		return false, nil
	}
	return false, f
}
