// Package ockle is the door for clients of Ockle: its web pages, its scripts, and what
// people wrote against its socket. It translates their 28 commands into requests to the
// desk, and decides nothing.
//
// A room that is a folder of Ockle's has its servers, outlets, controls and tests under
// the names that they have there. In any other room the nodes are servers, and their
// outlets are named device:plug.
//
// The protocol knows no users: who comes through here is door:ockle. The protocol itself
// is package ockle at the module's root.
//
// Start at [New]; commands.go says which command is what.
package ockle

import (
	"context"
	"errors"
	"sync"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/ockle"
)

// Name is what the door is called in events and grants.
const Name = "ockle"

// Door answers Ockle's commands. It implements [ockle.Handler].
type Door struct {
	desk    *desk.Desk
	cache   cache
	editing sync.Mutex
}

// New makes the door.
func New(d *desk.Desk) *Door { return &Door{desk: d} }

var _ ockle.Handler = (*Door)(nil)

// ServeOckle implements [ockle.Handler].
func (d *Door) ServeOckle(ctx context.Context, r ockle.Request) (ockle.Values, error) {
	do, known := commands()[r.Command]
	if !known {
		return nil, ockle.ErrUnknownCommand
	}
	v := visit{Door: d, actor: actor(r), said: r.Values}
	if err := v.open(ctx); err != nil {
		return nil, translate(err)
	}
	values, err := do(ctx, v)
	return values, translate(err)
}

// actor gives who asks: whoever comes through this door.
func actor(r ockle.Request) desk.Actor {
	who := desk.Actor{Door: Name}
	if r.Remote != nil {
		who.Remote = r.Remote.String()
	}
	return who
}

// visit is one command of one client.
type visit struct {
	*Door
	actor desk.Actor
	said  ockle.Values
	view  desk.View
	etc   *etc // the room's folder of Ockle's; nil if it is none
}

// open looks at the room as it is now.
func (v *visit) open(ctx context.Context) (err error) {
	v.etc, err = v.cache.get(ctx, v.desk)
	v.view = v.desk.View(v.actor)
	return err
}

// server finds the node of the server that the command names.
func (v *visit) server() (room.NodeID, error) {
	name, found := v.said.Get(ockle.KeyServer)
	if !found {
		return room.None, ockle.Errorf(ockle.CodeInvalid, "%s is missing", ockle.KeyServer)
	}
	id, found := v.view.Room.Node(name)
	if !found || !v.view.Sees(id) {
		return room.None, ockle.Errorf(ockle.CodeNotFound, "there is no server %q", name)
	}
	return id, nil
}

// on reads what the command says of on and off.
func (v *visit) on() (bool, error) {
	text, found := v.said.Get(ockle.KeyState)
	switch {
	case !found:
		return false, ockle.Errorf(ockle.CodeInvalid, "%s is missing", ockle.KeyState)
	case isOneOf(text, "on", "true", "1"):
		return true, nil
	case isOneOf(text, "off", "false", "0"):
		return false, nil
	}
	return false, ockle.Errorf(ockle.CodeInvalid, "state is on or off, not %q", text)
}

// translate gives an error in the protocol's words.
func translate(err error) error {
	var told *ockle.Error
	if err == nil || errors.As(err, &told) || errors.Is(err, ockle.ErrNoAnswer) {
		return err
	}
	return ockle.Errorf(codeOf(err), "%s", err)
}

func codeOf(err error) ockle.Code {
	switch room.CodeOf(err) {
	case room.CodeNotFound:
		return ockle.CodeNotFound
	case room.CodeRefused:
		return ockle.CodeRefused
	case room.CodeBusy:
		return ockle.CodeBusy
	case room.CodeTimeout:
		return ockle.CodeTimeout
	case room.CodeDevice, room.CodeUnknown:
		return ockle.CodeDevice
	case room.CodeInvalid:
		return ockle.CodeInvalid
	case room.CodeInternal:
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ockle.CodeTimeout
	}
	return ockle.CodeInternal
}

// value makes an answer of one key.
func value(key, text string) ockle.Values { return ockle.Values{{Key: key, Text: text}} }
