package room

import (
	"slices"
	"strings"
	"unicode/utf8"

	"millwright.dev/millwright/hostlist"
)

// Suggest gives up to three names that somebody may have meant by a name that
// is not there, the likeliest first: nodes, aliases and, with their "@", groups.
// It takes some ten milliseconds in a room of 100,000 nodes.
func (r *Room) Suggest(name string) []string {
	if r == nil || !worthGuessing(name) {
		return nil
	}
	best := guesses{want: name}
	plain, isGroup := strings.CutPrefix(name, "@")
	if _, found := r.groups[name]; found {
		best.take("@"+name, 0) // the "@" was forgotten
	}
	if isGroup {
		if _, found := r.nodes[plain]; found {
			best.take(plain, 0)
		}
		if _, found := r.aliases[plain]; found {
			best.take(plain, 0)
		}
		best.try("@" + AllGroup)
		for i := range r.Groups {
			best.try("@" + r.Groups[i].Name)
		}
		return best.names()
	}
	for i := range r.Aliases {
		best.try(r.Aliases[i].Name)
	}
	for i := range r.Nodes {
		best.try(r.Nodes[i].Name)
	}
	return best.names()
}

// nearestIn gives the keys of a map that somebody may have meant by name.
func nearestIn[T any](name string, known map[string]T) []string {
	if !worthGuessing(name) {
		return nil
	}
	best := guesses{want: name}
	for key := range known {
		best.try(key)
	}
	return best.names()
}

// Nearest gives up to three of the known words that somebody may have meant by
// word, the likeliest first.
func Nearest(word string, known []string) []string {
	if !worthGuessing(word) {
		return nil
	}
	best := guesses{want: word}
	for _, k := range known {
		best.try(k)
	}
	return best.names()
}

const longestGuess = 64

func worthGuessing(name string) bool {
	return name != "" && len(name) <= longestGuess && utf8.ValidString(name)
}

// guesses keeps the best few candidates.
type guesses struct {
	want string
	best []guess
}

type guess struct {
	name string
	cost int // see cost
}

func (g *guesses) try(name string) {
	if name == "" || len(name) > longestGuess+2 {
		return
	}
	if c := g.cost(name); c >= 0 {
		g.take(name, c)
	}
}

func (g *guesses) take(name string, cost int) {
	const most = 3
	if name == g.want { // an alias that names itself; it was not meant
		return
	}
	if slices.ContainsFunc(g.best, func(b guess) bool { return b.name == name }) {
		return
	}
	at := len(g.best)
	for at > 0 && (cost < g.best[at-1].cost || cost == g.best[at-1].cost && hostlist.Compare(name, g.best[at-1].name) < 0) {
		at--
	}
	if at < most {
		g.best = slices.Insert(g.best, at, guess{name, cost})
		g.best = g.best[:min(len(g.best), most)]
	}
}

// names gives the guesses that are as good as the best one, or nearly so.
func (g *guesses) names() []string {
	var names []string
	for _, c := range g.best {
		if c.cost/10 == g.best[0].cost/10 {
			names = append(names, c.name)
		}
	}
	return names
}

// cost says how far a candidate is from what is wanted: ten for each letter put
// in, left out, changed or swapped with its neighbour; less where only the case
// or the zeros before a number differ, and a little more where the beginning
// already differs. Negative means too far.
func (g *guesses) cost(name string) int {
	edits := min((len(g.want)-1)/2, 2) // a name of two letters is like every other
	if d := len(name) - len(g.want); d > 3 || d < -3 {
		return -1
	}
	if strings.EqualFold(name, g.want) || sameNumber(name, g.want) {
		return 1
	}
	d := distance(name, g.want, edits)
	if d < 0 {
		return -1
	}
	if name[0] != g.want[0] {
		return 10*d + 5
	}
	return 10 * d
}

// sameNumber says whether the names differ only in zeros before their number.
func sameNumber(a, b string) bool {
	if len(a) == len(b) {
		return false
	}
	x, y := hostlist.ParseHost(a), hostlist.ParseHost(b)
	return !x.Opaque && !y.Opaque && x.Num == y.Num && x.Prefix == y.Prefix
}

// distance is the number of single-byte edits, a swap of neighbours being one,
// from a to b, or -1 if there are more than limit.
func distance(a, b string, limit int) int {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > limit {
		return -1
	}
	if a == "" {
		return len(b)
	}
	var rows [3][longestGuess + 8]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	before, last, row := &rows[2], &rows[0], &rows[1]
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			d := last[j-1]
			if a[i-1] != b[j-1] {
				d = 1 + min(d, last[j], row[j-1])
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d = min(d, 1+before[j-2])
				}
			}
			row[j] = d
			least = min(least, d)
		}
		if least > limit {
			return -1
		}
		before, last, row = last, row, before
	}
	if last[len(b)] > limit {
		return -1
	}
	return last[len(b)]
}
