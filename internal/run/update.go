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

// The kinds of update.
const (
	Waits     Kind = "waits"      // the run waits for others to end: By
	Begins    Kind = "begins"     // and now they have
	Continued Kind = "continued"  // the run goes on after the daemon was away, under a new Epoch
	Passed    Kind = "passed"     // Nodes had nothing to be done to them, and it is their turn
	StepBegan Kind = "step-began" // Nodes are being brought up or down: Op is on or off
	Phase     Kind = "phase"      // Nodes have come to another part of it: Act
	Retrying  Kind = "retrying"   // it went wrong (Said), and is tried for the Attempt-th time at Until
	Awaiting  Kind = "awaiting"   // Nodes wait because By is tried again
	Asking    Kind = "asking"     // somebody is asked about Nodes: Said
	Disputed  Kind = "disputed"   // of Nodes two witnesses disagree: Said
	Result    Kind = "result"     // what became of one node: Nodes, Op, Outcome, Power, Said
	Blocked   Kind = "blocked"    // Nodes will not be touched, because of By
	Settling  Kind = "settling"   // Nodes are up, and what needs them waits until Until
	Settled   Kind = "settled"    // that wait is over
	PausedNow Kind = "paused"     // nothing new begins; By whom
	Resumed   Kind = "resumed"    // it goes on
	Ended     Kind = "ended"      // the last update: State, Said
)

// Kinds gives every kind of update.
func Kinds() []Kind {
	return []Kind{Waits, Begins, Continued, Passed, StepBegan, Phase, Retrying, Awaiting, Asking, Disputed, Result, Blocked, Settling, Settled, PausedNow, Resumed, Ended}
}

// Update is one thing that a run tells. Unused fields are empty.
type Update struct {
	N     int       `json:"n"` // from 1, without gaps
	Time  time.Time `json:"time"`
	Kind  Kind      `json:"kind"`
	Nodes string    `json:"nodes,omitempty"` // a folded host list; for results one name
	Count int       `json:"count,omitempty"` // how many Nodes names
	Op    string    `json:"op,omitempty"`    // on, off: which way the nodes go

	Act     string        `json:"act,omitempty"`     // "cords on", "checks", …
	Attempt int           `json:"attempt,omitempty"` // from 1
	Outcome fleet.Outcome `json:"outcome,omitempty"`
	Power   room.State    `json:"power,omitempty"` // as read, or as the command implies
	Said    string        `json:"said,omitempty"`  // why it is not as wanted, for people
	By      string        `json:"by,omitempty"`    // the node that blocks Nodes, or who
	Until   time.Time     `json:"until,omitzero"`
	State   State         `json:"state,omitempty"` // of the run, when it ended
	Epoch   int64         `json:"epoch,omitempty"`
}

// Text gives the update as one line for people:
// "web3: blocked, because db1 did not come on: taken, but still off after 20s".
func (u Update) Text() string {
	switch u.Kind {
	case Waits:
		return "waits for " + u.By + " to end"
	case Begins:
		return "begins"
	case Continued:
		return "goes on after the daemon was away"
	case Passed:
		return u.Nodes + ": nothing to do"
	case StepBegan:
		return u.Nodes + ": switching " + u.Op
	case Phase:
		return strings.TrimSuffix(u.Nodes+": "+u.Act+": "+u.Said, ": ")
	case Retrying:
		return u.Nodes + ": " + u.Said + "; attempt " + strconv.Itoa(u.Attempt) + " in " + u.Until.Sub(u.Time).Round(time.Millisecond).String()
	case Awaiting:
		return u.Nodes + ": waiting for " + u.By + ", which is tried again"
	case Asking, Disputed:
		return u.Nodes + ": " + u.Said
	case Result:
		return u.result()
	case Blocked:
		return u.Nodes + ": blocked, because " + u.Said
	case Settling:
		return u.Nodes + ": settling for " + u.Until.Sub(u.Time).Round(time.Millisecond).String()
	case Settled:
		return u.Nodes + ": settled"
	case PausedNow:
		return strings.TrimSuffix("paused by "+u.By, " by ")
	case Resumed:
		return strings.TrimSuffix("resumed by "+u.By, " by ")
	case Ended:
		return strings.TrimSuffix(string(u.State)+": "+u.Said, ": ")
	}
	return string(u.Kind)
}

func (u Update) result() string {
	switch u.Outcome {
	case fleet.OK:
		return strings.TrimSuffix(u.Nodes+": "+u.Op+", "+u.Said, ", ")
	case fleet.Unverified:
		return u.Nodes + ": " + u.Op + ", not verified"
	case fleet.NotBegun:
		return strings.TrimSuffix(u.Nodes+": not begun: "+u.Said, ": ")
	case fleet.Failed, fleet.Unknown, fleet.Skipped:
	}
	return strings.TrimSuffix(u.Nodes+": "+string(u.Outcome)+": "+u.Said, ": ")
}

// Since gives the updates of a run behind the n-th, whether there will be no
// more from this daemon, and what is closed when there are. The error is CodeNotFound.
func (r *Runner) Since(id string, n int) (updates []Update, over bool, more <-chan struct{}, err error) {
	run, err := r.findWhole(id)
	if err != nil {
		return nil, false, nil, err
	}
	updates, over, more = run.since(max(n, 0))
	return updates, over, more, nil
}

// Follow gives a run's updates with an N greater than after: those that it has
// told, then those to come, and ends behind the one that says [Ended]. The last
// thing given is an error when the run is not known, ctx ends, or the daemon stops while
// the run goes on. Followers go at their own pace, and a slow one delays nobody.
func (r *Runner) Follow(ctx context.Context, id string, after int) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		run, err := r.findWhole(id)
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
				if !run.state().Final() {
					yield(Update{}, errParked)
				}
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

// errParked is what followers hear when the daemon stops and the run does not.
var errParked = &room.Error{Code: room.CodeBusy, Op: "follow run", Said: "the daemon is stopping; the run goes on when it is back"}
