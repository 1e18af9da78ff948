package layout_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	. "millwright.dev/millwright/internal/layout"
)

// builder makes graphs by name.
type builder struct {
	g  Graph
	at map[string]int
}

func (b *builder) node(label string, kind Kind, state State, note string) {
	if b.at == nil {
		b.at = make(map[string]int)
	}
	b.at[label] = len(b.g.Nodes)
	b.g.Nodes = append(b.g.Nodes, Node{Label: label, Kind: kind, State: state, Note: note})
}

// needs says that one node needs others.
func (b *builder) needs(label string, style Style, others string) {
	for other := range strings.FieldsSeq(others) {
		b.g.Edges = append(b.g.Edges, Edge{From: b.at[other], To: b.at[label], Style: style})
	}
}

// five is a room that anybody has.
func five() Graph {
	var b builder
	b.node("switch", Machine, OK, "")
	b.node("storage", Machine, OK, "")
	b.node("db", Machine, Starting, "waits for check port")
	b.node("web", Machine, Waiting, "")
	b.node("mail", Machine, Off, "")
	b.needs("storage", Hard, "switch")
	b.needs("db", Hard, "storage")
	b.needs("web", Hard, "db switch")
	b.needs("mail", Optional, "db")
	b.needs("mail", Hard, "storage")
	return b.g
}

// thirty is a room with feeds, strips, services and machines in all states.
func thirty() Graph {
	var b builder
	b.node("utility", Feed, OK, "")
	b.node("ups-a", UPS, OK, "100 %, 42 min")
	b.node("feed-b", Feed, OK, "")
	for i := 1; i <= 4; i++ {
		b.node(fmt.Sprintf("pdu%d", i), Device, OK, "")
	}
	b.needs("ups-a", Power, "utility")
	b.needs("pdu1", Power, "ups-a")
	b.needs("pdu2", Power, "ups-a")
	b.needs("pdu3", Power, "feed-b")
	b.needs("pdu4", Power, "feed-b")
	b.node("core-switch", Machine, OK, "")
	b.needs("core-switch", Power, "pdu1 pdu3")
	b.node("storage1", Machine, OK, "")
	b.node("storage2", Machine, StartGaveUp, "check nfs: refused")
	for i := 1; i <= 2; i++ {
		b.needs(fmt.Sprintf("storage%d", i), Power, "pdu1 pdu3")
		b.needs(fmt.Sprintf("storage%d", i), Hard, "core-switch")
	}
	b.node("nfs", Group, Degraded, "1 of 2")
	b.needs("nfs", Any, "storage1 storage2")
	b.node("db1", Machine, OK, "")
	b.node("db2", Machine, Starting, "")
	for i := 1; i <= 2; i++ {
		b.needs(fmt.Sprintf("db%d", i), Power, fmt.Sprintf("pdu%d", i+1))
		b.needs(fmt.Sprintf("db%d", i), Hard, "nfs")
	}
	b.node("database", Group, OK, "")
	b.needs("database", Any, "db1 db2")
	states := []State{OK, OK, OK, StartFailed, OK, Off, OK, ForcedOff, OK, OK, Unknown, OK}
	for i, s := range states {
		name := fmt.Sprintf("web%d", i+1)
		b.node(name, Machine, s, "")
		b.needs(name, Power, fmt.Sprintf("pdu%d", i/6*2+2))
		b.needs(name, Hard, "database")
	}
	b.node("mail", Machine, Waiting, "")
	b.needs("mail", Hard, "database")
	b.needs("mail", Optional, "storage1")
	b.needs("mail", Power, "pdu4")
	b.node("monitor", Machine, Maintenance, "until 18:00, eve")
	b.needs("monitor", Hard, "core-switch")
	b.needs("monitor", Power, "pdu4")
	return b.g
}

// hall is a room of n machines on strips of eight outlets.
func hall(n int) Graph {
	var b builder
	b.node("feed-a", Feed, OK, "")
	b.node("switch", Machine, OK, "")
	b.node("storage", Machine, OK, "")
	b.needs("storage", Hard, "switch")
	for i := range n {
		pdu := fmt.Sprintf("pdu%d", i/8+1)
		if i%8 == 0 {
			b.node(pdu, Device, OK, "")
			b.needs(pdu, Power, "feed-a")
		}
		state := OK
		if i%37 == 5 {
			state = StartFailed
		}
		name := fmt.Sprintf("n%03d", i+1)
		b.node(name, Machine, state, "")
		b.needs(name, Power, pdu)
		b.needs(name, Hard, "storage")
	}
	return b.g
}

// hostile is a graph whose texts want to be more than texts.
func hostile() Graph {
	labels := []string{
		"a\x1b[2J\x1b]0;title\a", "</text><script>alert(1)</script>", `quote" -> n0 [label="x`, "back\\slash\\N\\", "&lt;&amp;&#34;",
		"new\nline\ttab\r", "\u202eback to front\u202c", "漢字の名前", "e\u0301\u0301\u0301\u0301\u0301\u0301\u0301tude", "zero\u200bwidth\u200d", "👩‍🚀🚀",
		"\xff\xfe broken", "", "   ", strings.Repeat("long ", 2000), strings.Repeat("\u0301", 5000), "\u2028\u0085\ufffe", "<b>", "]]>", "--><!--",
	}
	var g Graph
	for i, l := range labels {
		g.Nodes = append(g.Nodes, Node{Label: l, Note: labels[len(labels)-1-i], Cluster: l, State: State(l), Kind: Kind(i % 5)})
		if i > 2 {
			g.Edges = append(g.Edges, Edge{From: i / 2, To: i, Style: Style(i % 4)}, Edge{From: i / 3, To: i})
		}
	}
	return g
}

// random is an acyclic graph with edges between nodes near to each other in a
// random order.
func random(nodes, edges int, seed uint64) Graph {
	r := rand.New(rand.NewPCG(seed, 1))
	g := Graph{Nodes: make([]Node, nodes), Edges: make([]Edge, 0, edges)}
	for i := range g.Nodes {
		g.Nodes[i] = Node{Label: fmt.Sprintf("n%d", i), State: OK}
	}
	for len(g.Edges) < edges {
		a, b := r.IntN(nodes), r.IntN(nodes)
		if a != b {
			g.Edges = append(g.Edges, Edge{From: min(a, b), To: max(a, b), Style: Style(r.IntN(4))})
		}
	}
	return g
}

// tiers is a room of so many layers, each node of which needs some of the layer
// before, and now and then one of any.
func tiers(nodes, edges, layers int, seed uint64) Graph {
	r := rand.New(rand.NewPCG(seed, 2))
	g := Graph{Nodes: make([]Node, nodes), Edges: make([]Edge, 0, edges)}
	per := nodes / layers
	for i := range g.Nodes {
		g.Nodes[i] = Node{Label: fmt.Sprintf("n%d", i), State: OK}
	}
	for len(g.Edges) < edges {
		to := per + r.IntN(nodes-per)
		from := to/per*per - per + r.IntN(per)
		if r.IntN(10) == 0 {
			from = r.IntN(to / per * per)
		}
		g.Edges = append(g.Edges, Edge{From: from, To: to})
	}
	return g
}

// fold names boxes by first and last.
func fold(labels []string) string {
	return labels[0] + "-" + strings.TrimLeft(labels[len(labels)-1], "abcdefghijklmnopqrstuvwxyz")
}
