package room

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// AllGroup is the group that is always there and holds every node: "@all".
const AllGroup = "all"

func (b *builder) aliases() {
	b.room.aliases = make(map[string]int, len(b.draft.Aliases))
	first := make(map[string]int, len(b.draft.Aliases))
	for i, a := range b.draft.Aliases {
		b.name("alias", a.Name, i, !a.Loose)
		if old, found := first[a.Name]; found {
			b.duplicate("alias", a.Name, i, old)
			continue
		}
		first[a.Name] = i
		if _, found := b.room.nodes[a.Name]; found && !a.Loose {
			b.bad(Duplicate, "alias", a.Name, i, "name", -1, "a node has this name")
		}
		alias := Group{Name: a.Name, Nodes: make([]NodeID, 0, len(a.Members))}
		for m, name := range a.Members {
			id, found := b.room.nodes[name]
			if !found {
				b.unknown("alias", a.Name, i, "members", m, name, "there is no node %q%s", b.hint(name))
				continue
			}
			alias.Nodes = append(alias.Nodes, id)
		}
		if len(a.Members) == 0 && !a.Loose {
			b.bad(Empty, "alias", a.Name, i, "members", -1, "names no node")
		}
		b.room.Aliases = append(b.room.Aliases, alias)
	}
	sortByName(b.room.Aliases)
	for i := range b.room.Aliases {
		b.room.aliases[b.room.Aliases[i].Name] = i
	}
}

func sortByName(groups []Group) {
	sort.Slice(groups, func(i, j int) bool { return groups[i].Name < groups[j].Name })
}

// groups makes the groups, those that only nodes name included. While it works
// the groups stand in the order of the draft, so that one can wait for another.
func (b *builder) groups() {
	b.room.groups = make(map[string]int, len(b.draft.Groups))
	for i, g := range b.draft.Groups {
		b.name("group", g.Name, i, true)
		if g.Name == AllGroup {
			b.bad(BadName, "group", g.Name, i, "name", -1, "the name is taken: @all is always every node")
		}
		if _, found := b.room.aliases[g.Name]; found {
			b.bad(Duplicate, "group", g.Name, i, "name", -1, "an alias has this name")
		}
		if old, found := b.room.groups[g.Name]; found {
			b.duplicate("group", g.Name, i, old)
		} else {
			b.room.groups[g.Name] = i
		}
		b.room.Groups = append(b.room.Groups, Group{Name: g.Name})
	}
	joined := b.joined()
	work := grouping{b: b, joined: joined, state: make([]uint8, len(b.room.Groups))}
	for i := range b.room.Groups {
		work.make(i)
	}
	sortByName(b.room.Groups)
	clear(b.room.groups)
	for i := range b.room.Groups {
		b.room.groups[b.room.Groups[i].Name] = i
	}
}

// joined gives for each group the nodes that say themselves that they are in it.
func (b *builder) joined() map[int][]NodeID {
	joined := make(map[int][]NodeID)
	for i := range b.draft.Nodes {
		n := &b.draft.Nodes[i]
		for x, name := range n.Groups {
			at, found := b.room.groups[name]
			if !found {
				if name == "" || name == AllGroup || strings.ContainsAny(name, " \t\r\n,@[]") || name[0] == '-' {
					b.bad(BadName, "node", n.Name, i, "groups", x, "%q cannot be the name of a group", name)
					continue
				}
				at = len(b.room.Groups)
				b.room.Groups = append(b.room.Groups, Group{Name: name})
				b.room.groups[name] = at
			}
			joined[at] = append(joined[at], NodeID(i))
		}
	}
	return joined
}

// grouping makes groups out of members, each once, those it refers to first.
type grouping struct {
	b      *builder
	joined map[int][]NodeID
	state  []uint8 // 0 untouched, 1 under way, 2 made
	path   []int
}

func (w *grouping) make(i int) []NodeID {
	group := &w.b.room.Groups[i]
	switch w.state[i] {
	case 2:
		return group.Nodes
	case 1:
		w.loop(i)
		return nil
	}
	w.state[i] = 1
	w.path = append(w.path, i)
	var members []string
	if i < len(w.b.draft.Groups) {
		members = w.b.draft.Groups[i].Members
	}
	nodes := w.b.members(members, w.joined[i], w.make, func(index int, object, format string) {
		w.b.unknown("group", group.Name, i, "members", index, object, format, w.b.hint(object))
	})
	w.path = w.path[:len(w.path)-1]
	group.Nodes, w.state[i] = nodes, 2
	return nodes
}

