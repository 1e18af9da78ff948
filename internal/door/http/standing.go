package httpdoor

import (
	"context"
	"net/http"
	"sort"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/impact"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
)

type standingsInput struct {
	Targets string `query:"targets" doc:"Only these: a host list with names, ranges, aliases and @groups." example:"web[1-40]"`
	Bad     bool   `query:"bad" doc:"Only those that need somebody's eye."`
	Limit   int    `query:"limit" doc:"At most so many on a page." minimum:"1" maximum:"10000" default:"1000"`
	After   string `query:"after" doc:"Go on behind this node: what the page before gave as next."`
}

type standingsOutput struct{ Body wire.Standings }

type standingOutput struct{ Body wire.NodeStanding }

type holdsOutput struct{ Body wire.Holds }

type newHoldInput struct{ Body wire.NewHold }

type endHoldInput struct{ Body wire.EndHold }

type namedOutput struct{ Body wire.Cleared }

type whyOutput struct{ Body wire.Why }

type impactInput struct {
	Nodes   string   `query:"nodes" doc:"Nodes that go." example:"db1"`
	Devices []string `query:"devices" doc:"Devices that go."`
	Feeds   []string `query:"feeds" doc:"Feeds that go."`
}

type impactOutput struct{ Body wire.Impact }

type tiesInput struct {
	Name   string `path:"name" doc:"The node's name, or an alias of one node." maxLength:"512" example:"web7"`
	Needed bool   `query:"needed" doc:"What needs it, rather than what it needs."`
	All    bool   `query:"all" doc:"All the way, rather than directly."`
}

type tiesOutput struct{ Body wire.Ties }

func (d *Door) registerStandings() {
	register(d, route{
		method: http.MethodGet, path: "/v1/standings", id: "list-standings", tag: tagNodes, errors: []int{404},
		summary: "Show how nodes stand", doc: "How nodes, and their plugs, controls and checks, stand with what was last asked of them: whether they were brought up or down as they should, why not, and since when.",
	}, d.listStandings)
	register(d, route{
		method: http.MethodGet, path: "/v1/nodes/{name}/standing", id: "get-standing", tag: tagNodes, errors: []int{404},
		summary: "Show how one node stands", doc: "The node, its plugs, its controls and its checks.",
	}, func(ctx context.Context, in *machineInput) (*standingOutput, error) {
		v := d.viewOf(ctx)
		ids, err := v.Nodes(in.Name)
		if err != nil {
			return nil, err
		}
		if len(ids) != 1 {
			return nil, &room.Error{Code: room.CodeInvalid, Op: "get standing", Subject: shorten(in.Name), Said: "name one node"}
		}
		return &standingOutput{standingOf(v, ids[0])}, nil
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/nodes/{name}/why", id: "why", tag: tagNodes, errors: []int{404},
		summary: "Tell why a node stands as it does", doc: "Its power, who holds it, what has failed at it, and the same of what it needs as far as that is not up.",
	}, func(ctx context.Context, in *machineInput) (*whyOutput, error) {
		why, err := d.opts.Desk.Why(actorOf(ctx), in.Name)
		return &whyOutput{whyOf(why)}, err
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/nodes/{name}/ties", id: "list-ties", tag: tagNodes, errors: []int{404},
		summary: "List what a node needs, or what needs it", doc: "Directly, or all the way; the nearest first.",
	}, d.listTies)
	register(d, route{
		method: http.MethodGet, path: "/v1/impact", id: "impact", tag: tagNodes, errors: []int{404},
		summary: "Tell what falls when something goes", doc: "Nodes, devices or feeds. Nothing is touched.",
	}, d.impact)
	register(d, route{
		method: http.MethodGet, path: "/v1/holds", id: "list-holds", tag: tagNodes,
		summary: "List holds", doc: "Who has decided that nothing automatic touches which nodes.",
	}, func(ctx context.Context, _ *struct{}) (*holdsOutput, error) {
		list, err := d.opts.Desk.Holds(actorOf(ctx))
		out := wire.Holds{Items: make([]wire.Hold, len(list))}
		for i, h := range list {
			out.Items[i] = holdOf(h)
		}
		return &holdsOutput{out}, err
	})
	register(d, route{
		method: http.MethodPost, path: "/v1/holds", id: "hold", tag: tagNodes, errors: []int{404},
		summary: "Hold nodes", doc: "From then on only a person who names them switches them.",
	}, func(ctx context.Context, in *newHoldInput) (*namedOutput, error) {
		nodes, err := d.opts.Desk.Hold(ctx, desk.HoldWish{
			Actor: actorOf(ctx), Targets: in.Body.Targets, Kind: standing.HoldKind(in.Body.Kind), Reason: in.Body.Reason, Until: in.Body.Until,
		})
		return &namedOutput{wire.Cleared{Nodes: nodes}}, err
	})
	register(d, route{
		method: http.MethodPost, path: "/v1/holds/release", id: "release", tag: tagNodes, errors: []int{404},
		summary: "Let go of nodes that somebody has held", doc: "To do it twice does no harm.",
	}, func(ctx context.Context, in *endHoldInput) (*namedOutput, error) {
		nodes, err := d.opts.Desk.Release(ctx, actorOf(ctx), in.Body.Targets, standing.HoldKind(in.Body.Kind))
		return &namedOutput{wire.Cleared{Nodes: nodes}}, err
	})
}

