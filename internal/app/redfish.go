package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/url"

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
		Console:  func(node string) string { return a.consoleAddress(doors.addresses.HTTP, node) },
		Anywhere: func() bool { return a.fleet.Room().Settings.Redfish.PrivateDestinations },
	})
	doors.servers = append(doors.servers, door.Run)
	for _, l := range listeners {
		doors.addresses.Redfish = append(doors.addresses.Redfish, l.Addr().String())
		doors.servers = append(doors.servers, func(ctx context.Context) error { return door.Serve(ctx, l, a.serverTLS()) })
	}
	return nil
}

// consoleAddress gives where the API has a node's console, "" if it does not listen. Of
// the names under which it may be asked, the room's own come first.
func (a *App) consoleAddress(open []string, node string) string {
	names := a.hosts()
	if len(open) == 0 || len(names) == 0 {
		return ""
	}
	_, port, err := net.SplitHostPort(open[0])
	if err != nil {
		return ""
	}
	return "wss://" + net.JoinHostPort(names[0], port) + "/v1/nodes/" + url.PathEscape(node) + "/console"
}

// redfishUUID names the service: the same as long as the daemon's state is, by the
// fingerprint of its own authority (a UUID of version 8).
func (a *App) redfishUUID() string {
	sum := sha256.Sum256([]byte("millwright redfish " + a.access.gate.Load().ca.Fingerprint()))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	t := hex.EncodeToString(sum[:16])
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}
