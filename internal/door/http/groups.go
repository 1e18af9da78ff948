package httpdoor

import (
	"context"
	"net/http"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
)

type groupsOutput struct{ Body wire.Groups }

type groupInput struct {
	Name string `path:"name" doc:"The group's name, without the @." maxLength:"256" example:"rack1"`
}

type groupOutput struct{ Body wire.Group }

func (d *Door) registerGroups() {
	register(d, route{
		method: http.MethodGet, path: "/v1/groups", id: "list-groups", tag: tagNodes,
		summary: "List groups", doc: "The groups of the room with their nodes, and what is believed of these.",
	}, d.listGroups)
	register(d, route{
		method: http.MethodGet, path: "/v1/groups/{name}", id: "get-group", tag: tagNodes, errors: []int{404},
		summary: "Show one group", doc: "A group with its nodes, and what is believed of these.",
	}, d.getGroup)
}

func (d *Door) listGroups(ctx context.Context, _ *struct{}) (*groupsOutput, error) {
	if err := d.stillAllowed(ctx); err != nil {
		return nil, err
	}
	v := d.viewOf(ctx)
	out := wire.Groups{Items: make([]wire.Group, 0, len(v.Room.Groups))}
	for i := range v.Room.Groups {
		if g, ok := groupOf(v, v.Room.Groups[i].Name); ok {
			out.Items = append(out.Items, g)
		}
	}
	return &groupsOutput{out}, nil
}

func (d *Door) getGroup(ctx context.Context, in *groupInput) (*groupOutput, error) {
	g, ok := groupOf(d.viewOf(ctx), in.Name)
	if !ok {
		return nil, noSuch("get group", "group", in.Name)
	}
	return &groupOutput{g}, nil
}

// groupOf puts a group into words: as much of it as may be seen. It is not ok for
// one that there is not, or of which nothing may be.
func groupOf(v desk.View, name string) (wire.Group, bool) {
	all, found := v.Room.GroupNodes(name)
	nodes := seen(v, all)
	g := wire.Group{Name: name, Nodes: v.Room.Fold(nodes), Count: len(nodes), States: noStates()}
	for _, id := range nodes {
		g.States[v.Belief(id).State.String()]++
	}
	return g, found && (len(nodes) > 0 || v.Everything())
}
