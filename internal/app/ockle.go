package app

import (
	"context"

	ockledoor "millwright.dev/millwright/internal/door/ockle"
	"millwright.dev/millwright/ockle"
)

// openOckle opens the door for Ockle's clients, where the room says.
func (a *App) openOckle(ctx context.Context, doors *openDoors) error {
	listeners, err := a.listenBesides(ctx, nil, a.fleet.Room().Settings.Ockle.Listen, "for Ockle's clients")
	doors.opened = append(doors.opened, listeners...)
	if err != nil || len(listeners) == 0 {
		return err
	}
	server := &ockle.Server{Handler: ockledoor.New(a.desk), Limits: ockle.Limits{Clients: min(512, seats(openFiles())/2)}, Log: a.log}
	for _, l := range listeners {
		doors.addresses.Ockle = append(doors.addresses.Ockle, l.Addr().String())
		doors.servers = append(doors.servers, func(ctx context.Context) error { return server.Serve(ctx, l) })
	}
	return nil
}
