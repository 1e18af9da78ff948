package httpdoor

import (
	"context"
	"net/http"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
)

func (d *Door) registerStandingStream() {
	register(d, route{
		method: http.MethodGet, path: "/v1/standings/stream", id: "follow-standings", tag: tagNodes, errors: []int{404, 503},
		summary: "Follow how nodes stand",
		doc:     "A stream of server-sent events without an end: first `node` for each node, with all of it, then `standing` for each change of a node, plug, control or check, and `node` again when a node is held or released. Whoever comes back with Last-Event-ID gets the changes that they missed or, if these are no longer known, every `node` again, behind `anew`.",
		answers: map[int]map[string]any{200: {wire.SSE: wire.StandingChange{}}},
	}, func(_ context.Context, in *statesInput) (*raw, error) {
		return written(func(w http.ResponseWriter, r *http.Request) { d.followNodes(w, r, in, (*sse).standings) }), nil
	})
}

// standings passes on changes behind the given one; with all nodes first, where that is
// not known.
func (s *sse) standings(ctx context.Context, whose *watched, after int64, known bool) {
	d := s.d
	at := func() string { return d.stateID(after) }
	for {
		list, last, more, remembered := d.opts.Desk.StandingChanges(after)
		if err := d.stillAllowed(ctx); err != nil {
			s.problem(err)
			return
		}
		before := whose.view
		whose.renew()
		if !before.Same(whose.view) || !known || !remembered { // another room, or other rights
			s.say("anew", d.stateID(last), struct{}{})
			s.everyNode(whose)
			list, known = nil, true
		}
		for i := range list {
			s.standing(whose, &list[i])
		}
		after = last
		if s.wait(ctx, more, at) != nil {
			return
		}
	}
}

// say puts one message of plain values.
func (s *sse) say(kind, id string, v any) {
	data, _ := sseFrame(kind, id, v)
	s.put(data)
}

// everyNode tells how all nodes stand that the reader wants and may see.
func (s *sse) everyNode(whose *watched) {
	r := whose.view.Room
	for i := range r.Nodes {
		if whose.passes(r.Nodes[i].Name) {
			s.say("node", "", standingOf(whose.view, room.NodeID(i)))
		}
	}
}

// standing tells one change, or how the whole node stands if its holds are others.
func (s *sse) standing(whose *watched, c *standing.Change) {
	if !whose.passes(c.Node) {
		return
	}
	id := s.d.stateID(c.N)
	node, found := whose.view.Room.Node(c.Node)
	switch {
	case !found:
	case c.Kind == standing.Node && c.Was == c.State:
		s.say("node", id, standingOf(whose.view, node))
	default:
		s.say("standing", id, wire.StandingChange{Node: c.Node, Was: c.Was, Standing: wire.Standing{
			Kind: string(c.Kind), Object: c.Object, State: c.State, Reason: whose.view.Said(c.Reason), Since: c.Since, Starts: c.Starts, Stops: c.Stops, Drift: c.Drift,
		}})
	}
}
