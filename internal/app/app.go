// Package app wires Millwright together and runs it: store, fleet, desk, doors,
// in that order up and in the reverse order down. It knows no flags and no
// signals, so that a test can run the real thing on port 0.
//
// Start at [Run] and [Options].
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/internal/ask"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/autopilot"
	"millwright.dev/millwright/internal/console"
	"millwright.dev/millwright/internal/desk"
	ipmidoor "millwright.dev/millwright/internal/door/ipmi"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/revision"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/rounds"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/sampler"
	"millwright.dev/millwright/internal/series"
	"millwright.dev/millwright/internal/soft"
	"millwright.dev/millwright/internal/standing"
	"millwright.dev/millwright/internal/state"
	"millwright.dev/millwright/internal/store"
	"millwright.dev/millwright/internal/tcpwrap"
	"millwright.dev/millwright/internal/transport"
	"millwright.dev/millwright/internal/ups"
	"millwright.dev/millwright/internal/veto"
)

// Options say what to run.
type Options struct {
	// Config is a room file, a folder of them, or a powerman.conf.
	Config string
	// State is the folder for what must outlive the daemon. Empty means memory:
	// nothing then survives, and events are lost with the process.
	State string
	// Drivers are what devices can be driven by; see driver/standard.
	Drivers []driver.Driver
	// NoDelays makes `delay` statements of PowerMan devices take no time.
	NoDelays bool
	// Version is what the program calls itself.
	Version string

	Doors Doors
	Log   *slog.Logger

	// Ready is told once that all doors are open, and where. Nil is fine.
	Ready func(Addresses)
	// Reload asks for the configuration to be read again. Nil is fine.
	Reload <-chan struct{}
	// Reloaded is told how a reload went. Nil is fine.
	Reloaded func(error)
	// Pulse asks for signs of life.
	Pulse Pulse
}

// App is a running daemon.
type App struct {
	opts   Options
	log    *slog.Logger
	store  *store.Store
	events *event.Log
	fleet  *fleet.Fleet
	state  *state.Keeper
	runs   *run.Runner
	desk   *desk.Desk
	access access
	board  *ask.Board

	standings *standing.Book
	rounds    *rounds.Rounds
	controls  *soft.Controls

	upses     *ups.Watcher
	battery   *autopilot.Battery
	timetable *autopilot.Timetable

	samples    *series.Book
	sampler    *sampler.Sampler
	forwarding forwarding

	plugins  plugins
	consoles *console.Hub
	bmcs     *ipmidoor.Door // nil until the doors are open

	history *revision.Book

	asked chan errand                   // what is to be done by the main loop
	turn  chan struct{}                 // taken by the main loop, which so shows that it turns
	guard atomic.Pointer[tcpwrap.Guard] // nil until a room wants it
	safe  safe

	broken atomic.Pointer[string] // see setBroken

	closers []func()
}

// Run runs Millwright until ctx ends or a door fails, and leaves nothing running.
func Run(ctx context.Context, opts Options) error {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{opts: opts, log: opts.Log, asked: make(chan errand), turn: make(chan struct{})}
	defer a.close()
	if err := a.open(ctx); err != nil {
		return err
	}
	doors, err := a.openDoors(ctx)
	if err != nil {
		return err
	}
	polling, stop := context.WithCancel(ctx)
	polls := a.state.Poll(polling)
	defer polls()
	defer a.prune(polling)()
	defer a.followLogs(polling)()
	defer a.followStates(polling)()
	defer a.tellPlugins(polling)()
	defer a.makeRounds(polling)()
	defer a.sample(polling)()
	defer a.steer(polling)()
	defer a.beat(polling)()
	defer stop() // a door can end before ctx does
	if opts.Ready != nil {
		opts.Ready(doors.addresses)
	}
	a.note("started", event.OK, "")
	err = a.serve(ctx, doors)
	a.note("stopped", event.OK, "")
	return err
}

