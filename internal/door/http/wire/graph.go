package wire

import "millwright.dev/millwright/internal/layout"

// The words for what is drawn, by the layout's own numbers.
var (
	graphKinds  = [...]string{"node", "group", "device", "feed", "ups"}
	graphStyles = [...]string{"needs", "wants", "some of", "power"}
)

// GraphOf puts a graph that is laid out into words.
func GraphOf(l *layout.Layout) Graph {
	g := l.Graph()
	out := Graph{Width: l.Width, Height: l.Height, Layers: l.Layers, Nodes: make([]GraphNode, len(g.Nodes)), Edges: make([]GraphEdge, len(g.Edges))}
	for i, n := range g.Nodes {
		b := l.Nodes[i]
		out.Nodes[i] = GraphNode{
			Label: n.Label, Kind: graphKinds[n.Kind], State: string(n.State), Note: n.Note,
			Layer: b.Layer, Order: b.Order, X: b.X, Y: b.Y, W: b.Width, H: b.Height,
		}
	}
	for i, e := range g.Edges {
		edge := GraphEdge{From: e.From, To: e.To, Style: graphStyles[e.Style]}
		for _, p := range l.Edges[i].Points {
			edge.Points = append(edge.Points, []float64{p.X, p.Y})
		}
		out.Edges[i] = edge
	}
	return out
}

// Layout gives the graph back, for those who draw it themselves.
func (g Graph) Layout() layout.Graph {
	out := layout.Graph{Nodes: make([]layout.Node, len(g.Nodes)), Edges: make([]layout.Edge, len(g.Edges))}
	for i, n := range g.Nodes {
		out.Nodes[i] = layout.Node{Label: n.Label, Kind: layout.Kind(place(graphKinds[:], n.Kind)), State: layout.State(n.State), Note: n.Note}
	}
	for i, e := range g.Edges {
		out.Edges[i] = layout.Edge{From: e.From, To: e.To, Style: layout.Style(place(graphStyles[:], e.Style))}
	}
	return out
}

func place(words []string, word string) int {
	for i, w := range words {
		if w == word {
			return i
		}
	}
	return 0
}
