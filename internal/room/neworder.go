package room

import (
	"slices"
	"sort"
)

// DraftChoice is a need that some of several nodes meet. Members holds names as a
// group's do.
type DraftChoice struct {
	Least   int
	Members []string
}

// DraftControl is a control to be. Members holds the names of the nodes that have it,
// as a group's do, besides those that name it themselves.
type DraftControl struct {
	Control
	Members []string
}

// DraftCheck is a check to be; see [DraftControl].
type DraftCheck struct {
	Check
	Members []string
}

// DraftLimit is a limit to be. Group is the name of a group without "@"; "" is every node.
type DraftLimit struct {
	Limit
	Group string
}

// MaxChecks and MaxControls bound the definitions of a room, not the nodes that have them.
const (
	MaxChecks   = 10_000
	MaxControls = 10_000
	MaxLimits   = 1000
)

// resolve gives the nodes of a list of names, sorted, and complains of names that are
// not there.
func (b *builder) resolve(kind, name string, item int, field string, names []string) []NodeID {
	list := b.members(names, nil, func(g int) []NodeID { return b.room.Groups[g].Nodes },
		func(index int, object, format string) {
			b.unknown(kind, name, item, field, index, object, format, b.hint(object))
		})
	slices.Sort(list)
	return list
}

// choices takes in what a node needs besides what it needs for certain, and adds it to
// its Needs, which are all that comes before it.
func (b *builder) choices() {
	for i := range b.draft.Nodes {
		d, n := &b.draft.Nodes[i], &b.room.Nodes[i]
		if len(d.Wants) == 0 && len(d.Choices) == 0 {
			continue
		}
		n.hard = n.Needs
		all := slices.Clone(n.Needs)
		n.Wants = b.resolve("node", d.Name, i, "wants", d.Wants)
		all = append(all, n.Wants...)
		for c, choice := range d.Choices {
			of := b.resolve("node", d.Name, i, "needs-some", choice.Members)
			if choice.Least < 1 || choice.Least > len(of) {
				b.bad(Empty, "node", d.Name, i, "needs-some", c, "needs %d of %d nodes, which can never be", choice.Least, len(of))
			}
			n.Choices = append(n.Choices, Choice{Least: choice.Least, Of: of})
			all = append(all, of...)
		}
		slices.Sort(all)
		n.Needs = slices.Compact(all)
		if _, self := slices.BinarySearch(n.Needs, NodeID(i)); self {
			b.bad(Looped, "node", d.Name, i, "needs", -1, "needs itself: %[1]s → %[1]s", d.Name)
			n.Needs = n.hard
		}
	}
}

// definition is what controls and checks have in common: they are defined once, for
// nodes that the definition names or that name it.
type definition struct {
	name, credential string
	members          []string
}

// controls takes in the controls and gives each node its own, in the order of the room's
// definitions and then as the node names them.
func (b *builder) controls() {
	defs := make([]definition, len(b.draft.Controls))
	for i := range b.draft.Controls {
		d := &b.draft.Controls[i]
		defs[i] = definition{d.Name, d.Credential, d.Members}
	}
	kept := b.define("control", MaxControls, defs, func(n *DraftNode) []string { return n.Controls }, func(node NodeID, place int) {
		if list := &b.room.Nodes[node].Controls; !slices.Contains(*list, ControlID(place)) {
			*list = append(*list, ControlID(place))
		}
	})
	for _, i := range kept {
		b.room.Controls = append(b.room.Controls, b.draft.Controls[i].Control)
	}
}

// checks does for checks what controls does for controls.
func (b *builder) checks() {
	defs := make([]definition, len(b.draft.Checks))
	for i := range b.draft.Checks {
		d := &b.draft.Checks[i]
		defs[i] = definition{d.Name, d.Credential, d.Members}
	}
	kept := b.define("check", MaxChecks, defs, func(n *DraftNode) []string { return n.Checks }, func(node NodeID, place int) {
		if list := &b.room.Nodes[node].Checks; !slices.Contains(*list, CheckID(place)) {
			*list = append(*list, CheckID(place))
		}
	})
	for _, i := range kept {
		b.room.Checks = append(b.room.Checks, b.draft.Checks[i].Check)
	}
}

// define looks at definitions of a kind and says which are kept, in order. Each is given,
// by its place among those, to the nodes that it names and to those that name it.
func (b *builder) define(kind string, most int, defs []definition, named func(*DraftNode) []string, give func(node NodeID, place int)) (kept []int) {
	if len(defs) > most {
		b.bad(TooMuch, "room", "", -1, "", -1, "there are %d %ss, the limit is %d", len(defs), kind, most)
		return nil
	}
	first, places := make(map[string]int, len(defs)), make(map[string]int, len(defs))
	for i, d := range defs {
		b.name(kind, d.name, i, false)
		if old, found := first[d.name]; found {
			b.duplicate(kind, d.name, i, old)
			continue
		}
		first[d.name], places[d.name] = i, len(kept)
		b.credentialOf(kind, d.name, i, d.credential)
		for _, node := range b.resolve(kind, d.name, i, "nodes", d.members) {
			give(node, len(kept))
		}
		kept = append(kept, i)
	}
	for i := range b.draft.Nodes {
		n := &b.draft.Nodes[i]
		for x, name := range named(n) {
			if place, found := places[name]; found {
				give(NodeID(i), place)
			} else {
				b.unknown("node", n.Name, i, kind+"s", x, name, "there is no "+kind+" %q%s", nearest(b, name, first))
			}
		}
	}
	return kept
}

func (b *builder) credentialOf(kind, name string, item int, credential string) {
	if _, found := b.credentialAt[credential]; credential != "" && !found {
		b.unknown(kind, name, item, "credential", -1, credential, "there is no credential %q%s", nearest(b, credential, b.credentialAt))
	}
}

// limits takes in the limits; the groups are there by now.
func (b *builder) limits() {
	if len(b.draft.Limits) > MaxLimits {
		b.bad(TooMuch, "room", "", -1, "", -1, "there are %d limits, the limit is %d", len(b.draft.Limits), MaxLimits)
		return
	}
	for i := range b.draft.Limits {
		d := &b.draft.Limits[i]
		l := d.Limit
		if d.Group != "" && d.Group != AllGroup {
			at, found := b.room.groups[d.Group]
			if !found {
				b.unknown("limit", d.Name, i, "name", -1, d.Group, "there is no group %q%s", b.hint("@"+d.Group))
				continue
			}
			set := collector{room: b.room}
			l.covers = set.bits()
			for _, id := range b.room.Groups[at].Nodes {
				l.covers.put(id)
			}
		}
		b.room.Limits = append(b.room.Limits, l)
	}
	sort.Slice(b.room.Limits, func(i, j int) bool { return b.room.Limits[i].Name < b.room.Limits[j].Name })
}

// rank works out each node's place in the order of priority and host lists.
func (r *Room) rank() {
	list := slices.Clone(r.Sorted())
	slices.SortStableFunc(list, func(x, y NodeID) int { return r.Nodes[y].Priority - r.Nodes[x].Priority })
	r.ranks = make([]int32, len(r.Nodes))
	for place, id := range list {
		r.ranks[id] = int32(place)
	}
}
