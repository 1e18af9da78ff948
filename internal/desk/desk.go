package desk

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"millwright.dev/millwright/internal/ask"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/autopilot"
	"millwright.dev/millwright/internal/console"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/rounds"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/series"
	"millwright.dev/millwright/internal/soft"
	"millwright.dev/millwright/internal/standing"
	"millwright.dev/millwright/internal/state"
	"millwright.dev/millwright/internal/ups"
)

// Options are the rooms below the desk.
type Options struct {
	Fleet  *fleet.Fleet
	Events *event.Log
	State  *state.Keeper
	Runs   *run.Runner
	// Standings are how nodes stand with what was asked of them.
	Standings *standing.Book
	// Watts is what a node usually draws, as far as that was measured. Nil knows nothing.
	Watts func(r *room.Room, id room.NodeID) (float64, bool)
	// Samples are what was measured over time. Nil is a desk without.
	Samples *series.Book
	// UPSes are watched; Battery and Timetable begin runs by themselves. Nil is a desk without.
	UPSes     *ups.Watcher
	Battery   *autopilot.Battery
	Timetable *autopilot.Timetable
	// Rounds have checks made; Controls has controls asked. Nil is a desk without.
	Rounds   *rounds.Rounds
	Controls *soft.Controls
	Log      *slog.Logger
	// Access says who may do what. Nil is for a desk without a way in from outside:
	// everybody may do everything.
	Access *auth.Book
	// Certify makes a certificate with which a user can log in. Nil if that cannot be
	// asked for.
	Certify func(user string, lasts time.Duration) (Certificate, error)
	// Reload reads the configuration again: all of it is taken, or nothing. Nil if
	// that cannot be asked for.
	Reload func(ctx context.Context, by Actor) error
	// Configuration is what the room's files are changed by. Nil if they are not.
	Configuration Configuration
	// Questions are those that devices ask of people. Nil is an empty board.
	Questions *ask.Board
	// Consoles are those of the room's nodes. Nil is a desk without.
	Consoles *console.Hub
	// Plugins are programs of the user's. Nil is a desk without.
	Plugins Plugins
	// Vetoes are asked before nodes are switched. Nil does for rooms without any.
	Vetoes Vetoes
	// NewID names requests; nil means random ones.
	NewID func() string
}

// Desk takes requests. Its methods may be called from any goroutine.
type Desk struct {
	fleet     *fleet.Fleet
	events    *event.Log
	state     *state.Keeper
	runs      *run.Runner
	standings *standing.Book
	rounds    *rounds.Rounds
	samples   *series.Book
	upses     *ups.Watcher
	battery   *autopilot.Battery
	timetable *autopilot.Timetable
	watts     func(*room.Room, room.NodeID) (float64, bool)
	controls  *soft.Controls
	access    *auth.Book
	certify   func(string, time.Duration) (Certificate, error)
	log       *slog.Logger
	newID     func() string
	reload    func(context.Context, Actor) error
	vetoes    Vetoes
	config    Configuration
	plugins   Plugins
	board     *ask.Board
	turned    refusals

	consoles *console.Hub

	ctx  context.Context // ends with the desk: changes live as long, whoever asked
	stop context.CancelCauseFunc

	mu       sync.Mutex // guards the start of changes against Close, and what follows
	changing map[string]change
	wg       sync.WaitGroup
	noted    sync.WaitGroup // what is noted when nobody waits for it any more

	complained time.Time // when it was last logged that events cannot be written
}

// change is a change that is under way.
type change struct {
	cancel context.CancelCauseFunc
	deed   deed
}

// New opens the desk.
func New(o Options) *Desk {
	d := &Desk{fleet: o.Fleet, events: o.Events, state: o.State, runs: o.Runs, standings: o.Standings, rounds: o.Rounds, samples: o.Samples, upses: o.UPSes, battery: o.Battery, timetable: o.Timetable, watts: o.Watts, controls: o.Controls, access: o.Access, certify: o.Certify, log: o.Log, newID: o.NewID, reload: o.Reload, vetoes: o.Vetoes, config: o.Configuration, plugins: o.Plugins, board: o.Questions, consoles: o.Consoles, changing: make(map[string]change)}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.board == nil {
		d.board = ask.New(func(event.Event) {})
	}
	if d.newID == nil {
		d.newID = rand.Text
	}
	d.ctx, d.stop = context.WithCancelCause(context.Background())
	return d
}

