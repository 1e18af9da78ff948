package desk

import (
	"context"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/revision"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/store"
)

// Configuration is what changes the room's files; *revision.Book is one, behind a
// turnstile that keeps it from reloads.
type Configuration interface {
	Apply(ctx context.Context, c revision.Change) (revision.Done, error)
	RollBack(ctx context.Context, to int64, c revision.Change) (revision.Done, error)
	List(ctx context.Context, before int64, limit int) ([]store.Revision, error)
	Show(ctx context.Context, number int64) (*store.Revision, error)
	Diff(ctx context.Context, from, to int64) ([]byte, error)
}

// ChangeConfiguration changes the room's files. To check is to see them, so a dry
// run takes the same role.
func (d *Desk) ChangeConfiguration(ctx context.Context, by Actor, c revision.Change) (revision.Done, error) {
	if err := d.needConfiguration(by, auth.Configure, "change the configuration"); err != nil {
		return revision.Done{}, err
	}
	c.Author = revision.Author{Name: by.Name, Door: by.Door, Remote: by.Remote}
	done, err := d.config.Apply(ctx, c)
	return done, d.unchanged(by, c, err)
}

// RollBack makes the room's files what they were.
func (d *Desk) RollBack(ctx context.Context, by Actor, to int64, c revision.Change) (revision.Done, error) {
	if err := d.needConfiguration(by, auth.Configure, "roll the configuration back"); err != nil {
		return revision.Done{}, err
	}
	c.Author = revision.Author{Name: by.Name, Door: by.Door, Remote: by.Remote}
	done, err := d.config.RollBack(ctx, to, c)
	return done, d.unchanged(by, c, err)
}

// unchanged writes down that a change of the configuration was turned away.
func (d *Desk) unchanged(by Actor, c revision.Change, why error) error {
	if why != nil && !c.DryRun {
		d.turnedAway(event.Event{Actor: by.Name, Door: by.Door, Remote: by.Remote, Op: "change the configuration"}, why)
	}
	return why
}

// Revisions lists the configurations that were accepted, without their files.
func (d *Desk) Revisions(ctx context.Context, by Actor, before int64, limit int) ([]store.Revision, error) {
	if err := d.needConfiguration(by, auth.View, "list revisions"); err != nil {
		return nil, err
	}
	return d.config.List(ctx, before, limit)
}

// Revision gives one with its files, which show more than a view of the room does.
func (d *Desk) Revision(ctx context.Context, by Actor, number int64) (*store.Revision, error) {
	if err := d.needConfiguration(by, auth.Configure, "show a revision"); err != nil {
		return nil, err
	}
	return d.config.Show(ctx, number)
}

// CompareRevisions gives the difference of two; 0 is what is on the disk.
func (d *Desk) CompareRevisions(ctx context.Context, by Actor, from, to int64) ([]byte, error) {
	if err := d.needConfiguration(by, auth.Configure, "compare revisions"); err != nil {
		return nil, err
	}
	return d.config.Diff(ctx, from, to)
}

func (d *Desk) needConfiguration(by Actor, role auth.Role, op string) error {
	if d.config == nil {
		return &room.Error{Code: room.CodeRefused, Op: op, Said: "this daemon keeps no revisions"}
	}
	return d.needAll(by, role, op)
}
