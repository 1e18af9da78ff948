package run

import (
	"math"
	"slices"

	"millwright.dev/millwright/hostlist"
)

// concerned gives the nodes that a submission was asked for or switches, as a folded
// host list: a run knows them for as long as it is kept, and its room only while it
// is under way.
func (s *Submission) concerned() string {
	nodes := slices.Concat(s.Plan.Asked, s.Plan.Switched())
	slices.Sort(nodes)
	return s.Room.Fold(slices.Compact(nodes))
}

// anyLength is for lists that were folded here.
var anyLength = hostlist.Limits{Range: math.MaxInt32, Items: math.MaxInt32, Names: math.MaxInt32}

// Concerns calls yield with the name of each node that a run was asked for or
// switches, until it says false, and says whether it never did. A run that is not
// known concerns nobody.
func (r *Runner) Concerns(id string, yield func(node string) bool) bool {
	run, err := r.find(id)
	if err != nil {
		return false
	}
	run.mu.Lock()
	concerned := run.concerned
	run.mu.Unlock()
	nodes, err := anyLength.Parse(concerned)
	if err != nil { // names that cannot stand in a list; as one name it is nobody's node
		return yield(concerned)
	}
	for name := range nodes.All() {
		if !yield(name) {
			return false
		}
	}
	return true
}
