// Package layout arranges a graph of what needs what in layers, and draws it:
// with lines and boxes in a terminal, as an SVG picture, or as a DOT file.
//
// It exists because a room is understood by looking at it, in a shell over a
// slow line as well as in a browser, and because all drawings should agree: what
// is needed stands above what needs it, and power flows down. Coordinates are
// there for programs that draw by themselves.
//
// The way is Sugiyama's: layers by longest paths, then shorter edges; shared
// chains of stand-ins for edges that pass layers; fewer crossings by barycentres
// and by swapping neighbours; places by least squares under the order. All of
// it has a budget of work, not of time, so that one graph always gives the same
// drawing: where the budget ends there are fewer sweeps and the longest edges
// run straight. Equal candidates keep the order in which they were given.
//
// The package is pure: no input or output but to the given writer, no clock,
// and nothing of a room but names. All texts are made harmless for where
// they are drawn.
//
// Start at [Compute]; [Fold] makes big graphs small before.
package layout

import (
	"fmt"
	"strings"
)

// Kind is what a node is. It decides the shape of its box.
type Kind uint8

// The kinds.
const (
	Machine Kind = iota // something that is switched: a node with cords
	Group               // a group or service: it is up when its parts are
	Device              // what switches: a PDU, a BMC
	Feed                // where power comes from: a feed or breaker
	UPS                 // a feed with a battery
	kinds
)

// Style is what kind of need an edge is. It decides how its line looks.
type Style uint8

// The styles.
const (
	Hard     Style = iota // without the one the other cannot be
	Optional              // waited for, but missed without harm
	Any                   // one of several
	Power                 // electricity
	styles
)

// Node is one box.
type Node struct {
	Label   string
	Kind    Kind
	State   State  // key of a style, see [State]; empty shows none
	Note    string // a second line: how many are how, since when, why
	Cluster string // where it belongs: a rack, a row; only said, and drawn in DOT
}

// Edge says that From is needed by To: it is drawn above, and an arrow leads
// from it to To. Both are places in [Graph.Nodes].
type Edge struct {
	From, To int
	Style    Style
}

// Graph is what is drawn. Nodes come in the order that decides between equals:
// sort them by priority, then by name.
type Graph struct {
	Nodes []Node
	Edges []Edge
}

// How big a graph may be; more is refused.
const (
	MaxNodes = 100_000
	MaxEdges = 1_000_000
)

// CycleError says that some nodes need each other in a ring, so that none can
// stand above the others.
type CycleError struct {
	Nodes  []int    // each once, in the order of need, the first given one first
	Labels []string // their labels, made harmless
}

// Error names the whole cycle.
func (e *CycleError) Error() string {
	return "a cycle of needs: " + strings.Join(e.Labels, " needs ") + " needs " + e.Labels[0]
}

// check refuses what cannot be drawn at all.
func (g *Graph) check() error {
	if len(g.Nodes) > MaxNodes {
		return fmt.Errorf("%d nodes are too many to draw; the limit is %d", len(g.Nodes), MaxNodes)
	}
	if len(g.Edges) > MaxEdges {
		return fmt.Errorf("%d edges are too many to draw; the limit is %d", len(g.Edges), MaxEdges)
	}
	for i, e := range g.Edges {
		if e.From < 0 || e.From >= len(g.Nodes) || e.To < 0 || e.To >= len(g.Nodes) {
			return fmt.Errorf("edge %d leads from node %d to node %d of %d", i, e.From, e.To, len(g.Nodes))
		}
		if e.Style >= styles {
			return fmt.Errorf("edge %d has the unknown style %d", i, e.Style)
		}
	}
	for i, n := range g.Nodes {
		if n.Kind >= kinds {
			return fmt.Errorf("node %d has the unknown kind %d", i, n.Kind)
		}
	}
	return nil
}

// links are neighbours in one direction: those of i are
// to[start[i]:start[i+1]], in the order of the edges.
type links struct{ start, to []int32 }

func (l *links) of(i int32) []int32 { return l.to[l.start[i]:l.start[i+1]] }

// link sorts pairs by their first, keeping their order.
func link(n int, from, to []int32) links {
	l := links{start: make([]int32, n+1), to: make([]int32, len(from))}
	for _, f := range from {
		l.start[f+1]++
	}
	for i := range n {
		l.start[i+1] += l.start[i]
	}
	next := append([]int32(nil), l.start...)
	for i, f := range from {
		l.to[next[f]] = to[i]
		next[f]++
	}
	return l
}

// ends gives the edges as two lists.
func (g *Graph) ends() (from, to []int32) {
	from, to = make([]int32, len(g.Edges)), make([]int32, len(g.Edges))
	for i, e := range g.Edges {
		from[i], to[i] = int32(e.From), int32(e.To)
	}
	return from, to
}
