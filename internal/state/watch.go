package state

import (
	"context"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// Do is [fleet.Fleet.Do], with an eye on what comes back.
func (k *Keeper) Do(ctx context.Context, req fleet.Request, sink fleet.Sink) error {
	if !telling(req.Op) {
		return k.fleet.Do(ctx, req, sink)
	}
	w := &watcher{Sink: sink, req: &req, seen: make([]Seen, 0, len(req.Nodes))}
	err := k.fleet.Do(ctx, req, w)
	k.note(req.Room, req.Op.Changes(), w.seen)
	if len(w.good) == 0 {
		return err
	}
	// Whoever has switched a node on, off or round knows again what it is.
	_, failed := k.Clear(context.WithoutCancel(ctx), w.good, event.Event{
		Op: req.Op.String(), Outcome: event.OK, Detail: "no longer held: it has been switched since",
	})
	if failed != nil {
		k.log.Error("a hold could not be cleared", "why", failed)
	}
	return err
}

// telling says whether an operation tells something about power. A reset and the
// beacons leave it as it was.
func telling(op room.Op) bool {
	switch op {
	case room.Status, room.On, room.Off, room.Cycle:
		return true
	}
	return false
}

// watcher passes results on and remembers them.
type watcher struct {
	fleet.Sink
	req  *fleet.Request
	seen []Seen
	good []string
}

// Result implements [fleet.Sink].
func (w *watcher) Result(res fleet.Result) {
	// What was not begun has shown nothing; all else has, if only that nobody can tell.
	if res.Outcome != fleet.NotBegun {
		w.seen = append(w.seen, Seen{Node: res.Node, State: res.State})
	}
	if w.req.Op.Changes() && res.Outcome.Good() {
		w.good = append(w.good, w.req.Room.Nodes[res.Node].Name)
	}
	w.Sink.Result(res)
}
