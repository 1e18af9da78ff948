package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	redfishdoor "millwright.dev/millwright/internal/door/redfish"
)

// openRedfish opens the door for Redfish clients, where the room says.
func (a *App) openRedfish(ctx context.Context, doors *openDoors) error {
	listeners, err := a.listenBesides(ctx, nil, a.fleet.Room().Settings.Redfish.Listen, "for Redfish clients")
	doors.opened = append(doors.opened, listeners...)
	if err != nil || len(listeners) == 0 {
		return err
	}
	door := redfishdoor.New(redfishdoor.Options{
		Desk: a.desk, Auth: a.access.who, Version: a.opts.Version, UUID: a.redfishUUID(), Log: a.log,
		Anywhere: func() bool { return a.fleet.Room().Settings.Redfish.PrivateDestinations },
	})
	doors.servers = append(doors.servers, door.Run)
	for _, l := range listeners {
		doors.addresses.Redfish = append(doors.addresses.Redfish, l.Addr().String())
		doors.servers = append(doors.servers, func(ctx context.Context) error { return door.Serve(ctx, l, a.serverTLS()) })
	}
	return nil
}

// redfishUUID names the service: the same as long as the daemon's state is, by the
// fingerprint of its own authority (a UUID of version 8).
func (a *App) redfishUUID() string {
	sum := sha256.Sum256([]byte("millwright redfish " + a.access.gate.Load().ca.Fingerprint()))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	t := hex.EncodeToString(sum[:16])
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}
