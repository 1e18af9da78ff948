package veto

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"millwright.dev/millwright/hostlist"
)

// Objection is what one hook has against a request.
type Objection struct {
	Hook   string
	Reason string            // for all of it; may be empty if Nodes says why
	Nodes  map[string]string // why, by node; may be empty
}

// Verdict is what the hooks say together, each list in the order of their names.
type Verdict struct {
	Asked   []string    // the names of all hooks that were asked
	Refused []Objection // whoever refused, or gave no valid answer where that counts as one
	Confirm []Objection // whoever wants it confirmed
	// Failed are those that gave no valid answer, where that does not count.
	Failed []Objection
}

// maxReasons bounds the reasons that a text lists.
const maxReasons = 10

// String gives the objection for people: "slurm: n[1-2]: job 42 is running".
func (o Objection) String() string {
	byReason := make(map[string][]string)
	for node, why := range o.Nodes {
		byReason[why] = append(byReason[why], node)
	}
	var parts []string
	if o.Reason != "" {
		parts = append(parts, o.Reason)
	}
	for _, nodes := range byReason {
		slices.SortFunc(nodes, hostlist.Compare)
	}
	var lines []string
	for _, why := range slices.SortedFunc(maps.Keys(byReason), func(a, b string) int { return hostlist.Compare(byReason[a][0], byReason[b][0]) }) {
		line := hostlist.Fold(byReason[why])
		if why != "" {
			line += ": " + why
		}
		lines = append(lines, line)
	}
	if more := len(lines) - maxReasons; more > 0 {
		lines = append(lines[:maxReasons], fmt.Sprintf("and %d reasons more", more))
	}
	parts = append(parts, lines...)
	if len(parts) == 0 {
		parts = []string{"no reason is given"}
	}
	return "veto " + o.Hook + ": " + strings.Join(parts, "; ")
}

// Text joins objections for people.
func Text(list []Objection) string {
	texts := make([]string, len(list))
	for i, o := range list {
		texts[i] = o.String()
	}
	return strings.Join(texts, "; ")
}

// Nodes gives the nodes that were refused by name, folded; "" if somebody refused
// the whole.
func (v Verdict) Nodes() string {
	seen := make(map[string]bool)
	for _, o := range v.Refused {
		if len(o.Nodes) == 0 {
			return ""
		}
		for node := range o.Nodes {
			seen[node] = true
		}
	}
	return hostlist.Fold(slices.Collect(maps.Keys(seen)))
}
