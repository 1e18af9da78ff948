package line

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
)

// Talk is the part of a conversation that belongs to one action. All of it takes
// place in the time of that action.
type Talk struct {
	line   *Line
	ctx    context.Context
	cancel context.CancelFunc
	trace  driver.Sink // nil if nobody wants to know
	sent   bool        // something may have reached the device
}

// errSilent is the cause of a talk that took too long.
var errSilent = errors.New("no answer in time")

// talk begins an action whose clock started at from; zero is now.
func (l *Line) talk(ctx context.Context, from time.Time, trace driver.Sink) *Talk {
	if from.IsZero() {
		from = time.Now()
	}
	t := &Talk{line: l, trace: trace}
	t.ctx, t.cancel = context.WithDeadlineCause(ctx, from.Add(l.config.Patience), errSilent)
	return t
}

// Ask says one line and hears one. The answer comes without blanks around it and
// unmasked: hand it on by [Refused], [Odd] or [Line.Clean]. The error is for the
// caller to return.
func (t *Talk) Ask(text string) (string, error) {
	if err := t.Say(text); err != nil {
		return "", err
	}
	return t.Hear()
}

// Say sends one line.
func (t *Talk) Say(text string) error {
	switch {
	case strings.ContainsAny(text, "\r\n"): // such as a password's; it would be a line of its own
		return t.fault(driver.Waiting, errors.New("a line with a line end inside is not sent"))
	case t.ctx.Err() != nil:
		return t.over()
	case !t.sent && len(t.line.heard) > 0: // it would be taken for the answer
		t.told(devspec.TraceRecv, <-t.line.heard)
		return t.fault(driver.Lost, errChatty)
	}
	select {
	case <-t.line.done:
		return t.fault(driver.Lost, t.line.why)
	default:
	}
	t.sent = true
	t.told(devspec.TraceSend, text+t.line.config.End)
	// A device that takes nothing any more is left when its time is over; not every
	// way to a device knows deadlines.
	hangUp := context.AfterFunc(t.ctx, func() { _ = t.line.conn.Close() })
	_, err := t.line.conn.Write([]byte(text + t.line.config.End))
	switch late := !hangUp(); {
	case late:
		return t.over()
	case err != nil:
		return t.fault(driver.Lost, err)
	}
	return nil
}

// Hear waits for a line that the device says: its greeting, or more of an answer.
func (t *Talk) Hear() (string, error) {
	select {
	case text := <-t.line.heard:
		return t.take(text), nil
	case <-t.line.done:
		if len(t.line.heard) > 0 { // what was said before it hung up counts
			return t.take(<-t.line.heard), nil
		}
		return "", t.fault(driver.Lost, t.line.why)
	case <-t.ctx.Done():
		return "", t.over()
	}
}

func (t *Talk) take(text string) string {
	t.sent = true // we are in the middle of something
	t.told(devspec.TraceRecv, text)
	return strings.TrimSpace(text)
}

func (t *Talk) told(kind devspec.TraceKind, text string) {
	if t.trace != nil {
		t.trace.Trace(devspec.Trace{Kind: kind, Text: t.line.mask.String(text)})
	}
}

// over is the fault of a talk whose time or context has ended.
func (t *Talk) over() error {
	phase := driver.Acting
	if !t.sent {
		phase = driver.Waiting
	}
	return t.fault(phase, context.Cause(t.ctx))
}

func (t *Talk) fault(phase driver.Phase, err error) *driver.Fault {
	return &driver.Fault{Phase: phase, Device: t.line.Env.Device, Err: err}
}

// Aside is an action that is in no batch, such as a ping.
func (l *Line) Aside(ctx context.Context, do func(*Talk) error) error {
	t := l.talk(ctx, time.Time{}, nil)
	defer t.cancel()
	err := do(t)
	var no *refusal
	if err == nil || errors.As(err, &no) {
		l.Env.Acted()
	}
	if err == nil {
		return nil
	}
	return t.failed(err)
}

// failed makes a fault of what an action has returned. What the device said goes
// into it without secrets only.
func (t *Talk) failed(err error) *driver.Fault {
	var f *driver.Fault
	if errors.As(err, &f) {
		return f
	}
	f = t.fault(driver.Acting, err)
	var no *refusal
	var odd *oddity
	switch {
	case errors.As(err, &no):
		f.Said = t.line.Clean(no.said)
	case errors.As(err, &odd):
		f.Said = fmt.Sprintf("it says %.60q", t.line.mask.String(odd.said))
	default:
		f.Said = t.line.Clean(err.Error())
	}
	return f
}
