package run

import "millwright.dev/millwright/internal/room"

// Concerns calls yield with the name of each node that a run was asked for or
// switches, until it says false, and says whether it never did. A run that is not
// known concerns nobody.
func (r *Runner) Concerns(id string, yield func(node string) bool) bool {
	run, err := r.find(id)
	if err != nil {
		return false
	}
	seen := make(map[room.NodeID]bool)
	for _, nodes := range [][]room.NodeID{run.sub.Plan.Asked, run.sub.Plan.Switched()} {
		for _, id := range nodes {
			if seen[id] {
				continue
			}
			seen[id] = true
			if !yield(run.name(id)) {
				return false
			}
		}
	}
	return true
}
