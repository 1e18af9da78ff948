package layout_test

import (
	"slices"
	"strings"
	"testing"

	. "millwright.dev/millwright/internal/layout"
)

func labels(g Graph) []string {
	var all []string
	for _, n := range g.Nodes {
		all = append(all, strings.TrimSpace(n.Label+" "+n.Note))
	}
	return all
}

func TestFold(t *testing.T) {
	var b builder
	b.node("switch", Machine, OK, "")
	for i, name := range strings.Fields("web1 web2 web3 web4") {
		b.node(name, Machine, []State{OK, OK, StartFailed, OK}[i], "note")
		b.needs(name, Hard, "switch")
	}
	b.node("web5", Machine, OK, "") // needs it in another way
	b.needs("web5", Optional, "switch")
	b.node("web6", Device, OK, "") // is another thing
	b.needs("web6", Hard, "switch")
	b.node("mail", Machine, OK, "")
	b.needs("mail", Hard, "web1 web2 web3 web4")
	before := len(b.g.Edges)
	g, to := Fold(b.g, FoldOptions{Name: fold})
	if want := []string{"switch", "web1-4 3 ok, 1 failed to start", "web5", "web6", "mail"}; !slices.Equal(labels(g), want) {
		t.Errorf("got %q", labels(g))
	}
	if want := []int{0, 1, 1, 1, 1, 2, 3, 4}; !slices.Equal(to, want) {
		t.Errorf("nodes went to %v", to)
	}
	if g.Nodes[1].State != StartFailed {
		t.Errorf("the box is %q", g.Nodes[1].State)
	}
	if want := []Edge{{From: 0, To: 1}, {From: 0, To: 2, Style: Optional}, {From: 0, To: 3}, {From: 1, To: 4}}; !slices.Equal(g.Edges, want) {
		t.Errorf("edges are %v", g.Edges)
	}
	if len(b.g.Edges) != before || b.g.Edges[0] != (Edge{From: 0, To: 1}) {
		t.Error("the graph that was given has changed")
	}
	if g, _ = Fold(b.g, FoldOptions{Min: 5}); len(g.Nodes) != len(b.g.Nodes) {
		t.Error("four were folded where five are asked for")
	}
}

func TestFoldAlike(t *testing.T) {
	g, _ := Fold(hall(200), FoldOptions{Alike: true, Name: fold})
	want := []string{"feed-a", "switch", "storage", "pdu1-25 25 ok", "n001-200 194 ok, 6 failed to start"}
	if !slices.Equal(labels(g), want) {
		t.Errorf("got %q", labels(g))
	}
	sound(t, g, compute(t, g))
	// What only looks alike is told apart: the second one's switch has no storage.
	var b builder
	for _, side := range []string{"1", "2"} {
		b.node("switch"+side, Machine, OK, "")
		b.node("web"+side, Machine, OK, "")
		b.needs("web"+side, Hard, "switch"+side)
	}
	b.node("storage", Device, OK, "")
	b.needs("storage", Hard, "switch1")
	if g, _ := Fold(b.g, FoldOptions{Min: 2, Alike: true}); len(g.Nodes) != 5 {
		t.Errorf("got %q", labels(g))
	}
	// Folding never makes a ring.
	for seed := range uint64(40) {
		g, _ := Fold(random(60, 50, seed), FoldOptions{Min: 2, Alike: true})
		sound(t, g, compute(t, g))
	}
}
