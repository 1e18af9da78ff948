package app

import (
	"context"
	"sync"
	"time"

	"millwright.dev/millwright/internal/store"
)

// Pulse are the signs of life that a service manager wants.
type Pulse struct {
	Every time.Duration
	// Beat is called once in that time for as long as the daemon works: its main
	// loop turns, and its store takes writes.
	Beat func()
}

// beat gives signs of life until ctx ends. The returned function waits for it to be
// over.
func (a *App) beat(ctx context.Context) (wait func()) {
	if a.opts.Pulse.Every <= 0 || a.opts.Pulse.Beat == nil {
		return func() {}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(a.opts.Pulse.Every)
		defer tick.Stop()
		for a.works(ctx) {
			a.opts.Pulse.Beat()
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	})
	return wg.Wait
}

// works waits until the daemon has shown that it works; false when ctx ended first.
// There is no limit of its own: whoever waits for the beat has one.
func (a *App) works(ctx context.Context) bool {
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	// A write that fails has been looked at: a full disk is no reason to be killed.
	_ = a.store.Write(ctx, func(*store.Tx) error { return nil })
	return ctx.Err() == nil
}
