package standing

import (
	"time"

	"millwright.dev/millwright/internal/room"
)

// Seen tells what was read of a node's power without a request of ours having caused
// it. Where it is not what the node's standing wants, the standing follows it, and says
// that it has drifted.
func (b *Book) Seen(node string, now room.State) {
	s := Subject{Kind: Node, Node: node}
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.get(s) // a run may be about to set it
	to := was
	switch {
	case was.State.Moving() || was.State == Unknown || was.State.ForGood():
		return
	case now == room.StateOn && was.State == Initial:
		to.State, to.Reason = OK, "seen on"
	case now == room.StateOff && was.State == Initial:
		to.State, to.Reason = Off, "seen off"
	case now == room.StateOff && (was.State.Up() || was.State == FailedToStop):
		to.State, to.Reason, to.Drift = Off, "seen off, though nobody asked for it", true
	case now == room.StateOn && (was.State.Down() || was.State == FailedToStart):
		to.State, to.Reason, to.Drift = OK, "seen on, though nobody asked for it", true
	default:
		return
	}
	b.set(Change{Subject: s, Standing: Standing{State: to.State, Reason: to.Reason, Starts: to.Starts, Stops: to.Stops, Drift: to.Drift}}, time.Now().UTC())
	b.wake()
}
