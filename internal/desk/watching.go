package desk

import (
	"context"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/state"
)

// Changes gives the changes of what is believed of nodes behind the n-th; see
// [state.Keeper.Changes].
func (d *Desk) Changes(after int64) (list []state.Change, last int64, more <-chan struct{}, known bool) {
	return d.state.Changes(after)
}

// Beliefs calls fn with what is believed of each node; see [state.Keeper.Every].
// The desk must not be asked from within.
func (d *Desk) Beliefs(fn func(r *room.Room, id room.NodeID, b state.Belief)) (r *room.Room, last int64) {
	return d.state.Every(fn)
}

// Ready says why the desk cannot do its work: it is closing, or the log cannot be
// read.
func (d *Desk) Ready(ctx context.Context) error {
	if d.ctx.Err() != nil {
		return errStopping
	}
	_, err := d.events.Read(ctx, event.Filter{Newest: true, Limit: 1})
	return err
}
