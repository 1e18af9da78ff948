package ockle

import "strings"

// DotNode is a server in the graph.
type DotNode struct {
	Name  string
	State State
	Needs []string // the names of those that it depends on
}

// Dot draws servers in the language of Graphviz: a line for each, with its state's
// colour, and one for each dependency, from what is needed to what needs it.
func Dot(nodes []DotNode) string {
	var b strings.Builder
	b.WriteString("digraph graphname {\n")
	for _, n := range nodes {
		b.WriteString(dotName(n.Name) + " [color=" + dotName(n.State.Colour()) + "];\n")
	}
	for _, n := range nodes {
		for _, need := range n.Needs {
			b.WriteString(dotName(need) + " -> " + dotName(n.Name) + ";\n")
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// dotName quotes a name; inside quotes only the quote itself has a meaning, and the
// backslash before one.
func dotName(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(name) + `"`
}
