package app

import (
	"context"
	"sync"

	"millwright.dev/millwright/internal/logbook"
)

// followLogs reads the machines' own logs until ctx ends. The returned function waits
// for it to be over.
func (a *App) followLogs(ctx context.Context) (wait func()) {
	var wg sync.WaitGroup
	follower := &logbook.Follower{Fleet: a.fleet, Events: a.events, Store: a.store, Log: a.log}
	wg.Go(func() { follower.Run(ctx) })
	return wg.Wait
}
