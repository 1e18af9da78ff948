package layout_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	. "millwright.dev/millwright/internal/layout"
)

// graphOf reads a graph from any bytes: lines of labels, then pairs of nodes.
func graphOf(text string, edges []byte) Graph {
	var g Graph
	for label := range strings.SplitSeq(text, "|") {
		n := Node{Label: label, Kind: Kind(len(label) % 5), State: State(label)}
		if len(label)%3 == 0 {
			n.Note, n.Cluster = label, label
		}
		if g.Nodes = append(g.Nodes, n); len(g.Nodes) == 40 {
			break
		}
	}
	for i := 0; i+1 < len(edges) && i < 300; i += 2 {
		g.Edges = append(g.Edges, Edge{From: int(edges[i]) % len(g.Nodes), To: int(edges[i+1]) % len(g.Nodes), Style: Style(edges[i] % 4)})
	}
	return g
}

// FuzzDraw holds that whatever nodes are called and however they hang together,
// each drawing is whole and shows nothing but itself.
func FuzzDraw(f *testing.F) {
	f.Add("a|b|c", []byte{0, 1, 1, 2}, uint16(80))
	f.Add("\x1b[31m|</text>|\"\\|漢字|e\u0301\u0301\u0301|\u202e", []byte{0, 1, 1, 2, 0, 3, 3, 4, 0, 5}, uint16(20))
	f.Add(strings.Repeat("long", 2500)+"|b", []byte{0, 1, 1, 0}, uint16(120))
	f.Fuzz(func(t *testing.T, text string, edges []byte, width uint16) {
		g := graphOf(text, edges)
		l, err := Compute(g, Options{})
		if cycle := new(CycleError); errors.As(err, &cycle) {
			if len(cycle.Nodes) == 0 {
				t.Fatal("a cycle of nothing")
			}
			for i := range g.Edges { // the same without a ring
				e := &g.Edges[i]
				if e.From == e.To {
					e.To = (e.From + 1) % len(g.Nodes)
				}
				e.From, e.To = min(e.From, e.To), max(e.From, e.To)
			}
			if len(g.Nodes) == 1 {
				g.Edges = nil
			}
			l, err = Compute(g, Options{})
		}
		if err != nil {
			t.Fatal(err)
		}
		sound(t, g, l)
		decent(t, l, TerminalOptions{Width: int(width)%200 + 1, List: width%2 == 0})
		var b bytes.Buffer
		if err := SVG(&b, l, SVGOptions{Title: text}); err != nil {
			t.Fatal(err)
		}
		wellFormed(t, b.Bytes())
		b.Reset()
		if err := DOT(&b, g); err != nil {
			t.Fatal(err)
		}
		small, to := Fold(g, FoldOptions{Min: 2, Alike: width%3 == 0})
		if len(to) != len(g.Nodes) {
			t.Fatal("not every node has a place")
		}
		if _, err := Compute(small, Options{}); err != nil {
			t.Fatal(err)
		}
	})
}
