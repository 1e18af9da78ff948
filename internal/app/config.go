package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"millwright.dev/millwright/devspec"
	checks "millwright.dev/millwright/internal/check/standard"
	controls "millwright.dev/millwright/internal/control/standard"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/shelf"
	"millwright.dev/millwright/internal/store"
)

// ReadOptions gives what roomfile needs to read a room for these drivers.
func ReadOptions(drivers []driver.Driver, noDelays bool) roomfile.Options {
	return roomfile.Options{
		Drivers:  drivers,
		Library:  shelf.Library{},
		Checks:   checks.Kinds(),
		Controls: controls.Kinds(),
		PowerManDevice: func(spec *devspec.Spec, where, flags string) (driver.Settings, error) {
			return script.FromPowerMan(spec, where, flags, script.Options{NoDelays: noDelays})
		},
	}
}

// configure reads the room at the start. If its files are broken, the revision
// that was accepted last runs instead: a typo and a blackout must not add up.
func (a *App) configure(ctx context.Context) error {
	a.finishRevision(ctx)
	read, err := roomfile.Load(ctx, a.opts.Config, a.readOptions())
	if err == nil {
		err = a.prepare(read.Room)
	}
	if err == nil {
		return a.accept(ctx, read, desk.Actor{}, "read at the start")
	}
	last, found := a.store.LatestRevision(ctx)
	if errors.Is(found, store.ErrNotFound) || last != nil && last.Origin != a.opts.Config {
		return err
	}
	if found != nil {
		return errors.Join(err, found)
	}
	opts := a.readOptions()
	opts.Open, opts.Glob = roomfile.Replay(last.Files)
	old, broken := roomfile.Load(ctx, last.Origin, opts)
	if broken == nil {
		broken = a.prepare(old.Room)
	}
	if broken != nil {
		return errors.Join(err, fmt.Errorf("revision %d, accepted last, cannot be used either: %w", last.Number, broken))
	}
	a.log.Error("THE CONFIGURATION IS BROKEN; the revision accepted last runs instead",
		"revision", last.Number, "accepted", last.Time, "problems", err)
	a.note("configuration broken", event.Failed,
		fmt.Sprintf("revision %d of %s runs instead: %v", last.Number, last.Time.Format("2006-01-02 15:04:05"), err))
	if err := a.apply(old.Room); err != nil {
		return err
	}
	a.setBroken(last.Number, err)
	return nil
}

// Wishes turns whatever comes on a channel, such as hang-up signals, into wishes
// to reload for [Options].Reload, until ctx ends.
func Wishes[T any](ctx context.Context, from <-chan T) <-chan struct{} {
	wishes := make(chan struct{})
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-from:
			}
			select {
			case <-ctx.Done():
				return
			case wishes <- struct{}{}:
			}
		}
	}()
	return wishes
}

// reload reads the room again: all of it is taken, or nothing.
func (a *App) reload(ctx context.Context, by desk.Actor) error {
	var read *roomfile.Result
	err := a.history.Finish(ctx) // or half of a revision would be read
	if err == nil {
		read, err = roomfile.Load(ctx, a.opts.Config, a.readOptions())
	}
	if err == nil {
		err = a.accept(ctx, read, by, "reloaded")
	}
	if err != nil {
		a.log.Error("the new configuration is not used, the old one stays", "problems", err)
		e := eventOf("reload", event.Refused, err.Error())
		e.Actor, e.Door, e.Remote = by.Name, by.Door, by.Remote
		a.events.AppendLater(e)
		return err
	}
	a.log.Info("the configuration was read again")
	return nil
}

// warnOfDoors says what a room changes that counts from the next start on only.
func (a *App) warnOfDoors(before, after *room.Room) {
	if len(before.Nodes) == 0 { // this is the start: each room has nodes
		return
	}
	if !reflect.DeepEqual(before.Settings.PowerMan, after.Settings.PowerMan) {
		a.log.Warn("the room's powerman: part has changed; where its door listens changes with the next start")
	}
	if !slices.Equal(before.Settings.HTTP.Listen, after.Settings.HTTP.Listen) {
		a.log.Warn("the room's http: listen: has changed; where the API listens changes with the next start")
	}
	if !slices.Equal(before.Settings.Ockle.Listen, after.Settings.Ockle.Listen) {
		a.log.Warn("where the room has Ockle's clients served has changed; that door moves with the next start")
	}
	if !slices.Equal(before.Settings.Redfish.Listen, after.Settings.Redfish.Listen) {
		a.log.Warn("the room's redfish: listen: has changed; where that door listens changes with the next start")
	}
}

// accept makes a room that was read the current one. It becomes a revision
// unless it is, byte for byte, the revision that was accepted last.
func (a *App) accept(ctx context.Context, read *roomfile.Result, by desk.Actor, note string) error {
	for _, w := range read.Warnings {
		a.log.Warn("configuration: " + w.Error())
	}
	if err := a.prepare(read.Room); err != nil {
		return err
	}
	// It is kept before it runs: what runs can always be gone back to.
	if err := a.keep(ctx, read, by, note); err != nil {
		return err
	}
	return a.apply(read.Room)
}

// keep makes a revision of what was read, unless it is the last one.
func (a *App) keep(ctx context.Context, read *roomfile.Result, by desk.Actor, note string) error {
	last, err := a.store.LatestRevision(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	author := by.Name
	if author == "" {
		author = "files"
	}
	rev := &store.Revision{Author: author, Note: note, Origin: a.opts.Config, Files: read.Files}
	if last != nil {
		if last.Origin == rev.Origin && maps.EqualFunc(last.Files, rev.Files, slices.Equal) {
			return nil
		}
		rev.Parent = last.Number
	}
	return a.events.SaveRevision(ctx, rev, &event.Event{
		Kind: event.Revision, Op: "accept", Outcome: event.OK, Actor: by.Name, Door: by.Door, Remote: by.Remote,
		Detail: fmt.Sprintf("%s: %d nodes, %d devices", note, len(read.Room.Nodes), len(read.Room.Devices)),
	})
}

// prepare makes ready what a room needs besides its own files: tables of TCP wrappers,
// certificates. A room for which that fails is as broken as one that cannot be read.
func (a *App) prepare(r *room.Room) error {
	if err := a.armGuard(r); err != nil {
		return err
	}
	return a.prepareGate(r)
}

func (a *App) apply(r *room.Room) error {
	if err := a.prepareGate(r); err != nil {
		return err
	}
	before := a.fleet.Room()
	a.applyPlugins(r)
	if err := a.fleet.Apply(r); err != nil {
		return err
	}
	a.state.Apply(r)
	a.forgetGone(context.Background(), r)
	a.standings.Anew()
	a.rounds.Apply(r)
	a.applySamples(r)
	a.applySupply(r)
	a.consoles.Apply(r)
	a.showBMCs(r)
	a.openGate()
	a.warnOfDoors(before, r)
	a.broken.Store(nil)
	return nil
}
