package line

import (
	"context"
	"errors"
	"strings"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
)

// Talk is the part of a conversation that belongs to one action. All of it takes
// place in the time of that action.
type Talk struct {
	*action.Action
	line *Line
}

// Ask says one line and hears one. The answer comes without blanks around it and
// unmasked: hand it on by [Refused], [Odd] or Clean. The error is for the
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
		return t.Fault(driver.Waiting, errors.New("a line with a line end inside is not sent"))
	case t.Context().Err() != nil:
		return t.Over()
	case !t.Sent && len(t.line.heard) > 0: // it would be taken for the answer
		t.Trace(devspec.TraceRecv, <-t.line.heard)
		return t.Fault(driver.Lost, errChatty)
	}
	select {
	case <-t.line.done:
		return t.Fault(driver.Lost, t.line.why)
	default:
	}
	t.Begin()
	t.Trace(devspec.TraceSend, text+t.line.config.End)
	// A device that takes nothing any more is left when its time is over; not every
	// way to a device knows deadlines.
	hangUp := context.AfterFunc(t.Context(), func() { _ = t.line.conn.Close() })
	_, err := t.line.conn.Write([]byte(text + t.line.config.End))
	switch late := !hangUp(); {
	case late:
		return t.Over()
	case err != nil:
		return t.Lost(err)
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
		return "", t.Fault(driver.Lost, t.line.why)
	case <-t.Context().Done():
		return "", t.Over()
	}
}

func (t *Talk) take(text string) string {
	t.Begin() // we are in the middle of something
	t.Trace(devspec.TraceRecv, text)
	return strings.TrimSpace(text)
}
