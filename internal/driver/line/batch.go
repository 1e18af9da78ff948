package line

import (
	"context"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
)

// Each does a batch plug by plug, each in an action of its own, of which the
// driver's Traits.Actions has to know. do is given a plug's name; where it returns
// nil, the device took the command. Each tells the sink how it went, so that its
// result is one for [driver.Session] to return.
func (l *Line) Each(ctx context.Context, b driver.Batch, sink driver.Sink, do func(t *Talk, plug string) error) error {
	return l.Device.Each(ctx, b, sink, func(a *action.Action, plug int) error {
		return do(&Talk{a, l}, l.Env.Plugs[plug].Name)
	})
}

// Once does a batch in one action. Where do returns nil, it has told the sink of
// every plug; where it does not, it has told of none, and Once does.
func (l *Line) Once(ctx context.Context, b driver.Batch, sink driver.Sink, do func(t *Talk) error) error {
	return l.Device.Once(ctx, b, sink, l.talk(do))
}

// Aside is an action that is in no batch, such as a ping.
func (l *Line) Aside(ctx context.Context, do func(*Talk) error) error {
	return l.Device.Aside(ctx, l.talk(do))
}

// talk has an action be a talk.
func (l *Line) talk(do func(*Talk) error) func(*action.Action) error {
	return func(a *action.Action) error { return do(&Talk{a, l}) }
}

// Refused is the error of an action that the device would not do, in its own
// words: it surely did nothing.
func Refused(said string) error { return action.Refused(said) }

// Odd is the error of an action after which the device said something that nobody
// understands: whether it did it is unknown, and the conversation out of step.
func Odd(said string) error { return action.Odd(said) }
