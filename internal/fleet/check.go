package fleet

import (
	"fmt"
	"slices"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/room"
)

// Check says why an operation cannot be begun on these nodes: the error that
// [Fleet.Do] would give, or nil. It looks at what devices can do, and asks none.
func (f *Fleet) Check(r *room.Room, op room.Op, nodes []room.NodeID) error {
	c := check{fleet: f, room: r, op: op, parts: newPerDevice[part](r, len(nodes))}
	var cannot []string
	for _, id := range nodes {
		if !c.able(&r.Nodes[id]) {
			cannot = append(cannot, r.Nodes[id].Name)
		}
	}
	switch {
	case len(cannot) > 0:
		return &room.Error{Code: room.CodeRefused, Op: op.String(), Subject: hostlist.Fold(cannot), Said: c.whyNot(cannot[0])}
	case len(nodes) > 0 && c.nothingDoable(&r.Nodes[nodes[0]]):
		return &room.Error{
			Code: room.CodeRefused, Op: op.String(), Subject: r.Fold(nodes),
			Said: "the devices can only do this for all of their plugs together",
		}
	}
	return nil
}

// Able gives those of the nodes that an operation can be done on.
func (f *Fleet) Able(r *room.Room, op room.Op, nodes []room.NodeID) []room.NodeID {
	can := make([]bool, len(r.Devices))
	for i := range r.Devices {
		d := f.owner(r, room.DeviceID(i))
		can[i] = d != nil && d.traits.Can(op)
	}
	return slices.DeleteFunc(slices.Clone(nodes), func(id room.NodeID) bool {
		cords := r.Nodes[id].Ways(op)
		return len(cords) == 0 || slices.ContainsFunc(cords, func(c room.Cord) bool { return !can[c.Device] })
	})
}

// check is one look at whether an operation can be done.
type check struct {
	fleet *Fleet
	room  *room.Room
	op    room.Op
	parts perDevice[part]
}

// part is what one device has to do with a check.
type part struct {
	owner *device
	plugs int // how many of its plugs are concerned
}

// able says whether the devices of a node can do all steps of the operation. A
// device that is gone is no obstacle: it will say so when its turn comes.
func (c *check) able(n *room.Node) bool {
	ways := n.Ways(c.op)
	if len(ways) == 0 || len(ways) > 1 && !manifold(c.op) {
		return false
	}
	can := true
	for _, at := range ways {
		p := c.parts.at(at.Device)
		if p.plugs == 0 {
			p.owner = c.fleet.owner(c.room, at.Device)
		}
		p.plugs++
		d := p.owner
		switch {
		case d == nil:
		case composed(c.op, len(ways)):
			can = can && d.traits.Can(room.Off) && d.traits.Can(room.On)
		default:
			can = can && d.traits.Can(c.op)
		}
	}
	return can
}

// nothingDoable says whether not one of the devices can do the operation for
// just these plugs, though each can do it for others. Where some can, those do,
// and the rest say that they could not.
func (c *check) nothingDoable(first *room.Node) bool {
	for p := range c.parts.values() {
		d, n := p.owner, p.plugs
		if n == 0 {
			continue
		}
		if d == nil || d.traits.Actions == nil || d.traits.Actions(c.op, n, d.whole(n)) > 0 {
			return false
		}
	}
	return !composed(c.op, len(first.Ways(c.op)))
}

func (c *check) whyNot(name string) string {
	id, _ := c.room.Node(name)
	cords := c.room.Nodes[id].Ways(c.op)
	switch {
	case len(cords) == 0:
		return "has no cord, so there is nothing to switch"
	case len(cords) > 1 && c.op == room.Reset:
		return "has several cords, and a reset goes to one plug; use cycle"
	case len(cords) > 1 && !manifold(c.op):
		return fmt.Sprintf("has several cords, and %s goes to one machine; say which is its `bmc:`", c.op)
	}
	def := c.room.Devices[cords[0].Device]
	return fmt.Sprintf("device %s (driver %s) cannot do %s", def.Name, def.Driver, c.op)
}

// manifold says whether an operation can go to several plugs of one node.
func manifold(op room.Op) bool { return op != room.Reset && op != room.SoftOff && op != room.Diag }
