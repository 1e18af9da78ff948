package cli

import (
	"context"
	"log/slog"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/service"
)

// attend makes the daemon take the service manager's sockets, and tell it how things
// stand.
func attend(ctx context.Context, manager *service.Manager, opts *app.Options) {
	log := opts.Log
	opts.Doors.Passed = manager.Sockets()
	opts.Pulse = app.Pulse{Every: manager.Watchdog(), Beat: func() { tell(log, manager.Alive()) }}
	opts.Reloaded = func(err error) {
		status := "running"
		if err != nil {
			status = "running; THE NEW CONFIGURATION IS BROKEN and not used, see the log"
		}
		tell(log, manager.Ready(status))
	}
	context.AfterFunc(ctx, func() { tell(log, manager.Stopping()) })
}

// announced passes wishes to reload on, when the service manager has been told.
func announced[T any](ctx context.Context, manager *service.Manager, from <-chan T, log *slog.Logger) <-chan T {
	to := make(chan T)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case wish := <-from:
				tell(log, manager.Reloading())
				select {
				case <-ctx.Done():
					return
				case to <- wish:
				}
			}
		}
	}()
	return to
}

// tell notes that the service manager could not be told something; the daemon goes on.
func tell(log *slog.Logger, err error) {
	if err != nil {
		log.Warn("the service manager does not know how things stand", "why", err)
	}
}
