package layout

// layering says in which layer each node stands, 0 on top.
type layering struct {
	of    []int32
	count int
}

// layers puts each node below all that it needs, as high as can be, and then
// pulls down what has more below it than above, which shortens edges.
func layers(g *Graph, down, up links) (layering, error) {
	order, err := sorted(g, down, up)
	if err != nil {
		return layering{}, err
	}
	l := layering{of: make([]int32, len(g.Nodes))}
	for _, v := range order {
		for _, w := range down.of(v) {
			l.of[w] = max(l.of[w], l.of[v]+1)
		}
	}
	for i := len(order) - 1; i >= 0; i-- {
		v := order[i]
		below, above := down.of(v), up.of(v)
		if len(below) <= len(above) {
			continue
		}
		lowest := l.of[below[0]] - 1
		for _, w := range below {
			lowest = min(lowest, l.of[w]-1)
		}
		l.of[v] = lowest
	}
	for _, at := range l.of {
		l.count = max(l.count, int(at)+1)
	}
	return l, nil
}

// sorted gives the nodes so that what is needed comes first.
func sorted(g *Graph, down, up links) ([]int32, error) {
	n := len(g.Nodes)
	waits := make([]int32, n)
	order := make([]int32, 0, n)
	for v := range int32(n) {
		if waits[v] = int32(len(up.of(v))); waits[v] == 0 {
			order = append(order, v)
		}
	}
	for i := 0; i < len(order); i++ {
		for _, w := range down.of(order[i]) {
			if waits[w]--; waits[w] == 0 {
				order = append(order, w)
			}
		}
	}
	if len(order) < n {
		return nil, cycle(g, waits, up)
	}
	return order, nil
}

// cycle finds one ring among the nodes that still wait: each of them needs
// another one of them, so whoever follows the needs comes round.
func cycle(g *Graph, waits []int32, up links) error {
	at := int32(0)
	for waits[at] == 0 {
		at++
	}
	step := make(map[int32]int)
	var path []int32
	for {
		if first, seen := step[at]; seen {
			path = path[first:]
			break
		}
		step[at] = len(path)
		path = append(path, at)
		for _, v := range up.of(at) {
			if waits[v] > 0 {
				at = v
				break
			}
		}
	}
	least := 0
	for i, v := range path {
		if v < path[least] {
			least = i
		}
	}
	e := &CycleError{}
	for i := range path {
		v := int(path[(least+i)%len(path)])
		e.Nodes = append(e.Nodes, v)
		e.Labels = append(e.Labels, tidy(g.Nodes[v].Label, longest))
	}
	return e
}

// isolate moves what has no edges at all out of the layers, into rows of its own
// below them that are about as wide as the rest, but no wider than most.
func (l *layering) isolate(up, down links, width func(int) float64, gap, most float64) {
	var alone []int32
	filled := make([]float64, l.count)
	for v := range int32(len(l.of)) {
		if len(up.of(v)) == 0 && len(down.of(v)) == 0 {
			alone = append(alone, v)
			continue
		}
		filled[l.of[v]] += width(int(v)) + gap
	}
	if len(alone) == 0 {
		return
	}
	row := int32(l.count)
	if len(alone) == len(l.of) {
		row = 0
	}
	total := 0.0
	for _, v := range alone {
		total += width(int(v)) + gap
	}
	limit := gap
	for _, w := range filled {
		limit = max(limit, w)
	}
	// Four times as wide as high looks well: rows are lower than boxes are wide.
	for limit < most && total > limit*limit/(4*gap+1) {
		limit += limit/4 + gap
	}
	limit = min(limit, most)
	used := 0.0
	for _, v := range alone {
		w := width(int(v)) + gap
		if used > 0 && used+w > limit+gap {
			row++
			used = 0
		}
		used += w
		l.of[v] = row
	}
	l.count = int(row) + 1
}
