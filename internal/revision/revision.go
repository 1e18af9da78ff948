package revision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/store"
)

// Options are what a book stands on.
type Options struct {
	Store  *store.Store
	Events *event.Log
	// Config is the room's folder, or its file.
	Config string
	// Read reads the room at Config with files from elsewhere; see roomfile.Options.
	Read func(ctx context.Context, open func(string) ([]byte, error), glob func(string) ([]string, error)) (*roomfile.Result, error)
	// Use makes what was read the room that runs.
	Use func(*roomfile.Result) error
	Log *slog.Logger
}

// Book is the revisions of one room. Its methods may be called from any
// goroutine; but whoever reads the files anew by other ways must not do so while
// Apply or Finish is at work.
type Book struct {
	o      Options
	folder string
	mu     sync.Mutex // one change at a time
}

// New opens the book.
func New(o Options) *Book {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Book{o: o, folder: roomfile.Folder(o.Config)}
}

// Author is who makes a change, as events name them.
type Author struct{ Name, Door, Remote string }

// Change is what is to become of the files.
type Change struct {
	Author Author
	Note   string
	// Base is the revision that the change was made from.
	Base int64
	// Files are new texts by name, relative to the room's folder; nil takes a file away.
	Files map[string][]byte
	// Edits are changes of single values, by the name of the file they stand in;
	// "" is the file that has the section, or the room's first.
	Edits map[string][]roomfile.Edit
	// Aside is a folder in the room's, into which files that are taken away are copied
	// first; "" for none.
	Aside string
	// Overwrite does not mind what the disk has that Base has not: it is lost.
	Overwrite bool
	// DryRun checks and compares, and changes nothing.
	DryRun bool
}

// Done is what a change came to.
type Done struct {
	Revision int64 // 0 when nothing was to be changed, and for a dry run
	Diff     []byte
	Warnings roomfile.Problems
}

// Conflict says that the files are not what a change was made from.
type Conflict struct {
	Base, Latest int64
	Diff         []byte // from the base to what is on the disk
}

func (c *Conflict) Error() string {
	return fmt.Sprintf("the files have changed since revision %d (the latest is %d): look at what has changed, and make the change from there", c.Base, c.Latest)
}

// Apply makes a change: all of it, or nothing. An error is a *room.Error that may
// wrap a *[Conflict] or [roomfile.Problems].
func (b *Book) Apply(ctx context.Context, c Change) (Done, error) {
	return b.change(ctx, c, func(disk files) (files, error) { return b.next(disk, c) })
}

// change brings the files from what is on the disk to what next makes of that.
func (b *Book) change(ctx context.Context, c Change, next func(disk files) (files, error)) (Done, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	base, disk, err := b.agree(ctx, c)
	if err != nil {
		return Done{}, err
	}
	set, err := next(disk)
	if err != nil {
		return Done{}, invalid(err)
	}
	done := Done{Diff: b.compare(disk, set)}
	read, err := b.read(ctx, set)
	if err != nil {
		return done, invalid(err)
	}
	if path, found := strays(disk, set, read); found {
		return done, invalid(fmt.Errorf("%s: the room does not read such a file; room files end in .yaml, and others are named in one", b.name(path)))
	}
	done.Warnings = read.Warnings
	if c.DryRun || len(done.Diff) == 0 {
		return done, nil
	}
	if err := b.writable(disk, set); err != nil {
		return done, &room.Error{Code: room.CodeRefused, Op: "change the configuration", Said: "it can only be read here: " + err.Error(), Err: err}
	}
	if err := b.setAside(c.Aside, disk, set); err != nil {
		return done, &room.Error{Code: room.CodeRefused, Op: "change the configuration", Said: "what is taken away cannot be set aside: " + err.Error(), Err: err}
	}
	done.Revision, err = b.keep(ctx, c, base, read)
	if err != nil {
		return done, err
	}
	if err := b.write(disk, set); err != nil {
		return done, &room.Error{
			Code: room.CodeInternal, Op: "write the configuration", Err: err,
			Said: fmt.Sprintf("revision %d is kept, but its files could not all be written; the next start tries again: %v", done.Revision, err),
		}
	}
	if err := b.written(ctx); err != nil {
		return done, err
	}
	return done, b.o.Use(read)
}

// agree finds the revision that a change was made from, and what is on the disk,
// and says whether those are the same.
func (b *Book) agree(ctx context.Context, c Change) (*store.Revision, files, error) {
	base, err := b.o.Store.Revision(ctx, c.Base)
	if err != nil {
		return nil, nil, notFound(c.Base, err)
	}
	disk, err := b.disk(base.Files)
	if err != nil {
		return nil, nil, &room.Error{Code: room.CodeInternal, Op: "read the configuration", Err: err}
	}
	if c.Overwrite || same(base.Files, disk) {
		return base, disk, nil
	}
	latest, err := b.latest(ctx)
	if err != nil {
		return nil, nil, err
	}
	conflict := &Conflict{Base: c.Base, Latest: latest, Diff: b.compare(base.Files, disk)}
	return nil, nil, &room.Error{Code: room.CodeBusy, Op: "change the configuration", Said: conflict.Error(), Err: conflict}
}

func (b *Book) latest(ctx context.Context) (int64, error) {
	list, err := b.o.Store.Revisions(ctx, 0, 1)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return list[0].Number, nil
}

// next gives the set of files after a change.
func (b *Book) next(disk files, c Change) (files, error) {
	next := maps.Clone(disk)
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		path, err := b.path(name)
		if err != nil {
			return nil, err
		}
		if text := c.Files[name]; text != nil {
			next[path] = text
			continue
		}
		if next[path] == nil {
			return nil, fmt.Errorf("%s: there is no such file", name)
		}
		delete(next, path)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Edits)) {
		for _, e := range c.Edits[name] {
			path, err := b.place(next, name, e)
			if err != nil {
				return nil, err
			}
			if next[path], err = roomfile.Change(next[path], e); err != nil {
				return nil, fmt.Errorf("%s: %w", b.name(path), err)
			}
		}
	}
	return next, nil
}

