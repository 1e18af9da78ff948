// Package manual drives what only a person can switch: it asks, and waits until
// somebody says that it is done.
//
// It exists because a room is rarely without one such machine, and a plan that
// knows nothing of it is wrong. A question stands open (`millwright questions`)
// until it is answered, until whoever asked gives up, or until the time is over;
// what the person then has done is unknown. Nobody is asked how it stands: a plug
// of this driver cannot be read.
//
// Start at [Settings].
package manual

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// New makes the driver.
func New() driver.Driver {
	return driver.Driver{
		Name:    "manual",
		Summary: "a person is asked to switch, and says when it is done",
		New:     func() driver.Settings { return &Settings{Timeout: time.Hour} },
	}
}

// Settings of one thing that people switch.
type Settings struct {
	Where   string        `yaml:"where" doc:"where it is and what is to be done there; stands in every question"`
	Plugs   []string      `yaml:"plugs" doc:"the plugs there are, ranges allowed; without it, any name will do"`
	Timeout time.Duration `yaml:"timeout" default:"1h" doc:"how long people have to answer"`
}

// maxWhere bounds what is told to people each time.
const maxWhere = 1000

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	if s.Timeout <= 0 {
		return driver.Traits{}, &driver.FieldError{Field: "timeout", Err: errors.New("it must be more than nothing")}
	}
	if len(s.Where) > maxWhere {
		return driver.Traits{}, &driver.FieldError{Field: "where", Err: fmt.Errorf("at most %d bytes", maxWhere)}
	}
	t := driver.Traits{Type: "manual", Verbs: []room.Op{room.On, room.Off, room.Cycle}, Timeout: s.Timeout}
	for _, text := range s.Plugs {
		names, err := hostlist.Expand(text)
		if err != nil {
			return driver.Traits{}, &driver.FieldError{Field: "plugs", Err: err}
		}
		t.Plugs = append(t.Plugs, names...)
	}
	return t, nil
}

// Open implements [driver.Settings]: people are always there.
func (s *Settings) Open(_ context.Context, env driver.Env) (driver.Session, error) {
	env.Reached()
	return &session{Settings: s, env: env}, nil
}

type session struct {
	*Settings
	env driver.Env
}

// Done implements [driver.Session].
func (*session) Done() <-chan struct{} { return nil }

// Close implements [driver.Session].
func (*session) Close() error { return nil }

// Do implements [driver.Session]: one question for all plugs of the batch.
func (s *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	wish, able := map[room.Op]string{room.On: "switch on", room.Off: "switch off", room.Cycle: "switch off and on again"}[b.Op]
	if !able {
		for _, p := range b.Plugs {
			sink.Failed(p, "nobody is asked to "+b.Op.String())
		}
		return nil
	}
	start := b.Start
	if start.IsZero() {
		start = time.Now()
	}
	act, cancel := context.WithDeadlineCause(ctx, start.Add(s.Timeout), fmt.Errorf("nobody has answered within %v", s.Timeout))
	defer cancel()
	if act.Err() != nil {
		s.unknown(b.Plugs, driver.Waiting, context.Cause(act), sink)
		return nil
	}
	question := s.question(wish, b.Plugs)
	s.trace(b, sink, devspec.TraceSend, question)
	answer, err := s.env.Ask(act, question)
	switch {
	case err != nil && act.Err() == nil: // it was never asked
		for _, p := range b.Plugs {
			sink.Failed(p, err.Error())
		}
	case err != nil: // somebody may be on their way
		s.unknown(b.Plugs, driver.Acting, context.Cause(act), sink)
	default:
		s.env.Acted()
		s.answered(b, answer, sink)
	}
	return nil
}

func (s *session) answered(b driver.Batch, answer driver.Answer, sink driver.Sink) {
	said := answer.By + " says no"
	if answer.Said != "" {
		said = answer.By + ": " + answer.Said
	}
	s.trace(b, sink, devspec.TraceRecv, fmt.Sprintf("%t: %s", answer.Yes, said))
	for _, p := range b.Plugs {
		if answer.Yes {
			sink.Done(p)
		} else {
			sink.Failed(p, said)
		}
	}
}

// question words what is wished for.
func (s *session) question(wish string, plugs []int) string {
	names := make([]string, len(plugs))
	for i, p := range plugs {
		names[i] = s.env.Plugs[p].Name
	}
	text := fmt.Sprintf("Please %s %s of %s.", wish, hostlist.Fold(names), s.env.Device)
	if s.Where != "" {
		text += " " + s.Where
	}
	return text
}

func (s *session) unknown(plugs []int, phase driver.Phase, why error, sink driver.Sink) {
	f := &driver.Fault{Phase: phase, Device: s.env.Device, Err: why}
	sink.Fault(f)
	for _, p := range plugs {
		sink.Unknown(p, f)
	}
}

func (s *session) trace(b driver.Batch, sink driver.Sink, kind devspec.TraceKind, text string) {
	if b.Trace {
		sink.Trace(devspec.Trace{Kind: kind, Text: text + "\n"})
	}
}

var _ driver.Session = (*session)(nil)
