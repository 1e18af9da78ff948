package state

import (
	"time"

	"millwright.dev/millwright/internal/room"
)

// keepChanges is how many changes are remembered: a large room switched on and
// off again, at some hundred bytes each.
const keepChanges = 1 << 15

// Change is one change of what is believed of a node.
type Change struct {
	N      int64 // from 1, without gaps
	Time   time.Time
	Node   string // "" for another room: everything may be different
	Was    room.State
	State  room.State
	Held   bool
	Caused bool // by a request of ours, rather than seen
}

// add remembers a change. The caller holds the lock.
func (k *Keeper) add(one Change) {
	one.N = k.changes.Last() + 1
	k.changes.Add(one)
}

// Changes gives the changes behind the n-th, the number of the newest, and a
// channel that is closed when there are more. When it no longer remembers them
// all, or never had so many, known is false: look at everything anew, and go on
// behind last.
func (k *Keeper) Changes(after int64) (list []Change, last int64, more <-chan struct{}, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list, more, known = k.changes.Behind(after)
	return list, k.changes.Last(), more, known
}

// Every calls fn with what is believed of each node of the present room, and
// gives that room and the number of the newest change that this takes in.
func (k *Keeper) Every(fn func(r *room.Room, id room.NodeID, b Belief)) (r *room.Room, last int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.nodes {
		b := k.nodes[i]
		if len(k.holds) > 0 {
			b.Held = k.holds[k.room.Nodes[i].Name]
		}
		fn(k.room, room.NodeID(i), b)
	}
	return k.room, k.changes.Last()
}
