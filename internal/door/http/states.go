package httpdoor

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/state"
)

type statesInput struct {
	Last    string `header:"Last-Event-ID" doc:"Go on behind this change." maxLength:"64"`
	Targets string `query:"targets" doc:"Only these nodes: a host list." example:"@rack1"`
}

func (d *Door) registerStates() {
	register(d, route{
		method: http.MethodGet, path: "/v1/states/stream", id: "follow-states", tag: tagNodes, errors: []int{404, 503},
		summary: "Follow the states of nodes",
		doc:     "A stream of server-sent events without an end: first `states`, with all nodes by what is believed of them, then `change` for each change of that. Whoever comes back with Last-Event-ID gets the changes that they missed or, if these are no longer known, `states` again; so it comes too when the configuration was read again.",
		answers: map[int]map[string]any{200: {wire.SSE: wire.Change{}}},
	}, func(_ context.Context, in *statesInput) (*raw, error) {
		return written(func(w http.ResponseWriter, r *http.Request) { d.followNodes(w, r, in, (*sse).states) }), nil
	})
}

// bootOf names the life of a daemon: changes are numbered anew in each.
func bootOf(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 36) }

// stateID makes an id of a change's number.
func (d *Door) stateID(n int64) string { return d.boot + "-" + strconv.FormatInt(n, 10) }

// changeAfter reads an id; it is not ok for one of another life.
func (d *Door) changeAfter(id string) (n int64, ok bool) {
	boot, number, found := strings.Cut(id, "-")
	n, err := strconv.ParseInt(number, 10, 64)
	return n, found && err == nil && boot == d.boot && n >= 0
}

// feedStates keeps the feed of states up to date until ctx ends.
func (d *Door) feedStates(ctx context.Context) {
	after := d.states.newest()
	for {
		list, last, more, known := d.opts.Desk.Changes(after)
		if !known {
			d.states.skipTo(last)
			after = last
		}
		for i := range list {
			d.states.add(d.changeFrame(&list[i]))
			after = list[i].N
		}
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}

func (d *Door) changeFrame(c *state.Change) *frame {
	fr := &frame{seq: c.N, node: c.Node}
	if c.Node != "" {
		// It is made of plain values, so it can be encoded.
		fr.data, _ = sseFrame("change", d.stateID(c.N), wire.Change{Time: c.Time.UTC(), Node: c.Node, State: c.State, Was: c.Was, Held: c.Held})
	}
	return fr
}

// snapshots is the last picture of all states: a thousand readers who come at the
// same moment share it.
type snapshots struct {
	mu   sync.Mutex
	last int64
	data []byte
}

// snapshot encodes what is believed of all nodes, or of those that sees lets
// pass, and gives the number of the last change in it.
func (d *Door) snapshot(sees func(r *room.Room, id room.NodeID) bool) (data []byte, last int64) {
	if sees == nil {
		d.view.mu.Lock()
		defer d.view.mu.Unlock()
		if _, last, _, _ = d.opts.Desk.Changes(-1); d.view.data != nil && d.view.last == last {
			return d.view.data, last
		}
	}
	by, held := make(map[room.State][]room.NodeID), []room.NodeID{}
	r, last := d.opts.Desk.Beliefs(func(r *room.Room, id room.NodeID, b state.Belief) {
		if sees != nil && !sees(r, id) {
			return
		}
		by[b.State] = append(by[b.State], id)
		if b.Held != nil {
			held = append(held, id)
		}
	})
	all := wire.States{Time: time.Now().UTC(), States: make(map[string]string), Held: r.Fold(held)}
	for s, ids := range by {
		all.States[s.String()] = r.Fold(ids)
	}
	data, _ = sseFrame("states", d.stateID(last), all)
	if sees == nil {
		d.view.last, d.view.data = last, data
	}
	return data, last
}

// passes is what gives a stream its changes: those behind the given one or, where that is
// not known, first all as it is.
type passes func(s *sse, ctx context.Context, whose *watched, after int64, known bool)

// followNodes answers with a stream of what changes on nodes.
func (d *Door) followNodes(w http.ResponseWriter, r *http.Request, in *statesInput, pass passes) {
	ctx := r.Context()
	if _, err := d.viewOf(ctx).Nodes(in.Targets); err != nil {
		refuse(w, err)
		return
	}
	s, err := d.openSSE(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	defer s.close()
	after, known := d.changeAfter(in.Last)
	pass(s, ctx, &watched{door: d, ctx: ctx, targets: in.Targets}, after, known)
}

// states passes on changes behind the given one; with a picture of all first,
// where that is not known.
func (s *sse) states(ctx context.Context, whose *watched, after int64, known bool) {
	at := func() string { return s.d.stateID(after) }
	live := false
	for {
		if !known {
			var data []byte
			data, after = s.d.snapshot(whose.sees())
			s.put(data)
			known = true
		}
		frames, more, held := s.d.states.since(after)
		if !held {
			if live { // fallen behind: the reader may come again
				s.d.metrics.dropped.Add(1)
				return
			}
			known = false
			continue
		}
		live = true
		if err := s.d.stillAllowed(ctx); err != nil {
			s.problem(err)
			return
		}
		for _, fr := range frames {
			if after = fr.seq; fr.node == "" { // another room
				known = false
				break
			}
			if whose.passes(fr.node) {
				s.put(fr.data)
			}
		}
		if !known {
			continue
		}
		if s.wait(ctx, more, at) != nil {
			return
		}
	}
}

// watched says which nodes a reader wants and may see. It is worked out anew when that
// may have changed.
type watched struct {
	door    *Door
	ctx     context.Context //nolint:containedctx // it lives as long as its request
	targets string

	view desk.View
	set  map[room.NodeID]bool // nil for all
}

func (v *watched) renew() {
	view := v.door.viewOf(v.ctx)
	if v.view.Same(view) {
		return
	}
	v.view, v.set = view, nil
	if v.targets == "" && view.Everything() {
		return
	}
	v.set = make(map[room.NodeID]bool)
	ids, err := view.Nodes(v.targets)
	if err != nil { // what was meant is not there any more, or not for them
		return
	}
	for _, id := range ids {
		v.set[id] = true
	}
}

// sees gives the test for a picture; nil means all.
func (v *watched) sees() func(*room.Room, room.NodeID) bool {
	if v.renew(); v.set == nil {
		return nil
	}
	return func(r *room.Room, id room.NodeID) bool { return v.passes(r.Nodes[id].Name) }
}

func (v *watched) passes(node string) bool {
	if v.renew(); v.set == nil {
		return true
	}
	id, ok := v.view.Room.Node(node)
	return ok && v.set[id]
}
