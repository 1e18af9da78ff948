package httpdoor

import (
	"context"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
)

// viewOf gives the room as the asker may see it. The desk decides that; the door
// only asks.
func (d *Door) viewOf(ctx context.Context) desk.View { return d.opts.Desk.View(actorOf(ctx)) }

// stillAllowed says why the asker may see nothing (any more).
func (d *Door) stillAllowed(ctx context.Context) error {
	if who, is := ctx.Value(identityKey{}).(auth.Identity); is && d.opts.Auth != nil {
		if err := d.opts.Auth.Valid(who); err != nil {
			return err
		}
	}
	if d.viewOf(ctx).Anything() {
		return nil
	}
	return d.opts.Desk.NeedView(actorOf(ctx), "look") // which says what is missing
}

// eventFor gives an event as the asker may see it, nil for one they may not.
func eventFor(v desk.View, e *event.Event) *event.Event {
	if v.Everything() {
		return e
	}
	if part, ok := v.Event(*e); ok {
		return &part
	}
	return nil
}

// seen leaves of nodes those that may be seen.
func seen(v desk.View, ids []room.NodeID) []room.NodeID {
	if v.Everything() {
		return ids
	}
	var some []room.NodeID
	for _, id := range ids {
		if v.Sees(id) {
			some = append(some, id)
		}
	}
	return some
}
