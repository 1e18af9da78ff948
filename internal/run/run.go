package run

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/store"
)

// State is how it stands with a run.
type State string

// The states. The first three are of runs that have not ended.
const (
	Queued    State = "queued" // it waits for others to end
	Running   State = "running"
	Paused    State = "paused"    // nothing new begins until it is resumed
	Done      State = "done"      // every node is where the plan wanted it
	Partial   State = "partial"   // some are, some are not
	Failed    State = "failed"    // not one of the nodes that were to be switched is
	Cancelled State = "cancelled" // stopped by [Runner.Cancel] before it was through
)

// States gives every state.
func States() []State { return []State{Queued, Running, Paused, Done, Partial, Failed, Cancelled} }

// Final says whether nothing more will happen.
func (s State) Final() bool { return s != Running && s != Queued && s != Paused }

// Info tells how it stands with a run.
type Info struct {
	ID     string    `json:"id"`
	Seq    int64     `json:"seq,omitempty"` // by which runs were submitted
	Epoch  int64     `json:"epoch"`
	Op     string    `json:"op"`
	Actor  string    `json:"actor,omitempty"`
	Door   string    `json:"door,omitempty"`
	Remote string    `json:"remote,omitempty"`
	Note   string    `json:"note,omitempty"`
	Asked  string    `json:"asked"` // the targets, as a folded host list
	State  State     `json:"state"`
	Said   string    `json:"said,omitempty"` // the end in a sentence
	Began  time.Time `json:"began"`
	Ended  time.Time `json:"ended,omitzero"`

	Updates int      `json:"updates"` // told so far
	Counts  Counts   `json:"counts"`
	Cancel  string   `json:"cancel,omitempty"`  // why it is stopping, while it still runs
	Behind  []string `json:"behind,omitempty"`  // while it is queued: the runs that it waits for
	Trouble string   `json:"trouble,omitempty"` // why it cannot go on for the moment

	// Outcomes gives the nodes by what became of them, as folded host lists; filled
	// in when the run has ended.
	Outcomes *Outcomes `json:"outcomes,omitempty"`
}

// Counts counts a run's steps: one for each node, two in a cycle.
type Counts struct {
	Total   int `json:"total"`   // to be done
	Good    int `json:"good"`    // done, and the node is where it should be
	Bad     int `json:"bad"`     // failed or unknown
	Blocked int `json:"blocked"` // those that the plan had blocked included
	Active  int `json:"active"`  // under way, or about to be tried again
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
	epoch atomic.Int64 // who drives it; see drive
	sub   Submission
	// actor and conflict are as submitted, and never change.
	actor    string
	conflict Conflict
	revived  bool // it was another daemon that took it in
	seq      int64
	began    time.Time
	// concerned are the nodes that say who may see the run and stop it; see [Runner.Concerns].
	concerned string
	ctx       context.Context
	cancel    context.CancelCauseFunc
	kept      *store.Run // what the store has of a run that is to go on
	box       mailbox
	claimed   bool       // it has its nodes; the runner's lock guards it
	wanting   sync.Mutex // who wants something of it: on the disk and in memory the last one counts

	mu      sync.Mutex
	now     Info
	waits   bool // for others to end
	updates []Update
	dropped bool          // the updates are in the store alone
	parked  bool          // the daemon is stopping, and it goes on with the next
	grown   chan struct{} // closed when there is another update
	awaited bool          // somebody may wait on grown
}

func newRun(id string, s Submission) *run {
	run := &run{id: id, sub: s, actor: s.Actor, conflict: s.Conflict, began: time.Now(), grown: make(chan struct{})}
	run.box.wake = make(chan struct{}, 1)
	run.epoch.Store(1)
	run.now = Info{
		ID: id, Epoch: 1, Op: s.Op, Actor: s.Actor, Door: s.Door, Remote: s.Remote, Note: s.Note, State: Running, Began: run.began,
	}
	return run
}

// adopt takes in a plan.
func (r *run) adopt(s Submission) {
	total := 0
	for i := range s.Plan.Steps {
		if s.Plan.Steps[i].Acts != 0 {
			total++
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sub = s
	if s.Room != nil {
		r.concerned = s.concerned()
		r.now.Asked = s.Room.Fold(s.Plan.Asked)
	}
	r.now.Counts.Total = total
}

// tell adds updates, which are on the disk by now, and lets followers know.
func (r *run) tell(list []Update) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range list {
		r.count(&list[i])
	}
	r.updates = append(r.updates, list...)
	if r.awaited && len(list) > 0 {
		close(r.grown)
		r.grown, r.awaited = make(chan struct{}), false
	}
}

// count takes an update into the run's state.
func (r *run) count(u *Update) {
	c := &r.now.Counts
	switch u.Kind {
	case StepBegan:
		c.Active += u.Count
	case Result:
		c.Active -= u.Count
		switch u.Outcome {
		case fleet.OK, fleet.Unverified:
			c.Good++
		case fleet.Failed, fleet.Unknown:
			c.Bad++
		case fleet.NotBegun, fleet.Skipped:
		}
	case Blocked:
		c.Blocked += u.Count
	case PausedNow:
		r.now.State = Paused
	case Resumed:
		r.now.State = Running
		if r.waits {
			r.now.State = Queued
		}
	case Begins:
		r.waits, r.now.Behind = false, nil
		if r.now.State == Queued {
			r.now.State = Running
		}
	case Waits:
		r.now.State, r.waits = Queued, true
	case Continued:
		r.now.Epoch = u.Epoch
	case Ended:
		r.now.State, r.now.Said, r.now.Ended = u.State, u.Said, u.Time
		r.now.Counts.Active, r.now.Cancel, r.now.Trouble = 0, "", ""
	case Passed, Phase, Retrying, Awaiting, Asking, Disputed, Settling, Settled:
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
	return updates, r.now.State.Final() || r.parked, r.grown
}

// park lets followers go: the run goes on when the next daemon does.
func (r *run) park() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parked = true
	close(r.grown)
	r.grown = make(chan struct{})
}

func (r *run) info() Info {
	r.mu.Lock()
	defer r.mu.Unlock()
	info := r.now
	if !r.dropped {
		info.Updates = len(r.updates)
	}
	info.Seq = r.seq
	if s := stoppedBy(r.ctx); s != nil && !info.State.Final() && s != parking {
		info.Cancel = s.said
	}
	return info
}

// change changes what is told of a run, but for its updates.
func (r *run) change(fn func(*Info)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fn(&r.now)
}

func (r *run) state() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.State
}

// waiting says whether the run waits for others to end.
func (r *run) waiting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waits && !r.now.State.Final()
}

func (r *run) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.updates)
}
