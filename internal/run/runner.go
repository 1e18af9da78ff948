package run

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
)

// Fleet switches nodes; *fleet.Fleet does.
type Fleet interface {
	Do(context.Context, fleet.Request, fleet.Sink) error
}

// Events keeps events; *event.Log does.
type Events interface {
	Append(context.Context, ...*event.Event) error
}

// Options are what a runner needs from outside.
type Options struct {
	Fleet  Fleet
	Events Events
	Log    *slog.Logger // nil: nothing is logged
	// NewID makes the ids of runs, which are also the request ids of their events
	// and so must never come twice. Nil means random ones.
	NewID func() string
	// Keep is how many ended runs can still be asked for; zero means 100. Fewer are
	// kept when they were large.
	Keep int
	// AtOnce is how many runs may be under way; zero means 256.
	AtOnce int
}

// keepUpdates bounds the updates of all ended runs that are kept, the newest aside.
const keepUpdates = 50_000

// Runner owns runs. Its methods may be called from any goroutine.
type Runner struct {
	opts Options
	ctx  context.Context
	stop context.CancelCauseFunc
	wg   sync.WaitGroup

	mu     sync.Mutex
	closed bool
	active int
	byID   map[string]*run
	order  []*run // as submitted
	claims claims
}

// Submission is a plan to be carried out, and who wants it.
type Submission struct {
	Room   *room.Room // the one that the plan was made for
	Plan   plan.Plan
	Actor  string // who asks
	Door   string // through which door
	Remote string // from where
	Op     string // the verb; empty means the plan's goal
	ID     string // names the run, and must never have been used; empty means a fresh name
	Mark   string // kept with the intent, for who asks to know again what they asked
	Note   string // a sentence for the intent's detail, or ""
}

// New makes a runner without runs.
func New(opts Options) *Runner {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.NewID == nil {
		opts.NewID = rand.Text
	}
	if opts.Keep == 0 {
		opts.Keep = 100
	}
	if opts.AtOnce == 0 {
		opts.AtOnce = 256
	}
	r := &Runner{opts: opts, byID: make(map[string]*run), claims: make(claims)}
	r.ctx, r.stop = context.WithCancelCause(context.Background())
	return r
}

// Submit begins a run and gives its id. When it returns nil the intent is on the
// disk and the run is under way; ctx bounds only the time up to there.
//
// It fails with CodeBusy, and nothing is done, when a run under way switches one
// of the plan's nodes or counts on one that this plan would switch (the run is
// named), when too many runs are under way, and when the runner is closed.
func (r *Runner) Submit(ctx context.Context, s Submission) (string, error) {
	if s.Op == "" {
		s.Op = s.Plan.Goal.String()
	}
	if s.Room == nil || s.Plan.Goal.Op() == 0 {
		return "", &room.Error{Code: room.CodeInvalid, Op: s.Op, Said: "there is no plan to run"}
	}
	if s.ID == "" {
		s.ID = r.opts.NewID()
	}
	run := newRun(s.ID, s)
	if err := r.admit(run); err != nil {
		return "", err
	}
	if err := r.opts.Events.Append(ctx, run.intent()); err != nil {
		r.withdraw(run)
		return "", &room.Error{Code: room.CodeInternal, Op: s.Op, Said: "nothing was done, since it could not be put on record", Err: err}
	}
	r.opts.Log.Info("run began", "run", run.id, "epoch", run.epoch, "plan", s.Plan.Summary())
	go func() {
		defer r.wg.Done()
		r.drive(run, run.epoch)
	}()
	return run.id, nil
}

// admit gives a run its place and its claims on nodes.
func (r *Runner) admit(it *run) error {
	busy := func(said string) error {
		return &room.Error{Code: room.CodeBusy, Op: it.sub.Op, Subject: it.targets(), Said: said}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return busy("the daemon is stopping")
	case r.active >= r.opts.AtOnce:
		return busy("too many runs are under way")
	}
	if err := r.claims.take(it); err != nil {
		return err
	}
	it.ctx, it.cancel = context.WithCancelCause(r.ctx)
	r.active++
	r.byID[it.id] = it
	r.order = append(r.order, it)
	r.wg.Add(1)
	return nil
}

// withdraw takes back what admit did, for a run that has not begun.
func (r *Runner) withdraw(it *run) {
	defer r.wg.Done()
	it.cancel(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active--
	r.claims.release(it)
	delete(r.byID, it.id)
	r.order = slices.DeleteFunc(r.order, func(o *run) bool { return o == it })
}

// retire frees an ended run's nodes, and forgets the oldest ended runs.
func (r *Runner) retire(it *run) {
	it.cancel(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active--
	r.claims.release(it)
	kept, updates := 0, 0
	for _, o := range slices.Backward(r.order) {
		if o != it && !o.ended() {
			continue
		}
		kept++
		updates += o.size()
		if kept > 1 && (kept > r.opts.Keep || updates > keepUpdates) {
			delete(r.byID, o.id)
		}
	}
	r.order = slices.DeleteFunc(r.order, func(o *run) bool { return r.byID[o.id] == nil })
}

func (r *Runner) find(id string) (*run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if run := r.byID[id]; run != nil {
		return run, nil
	}
	return nil, &room.Error{Code: room.CodeNotFound, Op: "run", Subject: id, Said: "there is no such run (or it ended long ago; see the events)"}
}

// Get tells how it stands with a run. The error is CodeNotFound.
func (r *Runner) Get(id string) (Info, error) {
	run, err := r.find(id)
	if err != nil {
		return Info{}, err
	}
	return run.info(), nil
}

// List tells how it stands with all runs that are kept, the newest first.
// Outcomes are left out; [Runner.Get] has them.
func (r *Runner) List() []Info {
	r.mu.Lock()
	runs := slices.Clone(r.order)
	r.mu.Unlock()
	list := make([]Info, 0, len(runs))
	for _, run := range slices.Backward(runs) {
		info := run.info()
		info.Outcomes = nil
		list = append(list, info)
	}
	return list
}

// Cancel asks a run to stop: no further node is begun, and what devices are doing
// is finished as soon as they let it. It does not wait; the run's last update
// says what was done and what was not. It fails with CodeNotFound, and with
// CodeRefused for a run that has ended.
func (r *Runner) Cancel(id, actor string) error {
	run, err := r.find(id)
	if err != nil {
		return err
	}
	if info := run.info(); info.State.Final() {
		return &room.Error{Code: room.CodeRefused, Op: "cancel run", Subject: id, Said: "it has ended already: " + string(info.State)}
	}
	why := "cancelled"
	if actor != "" {
		why += " by " + actor
	}
	run.cancel(&stopped{Cancelled, why})
	return nil
}

// Close stops all runs, waits for them, and refuses new ones. Runs that it cuts
// off end as interrupted.
func (r *Runner) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop(&stopped{Interrupted, "the daemon is stopping"})
	r.wg.Wait()
}

// stopped is why a run's context ended.
type stopped struct {
	state State
	said  string
}

func (s *stopped) Error() string { return s.said }

// stoppedBy gives the reason why a context ended, if a runner ended it.
func stoppedBy(ctx context.Context) *stopped {
	var s *stopped
	errors.As(context.Cause(ctx), &s)
	return s
}
