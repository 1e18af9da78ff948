package layout

import (
	"math"
	"slices"
)

// Options say how a graph is laid out. The unit is the caller's: pixels for
// pictures. The zero value suits [SVG].
type Options struct {
	// Size gives the width and height of a node's box; nil is [BoxSize].
	Size func(Node) (width, height float64)
	// Gap is the least distance of boxes side by side, LayerGap that of layers;
	// zero is 28 and 56.
	Gap, LayerGap float64
	// MaxWidth is what the drawing should not be wider than: layers are wrapped
	// into several, if the graph has no more than a few thousand nodes. Zero is
	// 2400, less than zero no limit.
	MaxWidth float64
}

func (o *Options) fill() {
	if o.Size == nil {
		o.Size = BoxSize
	}
	if o.Gap <= 0 {
		o.Gap = 28
	}
	if o.LayerGap <= 0 {
		o.LayerGap = 56
	}
	if o.MaxWidth == 0 {
		o.MaxWidth = 2400
	}
}

// Layout is where everything is. Lengths are in the unit of [Options]; x grows
// to the right and y down, and nothing is left of or above 0.
type Layout struct {
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	Layers int     `json:"layers"`
	Nodes  []Box   `json:"nodes"` // as in the graph
	Edges  []Route `json:"edges"` // as in the graph

	graph Graph
}

// Graph is what was laid out.
func (l *Layout) Graph() Graph { return l.graph }

// Box is where a node is.
type Box struct {
	Layer  int     `json:"layer"` // 0 is on top
	Order  int     `json:"order"` // among the nodes of its layer, from the left
	X      float64 `json:"x"`     // of the left upper corner
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

// Route is the way of an edge, from the lower side of one box to the upper side
// of another: straight from point to point, or by curves that stand upright in
// each point.
type Route struct {
	Points []Point `json:"points"`
}

// Point is a place.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// Compute lays out a graph. It takes time in proportion to the graph's size. It
// fails with a [CycleError] if nodes need each other in a ring, and with another
// error if an edge leads nowhere or the graph is too big.
func Compute(g Graph, o Options) (*Layout, error) {
	o.fill()
	boxes := make([]Box, len(g.Nodes))
	for i, n := range g.Nodes {
		boxes[i].Width, boxes[i].Height = o.Size(n)
	}
	width := func(i int) float64 { return boxes[i].Width }
	m, err := arrange(&g, width, o.Gap, o.MaxWidth)
	if err != nil {
		return nil, err
	}
	n := int32(len(g.Nodes))
	p := placer{m: m, width: func(v int32) float64 {
		if v < n {
			return boxes[v].Width
		}
		return 2
	}, gap: func(a, b int32) float64 {
		if a < n && b < n {
			return o.Gap
		}
		return o.Gap / 2
	}}
	p.bound = max(p.widest(), 1200)
	p.place()
	p.straighten()
	l := &Layout{Layers: len(m.rows), Nodes: boxes, graph: g}
	l.stack(m, p.x, o.LayerGap)
	l.route(m, p.x)
	return l, nil
}

// wrapUpTo is how many nodes a graph may have for its layers to be wrapped.
const wrapUpTo = 3_000

// arrange finds layers and their order, with no layer wider than most if that
// can be.
func arrange(g *Graph, width func(int) float64, gap, most float64) (*mesh, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	from, to := g.ends()
	down, up := link(len(g.Nodes), from, to), link(len(g.Nodes), to, from)
	l, err := layers(g, down, up)
	if err != nil {
		return nil, err
	}
	if most < 0 {
		most = 1e9
	}
	l.isolate(up, down, width, gap, most)
	m := weave(g, l)
	care := m.untangle(carefulWork)
	if len(g.Nodes) > wrapUpTo {
		return m, nil
	}
	rounds := 4 // wrapping makes lines pass, which take room in turn
	if len(g.Nodes) > wrapUpTo/8 {
		rounds = 1
	}
	for range rounds {
		if !l.wrap(m, down, width, gap, most) {
			break
		}
		m = weave(g, l)
		care = m.untangle(care)
	}
	return m, nil
}

// wrap breaks layers that are too wide into several, and says whether there were
// any. What nobody needs goes first, so that few lines have to pass the others.
func (l *layering) wrap(m *mesh, down links, width func(int) float64, gap, most float64) bool {
	wrapped, next := false, int32(0)
	of := make([]int32, len(l.of))
	for _, row := range m.rows {
		nodes, total, lines := make([]int32, 0, len(row)), -gap, 0.0
		for _, v := range row {
			if int(v) < m.n {
				nodes = append(nodes, v)
				total += width(int(v)) + gap
			} else {
				lines += gap
			}
		}
		if total+lines > most && len(nodes) > 1 {
			wrapped = true
			slices.SortStableFunc(nodes, func(a, b int32) int {
				return min(1, len(down.of(a))) - min(1, len(down.of(b)))
			})
		}
		room, used := max(most-lines, most/2), 0.0
		parts := 1.0
		if total+lines > most { // even parts look better than one full and one rest
			for total/parts > room {
				parts++
			}
			room = min(room, total/parts+total/parts/float64(len(nodes)))
		}
		for _, v := range nodes {
			w := width(int(v)) + gap
			if used > 0 && used+w > room+gap && total+lines > most {
				next++
				used = 0
			}
			used += w
			of[v] = next
		}
		next++
	}
	l.of, l.count = of, int(next)
	return wrapped
}

// stack gives boxes their coordinates and the drawing its size.
func (l *Layout) stack(m *mesh, x []float64, gap float64) {
	left := 0.0
	for v, at := range x {
		if v < m.n {
			at -= l.Nodes[v].Width / 2
		}
		if v == 0 || at < left {
			left = at
		}
	}
	for v := range x {
		x[v] = round(x[v] - left)
	}
	y := 0.0
	for r, row := range m.rows {
		height, order, far := 0.0, 0, 0.0
		for _, v := range row {
			for _, w := range m.down.of(v) {
				far = max(far, x[w]-x[v], x[v]-x[w])
			}
			if int(v) < m.n {
				height = max(height, l.Nodes[v].Height)
			}
		}
		for _, v := range row {
			if int(v) < m.n {
				b := &l.Nodes[v]
				b.Layer, b.Order = r, order
				b.X, b.Y = max(0, round(x[v]-b.Width/2)), y+round((height-b.Height)/2)
				l.Width = max(l.Width, b.X+b.Width)
				order++
			} else {
				l.Width = max(l.Width, x[v])
			}
		}
		l.Height = y + height
		y = round(y + height + gap + min(gap*2, far/12)) // far lines need room to come down in
	}
}

// round keeps a tenth of a unit: nobody sees more, and processors differ in how
// they compute the rest.
func round(x float64) float64 { return math.Round(x*10) / 10 }
