package web

import (
	"context"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
)

// Each does a batch plug by plug, each in an action of its own, of which the
// driver's Traits.Actions has to know. do is given a plug's place in Env.Plugs.
// Where it returns nil, a change is done; of a read it has told the sink. Each tells
// the sink of the rest, so that its result is one for [driver.Session] to return.
//
// After an answer that nobody understands it goes on with the next plug: with HTTP
// each answer has a question. After a timeout or a line that broke it does not.
func (c *Client) Each(ctx context.Context, b driver.Batch, sink driver.Sink, do func(t *Talk, plug int) error) error {
	return c.Device.Each(ctx, b, sink, func(a *action.Action, plug int) error {
		return do(&Talk{Action: a, Client: c}, plug)
	})
}

// Once does a batch in one action. Where do returns nil, it has told the sink of
// every plug; where it does not, it has told of none, and Once does.
func (c *Client) Once(ctx context.Context, b driver.Batch, sink driver.Sink, do func(t *Talk) error) error {
	return c.Device.Once(ctx, b, sink, c.talk(do))
}

// Aside is an action that is in no batch: a ping, a measurement, a description.
// That the device refuses or is not understood leaves the session as it is, and the
// error is then no *driver.Fault.
func (c *Client) Aside(ctx context.Context, do func(*Talk) error) error {
	return c.Device.Aside(ctx, c.talk(do))
}

// talk has an action be a talk.
func (c *Client) talk(do func(*Talk) error) func(*action.Action) error {
	return func(a *action.Action) error { return do(&Talk{Action: a, Client: c}) }
}

// Refused is the error of an action that the device would not do, in its own
// words: it surely did nothing.
func Refused(said string) error { return action.Refused(said) }

// Odd is the error of an action after which the device said something that nobody
// understands: whether it did it is unknown.
func Odd(said string) error { return Unsure("it says what nobody understands: " + said) }

// Unsure is as Odd, in words of the driver's own: the device took a command, and
// there is nothing to show that it has worked.
func Unsure(why string) error { return action.Unsure(why) }
