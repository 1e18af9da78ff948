package run

import (
	"context"
	"iter"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// Kind says what an update tells of.
type Kind string

// The kinds of update, in the order in which a wave has them.
const (
	WaveBegan Kind = "wave-began" // Nodes are all that take part in it
	Passed    Kind = "passed"     // Nodes had nothing to be done to them, and it is their turn
	StepBegan Kind = "step-began" // Nodes are being switched, by Op
	Result    Kind = "result"     // what became of one node: Nodes, Op, Outcome, State, Said
	WaveEnded Kind = "wave-ended"
	Blocked   Kind = "blocked"  // Nodes will not be switched, because of By
	Settling  Kind = "settling" // Nodes are up, and the next wave waits for them until Until
	Settled   Kind = "settled"  // that wait is over
	Ended     Kind = "ended"    // the last update: State, Said
)

// Update is one thing that a run tells. Unused fields are empty.
type Update struct {
	N     int       `json:"n"` // from 1, without gaps
	Time  time.Time `json:"time"`
	Kind  Kind      `json:"kind"`
	Wave  int       `json:"wave,omitempty"`  // from 1
	Waves int       `json:"waves,omitempty"` // in the plan
	Nodes string    `json:"nodes,omitempty"` // a folded host list; for results one name
	Count int       `json:"count,omitempty"` // how many Nodes names
	Op    string    `json:"op,omitempty"`

	Outcome fleet.Outcome `json:"outcome,omitempty"`
	Power   room.State    `json:"power,omitempty"` // as read, or as the command implies
	Said    string        `json:"said,omitempty"`  // why it is not as wanted, for people
	By      string        `json:"by,omitempty"`    // the node that blocks Nodes
	Until   time.Time     `json:"until,omitzero"`
	State   State         `json:"state,omitempty"` // of the run, when it ended
}

// Text gives the update as one line for people:
// "web3: blocked, because db1 did not come on: taken, but still off after 20s".
func (u Update) Text() string {
	switch u.Kind {
	case WaveBegan:
		return "wave " + strconv.Itoa(u.Wave) + " of " + strconv.Itoa(u.Waves) + ": " + u.Nodes
	case WaveEnded:
		return "wave " + strconv.Itoa(u.Wave) + " ended"
	case Passed:
		return u.Nodes + ": nothing to do"
	case StepBegan:
		return u.Nodes + ": switching " + u.Op
	case Result:
		return u.result()
	case Blocked:
		return u.Nodes + ": blocked, because " + u.Said
	case Settling:
		return u.Nodes + ": settling for " + u.Until.Sub(u.Time).Round(time.Millisecond).String()
	case Settled:
		return u.Nodes + ": settled"
	case Ended:
		return strings.TrimSuffix(string(u.State)+": "+u.Said, ": ")
	}
	return string(u.Kind)
}

func (u Update) result() string {
	switch u.Outcome {
	case fleet.OK:
		return u.Nodes + ": " + u.Op
	case fleet.Unverified:
		return u.Nodes + ": " + u.Op + ", not verified"
	case fleet.NotBegun:
		return u.Nodes + ": not begun"
	case fleet.Failed, fleet.Unknown:
	}
	return strings.TrimSuffix(u.Nodes+": "+string(u.Outcome)+": "+u.Said, ": ")
}

// Since gives the updates of a run behind the n-th, whether there will be no
// more, and what is closed when there are. The error is CodeNotFound.
func (r *Runner) Since(id string, n int) (updates []Update, over bool, more <-chan struct{}, err error) {
	run, err := r.find(id)
	if err != nil {
		return nil, false, nil, err
	}
	updates, over, more = run.since(max(n, 0))
	return updates, over, more, nil
}

// Follow gives a run's updates with an N greater than after: those that it has
// told, then those to come, and ends behind the one that says [Ended]. The last
// thing given is an error when the run is not known or ctx ends. Followers go at
// their own pace, and a slow one delays nobody.
func (r *Runner) Follow(ctx context.Context, id string, after int) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		run, err := r.find(id)
		if err != nil {
			yield(Update{}, err)
			return
		}
		for next := max(after, 0); ; {
			updates, over, grown := run.since(next)
			for _, u := range updates {
				if !yield(u, nil) {
					return
				}
			}
			next += len(updates)
			if over {
				return
			}
			if err := ctx.Err(); err != nil {
				yield(Update{}, err)
				return
			}
			select {
			case <-grown:
			case <-ctx.Done():
			}
		}
	}
}