// keep makes a revision and marks it as not written yet.
func (b *Book) keep(ctx context.Context, c Change, base *store.Revision, read *roomfile.Result) (int64, error) {
	author := c.Author.Name
	if author == "" {
		author = c.Author.Door
	}
	rev := &store.Revision{Parent: base.Number, Author: author, Note: c.Note, Origin: b.o.Config, Files: read.Files}
	e := &event.Event{
		Kind: event.Revision, Op: "change", Outcome: event.OK, Actor: c.Author.Name, Door: c.Author.Door, Remote: c.Author.Remote,
		Detail: fmt.Sprintf("%s: %d nodes, %d devices", c.Note, len(read.Room.Nodes), len(read.Room.Devices)),
	}
	err := b.o.Events.SaveRevisionWith(ctx, rev, e, func(tx *store.Tx) error { return tx.SetUnwritten(rev.Number) })
	if err != nil {
		return 0, &room.Error{Code: room.CodeInternal, Op: "keep the new configuration", Err: err}
	}
	return rev.Number, nil
}

func (b *Book) written(ctx context.Context) error {
	err := b.o.Store.Write(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.SetUnwritten(0) })
	if err != nil {
		return &room.Error{Code: room.CodeInternal, Op: "note that the configuration was written", Err: err}
	}
	return nil
}

// RollBack makes the files what they were in an older revision, as a new one.
func (b *Book) RollBack(ctx context.Context, to int64, c Change) (Done, error) {
	old, err := b.o.Store.Revision(ctx, to)
	if err != nil {
		return Done{}, notFound(to, err)
	}
	if c.Note == "" {
		c.Note = fmt.Sprintf("back to revision %d", to)
	}
	return b.change(ctx, c, func(disk files) (files, error) { return b.back(disk, old.Files) })
}

// back gives the set of files of an older revision. What lies elsewhere and is no
// part of it is left where it is.
func (b *Book) back(disk, old files) (files, error) {
	next := maps.Clone(old)
	for path, text := range disk {
		if _, had := old[path]; !had && !b.inside(path) {
			next[path] = text
		}
	}
	for _, path := range differing(disk, next) {
		if _, err := b.path(b.name(path)); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// List gives revisions without their files, the newest first; see store.Revisions.
func (b *Book) List(ctx context.Context, before int64, limit int) ([]store.Revision, error) {
	return b.o.Store.Revisions(ctx, before, limit)
}

// Show gives one revision, its files named relative to the room's folder.
func (b *Book) Show(ctx context.Context, number int64) (*store.Revision, error) {
	rev, err := b.o.Store.Revision(ctx, number)
	if err != nil {
		return nil, notFound(number, err)
	}
	named := make(map[string][]byte, len(rev.Files))
	for path, text := range rev.Files {
		named[b.name(path)] = text
	}
	rev.Files = named
	return rev, nil
}

// Diff compares two revisions; 0 stands for what is on the disk.
func (b *Book) Diff(ctx context.Context, from, to int64) ([]byte, error) {
	var sets [2]files
	for i, number := range []int64{from, to} {
		at := number
		if at == 0 {
			latest, err := b.latest(ctx)
			if err != nil {
				return nil, err
			}
			at = latest
		}
		rev, err := b.o.Store.Revision(ctx, at)
		if err != nil {
			return nil, notFound(at, err)
		}
		sets[i] = rev.Files
		if number != 0 {
			continue
		}
		if sets[i], err = b.disk(rev.Files); err != nil {
			return nil, &room.Error{Code: room.CodeInternal, Op: "read the configuration", Err: err}
		}
	}
	return b.compare(sets[0], sets[1]), nil
}

// Finish writes the files of a revision that was accepted just before the daemon
// died. Where somebody has edited the files since, the disk is left as it is.
// Call it before the room is read.
func (b *Book) Finish(ctx context.Context) error {
	number, err := b.o.Store.Unwritten(ctx)
	if err != nil || number == 0 {
		return err
	}
	rev, err := b.o.Store.Revision(ctx, number)
	if err != nil {
		return err
	}
	before := &store.Revision{}
	if rev.Parent != 0 {
		if before, err = b.o.Store.Revision(ctx, rev.Parent); err != nil {
			return err
		}
	}
	disk, err := b.disk(union(before.Files, rev.Files))
	if err != nil {
		return err
	}
	for path, text := range disk {
		if !slices.Equal(text, before.Files[path]) && !slices.Equal(text, rev.Files[path]) {
			b.o.Log.Warn("a revision was not written to its files, and they have been edited since: they are left as they are", "revision", number, "file", path)
			return b.written(ctx)
		}
	}
	next := maps.Clone(files(rev.Files))
	for path := range disk {
		if _, had := before.Files[path]; !had && rev.Files[path] == nil {
			next[path] = disk[path]
		}
	}
	if err := b.write(disk, next); err != nil {
		return fmt.Errorf("write revision %d: %w", number, err)
	}
	b.o.Log.Info("the files of a revision have been written that the last daemon could not write any more", "revision", number)
	return b.written(ctx)
}

func invalid(err error) error {
	return &room.Error{Code: room.CodeInvalid, Op: "change the configuration", Err: err}
}

func notFound(number int64, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return &room.Error{Code: room.CodeNotFound, Subject: fmt.Sprintf("revision %d", number), Said: "there is no such revision", Err: err}
	}
	return err
}