// open starts everything below the doors.
func (a *App) open(ctx context.Context) (err error) {
	if a.store, err = a.openStore(ctx); err != nil {
		return err
	}
	a.onClose(func() {
		if err := a.store.Close(); err != nil {
			a.log.Error("closing the store", "why", err)
		}
	})
	a.events = event.New(a.store, a.log)
	if err := a.openAccess(ctx); err != nil {
		return err
	}
	if err := a.openStandings(ctx); err != nil {
		return err
	}
	if err := a.openPlugins(ctx); err != nil {
		return err
	}
	a.openRevisions()
	a.board = ask.New(a.events.AppendLater)
	links := newLinks(a.events.AppendLater)
	a.onClose(links.close)
	dialer := &transport.Dialer{Env: a.environment}
	a.fleet = fleet.New(fleet.Options{
		Dialer:     dialer,
		Credential: a.credential, Changed: links.changed, Ask: a.board.Ask, Log: a.log,
	})
	a.onClose(a.fleet.Close)
	if err := a.openSamples(ctx); err != nil {
		return err
	}
	a.openRounds(dialer)
	a.consoles = a.newConsoles(dialer)
	a.onClose(a.consoles.Close)
	a.state = state.New(a.fleet, a.events, a.log)
	a.controls = soft.New(soft.Options{Do: a.state.Do, ReadPlug: a.fleet.ReadPlug, Credential: a.credential, Dial: dialer.Dial, Log: a.log})
	a.openRuns()
	if err := a.openAutopilot(ctx); err != nil {
		return err
	}
	a.desk = desk.New(desk.Options{
		Fleet: a.fleet, Events: a.events, State: a.state, Runs: a.runs, Standings: a.standings, Rounds: a.rounds, Samples: a.samples, Watts: a.sampler.Watts, Controls: a.controls, UPSes: a.upses, Battery: a.battery, Timetable: a.timetable, Access: a.access.book, Certify: a.certify, Reload: a.askReload, Log: a.log,
		Configuration: configuration{a}, Questions: a.board, Consoles: a.consoles, Plugins: pluginBoard{a},
		Vetoes: veto.New(veto.Options{Secret: a.secret, Dir: roomfile.Folder(a.opts.Config), Log: a.log}),
	})
	a.onClose(a.desk.Close)
	a.plugins.host.Connect(pluginDesk{a})
	if err := a.configure(ctx); err != nil {
		return err
	}
	return a.recoverRuns(ctx)
}

// prune deletes old events once a day until ctx ends, for the first time when the
// daemon has come to rest. The returned function waits for it to be over.
func (a *App) prune(ctx context.Context) (wait func()) {
	var wg sync.WaitGroup
	wg.Go(func() {
		for wait := 10 * time.Minute; ; wait = 24 * time.Hour {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			keep := a.fleet.Room().Settings.KeepEvents
			if keep <= 0 {
				continue
			}
			n, err := a.store.PruneEvents(ctx, time.Now().Add(-keep))
			if err == nil {
				_, err = a.runs.Prune(ctx, time.Now().Add(-keep))
			}
			if err != nil && ctx.Err() == nil {
				a.log.Error("old events could not be deleted", "why", err)
			} else if n > 0 {
				a.log.Info("deleted old events", "count", n)
			}
		}
	})
	return wg.Wait
}

func (a *App) openStore(ctx context.Context) (*store.Store, error) {
	if a.opts.State == "" {
		return store.OpenMemory(ctx, store.Options{})
	}
	s, err := store.Open(ctx, a.opts.State, store.Options{Program: a.opts.Version})
	if err != nil {
		return nil, fmt.Errorf("open the state folder: %w", err)
	}
	return s, nil
}

// serve waits for the end, reloading when asked.
func (a *App) serve(ctx context.Context, doors *openDoors) error {
	ctx, stop := context.WithCancel(ctx)
	failed := doors.serve(ctx)
	defer doors.wait()
	defer a.desk.Stop() // the doors wait for the changes that they brought
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			if err != nil && !errors.Is(err, net.ErrClosed) {
				return err
			}
			return nil
		case <-a.opts.Reload:
			err := a.reload(ctx, desk.Actor{Door: "signal", Standing: auth.Daemon})
			if a.opts.Reloaded != nil {
				a.opts.Reloaded(err)
			}
		case <-a.turn:
		case wish := <-a.asked:
			wish.answer <- wish.do(ctx)
		}
	}
}

func (a *App) onClose(fn func()) { a.closers = append(a.closers, fn) }

// close ends what open began, last first.
func (a *App) close() {
	for i := len(a.closers) - 1; i >= 0; i-- {
		a.closers[i]()
	}
}

// note says something about the daemon itself.
func (a *App) note(op, outcome, detail string) {
	a.events.AppendLater(eventOf(op, outcome, detail))
}

func eventOf(op, outcome, detail string) event.Event {
	return event.Event{Kind: event.Daemon, Op: op, Outcome: outcome, Detail: detail}
}
