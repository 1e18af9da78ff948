// Package action carries out batches, action by action, and tells the sink what
// became of each plug.
//
// It exists because that is the same for every driver, and easily got wrong: each
// action has a clock of its own; a plug for which nothing was sent was surely not
// switched, so that nobody has to look at it; what is known of the plugs that come
// after one that failed has to be said; and a line that broke is returned, not told,
// and left to the fleet where the fleet repeats.
//
// A session has a [Device], and does its batches by [Device.Each], plug by plug,
// [Device.Once], all plugs in one action, or [Device.Abreast], all plugs side by
// side. What it does in them is given an [Action], and returns nil, [Refused], [Odd]
// or [Unsure], the action's [Action.Over] or [Action.Lost], or any other error, after
// which nobody knows. Packages line and web beside this one do the same for what
// talks in lines, and by HTTP.
//
//	action.go  one action: its clock, its errors, the rest of a cycle
//	batch.go   batches, and what is told to the sink
//	error.go   what an action may return
package action

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// Device is what actions are carried out on. The goroutine that owns the session
// owns it.
type Device struct {
	Env     driver.Env     // as it was given to Open
	Timeout time.Duration  // of one action, and of logging in; zero is driver.DefaultTimeout
	Slow    error          // says that an action took longer; nil is "no answer in time"
	Mask    *secret.Masker // hides secrets; nil hides nothing

	// Gone is closed when the line is dead, so that nobody rests then. It may be nil.
	Gone <-chan struct{}

	// InStep says that each answer has its question, as with HTTP: after one that
	// nobody understands the next action is begun. Else the batch ends.
	InStep bool
	// NoLine says that nothing is held between two batches: a failure other than a
	// line that broke leaves the session as it is.
	NoLine bool
}

// Action is one action under way. All of it takes place in its time.
type Action struct {
	Sent    bool // something has gone to the device
	Changed bool // something by which the device may do what it was asked

	device *Device
	op     room.Op
	parent context.Context // of whoever asked
	ctx    context.Context // with the action's deadline
	cancel context.CancelFunc
	trace  func(devspec.Trace) // nil if nobody wants to know
}

// errSilent is the cause of an action that took too long.
var errSilent = errors.New("no answer in time")

// begin begins an action, whose clock runs from the batch's Start.
func (d *Device) begin(ctx context.Context, b driver.Batch, sink driver.Sink) *Action {
	a := &Action{device: d, op: b.Op, parent: ctx}
	if b.Trace {
		a.trace = sink.Trace
	}
	a.clock(ctx, b.Start)
	return a
}

// clock gives the action all its time from start on; zero is now.
func (a *Action) clock(ctx context.Context, start time.Time) {
	if start.IsZero() {
		start = time.Now()
	}
	end := start.Add(cmp.Or(max(a.device.Timeout, 0), driver.DefaultTimeout))
	a.ctx, a.cancel = context.WithDeadlineCause(ctx, end, cmp.Or(a.device.Slow, errSilent))
}

// end frees what the action holds; its context may be another than at its beginning.
func (a *Action) end() { a.cancel() }

// Context ends when the action's time is over, or nobody wants it any more.
func (a *Action) Context() context.Context { return a.ctx }

// Begin notes that the device is about to be told what to do: from now on it may
// have happened.
func (a *Action) Begin() { a.Sent, a.Changed = true, true }

// begun says whether anything can have happened.
func (a *Action) begun() bool { return a.Changed || a.Sent && !a.op.Changes() }

// Trace shows a piece of the conversation, without secrets, if anybody wants to know.
func (a *Action) Trace(kind devspec.TraceKind, text string) {
	if a.trace != nil {
		a.trace(devspec.Trace{Kind: kind, Text: a.device.Mask.String(text)})
	}
}

// Traced says whether anybody wants to see the conversation.
func (a *Action) Traced() bool { return a.trace != nil }

// Wait waits between two questions. The error is for the caller to return.
func (a *Action) Wait(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-a.ctx.Done():
		return a.Over()
	}
}

// Rest waits in the middle of what has to be finished, such as a cycle, of which the
// plug is off: if nobody wants it any more, it has its power back all the sooner;
// but back it has it. From then on the action has time of its own, and cannot be
// cancelled.
func (a *Action) Rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.parent.Done():
	case <-a.device.Gone:
	}
	a.cancel()
	a.clock(context.WithoutCancel(a.parent), time.Time{})
}

// Cycle is off, [Action.Rest] and on.
func (a *Action) Cycle(rest time.Duration, off, on func() error) error {
	if err := off(); err != nil {
		return err
	}
	a.Rest(rest)
	return Unfinished(on())
}

// Over is the error of an action whose time or context has ended.
func (a *Action) Over() error {
	phase := driver.Acting
	if !a.Sent {
		phase = driver.Waiting
	}
	return a.Fault(phase, context.Cause(a.ctx))
}

// Lost is the error of an action whose line broke; unless it was the action's end
// that broke it.
func (a *Action) Lost(err error) error {
	if a.ctx.Err() != nil {
		return a.Over()
	}
	return a.Fault(driver.Lost, err)
}

// Fault makes a fault of the device's. What it said goes in without secrets only.
func (a *Action) Fault(phase driver.Phase, err error) *driver.Fault {
	if text := a.device.Clean(err.Error()); text != err.Error() {
		err = errors.New(text)
	}
	return &driver.Fault{Phase: phase, Device: a.device.Env.Device, Err: err}
}

// Failed makes a fault of what an action has returned; nobody finds a [Refusal] or an
// [Oddity] in it any more.
func (a *Action) Failed(err error) *driver.Fault {
	var f *driver.Fault
	var no *Refusal
	var odd *Oddity
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &no):
		err = errors.New(err.Error())
	case errors.As(err, &odd): // quoted, a secret may look different
		err = errors.New((&Oddity{said: a.device.Mask.String(odd.said), why: odd.why}).Error())
	}
	return a.Fault(driver.Acting, err)
}

// maxSaid bounds what is handed on of a device's words, in bytes.
const maxSaid = 300

// Clean makes words of the device fit to be handed on: no secrets, one line, bounded.
func (d *Device) Clean(text string) string { return Clean(d.Mask, text, maxSaid) }

// Clean makes text fit to be handed on: without the mask's secrets, in one line, and
// not much longer than most bytes.
func Clean(mask *secret.Masker, text string, most int) string {
	text = mask.String(strings.TrimSpace(text)) // before it is cut: half a secret is not found
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 { // the upper ones, too, are orders to a terminal
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}