// errStopping is why changes end when the daemon does.
var errStopping = &room.Error{Code: room.CodeBusy, Said: "the daemon is stopping"}

// Stop takes no more changes and cancels those under way. Power that is owed is
// given back first; [Desk.Close] waits for that.
func (d *Desk) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop(errStopping)
}

// Close stops, and waits until all results are written down.
func (d *Desk) Close() {
	d.Stop()
	d.wg.Wait()
	d.noted.Wait()
}

// enter makes the context of a change: it does not end with its asker but with
// the desk, with Cancel, or after timeout (zero is never). The change must call
// leave when it is over. It fails when the desk is closing.
func (d *Desk) enter(what deed, timeout time.Duration) (ctx context.Context, leave func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx.Err() != nil {
		return nil, nil, errStopping
	}
	ctx, cancel := context.WithCancelCause(d.ctx)
	stop := func() {}
	if timeout > 0 {
		ctx, stop = context.WithTimeoutCause(ctx, timeout, &room.Error{Code: room.CodeTimeout, Said: fmt.Sprintf("not done within %v", timeout)})
	}
	d.changing[what.id] = change{cancel, what}
	d.wg.Add(1)
	return ctx, func() {
		stop()
		cancel(nil)
		d.mu.Lock()
		delete(d.changing, what.id)
		d.mu.Unlock()
		d.wg.Done()
	}, nil
}

// Cancel stops a change that is under way: what has not begun is not done. Who
// did it stands in the change's result event. It takes what the change itself
// would take.
func (d *Desk) Cancel(by Actor, request string) error {
	d.mu.Lock()
	it, found := d.changing[request]
	d.mu.Unlock()
	if !found {
		return &room.Error{Code: room.CodeNotFound, Op: "cancel", Subject: request, Said: "no such request is under way"}
	}
	if err := d.needNamed(by, auth.Operate, "cancel", it.deed.names); err != nil {
		return err
	}
	it.cancel(&room.Error{Code: room.CodeRefused, Said: "cancelled by " + by.String()})
	return nil
}

// CancelRun stops a run: what its devices are doing is brought to an end, and
// nothing more begins.
func (d *Desk) CancelRun(by Actor, id string) error {
	if err := d.needRun(by, auth.Operate, "cancel run", id); err != nil {
		return err
	}
	return d.runs.Cancel(id, by.String())
}

// PauseRun has a run begin nothing new until it is resumed. What is under way comes to
// its end.
func (d *Desk) PauseRun(by Actor, id string) error {
	if err := d.needRun(by, auth.Operate, "pause run", id); err != nil {
		return err
	}
	return d.runs.Pause(id, by.String())
}

// ResumeRun has a paused run go on.
func (d *Desk) ResumeRun(by Actor, id string) error {
	if err := d.needRun(by, auth.Operate, "resume run", id); err != nil {
		return err
	}
	return d.runs.Resume(id, by.String())
}

// Reload reads the configuration again.
func (d *Desk) Reload(ctx context.Context, by Actor) error {
	if err := d.needAll(by, auth.Configure, "reload"); err != nil {
		return err
	}
	if d.reload == nil {
		return &room.Error{Code: room.CodeRefused, Op: "reload", Said: "this daemon cannot reload"}
	}
	return d.reload(ctx, by)
}

// Room gives the room as it is now. What follows is for what doors share among
// their clients, such as a feed; what one client sees of it goes through [Desk.View].
func (d *Desk) Room() *room.Room { return d.fleet.Room() }

// Events gives the log; see Room.
func (d *Desk) Events() *event.Log { return d.events }

// Device gives how it stands with a device; see Room.
func (d *Desk) Device(r *room.Room, id room.DeviceID) (fleet.DeviceStatus, bool) {
	return d.fleet.Device(r, id)
}
