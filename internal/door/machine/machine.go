// Package machine shows a node as a machine: its power, what can be done with it, what
// is measured of it. It is what the doors share through which each node looks like a
// service processor, by whatever protocol.
//
// It translates and decides nothing: every question is the desk's, in the name of
// whoever asks.
//
// Start at [Switch], [State] and [Readings].
package machine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

const (
	// askFor is how long an answer waits for a device that is asked besides.
	askFor = 3 * time.Second
	// newFor is how long a state that was seen counts as new, of devices that are not
	// polled.
	newFor = 10 * time.Second
	// knowFor is how long it is believed what devices can do, and guessFor that one
	// which could not be asked can do nothing.
	knowFor, guessFor = 10 * time.Minute, 20 * time.Second
)

// Known remembers what the devices of nodes can do, since to find out takes a
// connection. The zero value is ready.
type Known struct {
	mu   sync.Mutex
	of   *room.Room // it is about this room only
	list map[string]ability
}

type ability struct {
	desk.Abilities
	until time.Time
}

// Abilities tells what a node's devices can do beside switching; of those that cannot be
// asked now, nothing.
func (k *Known) Abilities(ctx context.Context, d *desk.Desk, actor desk.Actor, r *room.Room, node string) desk.Abilities {
	now := time.Now()
	k.mu.Lock()
	if k.of != r {
		k.of, k.list = r, make(map[string]ability)
	}
	found, has := k.list[node]
	k.mu.Unlock()
	if has && now.Before(found.until) {
		return found.Abilities
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	can, err := d.Abilities(ctx, actor, node)
	lasts := knowFor
	if err != nil {
		lasts = guessFor
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == r {
		k.list[node] = ability{can, now.Add(lasts)}
	}
	return can
}

// State gives the state of a node: as it is believed to be, if that was seen lately or
// cannot be read, and otherwise as its devices say now.
func State(ctx context.Context, d *desk.Desk, actor desk.Actor, v desk.View, n room.NodeID, readable bool) room.State {
	belief := v.Belief(n)
	fresh := newFor
	for _, c := range v.Room.Nodes[n].Cords {
		fresh = max(fresh, 2*v.Room.Devices[c.Device].Poll)
	}
	if time.Since(belief.Seen) < fresh || !readable {
		return belief.State
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	s := &one{}
	if _, err := d.Do(ctx, desk.Request{Actor: actor, Op: room.Status, Targets: v.Room.Nodes[n].Name}, s); err != nil || !s.result.Outcome.Good() {
		return room.StateUnknown
	}
	return s.result.State
}

// Choose gives the first of the operations that are wished for which a node can do.
func Choose(can []room.Op, wish ...room.Op) (room.Op, bool) {
	i := slices.IndexFunc(wish, func(op room.Op) bool { return slices.Contains(can, op) })
	if i < 0 {
		return 0, false
	}
	return wish[i], true
}

// Switch carries out an operation on a node, to its end. It fails, with an error of a
// code of the room's, unless it is certain that it was done.
func Switch(ctx context.Context, d *desk.Desk, actor desk.Actor, node string, op room.Op) error {
	s := &one{}
	sum, err := d.Do(ctx, desk.Request{Actor: actor, Op: op, Targets: node, Verify: true}, s)
	switch {
	case err != nil:
		return err
	case sum.Good():
		return nil
	case s.result.Err != nil:
		return s.result.Err
	}
	said := s.result.Said
	if said == "" {
		said = s.said
	}
	code := room.CodeDevice
	if s.result.Outcome == fleet.Unknown {
		code = room.CodeUnknown
	}
	return &room.Error{Code: code, Op: op.String(), Subject: node, Said: fmt.Sprintf("%s: %s", s.result.Outcome, said)}
}

// one is the sink of a request about one node.
type one struct {
	result fleet.Result
	said   string
}

// Begin implements [desk.Sink].
func (*one) Begin(desk.Began) {}

// Result implements [fleet.Sink].
func (s *one) Result(r fleet.Result) { s.result = r }

// Fault implements [fleet.Sink].
func (s *one) Fault(f *driver.Fault) { s.said = f.Error() }

// Diagnostic implements [fleet.Sink].
func (s *one) Diagnostic(_ room.NodeID, said string) { s.said = said }

// Trace implements [fleet.Sink].
func (*one) Trace(string, devspec.Trace) {}
