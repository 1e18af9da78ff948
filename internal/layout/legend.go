package layout

// legendEntry is a sign and what it means.
type legendEntry struct {
	sign, word, sgr string
	state           State
	style           Style
}

// newLegend gives what a drawing of a graph needs explained: its states, and the
// lines and shapes if there is more than the plain ones.
func newLegend(g *Graph, ascii bool) []legendEntry {
	legend := stateLegend(g, ascii)
	signs := [styles]string{"──", "╌╌", "┈┈", "━━"}
	if ascii {
		signs = [styles]string{"--", "..", "~~", "=="}
	}
	used := stylesOf(g)
	if used == [styles]bool{Hard: true} {
		return legend
	}
	for s, is := range used {
		if is {
			legend = append(legend, legendEntry{sign: signs[s], word: Style(s).word(), style: Style(s)})
		}
	}
	return legend
}

// stateLegend explains the signs of states.
func stateLegend(g *Graph, ascii bool) []legendEntry {
	var legend []legendEntry
	for _, s := range statesOf(g) {
		look := s.Look()
		sign := look.Sign
		if ascii {
			sign = look.ASCII
		}
		legend = append(legend, legendEntry{sign: sign, word: look.Word, sgr: look.sgr, state: s})
	}
	return legend
}

// statesOf gives the states of a graph's nodes, the best first, and no more than
// a legend can hold.
func statesOf(g *Graph) []State {
	const most = 16
	var states []State
	known := make(map[string]bool)
	for _, n := range g.Nodes {
		look := n.State.Look()
		if n.State == NoState || known[look.Word] || len(states) == most {
			continue
		}
		known[look.Word] = true
		at := len(states)
		for at > 0 && states[at-1].Look().bad > look.bad {
			at--
		}
		states = append(states, "")
		copy(states[at+1:], states[at:])
		states[at] = n.State
	}
	return states
}

func stylesOf(g *Graph) (used [styles]bool) {
	for _, e := range g.Edges {
		used[e.Style] = true
	}
	return used
}
