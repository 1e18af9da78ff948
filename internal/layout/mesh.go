package layout

// mesh is the graph with a stand-in for each layer that an edge passes, so that
// all its links lead from one layer to the next. Items below n are nodes, the
// others stand-ins. The edges of one style that leave a node share one chain of
// stand-ins: to forty machines that need one switch leads one line that branches.
type mesh struct {
	n        int
	layer    []int32   // of each item
	rows     [][]int32 // the items of each layer, in order
	pos      []int32   // of each item in its row
	down     links
	up       links
	chain    []int32 // of each edge: the first stand-in of its chain, or none
	owner    []int32 // of each stand-in: whose chain it is, node*styles + style
	straight []bool  // of each edge: too long for the budget, drawn without stand-ins
}

const none = -1

// standIns is how many stand-ins there may be.
func standIns(nodes int) int { return 6_000 + nodes }

// weave builds the mesh of a graph whose layers are known.
func weave(g *Graph, l layering) *mesh {
	n := len(g.Nodes)
	m := &mesh{n: n, chain: make([]int32, len(g.Edges)), straight: make([]bool, len(g.Edges))}
	span := func(e Edge) int32 { return l.of[e.To] - l.of[e.From] }
	longest := longestSpan(g, l)

	reach := make([]int32, n*int(styles)) // how many layers each chain passes
	for i, e := range g.Edges {
		if s := span(e); s <= longest {
			k := e.From*int(styles) + int(e.Style)
			reach[k] = max(reach[k], s-1)
		} else {
			m.straight[i] = true
		}
	}
	m.layer = append(make([]int32, 0, n*2), l.of...)
	from := make([]int32, 0, len(g.Edges)+n)
	to := make([]int32, 0, len(g.Edges)+n)
	first := make([]int32, len(reach))
	for k, r := range reach {
		first[k] = int32(len(m.layer))
		v := int32(k / int(styles))
		for at := range r {
			above := v
			if at > 0 {
				above = int32(len(m.layer)) - 1
			}
			from, to = append(from, above), append(to, int32(len(m.layer)))
			m.layer = append(m.layer, l.of[v]+1+at)
			m.owner = append(m.owner, int32(k))
		}
	}
	for i, e := range g.Edges {
		m.chain[i] = none
		switch s := span(e); {
		case m.straight[i]:
		case s == 1:
			from, to = append(from, int32(e.From)), append(to, int32(e.To))
		default:
			m.chain[i] = first[e.From*int(styles)+int(e.Style)]
			from, to = append(from, m.chain[i]+s-2), append(to, int32(e.To))
		}
	}
	m.down, m.up = link(len(m.layer), from, to), link(len(m.layer), to, from)
	m.fill(l.count)
	return m
}

// longestSpan is how many layers an edge may lead down and still have stand-ins.
func longestSpan(g *Graph, l layering) int32 {
	longest := int32(1)
	for _, e := range g.Edges {
		longest = max(longest, l.of[e.To]-l.of[e.From])
	}
	reach := make([]int32, len(g.Nodes)*int(styles))
	for limit := standIns(len(g.Nodes)); longest > 1; longest = longest * 2 / 3 {
		clear(reach)
		total := 0
		for _, e := range g.Edges {
			k := e.From*int(styles) + int(e.Style)
			if s := l.of[e.To] - l.of[e.From]; s <= longest && s-1 > reach[k] {
				total += int(s - 1 - reach[k])
				reach[k] = s - 1
			}
		}
		if total <= limit {
			break
		}
	}
	return longest
}

// fill gives each row a first order: what hangs together stands together, in the
// order given, each below what it was first found under.
func (m *mesh) fill(count int) {
	size := make([]int, count)
	for _, l := range m.layer {
		size[l]++
	}
	m.rows = make([][]int32, count)
	for i, s := range size {
		m.rows[i] = make([]int32, 0, s)
	}
	m.pos = make([]int32, len(m.layer))
	seen := make([]bool, len(m.layer))
	var stack []int32
	place := func(v int32) {
		seen[v] = true
		m.pos[v] = int32(len(m.rows[m.layer[v]]))
		m.rows[m.layer[v]] = append(m.rows[m.layer[v]], v)
		stack = append(stack, v)
	}
	for root := range int32(m.n) {
		if seen[root] {
			continue
		}
		for place(root); len(stack) > 0; {
			v := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for _, near := range [2][]int32{m.down.of(v), m.up.of(v)} {
				for _, w := range near {
					if !seen[w] {
						place(w)
					}
				}
			}
		}
	}
}

// through gives the stand-ins that an edge passes, from top to bottom: the first,
// and how many.
func (m *mesh) through(edge int, e Edge) (first int32, count int32) {
	if m.chain[edge] == none {
		return none, 0
	}
	return m.chain[edge], m.layer[e.To] - m.layer[e.From] - 1
}
