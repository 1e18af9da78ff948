package httpdoor

import (
	"context"
	"net/http"
	"sort"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/rounds"
)

type checksInput struct {
	Targets string `query:"targets" doc:"Only those of these nodes." example:"web[1-40]"`
	Bad     bool   `query:"bad" doc:"Only those that are not ok."`
}

type checksOutput struct{ Body wire.Checks }

type lookInput struct{ Body wire.Look }

type controlsOutput struct{ Body wire.Controls }

type controlInput struct {
	Name    string `path:"name" doc:"The node's name, or an alias of one node." maxLength:"512" example:"web7"`
	Control string `path:"control" doc:"The control's name." maxLength:"512" example:"os"`
	Body    wire.UseControl
}

type controlOutput struct{ Body wire.ControlState }

func (d *Door) registerChecks() {
	register(d, route{
		method: http.MethodGet, path: "/v1/checks", id: "list-checks", tag: tagNodes, errors: []int{404},
		summary: "List how checks stand", doc: "What was found when each was last made. Nothing is looked at anew.",
	}, func(ctx context.Context, in *checksInput) (*checksOutput, error) {
		list, err := d.opts.Desk.Checks(actorOf(ctx), in.Targets)
		if err != nil {
			return nil, err
		}
		out := wire.Checks{Items: []wire.Check{}}
		for _, r := range list {
			if c := wire.CheckOf(r); !in.Bad || c.Verdict.String() != "ok" {
				out.Items = append(out.Items, c)
			}
		}
		return &checksOutput{out}, nil
	})
	register(d, route{
		method: http.MethodPost, path: "/v1/checks/look", id: "look", tag: tagNodes, errors: []int{404, 409},
		summary: "Make checks now", doc: "All at the same time, each within its own time-out, and answers when the last has ended.",
	}, func(ctx context.Context, in *lookInput) (*checksOutput, error) {
		out := wire.Checks{Items: []wire.Check{}}
		err := d.opts.Desk.Look(ctx, actorOf(ctx), in.Body.Targets, in.Body.Checks, func(list []rounds.Report) {
			for _, r := range list {
				out.Items = append(out.Items, wire.CheckOf(r))
			}
		})
		sort.SliceStable(out.Items, func(i, j int) bool { return hostlist.Compare(out.Items[i].Node, out.Items[j].Node) < 0 })
		return &checksOutput{out}, err
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/nodes/{name}/controls", id: "list-controls", tag: tagNodes, errors: []int{404},
		summary: "List a node's controls", doc: "By which ways it can be shut down in software, or started.",
	}, func(ctx context.Context, in *machineInput) (*controlsOutput, error) {
		r, list, can, err := d.opts.Desk.Controls(actorOf(ctx), in.Name)
		if err != nil {
			return nil, err
		}
		out := wire.Controls{Items: []wire.Control{}}
		for _, id := range list {
			c := wire.Control{Name: r.Controls[id].Name, Kind: r.Controls[id].Kind, Can: []string{}}
			able := can(id)
			for _, a := range []struct {
				word string
				can  bool
			}{{"off", able.Off}, {"on", able.On}, {"status", able.Status}} {
				if a.can {
					c.Can = append(c.Can, a.word)
				}
			}
			out.Items = append(out.Items, c)
		}
		return &controlsOutput{out}, nil
	})
	register(d, route{
		method: http.MethodPost, path: "/v1/nodes/{name}/controls/{control}", id: "use-control", tag: tagNodes, errors: []int{404, 409, 502, 504},
		summary: "Ask one control of a node",
		doc:     "To shut the node down, to start it, or only for its status. That it has taken a request does not say that it has carried it out. Power stays as it is, and nothing that depends on the node is looked at.",
	}, func(ctx context.Context, in *controlInput) (*controlOutput, error) {
		state, err := d.opts.Desk.Control(ctx, actorOf(ctx), in.Name, in.Control, in.Body.Op)
		return &controlOutput{wire.ControlState{State: state}}, err
	})
}
