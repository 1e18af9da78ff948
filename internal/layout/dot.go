package layout

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// DOT writes a graph in the language of Graphviz, with shapes by kind, colours
// by state and clusters as frames. One graph always gives the same bytes.
func DOT(w io.Writer, g Graph) error {
	if err := g.check(); err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	fmt.Fprint(out, "digraph needs {\n"+
		"\trankdir=TB;\n"+
		"\tnode [shape=box, style=\"rounded,filled\", fillcolor=\"#f6f8fa\", fontname=\"sans-serif\", fontsize=11];\n"+
		"\tedge [color=\"#818b98\", arrowsize=0.7];\n")
	var names []string
	members := make(map[string][]int)
	for i, n := range g.Nodes {
		if n.Cluster != "" && members[n.Cluster] == nil {
			names = append(names, n.Cluster)
		}
		members[n.Cluster] = append(members[n.Cluster], i)
	}
	for _, i := range members[""] {
		dotNode(out, "\t", i, &g.Nodes[i])
	}
	for c, name := range names {
		fmt.Fprintf(out, "\tsubgraph cluster_%d {\n\t\tlabel=%s;\n\t\tcolor=\"#d1d9e0\";\n", c, quote(tidy(name, 60)))
		for _, i := range members[name] {
			dotNode(out, "\t\t", i, &g.Nodes[i])
		}
		fmt.Fprint(out, "\t}\n")
	}
	for _, e := range g.Edges {
		fmt.Fprintf(out, "\tn%d -> n%d%s;\n", e.From, e.To, [styles]string{
			"", " [style=dashed]", " [style=dotted]", " [color=\"#9a6700\", penwidth=2]",
		}[e.Style])
	}
	fmt.Fprint(out, "}\n")
	return out.Flush()
}

func dotNode(out io.Writer, indent string, i int, n *Node) {
	look := n.State.Look()
	label := quote(strings.TrimSpace(look.Sign + " " + tidy(n.Label, longest)))
	if n.Note != "" {
		label = strings.TrimSuffix(label, `"`) + `\n` + strings.TrimPrefix(quote(tidy(n.Note, longest)), `"`)
	}
	shape := [kinds]string{
		"", ", style=\"rounded,filled,dashed\"", ", style=filled", ", shape=octagon, style=filled", ", shape=box3d, style=filled",
	}[n.Kind]
	fmt.Fprintf(out, "%sn%d [label=%s%s, color=\"%s\", tooltip=%s];\n", indent, i, label, shape, look.dot, quote(about(n)))
}

var forDOT = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;")

// quote writes a tidy text as a string of DOT, in which Graphviz finds neither
// escapes nor entities.
func quote(text string) string {
	return `"` + forDOT.Replace(text) + `"`
}
