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
	"millwright.dev/millwright/internal/driver/action"
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
	slow := fmt.Errorf("nobody has answered within %v", s.Timeout)
	return &session{Settings: s, Device: action.Device{Env: env, Timeout: s.Timeout, Slow: slow, NoLine: true}}, nil
}

type session struct {
	*Settings
	action.Device
}

// Done implements [driver.Session].
func (*session) Done() <-chan struct{} { return nil }

// Close implements [driver.Session].
func (*session) Close() error { return nil }

// Do implements [driver.Session]: one question for all plugs of the batch.
func (s *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	wish, able := map[room.Op]string{room.On: "switch on", room.Off: "switch off", room.Cycle: "switch off and on again"}[b.Op]
	if !able {
		return s.Cannot(b, sink)
	}
	return s.Once(ctx, b, sink, func(a *action.Action) error {
		question := s.question(wish, b.Plugs)
		a.Begin()
		a.Trace(devspec.TraceSend, question+"\n")
		answer, err := s.Env.Ask(a.Context(), question)
		switch {
		case err != nil && a.Context().Err() == nil: // it was never asked
			return action.Refused(err.Error())
		case err != nil: // somebody may be on their way
			return a.Over()
		}
		said := answer.By + " says no"
		if answer.Said != "" {
			said = answer.By + ": " + answer.Said
		}
		a.Trace(devspec.TraceRecv, fmt.Sprintf("%t: %s\n", answer.Yes, said))
		if !answer.Yes {
			return action.Refused(said)
		}
		for _, p := range b.Plugs {
			sink.Done(p)
		}
		return nil
	})
}

// question words what is wished for.
func (s *session) question(wish string, plugs []int) string {
	names := make([]string, len(plugs))
	for i, p := range plugs {
		names[i] = s.Env.Plugs[p].Name
	}
	text := fmt.Sprintf("Please %s %s of %s.", wish, hostlist.Fold(names), s.Env.Device)
	if s.Where != "" {
		text += " " + s.Where
	}
	return text
}

var _ driver.Session = (*session)(nil)
