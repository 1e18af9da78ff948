// Package state keeps what is believed of each node: the last power state that
// somebody read or caused, and since when. It reads nothing by itself: it stands
// at the way to the fleet ([Keeper.Do]) and notes what comes by.
//
// A belief is a memory and never an answer: doors that are asked for the state
// ask the devices. It serves to notice drift (a state that changed without a
// request of ours, which becomes an event), to draw tables quickly, and to hold
// nodes whose last cycle or reset was interrupted until someone decides.
//
// Start at [Keeper.Do].
package state

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/feed"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/store"
)

// Belief is what is known of one node.
type Belief struct {
	State room.State
	Since time.Time // when the state was first seen; zero if never
	Seen  time.Time // when it was last seen
	Held  *Hold     // set while the outcome of an interrupted operation is undecided
}

// Hold says why a node is not to be built upon.
type Hold struct {
	Op      string // what was interrupted: "cycle", "reset"
	Request string
	At      time.Time
}

// String says it for people.
func (h *Hold) String() string {
	return fmt.Sprintf("its %s of %s was interrupted, outcome unknown", h.Op, h.At.Local().Format("2006-01-02 15:04:05"))
}

// Seen is one observation.
type Seen struct {
	Node  room.NodeID
	State room.State
}

// Keeper holds the beliefs of one room over its reloads.
type Keeper struct {
	fleet   Fleet
	events  *event.Log
	log     *slog.Logger
	applied chan struct{} // one token: the room has changed

	mu    sync.Mutex
	room  *room.Room
	nodes []Belief         // by NodeID of room
	holds map[string]*Hold // by name: they outlive reloads

	changes feed.Feed[Change]
}

// Fleet is the way to the devices; *fleet.Fleet is one.
type Fleet interface {
	Do(context.Context, fleet.Request, fleet.Sink) error
}

// New makes a keeper that stands before a fleet and reports drift to events.
func New(f Fleet, events *event.Log, log *slog.Logger) *Keeper {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Keeper{fleet: f, events: events, log: log, applied: make(chan struct{}, 1), room: &room.Room{}, holds: make(map[string]*Hold), changes: feed.Feed[Change]{Keep: keepChanges}}
}

// Apply makes r the room; beliefs follow their nodes by name.
func (k *Keeper) Apply(r *room.Room) {
	k.mu.Lock()
	defer k.mu.Unlock()
	nodes := make([]Belief, len(r.Nodes))
	for i := range k.nodes {
		if id, ok := r.Node(k.room.Nodes[i].Name); ok {
			nodes[id] = k.nodes[i]
		}
	}
	k.room, k.nodes = r, nodes
	k.add(Change{Time: time.Now()})
	select {
	case k.applied <- struct{}{}:
	default:
	}
}

// note takes in what was seen of nodes of r. If nothing of ours caused it, a
// difference from what was believed is drift and becomes an event.
func (k *Keeper) note(r *room.Room, caused bool, seen []Seen) {
	now := time.Now()
	drift := make(map[[2]room.State][]string)
	k.mu.Lock()
	for _, s := range seen {
		id := s.Node
		if r != k.room {
			var ok bool
			if id, ok = k.room.Node(r.Nodes[s.Node].Name); !ok {
				continue
			}
		}
		b := &k.nodes[id]
		if b.State != s.State || b.Since.IsZero() {
			if !caused && !b.Since.IsZero() {
				key := [2]room.State{b.State, s.State}
				drift[key] = append(drift[key], k.room.Nodes[id].Name)
			}
			name := k.room.Nodes[id].Name
			k.add(Change{Time: now, Node: name, Was: b.State, State: s.State, Held: k.holds[name] != nil, Caused: caused})
			b.State, b.Since = s.State, now
		}
		b.Seen = now
	}
	k.mu.Unlock()
	for change, names := range drift {
		k.events.AppendLater(event.Event{
			Time: now, Kind: event.State, Targets: hostlist.Fold(names), Count: len(names),
			Outcome: change[1].String(), Detail: fmt.Sprintf("was %v, is seen to be %v", change[0], change[1]),
		})
	}
}

// Get gives the belief about one node of r.
func (k *Keeper) Get(r *room.Room, id room.NodeID) Belief {
	k.mu.Lock()
	defer k.mu.Unlock()
	name := r.Nodes[id].Name
	b := Belief{Held: k.holds[name]}
	if here, ok := k.room.Node(name); ok {
		held := b.Held
		b = k.nodes[here]
		b.Held = held
	}
	return b
}

// Hold marks a node.
func (k *Keeper) Hold(node string, h Hold) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.holds[node] = &h
	k.marked(node)
}

// marked tells that a node is held now, or no longer. The caller has the lock.
func (k *Keeper) marked(node string) {
	if id, ok := k.room.Node(node); ok {
		s := k.nodes[id].State
		k.add(Change{Time: time.Now(), Node: node, Was: s, State: s, Held: k.holds[node] != nil})
	}
}

// Clear takes the marks off nodes because somebody has decided what they are,
// and writes down who; it gives the names of those that had one.
func (k *Keeper) Clear(ctx context.Context, nodes []string, e event.Event) ([]string, error) {
	var held []string
	k.mu.Lock()
	if len(k.holds) == 0 {
		nodes = nil
	}
	for _, n := range nodes {
		if k.holds[n] != nil {
			held = append(held, n)
		}
	}
	k.mu.Unlock()
	if len(held) == 0 {
		return nil, nil
	}
	e.Kind, e.Targets, e.Count = event.State, hostlist.Fold(held), len(held)
	err := k.events.AppendWith(ctx, func(tx *store.Tx) error {
		_, err := tx.ClearInterruptions(held...)
		return err
	}, &e)
	if err != nil {
		return nil, fmt.Errorf("clear %s: %w", e.Targets, err)
	}
	k.mu.Lock()
	for _, n := range held {
		delete(k.holds, n)
		k.marked(n)
	}
	k.mu.Unlock()
	return held, nil
}

// Held gives the nodes that are marked, in no order.
func (k *Keeper) Held() map[string]Hold {
	k.mu.Lock()
	defer k.mu.Unlock()
	held := make(map[string]Hold, len(k.holds))
	for n, h := range k.holds {
		held[n] = *h
	}
	return held
}
