package run

import (
	"context"
	"sync"
	"time"

	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// State is how it stands with a run.
type State string

// The states. All but the first are final.
const (
	Running     State = "running"
	Done        State = "done"        // every node is where the plan wanted it
	Partial     State = "partial"     // some are, some are not
	Failed      State = "failed"      // not one of the nodes that were to be switched is
	Cancelled   State = "cancelled"   // stopped by [Runner.Cancel] before it was through
	Interrupted State = "interrupted" // stopped by [Runner.Close] before it was through
)

// Final says whether nothing more will happen.
func (s State) Final() bool { return s != Running }

// Info tells how it stands with a run.
type Info struct {
	ID     string    `json:"id"`
	Epoch  int64     `json:"epoch"`
	Op     string    `json:"op"`
	Actor  string    `json:"actor,omitempty"`
	Door   string    `json:"door,omitempty"`
	Remote string    `json:"remote,omitempty"`
	Asked  string    `json:"asked"` // the targets, as a folded host list
	State  State     `json:"state"`
	Said   string    `json:"said,omitempty"` // the end in a sentence
	Began  time.Time `json:"began"`
	Ended  time.Time `json:"ended,omitzero"`

	Wave    int    `json:"wave"`            // the one under way, from 1
	Waves   int    `json:"waves"`           //
	Updates int    `json:"updates"`         // told so far
	Counts  Counts `json:"counts"`          //
	Cancel  string `json:"cancel,omitzero"` // why it is stopping, while it still runs

	// Outcomes gives the nodes by what became of them, as folded host lists; filled
	// in when the run has ended.
	Outcomes *Outcomes `json:"outcomes,omitempty"`
}

// Counts counts a run's nodes.
type Counts struct {
	Total   int `json:"total"`   // to be switched
	Good    int `json:"good"`    // switched, and where they should be
	Bad     int `json:"bad"`     // failed or unknown
	Blocked int `json:"blocked"` // those that the plan had blocked included
}

// Outcomes holds folded host lists. A list that is too long is left empty.
type Outcomes struct {
	OK         string `json:"ok,omitempty"`
	Unverified string `json:"unverified,omitempty"`
	Failed     string `json:"failed,omitempty"`
	Unknown    string `json:"unknown,omitempty"`
	NotBegun   string `json:"not_begun,omitempty"`
	Blocked    string `json:"blocked,omitempty"`
	Passed     string `json:"passed,omitempty"`  // nothing had to be done
	Skipped    string `json:"skipped,omitempty"` // was there already
}

// run is one run. The goroutine that drives it alone writes; everybody reads.
type run struct {
	id    string
	epoch int64 // who drives it; see [Runner.drive]
	sub   Submission
	began time.Time
	// concerned are the nodes that say who may see the run and stop it; see [Runner.Concerns].
	concerned string
	ctx       context.Context
	cancel    context.CancelCauseFunc

	mu      sync.Mutex
	now     Info
	updates []Update
	grown   chan struct{} // closed when there is another update
	awaited bool          // somebody may wait on grown
}

func newRun(id string, s Submission) *run {
	run := &run{id: id, epoch: 1, sub: s, began: time.Now(), concerned: s.concerned(), grown: make(chan struct{})}
	t := s.Plan.Totals()
	run.now = Info{
		ID: id, Epoch: run.epoch, Op: s.Op, Actor: s.Actor, Door: s.Door, Remote: s.Remote,
		Asked: s.Room.Fold(s.Plan.Asked), State: Running, Began: run.began, Waves: t.Waves,
		Counts: Counts{Total: t.Switched},
	}
	return run
}

// tell adds an update and lets followers know.
func (r *run) tell(u Update) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u.N, u.Time = len(r.updates)+1, time.Now()
	switch u.Kind {
	case WaveBegan:
		r.now.Wave = u.Wave
	case Result:
		switch u.Outcome {
		case fleet.OK, fleet.Unverified:
			r.now.Counts.Good++
		case fleet.Failed, fleet.Unknown:
			r.now.Counts.Bad++
		case fleet.NotBegun:
		}
	case Blocked:
		r.now.Counts.Blocked += u.Count
	case Ended:
		r.now.State, r.now.Said, r.now.Ended = u.State, u.Said, u.Time
	case Passed, StepBegan, WaveEnded, Settling, Settled:
	}
	r.updates = append(r.updates, u)
	if r.awaited {
		close(r.grown)
		r.grown, r.awaited = make(chan struct{}), false
	}
}

// since gives the updates behind the first n, whether there will be no more, and
// what to wait on if there may be.
func (r *run) since(n int) (updates []Update, over bool, grown <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n < len(r.updates) {
		updates = r.updates[n:]
	}
	r.awaited = true
	return updates, r.now.State.Final(), r.grown
}

func (r *run) info() Info {
	r.mu.Lock()
	defer r.mu.Unlock()
	info := r.now
	info.Updates = len(r.updates)
	if s := stoppedBy(r.ctx); s != nil && !info.State.Final() {
		info.Cancel = s.said
	}
	return info
}

func (r *run) ended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.State.Final()
}

func (r *run) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.updates)
}

func (r *run) targets() string { return r.now.Asked }

func (r *run) name(id room.NodeID) string { return r.sub.Room.Nodes[id].Name }
