package httpdoor

import (
	"context"
	"net/http"
	"slices"
	"sort"
	"strings"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

type nodesInput struct {
	Targets string   `query:"targets" doc:"Only these: a host list with names, ranges, aliases and @groups." example:"web[1-40]"`
	Q       string   `query:"q" doc:"Only those whose name holds this." maxLength:"256"`
	State   []string `query:"state" doc:"Only those believed to be in one of these states." enum:"on,off,degraded,unknown" example:"off"`
	Device  string   `query:"device" doc:"Only those that hang on this device."`
	Group   string   `query:"group" doc:"Only those of this group."`
	Held    bool     `query:"held" doc:"Only those that are held back."`
	Limit   int      `query:"limit" doc:"At most so many on a page." minimum:"1" maximum:"10000" default:"1000"`
	After   string   `query:"after" doc:"Go on behind this node: what the page before gave as next."`
}

type nodesOutput struct{ Body wire.Nodes }

type nodeInput struct {
	Name string `path:"name" doc:"The node's name, or an alias of one node." maxLength:"256" example:"web7"`
}

type nodeOutput struct{ Body wire.Node }

func (d *Door) registerNodes() {
	register(d, route{
		method: http.MethodGet, path: "/v1/nodes", id: "list-nodes", tag: tagNodes, errors: []int{404},
		summary: "List nodes", doc: "What is remembered of nodes, in the order of host lists. Nothing is read from the devices: post an operation `status` for that.",
	}, d.listNodes)
	register(d, route{
		method: http.MethodGet, path: "/v1/nodes/{name}", id: "get-node", tag: tagNodes, errors: []int{404},
		summary: "Show one node", doc: "What is remembered of one node. Nothing is read from its devices.",
	}, d.getNode)
}

func (d *Door) getNode(ctx context.Context, in *nodeInput) (*nodeOutput, error) {
	v := d.viewOf(ctx)
	if id, ok := v.Room.Node(in.Name); ok && v.Sees(id) {
		return &nodeOutput{d.node(v, d.indexed(v.Room), id)}, nil
	}
	found, err := v.Nodes(in.Name)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, &room.Error{Code: room.CodeNotFound, Op: "get node", Subject: shorten(in.Name), Said: "this is not one node; list them with targets"}
	}
	return &nodeOutput{d.node(v, d.indexed(v.Room), found[0])}, nil
}

// node puts one node into words.
func (d *Door) node(v desk.View, x *index, id room.NodeID) wire.Node {
	n := wire.NodeOf(x.room, id, v.Belief(id))
	n.Groups = x.groups[id]
	return n
}

func (d *Door) listNodes(ctx context.Context, in *nodesInput) (*nodesOutput, error) {
	v := d.viewOf(ctx)
	x := d.indexed(v.Room)
	ids, err := chosen(v, x, in)
	if err != nil {
		return nil, err
	}
	out := wire.Nodes{Total: len(ids), Items: []wire.Node{}}
	if in.After != "" {
		begin := sort.Search(len(ids), func(i int) bool { return hostlist.Compare(x.room.Nodes[ids[i]].Name, in.After) > 0 })
		ids = ids[begin:]
	}
	if len(ids) > in.Limit {
		ids = ids[:in.Limit]
		out.Next = x.room.Nodes[ids[in.Limit-1]].Name
	}
	out.Items = make([]wire.Node, len(ids))
	for i, id := range ids {
		out.Items[i] = d.node(v, x, id)
	}
	return &nodesOutput{out}, nil
}

// chosen gives the nodes that a listing is about, sorted.
func chosen(v desk.View, x *index, in *nodesInput) ([]room.NodeID, error) {
	ids, err := v.Nodes(in.Targets)
	if err != nil {
		return nil, err
	}
	tests := []func(room.NodeID) bool{}
	if in.Q != "" {
		tests = append(tests, func(id room.NodeID) bool { return strings.Contains(x.room.Nodes[id].Name, in.Q) })
	}
	if in.Device != "" {
		dev, ok := x.room.Device(in.Device)
		if !ok {
			return nil, noSuch("list nodes", "device", in.Device)
		}
		tests = append(tests, func(id room.NodeID) bool {
			for c := range x.room.Nodes[id].Links() {
				if c.Device == dev {
					return true
				}
			}
			return false
		})
	}
	if in.Group != "" {
		if _, ok := x.room.GroupNodes(in.Group); !ok {
			return nil, noSuch("list nodes", "group", in.Group)
		}
		tests = append(tests, func(id room.NodeID) bool { return slices.Contains(x.groups[id], in.Group) })
	}
	if len(in.State) > 0 || in.Held {
		tests = append(tests, func(id room.NodeID) bool {
			b := v.Belief(id)
			return (len(in.State) == 0 || slices.Contains(in.State, b.State.String())) && (!in.Held || b.Held != nil)
		})
	}
	return passing(ids, tests), nil
}

// passing leaves of nodes those that pass all tests.
func passing(ids []room.NodeID, tests []func(room.NodeID) bool) []room.NodeID {
	if len(tests) == 0 {
		return ids
	}
	passed := make([]room.NodeID, 0, len(ids))
	for _, id := range ids {
		if !slices.ContainsFunc(tests, func(test func(room.NodeID) bool) bool { return !test(id) }) {
			passed = append(passed, id)
		}
	}
	return passed
}

func noSuch(op, kind, name string) error {
	return &room.Error{Code: room.CodeNotFound, Op: op, Subject: shorten(name), Said: "there is no such " + kind}
}

// index is what listings need of a room besides the room; made once for each.
type index struct {
	room   *room.Room
	groups map[room.NodeID][]string
}

// indexed gives a room with its index.
func (d *Door) indexed(r *room.Room) *index {
	if x := d.index.Load(); x != nil && x.room == r {
		return x
	}
	x := &index{room: r, groups: make(map[room.NodeID][]string)}
	for i := range r.Groups {
		for _, id := range r.Groups[i].Nodes {
			x.groups[id] = append(x.groups[id], r.Groups[i].Name)
		}
	}
	d.index.Store(x)
	return x
}
