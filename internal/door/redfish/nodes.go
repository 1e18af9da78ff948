package redfishdoor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/redfish/service"
)

const (
	// askFor is how long a document waits for a device that it asks besides.
	askFor = 3 * time.Second
	// newFor is how long a state that was seen counts as new, of devices that are not
	// polled.
	newFor = 10 * time.Second
	// knowFor is how long it is believed what devices can do, and guessFor that one
	// which could not be asked can do nothing.
	knowFor, guessFor = 10 * time.Minute, 20 * time.Second
)

// known remembers what the devices of nodes can do, since to find out takes a
// connection.
type known struct {
	mu   sync.Mutex
	of   *room.Room // it is about this room only
	list map[string]ability
}

type ability struct {
	desk.Abilities
	until time.Time
}

func (k *known) abilities(ctx context.Context, d *desk.Desk, actor desk.Actor, r *room.Room, node string) desk.Abilities {
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

// stateOf gives the state of a node: as it is believed to be, if that was seen
// lately, and otherwise as its devices say now.
func (d *Door) stateOf(ctx context.Context, v desk.View, n room.NodeID, actor desk.Actor, readable bool) room.State {
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
	if _, err := d.opts.Desk.Do(ctx, desk.Request{Actor: actor, Op: room.Status, Targets: v.Room.Nodes[n].Name}, s); err != nil || !s.result.Outcome.Good() {
		return room.StateUnknown
	}
	return s.result.State
}

// do carries out an operation on a node, to its end.
func (d *Door) do(ctx context.Context, actor desk.Actor, node string, op room.Op) error {
	s := &one{}
	sum, err := d.opts.Desk.Do(ctx, desk.Request{Actor: actor, Op: op, Targets: node, Verify: true}, s)
	if err != nil {
		return errorOf(err)
	}
	if sum.Good() {
		return nil
	}
	if s.result.Err != nil {
		return errorOf(s.result.Err)
	}
	said := s.result.Said
	if said == "" {
		said = s.said
	}
	return &service.Error{Code: service.Internal, Said: fmt.Sprintf("%s of %s: %s: %s", op, node, s.result.Outcome, said)}
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
