package discover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/shelf"
)

// prove runs the log-in and the status of the specification, on a session of its
// own. Neither switches anything.
func prove(ctx context.Context, o *Options, f *Finding) error {
	text, _ := shelf.Text(f.Spec)
	config, err := devspec.ParseConfig(f.Spec+".dev", func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(text)), nil
	})
	if err != nil {
		return err // the shelf's own tests keep this from happening
	}
	spec := config.Spec(f.Spec)
	conn, err := o.reach(ctx)
	if err != nil {
		return err
	}
	s := devspec.NewSession(spec, conn, devspec.Options{Secrets: map[string]string{"user": o.User, "password": o.Password.Reveal()}})
	defer s.Close()
	plugs := make([]devspec.Plug, len(spec.Plugs))
	for i, p := range spec.Plugs {
		plugs[i] = devspec.Plug{Name: p, Node: p}
	}
	c := &census{f: f}
	table := devspec.NewPlugTable(plugs)
	run := func(a devspec.Action, targets []int) error {
		return s.Run(ctx, a, devspec.NewCall(table, targets, c))
	}
	if err := run(devspec.Action{Script: spec.Script(devspec.ScriptLogin)}, nil); err != nil {
		return unproven(f, err)
	}
	if len(plugs) > 0 {
		targets := make([]int, len(plugs))
		for i := range targets {
			targets[i] = i
		}
		actions, err := spec.Choose(devspec.OpStatus, targets, true)
		if err != nil {
			return err
		}
		for _, a := range actions {
			if err := run(a, targets); err != nil {
				return unproven(f, err)
			}
		}
	}
	f.Proven = true
	if c.states == 0 {
		f.note(o, "proven: its log-in script goes through")
	} else {
		f.note(o, "proven: its scripts log in and read %d on, %d off", f.On, f.Off)
	}
	// Most devices hang up instead of answering.
	if err := run(devspec.Action{Script: spec.Script(devspec.ScriptLogout)}, nil); err == nil {
		timer := time.NewTimer(o.Quiet)
		defer timer.Stop()
		select {
		case <-s.Done():
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// unproven is the error for a specification whose own scripts do not go through.
func unproven(f *Finding, err error) error {
	switch {
	case !errors.Is(err, devspec.ErrClosed):
	case busy(err.Error()):
		return fmt.Errorf("%w: %w", ErrBusy, err)
	default:
		return fmt.Errorf("%w: %w", errBroke, err)
	}
	return fmt.Errorf("%s seems to fit, and its own scripts do not go through: %w", f.Spec, err)
}

// census counts what the status scripts say.
type census struct {
	f      *Finding
	states int
}

// PlugState implements [devspec.Sink].
func (c *census) PlugState(_ int, s devspec.State, _ string) {
	c.states++
	switch s {
	case devspec.On:
		c.f.On++
	case devspec.Off:
		c.f.Off++
	case devspec.Unknown:
	}
}

// PlugResult implements [devspec.Sink].
func (*census) PlugResult(int, bool, string) {}

// Trace implements [devspec.Sink].
func (*census) Trace(devspec.Trace) {}

var _ devspec.Sink = (*census)(nil)
