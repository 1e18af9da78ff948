package layout_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	. "millwright.dev/millwright/internal/layout"
)

func compute(t testing.TB, g Graph) *Layout {
	t.Helper()
	l, err := Compute(g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// sound holds what is true of each layout.
func sound(t testing.TB, g Graph, l *Layout) {
	t.Helper()
	if len(l.Nodes) != len(g.Nodes) || len(l.Edges) != len(g.Edges) {
		t.Fatalf("%d boxes and %d routes for %d nodes and %d edges", len(l.Nodes), len(l.Edges), len(g.Nodes), len(g.Edges))
	}
	rows := make([][]Box, l.Layers)
	for i, b := range l.Nodes {
		if b.X < 0 || b.Y < 0 || b.X+b.Width > l.Width+0.001 || b.Y+b.Height > l.Height+0.001 {
			t.Errorf("node %d at %+v is outside of %g × %g", i, b, l.Width, l.Height)
		}
		rows[b.Layer] = append(rows[b.Layer], b)
	}
	for r, row := range rows {
		slices.SortFunc(row, func(a, b Box) int { return a.Order - b.Order })
		for i, b := range row {
			if b.Order != i {
				t.Fatalf("layer %d has orders that are no count", r)
			}
			if i > 0 && row[i-1].X+row[i-1].Width > b.X {
				t.Errorf("layer %d: boxes %d and %d overlap: %+v %+v", r, i-1, i, row[i-1], b)
			}
		}
	}
	for i, e := range g.Edges {
		from, to, points := l.Nodes[e.From], l.Nodes[e.To], l.Edges[i].Points
		if from.Layer >= to.Layer || from.Y+from.Height >= to.Y {
			t.Errorf("edge %d does not lead down: %+v %+v", i, from, to)
		}
		first, last := points[0], points[len(points)-1]
		if first.Y != from.Y+from.Height || first.X < from.X || first.X > from.X+from.Width || last.Y != to.Y || last.X < to.X || last.X > to.X+to.Width {
			t.Errorf("edge %d goes from %v to %v and misses its boxes %+v %+v", i, first, last, from, to)
		}
		for k := 1; k < len(points); k++ {
			if points[k].Y < points[k-1].Y {
				t.Errorf("edge %d goes up: %v", i, points)
			}
		}
	}
}

func TestCompute(t *testing.T) {
	graphs := map[string]Graph{
		"nothing": {}, "one": {Nodes: []Node{{Label: "a"}}}, "five": five(), "thirty": thirty(), "hall": hall(200), "hostile": hostile(),
		"alone": {Nodes: make([]Node, 300)}, "twice": {Nodes: make([]Node, 2), Edges: []Edge{{From: 0, To: 1}, {From: 0, To: 1}}},
		"tiers": tiers(2000, 8000, 20, 3),
	}
	for seed := range uint64(30) {
		graphs[fmt.Sprint("random", seed)] = random(5+int(seed)*3, 10+int(seed)*5, seed)
	}
	for name, g := range graphs {
		t.Run(name, func(t *testing.T) {
			l := compute(t, g)
			sound(t, g, l)
			again := compute(t, g)
			if !reflect.DeepEqual(l, again) {
				t.Error("the same graph had another layout")
			}
		})
	}
}

// TestLongEdgesAreShort holds that a need is drawn near to who needs it.
func TestLongEdgesAreShort(t *testing.T) {
	// a -> b -> c -> d, and x -> d: x belongs beside c, not on top.
	g := Graph{Nodes: make([]Node, 5), Edges: []Edge{{From: 0, To: 1}, {From: 1, To: 2}, {From: 2, To: 3}, {From: 4, To: 3}}}
	if l := compute(t, g); l.Nodes[4].Layer != 2 {
		t.Errorf("x is in layer %d", l.Nodes[4].Layer)
	}
}

// TestNoNeedlessCrossings holds that what can be drawn without crossings is.
func TestNoNeedlessCrossings(t *testing.T) {
	// Two rows of six, each joined with its opposite.
	g := Graph{Nodes: make([]Node, 12)}
	for i := range 6 {
		g.Edges = append(g.Edges, Edge{From: i, To: 11 - i})
	}
	l := compute(t, g)
	for i, e := range g.Edges {
		for _, f := range g.Edges[:i] {
			if (l.Nodes[e.From].X < l.Nodes[f.From].X) != (l.Nodes[e.To].X < l.Nodes[f.To].X) {
				t.Errorf("%v and %v cross", e, f)
			}
		}
	}
}

func TestBigGraphsStayInBudget(t *testing.T) {
	// A ladder: each of 3,000 layers is also needed at the very end.
	const n = 3_000
	g := Graph{Nodes: make([]Node, n)}
	for i := range n - 1 {
		g.Edges = append(g.Edges, Edge{From: i, To: i + 1}, Edge{From: i, To: n - 1})
	}
	l := compute(t, g)
	sound(t, g, l)
	points := 0
	for _, e := range l.Edges {
		points += len(e.Points)
	}
	if points > 200_000 {
		t.Errorf("%d points for %d edges", points, len(g.Edges))
	}
	g = random(10_000, 50_000, 4)
	sound(t, g, compute(t, g))
}

func TestCycles(t *testing.T) {
	nodes := []Node{{Label: "a"}, {Label: "b"}, {Label: "c"}, {Label: "d\x1b[2J"}, {Label: "e"}}
	for name, tt := range map[string]struct {
		edges []Edge
		want  []int
		text  string
	}{
		"itself":   {[]Edge{{From: 1, To: 1}}, []int{1}, "a cycle of needs: b needs b"},
		"a pair":   {[]Edge{{From: 0, To: 1}, {From: 1, To: 0}}, []int{0, 1}, "a cycle of needs: a needs b needs a"},
		"a tail":   {[]Edge{{From: 3, To: 2}, {From: 2, To: 1}, {From: 1, To: 3}, {From: 1, To: 0}, {From: 4, To: 1}}, []int{1, 2, 3}, "a cycle of needs: b needs c needs d?[2J needs b"},
		"two of 2": {[]Edge{{From: 4, To: 3}, {From: 3, To: 4}, {From: 1, To: 2}, {From: 2, To: 1}}, []int{1, 2}, "a cycle of needs: b needs c needs b"},
	} {
		_, err := Compute(Graph{Nodes: nodes, Edges: tt.edges}, Options{})
		var cycle *CycleError
		if !errors.As(err, &cycle) || !slices.Equal(cycle.Nodes, tt.want) || err.Error() != tt.text {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, g := range map[string]Graph{
		"no such node":   {Nodes: make([]Node, 1), Edges: []Edge{{From: 0, To: 1}}},
		"less than none": {Nodes: make([]Node, 1), Edges: []Edge{{From: -1, To: 0}}},
		"style":          {Nodes: make([]Node, 2), Edges: []Edge{{From: 0, To: 1, Style: 9}}},
		"kind":           {Nodes: []Node{{Kind: 77}}},
		"nodes":          {Nodes: make([]Node, MaxNodes+1)},
		"edges":          {Nodes: make([]Node, 2), Edges: make([]Edge, MaxEdges+1)},
	} {
		if _, err := Compute(g, Options{}); err == nil {
			t.Errorf("%s was laid out", name)
		}
		if err := DOT(&strings.Builder{}, g); err == nil {
			t.Errorf("%s was written as DOT", name)
		}
		if same, _ := Fold(g, FoldOptions{}); len(same.Nodes) != len(g.Nodes) {
			t.Errorf("%s was folded", name)
		}
	}
}

func TestJSON(t *testing.T) {
	text, err := json.Marshal(compute(t, Graph{Nodes: make([]Node, 2), Edges: []Edge{{From: 0, To: 1}}}))
	const want = `{"width":64,"height":124,"layers":2,"nodes":[{"layer":0,"order":0,"x":0,"y":0,"width":64,"height":34},{"layer":1,"order":0,"x":0,"y":90,"width":64,"height":34}],"edges":[{"points":[{"x":32,"y":34},{"x":32,"y":90}]}]}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}

func BenchmarkLayout(b *testing.B) {
	for _, bm := range []struct {
		name string
		g    Graph
	}{
		{"1000 machines", hall(1000)},
		{"1000 nodes, 4000 edges, 12 layers", tiers(1000, 4000, 12, 1)},
		{"10000 nodes, 50000 edges, random", random(10_000, 50_000, 1)},
		{"10000 nodes, 50000 edges, 50 layers", tiers(10_000, 50_000, 50, 1)},
		{"10000 machines", hall(10_000)},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				compute(b, bm.g)
			}
		})
	}
}

func BenchmarkDraw(b *testing.B) {
	for name, g := range map[string]Graph{"30": thirty(), "1000": hall(1000)} {
		l := compute(b, g)
		b.Run("terminal/"+name, func(b *testing.B) {
			for b.Loop() {
				_ = Terminal(io.Discard, l, TerminalOptions{Width: 120})
			}
		})
		b.Run("svg/"+name, func(b *testing.B) {
			for b.Loop() {
				_ = SVG(io.Discard, l, SVGOptions{})
			}
		})
		b.Run("fold/"+name, func(b *testing.B) {
			for b.Loop() {
				_, _ = Fold(g, FoldOptions{Alike: true})
			}
		})
	}
}
