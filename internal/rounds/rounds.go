// Package rounds has the checks of a room made: each at its own time, again when they
// were bad, on demand, and after a node was started until all is well or time is up. It
// holds what each has said last.
//
// Looks are spread evenly in time: when a check of a node is due follows from a hash of
// the two names, so 5,000 looks a minute come one by one and not in bursts, and at the
// same times before and after a reload. There are never more at once than Options.AtOnce,
// and never two of the same check of the same node. A check that is waiting for its time
// costs an entry in a heap and no goroutine.
//
// # What counts
//
// What a look says is not at once what counts. Ok counts at once; anything else when it
// was said by Retries more looks in a row, RetryAfter apart. Events and [Report.Verdict]
// are about what counts; [Report.Last] is what was seen last. A check whose looks keep
// changing is flapping, and then leaves no event for each change.
//
// # What goes wrong
//
// A check that does not end when it should blocks itself only: it is said, its place goes
// to others, and it is not made again until it has ended. One that panics is unknown.
// Evidence is cut to one line, and what is secret in the check's credential masked.
//
// Start at [New], [Rounds.Apply] and [Rounds.Run]; schedule.go is when, look.go one look,
// count.go what counts, change.go what is told.
package rounds

import (
	"context"
	"log/slog"
	"net"
	"sort"
	"sync"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// Options are what is needed from outside. None of the functions may call Rounds.
type Options struct {
	// AtOnce is the most looks at the same time; zero is DefaultAtOnce.
	AtOnce int

	// Wanted says whether a node is to be looked at unasked: not if it is off, say, or
	// in maintenance. Nil wants all.
	Wanted func(node string) bool

	// Credential resolves a credential of the room by name, anew at each look. It is
	// not called for a check that names none.
	Credential func(ctx context.Context, r *room.Room, name string) (secret.Resolved, error)

	// What checks work with; see [check.Env]. A nil Dial, Measure or State can do
	// nothing; a nil DialContext is a plain net.Dialer.
	Dial        driver.Dial
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	Measure     func(ctx context.Context, node string) ([]check.Value, error)
	State       func(ctx context.Context, node string, op room.Op) (room.State, error)

	// Events takes what has changed, as an [event.Log] does. Nil drops it.
	Events interface{ AppendLater(event.Event) }
	// Changed is told of all changes at once, one by one, also of silent ones: who
	// follows it knows what counts of every check. Nil is fine.
	Changed func(Change)

	Log *slog.Logger // nil drops it
}

// Bounds and usual values.
const (
	DefaultAtOnce = 64
	// DefaultTimeout and DefaultRetryAfter stand in where a check names none.
	DefaultTimeout    = 10 * time.Second
	DefaultRetryAfter = 5 * time.Second
	// Grace is how much longer than its time-out a look may take before it hangs.
	Grace = 2 * time.Second
)

// Report is how one check of one node stands.
type Report struct {
	Node, Check, Kind string

	Verdict check.Verdict // the one that counts
	Since   time.Time     // since when it does; zero if it was never looked
	Last    check.Result  // what the last look said
	At      time.Time     // when the last look ended; zero if there was none
	Attempt int           // looks in a row that have said the same, if that is not ok
	LastOK  time.Time     // when a look was last ok
	// Flapping says that the looks keep changing.
	Flapping bool
	// Hangs says that a look has not ended though its time is long up; since At.
	Hangs bool
	// Starting says that the node is up only when this is ok.
	Starting bool
}

// Rounds has checks made.
type Rounds struct {
	opts Options
	ctx  context.Context // of all looks
	stop context.CancelFunc
	wake chan struct{} // the schedule has an earlier entry, or is new

	out sync.Mutex // taken before mu: what is told is told in the order in which it came about

	mu      sync.Mutex
	room    *room.Room
	loops   map[string]bool // checks that stand on themselves
	jobs    map[key]*job
	byNode  map[string][]*job // in the node's order; those that others need only are last
	heap    schedule
	ready   queue // due, and waiting for a place
	running int
	looked  uint64 // looks that have begun
	heard   []func(Report)
	told    folder
	closed  bool
	looks   sync.WaitGroup // those that do not hang
}

// key names a check of a node.
type key struct{ node, check string }

// New makes rounds of nothing; see Apply.
func New(o Options) *Rounds {
	if o.AtOnce <= 0 {
		o.AtOnce = DefaultAtOnce
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.DialContext == nil {
		o.DialContext = new(net.Dialer).DialContext
	}
	o.fill()
	r := &Rounds{opts: o, wake: make(chan struct{}, 1), jobs: make(map[key]*job), byNode: make(map[string][]*job)}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

// Every has f hear of every look that has ended, one after the other. It must not block,
// and is to be set before Run.
func (r *Rounds) Every(f func(Report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, f)
}

// Last gives how a node's checks stand, in the order of its configuration.
func (r *Rounds) Last(node string) []Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Report
	for _, j := range r.byNode[node] {
		if j.own {
			list = append(list, j.report())
		}
	}
	return list
}

// All gives how all checks stand, sorted by node and then as [Rounds.Last] does.
func (r *Rounds) All() []Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	nodes := make([]string, 0, len(r.byNode))
	for node := range r.byNode {
		nodes = append(nodes, node)
	}
	sort.Strings(nodes)
	list := make([]Report, 0, len(r.jobs))
	for _, node := range nodes {
		for _, j := range r.byNode[node] {
			if j.own {
				list = append(list, j.report())
			}
		}
	}
	return list
}

// Now looks at a node at once: by the checks that are named, else by all it has. A name
// that the node has no check of is left out. When ctx ends first, what was not seen is as
// it was before.
func (r *Rounds) Now(ctx context.Context, node string, names ...string) []Report {
	jobs := r.choose(node, func(j *job) bool {
		if len(names) == 0 {
			return j.own
		}
		for _, name := range names {
			if j.key.check == name {
				return true
			}
		}
		return false
	})
	enough := r.now()
	return r.each(jobs, func(j *job) { _, _ = r.await(ctx, j, enough) })
}

func (r *Rounds) choose(node string, want func(*job) bool) []*job {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*job
	for _, j := range r.byNode[node] {
		if want(j) {
			list = append(list, j)
		}
	}
	return list
}

// each does something with some jobs at the same time, and gives how they stand then.
func (r *Rounds) each(jobs []*job, do func(*job)) []Report {
	var all sync.WaitGroup
	for _, j := range jobs {
		all.Go(func() { do(j) })
	}
	all.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Report, len(jobs))
	for i, j := range jobs {
		list[i] = j.report()
	}
	return list
}

// Settle looks at a node that was started until all checks that count for that are ok,
// or until the deadline, or ctx ends: first at once, then after pauses that grow up to
// each check's retry-after. What they have said at the end counts.
func (r *Rounds) Settle(ctx context.Context, node string, deadline time.Time) []Report {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	jobs := r.choose(node, func(j *job) bool { return j.own && j.def.Starting })
	return r.each(jobs, func(j *job) {
		r.mu.Lock()
		most := j.retryAfter()
		r.mu.Unlock()
		pause := max(most/8, min(most, 100*time.Millisecond))
		for {
			last, _ := r.await(ctx, j, r.now())
			if last.Verdict == check.OK || !sleep(ctx, pause) {
				break
			}
			pause = min(2*pause, most)
		}
		r.count(j)
	})
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
