package app

import (
	"context"
	"fmt"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/revision"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/store"
)

// errand is a piece of work that is done by the main loop, in turn with others
// that read the configuration or change it.
type errand struct {
	do     func(context.Context) error
	answer chan error
}

// inTurn does work when the main loop comes to it.
func (a *App) inTurn(ctx context.Context, work func(context.Context) error) error {
	e := errand{do: work, answer: make(chan error, 1)}
	select {
	case a.asked <- e:
		return <-e.answer
	case <-ctx.Done():
		return ctx.Err()
	}
}

// askReload reloads on behalf of somebody.
func (a *App) askReload(ctx context.Context, by desk.Actor) error {
	return a.inTurn(ctx, func(ctx context.Context) error { return a.reload(ctx, by) })
}

// openRevisions makes the book of revisions.
func (a *App) openRevisions() {
	a.history = revision.New(revision.Options{
		Store: a.store, Events: a.events, Config: a.opts.Config, Log: a.log,
		Read: func(ctx context.Context, open func(string) ([]byte, error), glob func(string) ([]string, error)) (*roomfile.Result, error) {
			opts := a.readOptions()
			opts.Open, opts.Glob = open, glob
			read, err := roomfile.Load(ctx, a.opts.Config, opts)
			if err == nil {
				err = a.prepare(read.Room)
			}
			return read, err
		},
		Use: func(read *roomfile.Result) error { return a.apply(read.Room) },
	})
}

// finishRevision writes what could not be written any more, by the last daemon or by
// this one when the disk was full. It is no reason not to go on: what is on the disk
// runs then.
func (a *App) finishRevision(ctx context.Context) {
	if err := a.history.Finish(ctx); err != nil {
		a.log.Error("a revision that was accepted is not in the files", "why", err)
	}
}

// configuration keeps changes of the configuration and reloads from each other.
// It implements [desk.Configuration].
type configuration struct{ *App }

// Apply implements [desk.Configuration].
func (c configuration) Apply(ctx context.Context, change revision.Change) (done revision.Done, err error) {
	err = c.inTurn(ctx, func(ctx context.Context) (err error) {
		done, err = c.history.Apply(ctx, change)
		return err
	})
	return done, err
}

// RollBack implements [desk.Configuration].
func (c configuration) RollBack(ctx context.Context, to int64, change revision.Change) (done revision.Done, err error) {
	err = c.inTurn(ctx, func(ctx context.Context) (err error) {
		done, err = c.history.RollBack(ctx, to, change)
		return err
	})
	return done, err
}

// List implements [desk.Configuration].
func (c configuration) List(ctx context.Context, before int64, limit int) ([]store.Revision, error) {
	return c.history.List(ctx, before, limit)
}

// Show implements [desk.Configuration].
func (c configuration) Show(ctx context.Context, number int64) (*store.Revision, error) {
	return c.history.Show(ctx, number)
}

// Diff implements [desk.Configuration].
func (c configuration) Diff(ctx context.Context, from, to int64) ([]byte, error) {
	diff, err := c.history.Diff(ctx, from, to)
	if err != nil {
		return nil, fmt.Errorf("compare revisions: %w", err)
	}
	return diff, nil
}

var _ desk.Configuration = configuration{}
