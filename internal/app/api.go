package app

import (
	"context"
	"net"
	"os"

	httpdoor "millwright.dev/millwright/internal/door/http"
)

// openAPI opens the API: on the unix socket for this machine, and by TLS where the
// room says. One door serves both, so that streams are encoded once for all.
func (a *App) openAPI(ctx context.Context, doors *openDoors) error {
	locals, err := a.listenLocal()
	if err != nil {
		return err
	}
	remotes, err := a.listenHTTP(ctx, a.passed(PassedHTTP))
	doors.opened = append(append(doors.opened, locals...), remotes...)
	if err != nil || len(locals)+len(remotes) == 0 {
		return err
	}
	door := httpdoor.New(a.api())
	doors.servers = append(doors.servers, door.Run)
	for _, l := range locals {
		doors.addresses.Socket = l.Addr().String()
		doors.servers = append(doors.servers, func(ctx context.Context) error { return door.Serve(ctx, l) })
	}
	for _, l := range remotes {
		doors.addresses.HTTP = append(doors.addresses.HTTP, l.Addr().String())
		doors.servers = append(doors.servers, func(ctx context.Context) error { return door.ServeTLS(ctx, l, a.serverTLS()) })
	}
	return nil
}

// api gives the door of the API what it stands on.
func (a *App) api() httpdoor.Options {
	return httpdoor.Options{
		Desk: a.desk, Auth: a.access.who, Hosts: a.hosts, Issuer: a.issuer,
		Version: a.opts.Version, Config: a.opts.Config, Broken: a.whyBroken, Log: a.log,
	}
}

// hosts gives the names under which the API may be asked from elsewhere.
func (a *App) hosts() []string {
	settings := &a.access.gate.Load().of
	names := append([]string(nil), settings.Names...)
	for _, at := range settings.Listen {
		if host, _, err := net.SplitHostPort(at); err == nil && host != "" {
			names = append(names, host)
		}
	}
	if own, err := os.Hostname(); err == nil {
		names = append(names, own)
	}
	return names
}

// issuer gives the issuer whose log-in browsers are sent to, nil if there is none.
func (a *App) issuer() httpdoor.Issuer {
	if p := a.access.gate.Load().issuer; p != nil {
		return p
	}
	return nil
}

// listenLocal opens the socket of the command line, unless one was passed.
func (a *App) listenLocal() ([]net.Listener, error) {
	if given := a.passed(PassedLocal); len(given) > 0 || a.opts.Doors.Socket == "" {
		return given, nil
	}
	l, err := httpdoor.Listen(a.opts.Doors.Socket)
	if err != nil {
		return nil, err
	}
	return []net.Listener{l}, nil
}
