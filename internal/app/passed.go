package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// Names of listeners that are passed to the daemon in [Doors]: with systemd, the
// FileDescriptorName= of a socket unit.
const (
	PassedLocal    = "local"    // a unix socket, for the command line
	PassedPowerMan = "powerman" // for PowerMan's clients
	PassedHTTP     = "http"     // for the API, by TLS
)

// checkPassed refuses listeners that no door would serve: clients would wait for ever.
func (d Doors) checkPassed() error {
	for name, list := range d.Passed {
		if !slices.Contains([]string{PassedLocal, PassedPowerMan, PassedHTTP}, name) {
			return fmt.Errorf("a socket with the name %q was passed to the daemon, and no door has that name: FileDescriptorName= of its unit is %s, %s or %s",
				name, PassedLocal, PassedPowerMan, PassedHTTP)
		}
		for _, l := range list {
			if unix := l.Addr().Network() == "unix"; unix != (name == PassedLocal) {
				return fmt.Errorf("the socket %s was passed to the daemon as %q, which is for sockets of another kind", l.Addr(), name)
			}
		}
	}
	return nil
}

// passed gives the listeners of one name; whoever takes them serves and closes them.
func (a *App) passed(name string) []net.Listener {
	list := a.opts.Doors.Passed[name]
	delete(a.opts.Doors.Passed, name)
	return list
}

// turnAway serves a passed listener whose door the room keeps closed. The socket is
// the service manager's, and open: clients should hear at once that nobody is there.
func turnAway(l net.Listener) func(context.Context) error {
	return func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { l.Close() })
		defer stop()
		for {
			c, err := l.Accept()
			switch {
			case err == nil:
				c.Close()
			case errors.Is(err, net.ErrClosed):
				return nil
			default: // no descriptor is left, say; that passes
				select {
				case <-ctx.Done():
				case <-time.After(time.Second):
				}
			}
		}
	}
}