func holdOf(h standing.Hold) wire.Hold {
	return wire.Hold{Node: h.Node, Kind: string(h.Kind), Author: h.Author, Reason: h.Reason, Since: h.Since, Until: h.Until}
}

func standingOf(v desk.View, id room.NodeID) wire.NodeStanding {
	out := wire.NodeStanding{Node: v.Room.Nodes[id].Name, Items: []wire.Standing{}}
	if h, held := v.Hold(id); held {
		hold := holdOf(h)
		out.Hold = &hold
	}
	for _, e := range v.Entries(id) {
		out.Items = append(out.Items, wire.Standing{
			Kind: string(e.Kind), Object: e.Object, State: e.State, Reason: e.Reason, Since: e.Since, Starts: e.Starts, Stops: e.Stops, Drift: e.Drift,
		})
	}
	return out
}

func (d *Door) listStandings(ctx context.Context, in *standingsInput) (*standingsOutput, error) {
	v := d.viewOf(ctx)
	ids, err := v.Nodes(in.Targets)
	if err != nil {
		return nil, err
	}
	if in.After != "" {
		ids = ids[sort.Search(len(ids), func(i int) bool { return hostlist.Compare(v.Room.Nodes[ids[i]].Name, in.After) > 0 }):]
	}
	out := wire.Standings{Items: []wire.NodeStanding{}}
	for _, id := range ids {
		one := standingOf(v, id)
		if in.Bad && !needsAnEye(one) {
			continue
		}
		if len(out.Items) == in.Limit {
			out.Next = out.Items[in.Limit-1].Node
			break
		}
		out.Items = append(out.Items, one)
	}
	return &standingsOutput{out}, nil
}

func needsAnEye(s wire.NodeStanding) bool {
	for _, i := range s.Items {
		if i.State.Bad() || i.Drift {
			return true
		}
	}
	return false
}

func whyOf(r desk.Reason) wire.Why {
	out := wire.Why{Subject: r.Subject, Kind: r.Kind, State: r.State, Said: r.Said, Since: r.Since}
	for _, b := range r.Because {
		out.Because = append(out.Because, whyOf(b))
	}
	return out
}

func (d *Door) listTies(ctx context.Context, in *tiesInput) (*tiesOutput, error) {
	v, list, err := d.opts.Desk.Ties(actorOf(ctx), in.Name, in.Needed, in.All)
	if err != nil {
		return nil, err
	}
	out := wire.Ties{Items: make([]wire.Tie, len(list))}
	for i, t := range list {
		out.Items[i] = wire.Tie{Node: v.Room.Nodes[t.Node].Name, How: t.How, Away: t.Away, State: v.Standing(t.Node).State}
	}
	return &tiesOutput{out}, nil
}

func (d *Door) impact(ctx context.Context, in *impactInput) (*impactOutput, error) {
	v, res, err := d.opts.Desk.Impact(actorOf(ctx), desk.LostNames{Nodes: in.Nodes, Devices: in.Devices, Feeds: in.Feeds})
	if err != nil {
		return nil, err
	}
	hits := func(list []impact.Hit) []wire.Hit {
		out := make([]wire.Hit, len(list))
		for i, h := range list {
			out[i] = wire.Hit{Node: v.Room.Nodes[h.Node].Name, Cause: string(h.Cause), By: h.By}
		}
		return out
	}
	out := wire.Impact{Fallen: hits(res.Fallen), Worse: hits(res.Worse), Devices: []string{}, Feeds: append([]string{}, res.Feeds...)}
	for _, id := range res.Devices {
		out.Devices = append(out.Devices, v.Room.Devices[id].Name)
	}
	return &impactOutput{out}, nil
}
