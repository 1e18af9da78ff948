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
	N     int64 // from 1, without gaps
	Time  time.Time
	Node  string // "" for another room: everything may be different
	Was   room.State
	State room.State
	Held  bool
}

// changes are the last changes, in order. The Keeper's lock guards them.
type changes struct {
	list    []Change
	last    int64
	grown   chan struct{} // closed at the next change
	awaited bool
}

// add remembers a change. The oldest are forgotten, many at a time.
func (c *changes) add(one Change) {
	c.last++
	one.N = c.last
	if len(c.list) >= keepChanges+keepChanges/8 {
		c.list = append(c.list[:0:0], c.list[len(c.list)-keepChanges:]...)
	}
	c.list = append(c.list, one)
	if c.awaited {
		close(c.grown)
		c.grown, c.awaited = nil, false
	}
}

// Changes gives the changes behind the n-th, the number of the newest, and a
// channel that is closed when there are more. When it no longer remembers them
// all, or never had so many, known is false: look at everything anew, and go on
// behind last.
func (k *Keeper) Changes(after int64) (list []Change, last int64, more <-chan struct{}, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := &k.changes
	if c.grown == nil {
		c.grown = make(chan struct{})
	}
	c.awaited = true
	behind := c.last - after
	if after < 0 || behind < 0 || behind > int64(len(c.list)) {
		return nil, c.last, c.grown, false
	}
	return c.list[int64(len(c.list))-behind:], c.last, c.grown, true
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
	return k.room, k.changes.last
}
