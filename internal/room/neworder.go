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

// controls takes in the controls and gives each node its own, in the order of the room's
// definitions and then as the node names them.
func (b *builder) controls() {
	first := make(map[string]int, len(b.draft.Controls))
	if len(b.draft.Controls) > MaxControls {
		b.bad(TooMuch, "room", "", -1, "", -1, "there are %d controls, the limit is %d", len(b.draft.Controls), MaxControls)
		return
	}
	for i := range b.draft.Controls {
		d := &b.draft.Controls[i]
		b.name("control", d.Name, i, false)
		if old, found := first[d.Name]; found {
			b.duplicate("control", d.Name, i, old)
			continue
		}
		first[d.Name] = i
		b.credentialOf("control", d.Name, i, d.Credential)
		id := ControlID(len(b.room.Controls))
		b.room.Controls = append(b.room.Controls, d.Control)
		for _, node := range b.resolve("control", d.Name, i, "nodes", d.Members) {
			b.room.Nodes[node].Controls = append(b.room.Nodes[node].Controls, id)
		}
	}
	for i := range b.draft.Nodes {
		n := &b.draft.Nodes[i]
		for x, name := range n.Controls {
			id, found := b.room.Control(name)
			if !found {
				b.unknown("node", n.Name, i, "controls", x, name, "there is no control %q%s", nearest(b, name, first))
			} else if list := &b.room.Nodes[i].Controls; !slices.Contains(*list, id) {
				*list = append(*list, id)
			}
		}
	}
}

// checks does for checks what controls does for controls.
func (b *builder) checks() {
	first := make(map[string]int, len(b.draft.Checks))
	if len(b.draft.Checks) > MaxChecks {
		b.bad(TooMuch, "room", "", -1, "", -1, "there are %d checks, the limit is %d", len(b.draft.Checks), MaxChecks)
		return
	}
	for i := range b.draft.Checks {
		d := &b.draft.Checks[i]
		b.name("check", d.Name, i, false)
		if old, found := first[d.Name]; found {
			b.duplicate("check", d.Name, i, old)
			continue
		}
		first[d.Name] = i
		b.credentialOf("check", d.Name, i, d.Credential)
		id := CheckID(len(b.room.Checks))
		b.room.Checks = append(b.room.Checks, d.Check)
		for _, node := range b.resolve("check", d.Name, i, "nodes", d.Members) {
			b.room.Nodes[node].Checks = append(b.room.Nodes[node].Checks, id)
		}
	}
	for i := range b.draft.Nodes {
		n := &b.draft.Nodes[i]
		for x, name := range n.Checks {
			id, found := b.room.Check(name)
			if !found {
				b.unknown("node", n.Name, i, "checks", x, name, "there is no check %q%s", nearest(b, name, first))
			} else if list := &b.room.Nodes[i].Checks; !slices.Contains(*list, id) {
				*list = append(*list, id)
			}
		}
	}
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
