package app

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"sync"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/autopilot"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/series"
	"millwright.dev/millwright/internal/store"
	"millwright.dev/millwright/internal/ups"
)

// openAutopilot makes what watches the UPSes, and what begins runs by itself.
func (a *App) openAutopilot(ctx context.Context) error {
	common := autopilot.Common{
		Room: a.fleet.Room, Desk: pilotDesk{a}, Runs: a.runs, Shelf: pilotShelf{a}, Tell: a.events.AppendLater, Log: a.log, NewID: rand.Text,
	}
	a.upses = ups.New(ups.Options{
		Credential: func(ctx context.Context, name string) (secret.Resolved, error) {
			return a.credential(ctx, a.fleet.Room(), name)
		},
		Changed: func(ups.Standing) { a.battery.Poke() }, Events: a.events, Log: a.log,
	})
	a.battery = autopilot.NewBattery(autopilot.BatteryOptions{Common: common, UPSes: a.upses.List, Ask: a.askPeople})
	a.timetable = autopilot.NewTimetable(autopilot.TimetableOptions{Common: common, Out: a.battery.Out})
	if err := a.battery.Load(ctx); err != nil {
		return err
	}
	return a.timetable.Load(ctx)
}

// askPeople puts a question of the battery's up.
func (a *App) askPeople(ctx context.Context, text string) (bool, error) {
	answer, err := a.board.Ask(ctx, "battery", text)
	return answer.Yes, err
}

// steer watches the UPSes, and does what is due on battery and by the calendar, until
// ctx ends. The returned function waits.
func (a *App) steer(ctx context.Context) (wait func()) {
	var wg sync.WaitGroup
	wg.Go(func() { a.upses.Run(ctx) })
	wg.Go(func() { a.battery.Run(ctx) })
	wg.Go(func() { a.timetable.Run(ctx) })
	wg.Go(func() { a.sampleUPSes(ctx) })
	return wg.Wait
}

// applySupply takes what a room says of UPSes, the battery and schedules.
func (a *App) applySupply(r *room.Room) {
	sources := autopilot.Sources(r)
	for i := range sources {
		if tls := sources[i].TLS; tls != nil && tls.CA != "" && !filepath.IsAbs(tls.CA) {
			tls.CA = filepath.Join(roomfile.Folder(a.opts.Config), tls.CA)
		}
	}
	a.upses.Apply(sources)
	a.battery.Poke()
	a.timetable.Poke()
}

// sampleUPSes keeps what the UPSes say of themselves, until ctx ends.
func (a *App) sampleUPSes(ctx context.Context) {
	for {
		every := a.fleet.Room().Settings.Samples.Every
		if every <= 0 {
			every = time.Minute // to see whether that has changed
		} else {
			a.sampleUPS()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

func (a *App) sampleUPS() {
	for _, s := range a.upses.List() {
		if !s.Contact {
			continue
		}
		put := func(q series.Quantity, value *float64) {
			if value != nil {
				a.samples.Append(s.Seen, series.Key{UPS: s.Source, Quantity: q}, *value)
			}
		}
		put(series.Charge, s.Charge)
		put(series.Load, s.Load)
		put(series.Power, s.Watts)
		put(series.Voltage, s.Reading.InVolt.Pointer())
		put(series.Temperature, s.Reading.Celsius.Pointer())
		if s.Runtime != nil {
			seconds := s.Runtime.Seconds()
			put(series.Runtime, &seconds)
		}
	}
}

// pilotDesk is the desk as the autopilot sees it. It implements [autopilot.Desk].
type pilotDesk struct{ *App }

// Foresee implements [autopilot.Desk].
func (d pilotDesk) Foresee(r *room.Room, goal plan.Goal, nodes []room.NodeID) (*plan.Forecast, error) {
	return d.desk.Foresee(r, goal, nodes)
}

// Prepare implements [autopilot.Desk]. The room's file is the consent: what veto hooks want
// confirmed is confirmed, and what they refuse is refused.
func (d pilotDesk) Prepare(ctx context.Context, o autopilot.Order) (autopilot.Prepared, error) {
	order := desk.Order{
		Actor: desk.Actor{Name: o.Actor, Door: "autopilot", Standing: auth.Daemon},
		Goal:  o.Goal, Targets: o.Targets, ID: o.ID, Consent: desk.Consent{Reason: o.Reason, Confirm: true},
	}
	p, err := d.desk.Plan(ctx, order)
	if err != nil {
		return autopilot.Prepared{}, err
	}
	return autopilot.Prepared{Room: p.Room, Plan: &p.Plan, Switched: p.Plan.Switched(), Begin: func(ctx context.Context, how run.Conflict) error {
		order.Conflict = how
		_, err := d.desk.Submit(ctx, order, p)
		return err
	}}, nil
}

// pilotShelf keeps the autopilot's notes in the store. It implements [autopilot.Shelf].
type pilotShelf struct{ *App }

// Read implements [autopilot.Shelf].
func (s pilotShelf) Read(ctx context.Context, name string) (string, error) {
	return s.store.Mark(ctx, name)
}

// Write implements [autopilot.Shelf].
func (s pilotShelf) Write(ctx context.Context, name, value string, e *event.Event) error {
	var events []*event.Event
	if e != nil {
		events = append(events, e)
	}
	return s.events.AppendWith(ctx, func(tx *store.Tx) error { return tx.SetMark(name, value) }, events...)
}

var (
	_ autopilot.Desk  = pilotDesk{}
	_ autopilot.Shelf = pilotShelf{}
)
