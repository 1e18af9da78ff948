package layout

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// FoldOptions say what becomes one box.
type FoldOptions struct {
	// Min is how many nodes a box of several stands for at least; less than 2 is 3.
	Min int
	// Alike folds further: not only nodes with the same neighbours, but also those
	// whose neighbours are alike in turn. 125 strips that feed 8 machines each
	// become two boxes, and who hangs on which is no longer shown.
	Alike bool
	// Name makes the label of a box from those of its nodes, in their order: a list
	// of hosts, folded. Nil names the first and how many more.
	Name func(labels []string) string
}

// Fold makes one box of many nodes that have the same kind, the same cluster and
// the same neighbours. Such a box has the worst state of its nodes, and its note
// sums them up: "38 ok, 2 starting". It also says which node of the new graph
// each of the old one went to. A graph that cannot be laid out comes back as it
// was: [Compute] says why.
func Fold(g Graph, o FoldOptions) (Graph, []int) {
	if o.Min < 2 {
		o.Min = 3
	}
	if o.Name == nil {
		o.Name = func(labels []string) string { return fmt.Sprintf("%s +%d", labels[0], len(labels)-1) }
	}
	whole := make([]int, len(g.Nodes))
	for i := range whole {
		whole[i] = i
	}
	if g.check() != nil {
		return g, whole
	}
	class, ok := classes(&g, o.Alike)
	if !ok {
		return g, whole
	}
	members := make(map[int32][]int)
	for i, c := range class {
		members[c] = append(members[c], i)
	}
	var small Graph
	to := make([]int, len(g.Nodes))
	for i, c := range class {
		switch all := members[c]; {
		case len(all) < o.Min:
			to[i] = len(small.Nodes)
			small.Nodes = append(small.Nodes, g.Nodes[i])
		case all[0] == i:
			to[i] = len(small.Nodes)
			small.Nodes = append(small.Nodes, merge(&g, all, o.Name))
		default:
			to[i] = to[all[0]]
		}
	}
	seen := make(map[Edge]bool, len(g.Edges))
	for _, e := range g.Edges {
		e.From, e.To = to[e.From], to[e.To]
		if !seen[e] {
			seen[e] = true
			small.Edges = append(small.Edges, e)
		}
	}
	return small, to
}

// merge makes one node of several.
func merge(g *Graph, all []int, name func([]string) string) Node {
	node := Node{Kind: g.Nodes[all[0]].Kind, Cluster: g.Nodes[all[0]].Cluster, State: g.Nodes[all[0]].State}
	labels := make([]string, len(all))
	counts := make(map[State]int)
	for i, v := range all {
		n := &g.Nodes[v]
		labels[i] = n.Label
		counts[n.State]++
		if n.State.Look().bad > node.State.Look().bad {
			node.State = n.State
		}
	}
	node.Label = name(labels)
	states := make([]State, 0, len(counts))
	for s := range counts {
		states = append(states, s)
	}
	slices.SortFunc(states, func(a, b State) int {
		if d := a.Look().bad - b.Look().bad; d != 0 {
			return d
		}
		return strings.Compare(string(a), string(b))
	})
	parts := make([]string, len(states))
	for i, s := range states {
		word := s.Look().Word
		if s == NoState {
			word = node.Kind.word() + "s"
		}
		parts[i] = fmt.Sprintf("%d %s", counts[s], word)
	}
	node.Note = strings.Join(parts, ", ")
	return node
}

// alikeRounds is how often nodes are told apart by their neighbours at most.
const alikeRounds = 64

// classes gives nodes that fold into one the same number.
func classes(g *Graph, alike bool) ([]int32, bool) {
	from, to := g.ends()
	down, up := link(len(g.Nodes), from, to), link(len(g.Nodes), to, from)
	l, err := layers(g, down, up)
	if err != nil {
		return nil, false
	}
	s := splitter{g: g, class: make([]int32, len(g.Nodes))}
	edge := make([]int32, len(g.Edges))
	for i := range edge {
		edge[i] = int32(i)
	}
	s.out, s.in = link(len(g.Nodes), from, edge), link(len(g.Nodes), to, edge)
	if !alike {
		for i := range s.class {
			s.class[i] = int32(i)
		}
		s.split(nil)
		return s.class, true
	}
	count := s.split(l.of)
	for range alikeRounds {
		own := s.class
		now := s.split(own)
		if now == count {
			break
		}
		count = now
	}
	return s.class, true
}

// splitter tells nodes apart by what they are and by the classes of their
// neighbours.
type splitter struct {
	g       *Graph
	in, out links // edges by their ends
	class   []int32
}

// split gives new classes, and how many there are. What differed in own still
// differs.
func (s *splitter) split(own []int32) int {
	known := make(map[string]int32)
	next := make([]int32, len(s.class))
	var key []byte
	var near []uint64
	for i, n := range s.g.Nodes {
		key = append(key[:0], byte(n.Kind))
		if own != nil {
			key = binary.AppendUvarint(key, uint64(own[i]))
		}
		for side, list := range [][]int32{s.in.of(int32(i)), s.out.of(int32(i))} {
			near = near[:0]
			for _, e := range list {
				edge := s.g.Edges[e]
				other := edge.From
				if side == 1 {
					other = edge.To
				}
				near = append(near, uint64(s.class[other])<<8|uint64(edge.Style))
			}
			slices.Sort(near)
			key = binary.AppendUvarint(key, uint64(len(near)))
			for _, k := range near {
				key = binary.AppendUvarint(key, k)
			}
		}
		key = append(key, n.Cluster...)
		c, ok := known[string(key)]
		if !ok {
			c = int32(len(known))
			known[string(key)] = c
		}
		next[i] = c
	}
	s.class = next
	return len(known)
}
