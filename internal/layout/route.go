package layout

import "slices"

// route leads each edge from box to box through its stand-ins.
func (l *Layout) route(m *mesh, x []float64) {
	g := &l.graph
	tops, bottoms := make([]float64, len(m.rows)), make([]float64, len(m.rows))
	for r, row := range m.rows {
		seen := false
		for _, v := range row {
			if int(v) >= m.n {
				continue
			}
			b := l.Nodes[v]
			if !seen || b.Y < tops[r] {
				tops[r] = b.Y
			}
			bottoms[r] = max(bottoms[r], b.Y+b.Height)
			seen = true
		}
	}
	starts, ends := l.ports(m, x)
	points := 0
	for i, e := range g.Edges {
		_, count := m.through(i, e)
		points += 2 + 2*int(count)
	}
	all := make([]Point, 0, points) // one piece for all routes
	l.Edges = make([]Route, len(g.Edges))
	for i, e := range g.Edges {
		from := len(all)
		a, b := l.Nodes[e.From], l.Nodes[e.To]
		add := func(x, y float64) {
			if k := len(all); k-from > 1 && all[k-1].X == x && all[k-2].X == x {
				all[k-1].Y = y // straight on
				return
			}
			all = append(all, Point{x, y})
		}
		add(starts[i], a.Y+a.Height)
		first, count := m.through(i, e)
		for k := range count {
			v := first + k
			r := m.layer[v]
			add(x[v], tops[r])
			if bottoms[r] > tops[r] {
				add(x[v], bottoms[r])
			}
		}
		add(ends[i], b.Y)
		l.Edges[i].Points = all[from:len(all):len(all)]
	}
}

// ports gives each edge its x at both boxes. Lines of one kind leave a box
// together and arrive side by side, in the order in which they come.
func (l *Layout) ports(m *mesh, x []float64) (starts, ends []float64) {
	g := &l.graph
	starts, ends = make([]float64, len(g.Edges)), make([]float64, len(g.Edges))
	kindsOf := make([][styles]bool, len(g.Nodes))
	for _, e := range g.Edges {
		kindsOf[e.From][e.Style] = true
	}
	for i, e := range g.Edges {
		rank, count := 0, 0
		for s, has := range kindsOf[e.From] {
			if has {
				if s < int(e.Style) {
					rank++
				}
				count++
			}
		}
		b := l.Nodes[e.From]
		starts[i] = round(b.X + b.Width/2 + spread(rank, count, b.Width))
	}
	edge := make([]int32, len(g.Edges))
	to := make([]int32, len(g.Edges))
	for i, e := range g.Edges {
		edge[i], to[i] = int32(i), int32(e.To)
	}
	in := link(len(g.Nodes), to, edge)
	origin := func(i int32) float64 {
		if first, count := m.through(int(i), g.Edges[i]); count > 0 {
			return x[first+count-1]
		}
		return x[g.Edges[i].From]
	}
	for v := range int32(len(g.Nodes)) {
		list := in.of(v)
		slices.SortStableFunc(list, func(a, b int32) int {
			switch xa, xb := origin(a), origin(b); {
			case xa < xb:
				return -1
			case xa > xb:
				return 1
			}
			return int(g.Edges[a].Style) - int(g.Edges[b].Style)
		})
		b := l.Nodes[v]
		for k, i := range list {
			ends[i] = round(b.X + b.Width/2 + spread(k, len(list), b.Width))
		}
	}
	return starts, ends
}

// spread gives the place of one of several ports, from the middle of a side.
func spread(k, count int, width float64) float64 {
	step := min(14, width*0.8/float64(count))
	return (float64(k) - float64(count-1)/2) * step
}
