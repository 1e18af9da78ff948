package app

import (
	"context"
	"path/filepath"

	"millwright.dev/millwright/internal/console"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// consoleFolder is where the state folder has the logs of consoles.
const consoleFolder = "consoles"

// newConsoles makes the hub of consoles.
func (a *App) newConsoles(dialer *transport.Dialer) *console.Hub {
	folder := ""
	if a.opts.State != "" {
		folder = filepath.Join(a.opts.State, consoleFolder)
	}
	return console.New(console.Options{
		Open: func(ctx context.Context, node string) (driver.Console, error) {
			return a.openConsole(ctx, dialer.WithLog(a.log.With("console", node)), node)
		},
		Folder: folder, Base: roomfile.Folder(a.opts.Config), Log: a.log,
	})
}

// openConsole reaches a node's console as the room says now.
func (a *App) openConsole(ctx context.Context, dialer *transport.Dialer, node string) (driver.Console, error) {
	r := a.fleet.Room()
	id, found := r.Node(node)
	if !found {
		return nil, &room.Error{Code: room.CodeNotFound, Op: "console", Subject: node, Said: "there is no such node"}
	}
	c, _ := r.Console(id)
	switch {
	case c.Via != "":
		return a.dialConsole(ctx, dialer, r, c)
	case c.Device != "":
		return a.deviceConsole(ctx, r, c)
	}
	var opened driver.Console
	err := fleet.Reach(ctx, a.fleet, r, id, "console", 0, func(ctx context.Context, s driver.Consoler, plug int) (err error) {
		opened, err = s.Console(ctx, plug)
		return err
	})
	return opened, err
}

// deviceConsole opens the console of a plug that the room names.
func (a *App) deviceConsole(ctx context.Context, r *room.Room, c room.Console) (opened driver.Console, err error) {
	id, plug := room.DeviceID(room.None), -1
	if at, found := r.Device(c.Device); found {
		for i, p := range r.Devices[at].Plugs {
			if p.Name == c.Plug {
				id, plug = at, i
			}
		}
	}
	if plug < 0 {
		return nil, &room.Error{Code: room.CodeNotFound, Op: "console", Subject: c.Device + ":" + c.Plug, Said: "there is no such plug"}
	}
	err = a.fleet.Use(ctx, r, id, func(ctx context.Context, s driver.Session) (err error) {
		one, able := s.(driver.Consoler)
		if !able {
			return &room.Error{Code: room.CodeRefused, Op: "console", Subject: c.Device, Said: "this device has no consoles"}
		}
		opened, err = one.Console(ctx, plug)
		return err
	})
	return opened, err
}

// dialConsole reaches a console at an address.
func (a *App) dialConsole(ctx context.Context, dialer *transport.Dialer, r *room.Room, c room.Console) (driver.Console, error) {
	at, err := transport.ParseURL(c.Via)
	if err != nil {
		return nil, err
	}
	var who secret.Resolved
	if c.Credential != "" {
		if who, err = a.credential(ctx, r, c.Credential); err != nil {
			return nil, err
		}
	}
	conn, err := dialer.Dial(ctx, at, transport.Credentials{
		User: who.User, Password: who.Get(secret.Password).Reveal(),
		PrivateKey: []byte(who.Get(secret.Key).Reveal()), Passphrase: []byte(who.Get(secret.Passphrase).Reveal()),
	})
	if err != nil {
		return nil, err
	}
	return dialled{conn}, nil
}

// dialled is a console at an address.
type dialled struct{ transport.Conn }

// Break implements [driver.Console].
func (d dialled) Break() error {
	if b, can := d.Conn.(transport.Breaker); can {
		return b.Break()
	}
	return driver.ErrNoBreak
}

// Resize implements [transport.Resizer], for those that know of terminals.
func (d dialled) Resize(columns, rows int) error {
	if t, can := d.Conn.(transport.Resizer); can {
		return t.Resize(columns, rows)
	}
	return nil
}
