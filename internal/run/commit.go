package run

import (
	"context"
	"errors"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/store"
)

// commit puts the turn's updates on the disk and then tells them. It says false when the
// run must not go on for now: somebody else drives it, or the daemon stops.
func (d *drive) commit() bool {
	if len(d.pending)+len(d.events) == 0 {
		d.publishStandings()
		return true
	}
	page, status := encodeLog(d.pending), string(d.peek())
	done := d.write(func(tx *store.Tx) error {
		return tx.AppendRun(d.run.id, d.epoch, status, int64(d.pending[0].N), d.pending[0].Time, page)
	}, d.events...)
	if done {
		d.published()
	}
	return done
}

// peek is the state that the run will have when what is pending is told.
func (d *drive) peek() State {
	d.run.mu.Lock()
	scratch := run{now: d.run.now, waits: d.run.waits}
	d.run.mu.Unlock()
	for i := range d.pending {
		scratch.count(&d.pending[i])
	}
	return scratch.now.State
}

// write runs fn and the events in one transaction, for as long as it takes: while the
// disk is full the run stands still and says so.
func (d *drive) write(fn func(*store.Tx) error, events ...*event.Event) bool {
	wait := 250 * time.Millisecond
	for {
		err := d.runner.keep(fn, events...)
		switch {
		case err == nil:
			d.run.change(func(info *Info) { info.Trouble = "" })
			return true
		case errors.Is(err, store.ErrFenced):
			d.runner.opts.Log.Error("a run is driven by somebody else now; it is let go", "run", d.run.id, "epoch", d.epoch, "why", err)
			d.run.epoch.Add(1)
			d.run.cancel(parking)
			return false
		case d.stopping() == parking, errors.Is(err, store.ErrClosed):
			d.run.cancel(parking)
			return false
		}
		if wait < 500*time.Millisecond { // once
			d.runner.opts.Log.Error("a run cannot go on, because it cannot be written down; it is tried again and again", "run", d.run.id, "why", err)
			d.run.change(func(info *Info) { info.Trouble = "it stands still until it can be written down: " + err.Error() })
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-d.runner.ctx.Done():
		}
		timer.Stop()
		wait = min(2*wait, 5*time.Second)
	}
}

// keep writes to the store, if there is one.
func (r *Runner) keep(fn func(*store.Tx) error, events ...*event.Event) error {
	if r.opts.Store == nil {
		fn = nil
		if len(events) == 0 {
			return nil
		}
	}
	return r.opts.Events.AppendWith(context.Background(), fn, events...)
}

// published lets everybody see what is on the disk now. Who hears of it finds things
// standing as it says.
func (d *drive) published() {
	d.publishStandings()
	d.run.tell(d.pending)
	d.pending, d.events = nil, nil
}

func (d *drive) publishStandings() {
	if d.runner.opts.Standings != nil && len(d.standings) > 0 {
		d.runner.opts.Standings.Set(d.standings...)
	}
	d.standings = nil
}
