package room

import "strings"

// cords hangs the nodes on their plugs: first the cords that name a plug, or
// whose device gives it the node's name; then those that take what is left.
func (b *builder) cords() {
	total := 0
	for i := range b.draft.Nodes {
		total += len(b.draft.Nodes[i].Cords)
	}
	all := make([]Cord, total)
	for i := range b.draft.Nodes {
		n := len(b.draft.Nodes[i].Cords)
		if n > 0 {
			b.room.Nodes[i].Cords, all = all[:n:n], all[n:]
		}
	}
	for i := range b.draft.Nodes {
		for c := range b.draft.Nodes[i].Cords {
			b.namedCord(i, c)
		}
		b.namedCord(i, bmc)
	}
	next := make([]int, len(b.draft.Devices))
	for i := range b.draft.Nodes {
		for c := range b.draft.Nodes[i].Cords {
			b.nextCord(i, c, next)
		}
		b.nextCord(i, bmc, next)
		if n := &b.room.Nodes[i]; len(n.Cords) == 0 {
			n.Cords = n.BMC
		}
	}
}

// bmc stands where the place of a cord does, for the plug of the service processor.
const bmc = -1

// draftCord gives a cord as it was written, and the field that it stands in.
func (b *builder) draftCord(node, index int) (cord DraftCord, field string) {
	if index == bmc {
		return b.draft.Nodes[node].BMC, "bmc"
	}
	return b.draft.Nodes[node].Cords[index], "cords"
}

// namedCord does one cord of which the plug's name is known.
func (b *builder) namedCord(node, index int) {
	n := &b.draft.Nodes[node]
	cord, field := b.draftCord(node, index)
	if index == bmc && cord.Device == "" {
		return
	}
	id, found := b.room.devices[cord.Device]
	if !found {
		b.unknown("node", n.Name, node, field, index, cord.Device, "there is no device %q%s", nearest(b, cord.Device, b.room.devices))
		return
	}
	fixed := b.draft.Devices[id].Fixed != nil
	name := cord.Plug
	if name == "" {
		if fixed {
			return // its turn comes in nextCord
		}
		name = n.Name
	}
	dev := &b.room.Devices[id]
	plug, found := b.plugs[id][name]
	switch {
	case !found && fixed:
		if !b.full() {
			b.unknown("node", n.Name, node, field, index, name, "there is no plug %q on device %s; it has %s", dev.Name, fold(b.draft.Devices[id].Fixed))
		}
		return
	case !found:
		plug = int32(len(dev.Plugs))
		dev.Plugs = append(dev.Plugs, Plug{Name: name, Node: None})
		b.plugs[id][name] = plug
	}
	b.plugIn(node, index, id, plug)
}

func (b *builder) plugIn(node, index int, id DeviceID, plug int32) {
	dev := &b.room.Devices[id]
	p := &dev.Plugs[plug]
	if p.Node != None {
		n := &b.draft.Nodes[node]
		_, field := b.draftCord(node, index)
		holder := "node " + b.room.Nodes[p.Node].Name
		if p.Node == NodeID(node) {
			holder = "another cord of this node"
		}
		b.bad(Taken, "node", n.Name, node, field, index, "plug %s of device %s is taken already by %s", p.Name, dev.Name, holder)
		return
	}
	p.Node = NodeID(node)
	if at := (Cord{Device: id, Plug: plug}); index == bmc {
		b.room.Nodes[node].BMC = []Cord{at}
	} else {
		b.room.Nodes[node].Cords[index] = at
	}
}

// nextCord gives one cord the next free plug of its device; next remembers how
// far each device has been looked through.
func (b *builder) nextCord(node, index int, next []int) {
	cord, field := b.draftCord(node, index)
	id, found := b.room.devices[cord.Device]
	if !found || cord.Plug != "" || b.draft.Devices[id].Fixed == nil {
		return
	}
	plugs := b.room.Devices[id].Plugs
	for next[id] < len(plugs) && plugs[next[id]].Node != None {
		next[id]++
	}
	if next[id] == len(plugs) {
		b.bad(Taken, "node", b.draft.Nodes[node].Name, node, field, index, "device %s has no free plug left; it has %d", cord.Device, len(plugs))
		return
	}
	b.plugIn(node, index, id, int32(next[id]))
}

// nearest words a hint at the keys of a map, with the frugality of hint.
func nearest[T any](b *builder, name string, known map[string]T) string {
	return b.remembered(name, func() []string { return nearestIn(name, known) })
}

// didYouMean words a hint, or gives "".
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names, " or ") + "?"
}