func (w *grouping) loop(i int) {
	var names []string
	for _, g := range w.path[slices.Index(w.path, i):] {
		names = append(names, "@"+w.b.room.Groups[g].Name)
	}
	names = append(names, names[0])
	w.b.bad(Looped, "group", w.b.room.Groups[i].Name, i, "members", -1, "is part of itself: %s", strings.Join(names, " → "))
}

// members turns a list of names, aliases, "@group" and exclusions into nodes,
// each once, in the order written. More nodes may be put behind what the names
// give; group gives the nodes of a group.
func (b *builder) members(names []string, more []NodeID, group func(int) []NodeID, unknown func(index int, object, format string)) []NodeID {
	set := collector{room: b.room}
	for i, name := range names {
		plain, minus := strings.CutPrefix(name, "-")
		add := set.add
		if minus {
			add = set.drop
		}
		if id, found := b.room.nodes[plain]; found {
			add(id)
		} else if at, found := b.room.aliases[plain]; found {
			for _, id := range b.room.Aliases[at].Nodes {
				add(id)
			}
		} else if g, isGroup := strings.CutPrefix(plain, "@"); !isGroup {
			unknown(i, plain, "there is no node %q%s")
		} else if at, found := b.room.groups[g]; found {
			for _, id := range group(at) {
				add(id)
			}
		} else if g == AllGroup {
			for id := range b.room.Nodes {
				add(NodeID(id))
			}
		} else {
			unknown(i, plain, "there is no group %q%s")
		}
	}
	for _, id := range more {
		set.add(id)
	}
	return set.nodes()
}

// hint words a hint at the nodes, aliases and groups like the given name.
func (b *builder) hint(name string) string {
	return b.remembered(name, func() []string { return b.room.Suggest(name) })
}

// remembered looks for a hint once for each name, and not for ever: who has
// misspelt twenty names does not read the hint of the next.
func (b *builder) remembered(name string, look func() []string) string {
	const most = 20
	if text, found := b.suggested[name]; found || len(b.suggested) >= most || b.full() {
		return text
	}
	if b.suggested == nil {
		b.suggested = make(map[string]string)
	}
	b.suggested[name] = didYouMean(look())
	return b.suggested[name]
}

// needs links the nodes with what they need for certain.
func (b *builder) needs() {
	var last []string // nodes written as one range share their list
	var lastIDs []NodeID
	total := 0
	for i := range b.draft.Nodes {
		n := &b.draft.Nodes[i]
		if len(n.Needs) == 0 {
			continue
		}
		if !same(n.Needs, last) {
			last = n.Needs
			lastIDs = b.members(n.Needs, nil, func(g int) []NodeID { return b.room.Groups[g].Nodes },
				func(index int, object, format string) {
					b.unknown("node", n.Name, i, "needs", index, object, format, b.hint(object))
				})
			slices.Sort(lastIDs)
		}
		if _, self := slices.BinarySearch(lastIDs, NodeID(i)); self {
			b.bad(Looped, "node", n.Name, i, "needs", -1, "needs itself: %[1]s → %[1]s", n.Name)
			continue
		}
		if total += len(lastIDs); total > MaxNeeds {
			b.bad(TooMuch, "node", n.Name, i, "needs", -1, "the room's nodes need each other in more than %d ways; "+
				"let a node without cords need the group, and the others that node", MaxNeeds)
			return
		}
		b.room.Nodes[i].Needs = lastIDs
	}
}

func same(x, y []string) bool { return len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0]) }

// needIndex holds the reverse of all needs in two flat slices: the nodes that
// need node i are list[start[i]:start[i+1]].
type needIndex struct {
	start []int32
	list  []NodeID
}

func reverse(nodes []Node) needIndex {
	index := needIndex{start: make([]int32, len(nodes)+1)}
	for i := range nodes {
		for _, need := range nodes[i].Needs {
			index.start[need+1]++
		}
	}
	for i := range nodes {
		index.start[i+1] += index.start[i]
	}
	index.list = make([]NodeID, index.start[len(nodes)])
	fill := slices.Clone(index.start)
	for i := range nodes {
		for _, need := range nodes[i].Needs {
			index.list[fill[need]] = NodeID(i)
			fill[need]++
		}
	}
	return index
}

func (b *builder) loopProblem(loop []NodeID) {
	names := make([]string, 0, len(loop)+1)
	for _, id := range loop {
		names = append(names, b.room.Nodes[id].Name)
	}
	names = append(names, names[0])
	const most = 60
	if n := len(names); n > most {
		names = append(append(names[:most/2:most/2], fmt.Sprintf("… %d more …", n-most)), names[n-most/2:]...)
	}
	b.bad(Looped, "node", names[0], int(loop[0]), "needs", -1, "needs itself: %s", strings.Join(names, " → "))
}
