package room

import (
	"slices"

	"millwright.dev/millwright/hostlist"
)

// Node finds a node by its name. Aliases are not looked at.
func (r *Room) Node(name string) (NodeID, bool) {
	id, found := r.nodes[name]
	if !found {
		return None, false
	}
	return id, true
}

// Device finds a device by its name.
func (r *Room) Device(name string) (DeviceID, bool) {
	id, found := r.devices[name]
	if !found {
		return None, false
	}
	return id, true
}

// Feed finds a feed by its name.
func (r *Room) Feed(name string) (Feed, bool) {
	for _, f := range r.Feeds {
		if f.Name == name {
			return f, true
		}
	}
	return Feed{}, false
}

// Credential finds a credential by its name.
func (r *Room) Credential(name string) (Credential, bool) {
	for _, c := range r.Credentials {
		if c.Name == name {
			return c, true
		}
	}
	return Credential{}, false
}

// GroupNodes gives the nodes of a group, whose name stands without "@", in the
// order written. "all" is every node. The slice is for reading only.
func (r *Room) GroupNodes(name string) ([]NodeID, bool) {
	if i, found := r.groups[name]; found {
		return r.Groups[i].Nodes, true
	}
	if name == AllGroup {
		return r.All(), true
	}
	return nil, false
}

// AliasNodes gives the nodes that an alias stands for, in the order written,
// repeats included. The slice is for reading only.
func (r *Room) AliasNodes(name string) ([]NodeID, bool) {
	if i, found := r.aliases[name]; found {
		return r.Aliases[i].Nodes, true
	}
	return nil, false
}

// All gives every node, in the order of the configuration. The slice is the
// caller's.
func (r *Room) All() []NodeID {
	all := make([]NodeID, len(r.Nodes))
	for i := range all {
		all[i] = NodeID(i)
	}
	return all
}

// Sorted gives every node in the order of host lists, which is the order of
// everything printed. The slice is for reading only. It is made when first
// asked for; that is safe from several goroutines.
func (r *Room) Sorted() []NodeID {
	r.sortOnce.Do(func() {
		r.sorted = r.All()
		r.Sort(r.sorted)
	})
	return r.sorted
}

// Sort puts nodes into the order of host lists, in place.
func (r *Room) Sort(nodes []NodeID) {
	type keyed struct {
		id   NodeID
		host hostlist.Host
	}
	keys := make([]keyed, len(nodes))
	for i, id := range nodes {
		keys[i] = keyed{id, hostlist.ParseHost(r.Nodes[id].Name)}
	}
	slices.SortFunc(keys, func(x, y keyed) int { return compareHosts(&x.host, &y.host) })
	for i := range keys {
		nodes[i] = keys[i].id
	}
}

// compareHosts is hostlist.Compare for names already taken apart.
func compareHosts(x, y *hostlist.Host) int {
	switch {
	case x.Prefix < y.Prefix:
		return -1
	case x.Prefix > y.Prefix:
		return 1
	case x.Opaque != y.Opaque:
		if x.Opaque {
			return -1
		}
		return 1
	case x.Width != y.Width:
		return x.Width - y.Width
	case x.Num < y.Num:
		return -1
	case x.Num > y.Num:
		return 1
	}
	return 0
}

// NeededBy gives the nodes that need this one, sorted. The slice is for reading
// only.
func (r *Room) NeededBy(id NodeID) []NodeID {
	return r.needed.list[r.needed.start[id]:r.needed.start[id+1]:r.needed.start[id+1]]
}

// PlugsOf gives the plugs that a node hangs on, one for each cord.
func (r *Room) PlugsOf(id NodeID) []Plug {
	cords := r.Nodes[id].Cords
	plugs := make([]Plug, len(cords))
	for i, c := range cords {
		plugs[i] = r.Devices[c.Device].Plugs[c.Plug]
	}
	return plugs
}

// NodesOf gives the nodes that hang on a device, in the order of its plugs, each
// once.
func (r *Room) NodesOf(id DeviceID) []NodeID {
	set := collector{room: r}
	for _, p := range r.Devices[id].Plugs {
		if p.Node != None {
			set.add(p.Node)
		}
	}
	return set.nodes()
}

// Names gives the nodes' names, in the order of the ids.
func (r *Room) Names(ids []NodeID) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = r.Nodes[id].Name
	}
	return names
}

// Fold gives the nodes as one sorted host list: "web[1-40]".
func (r *Room) Fold(ids []NodeID) string { return hostlist.Fold(r.Names(ids)) }

// collector gathers nodes, each once, in the order they came, and takes others
// away at the end.
type collector struct {
	room    *Room
	list    []NodeID
	seen    bits // only once the list is long
	dropped bits
}

// bits is a set of nodes.
type bits []uint64

func (b bits) has(id NodeID) bool { return b != nil && b[id>>6]&(1<<(id&63)) != 0 }
func (b bits) put(id NodeID)      { b[id>>6] |= 1 << (id & 63) }

func (c *collector) bits() bits { return make(bits, (len(c.room.Nodes)+63)/64) }

// fresh says whether the node is not there yet, and adds it.
func (c *collector) fresh(id NodeID) bool {
	const few = 16 // up to here looking through the list is cheaper
	switch {
	case c.seen != nil:
		if c.seen.has(id) {
			return false
		}
		c.seen.put(id)
	case slices.Contains(c.list, id):
		return false
	}
	c.list = append(c.list, id)
	if c.seen == nil && len(c.list) > few {
		c.seen = c.bits()
		for _, id := range c.list {
			c.seen.put(id)
		}
	}
	return true
}

func (c *collector) add(id NodeID) { c.fresh(id) }

func (c *collector) drop(id NodeID) {
	if c.dropped == nil {
		c.dropped = c.bits()
	}
	c.dropped.put(id)
}

func (c *collector) nodes() []NodeID {
	if c.dropped == nil {
		return c.list
	}
	return slices.DeleteFunc(c.list, c.dropped.has)
}
