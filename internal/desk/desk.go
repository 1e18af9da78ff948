package desk

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/state"
)

// Options are the rooms below the desk.
type Options struct {
	Fleet  *fleet.Fleet
	Events *event.Log
	State  *state.Keeper
	Runs   *run.Runner
	Log    *slog.Logger
	// NewID names requests; nil means random ones.
	NewID func() string
}

// Desk takes requests. Its methods may be called from any goroutine.
type Desk struct {
	fleet  *fleet.Fleet
	events *event.Log
	state  *state.Keeper
	runs   *run.Runner
	log    *slog.Logger
	newID  func() string

	ctx  context.Context // ends with the desk: for work whose asker does not wait
	stop context.CancelFunc
	mu   sync.Mutex // guards the start of background work against Close
	wg   sync.WaitGroup
}

// New opens the desk.
func New(o Options) *Desk {
	d := &Desk{fleet: o.Fleet, events: o.Events, state: o.State, runs: o.Runs, log: o.Log, newID: o.NewID}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.newID == nil {
		d.newID = rand.Text
	}
	d.ctx, d.stop = context.WithCancel(context.Background())
	return d
}

// Close stops the work that nobody waits for, and waits until its results are
// written down.
func (d *Desk) Close() {
	d.mu.Lock()
	d.stop()
	d.mu.Unlock()
	d.wg.Wait()
}

// background runs fn as the desk's own, unless the desk is closing.
func (d *Desk) background(fn func(context.Context)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx.Err() != nil {
		return &room.Error{Code: room.CodeBusy, Said: "the daemon is stopping"}
	}
	d.wg.Go(func() { fn(d.ctx) })
	return nil
}

// Room gives the room as it is now, for doors to read.
func (d *Desk) Room() *room.Room { return d.fleet.Room() }

// Events gives the log, for doors to read.
func (d *Desk) Events() *event.Log { return d.events }

// Belief gives what is remembered of a node, for doors to show.
func (d *Desk) Belief(r *room.Room, id room.NodeID) state.Belief { return d.state.Get(r, id) }

// Device gives how it stands with a device, for doors to show.
func (d *Desk) Device(r *room.Room, id room.DeviceID) (fleet.DeviceStatus, bool) {
	return d.fleet.Device(r, id)
}
