package run

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/store"
)

// keepUpdates bounds the updates of ended runs that are kept in memory, the newest aside.
const keepUpdates = 50_000

// Runner owns runs. Its methods may be called from any goroutine.
type Runner struct {
	opts Options
	ctx  context.Context
	stop context.CancelCauseFunc
	wg   sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	active  int // that have not ended
	byID    map[string]*run
	order   []*run // as submitted
	claims  claims
	loaded  []*run // from the store, not yet driven
	gate    *plan.Gate
	gateFor *room.Room
	gateAt  time.Time

	times durations
}

// Conflict is what is done when another run is at work on a plan's nodes.
type Conflict string

// What can be done.
const (
	Refuse   Conflict = ""          // nothing, and say who is in the way
	WhenFree Conflict = "when-free" // begin when the others have ended
	TakeOver Conflict = "take-over" // cancel the others, and begin when they have ended
)

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
	// Conflict says what is done about other runs.
	Conflict Conflict
	// May says whether who asks may have another plan carried out, of a later room, which
	// [Options.Replan] has made because the run had to wait. Nil is always. It is forgotten
	// with the daemon: see [Options.Unbounded].
	May func(*room.Room, plan.Plan) error
}

// New makes a runner without runs. [Runner.Load] and [Runner.GoOn] bring those that a
// daemon before this one left.
func New(opts Options) *Runner {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.NewID == nil {
		opts.NewID = rand.Text
	}
	if opts.Owner == "" {
		opts.Owner = rand.Text()
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
// disk and the run is under way, or waits for others if that was wanted; ctx bounds only
// the time up to there.
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
	run.adopt(s)
	behind, rivals, err := r.admit(run)
	if err != nil {
		return "", err
	}
	d := newDrive(r, run, 1)
	if len(behind) > 0 {
		d.queue(behind)
	} else {
		d.tellPlanned()
		d.advance()
	}
	if err := r.begin(ctx, d); err != nil {
		r.withdraw(d)
		return "", &room.Error{Code: room.CodeInternal, Op: s.Op, Said: "nothing was done, since it could not be put on record", Err: err}
	}
	r.opts.Log.Info("run began", "run", run.id, "epoch", run.epoch.Load(), "plan", s.Plan.Summary())
	go func() {
		defer r.wg.Done()
		d.drive()
	}()
	if s.Conflict == TakeOver {
		for _, id := range slices.Concat(behind, rivals) {
			_ = r.cancel(id, "taken over by run "+run.id+by(s.Actor)) // it may have ended meanwhile
		}
	}
	return run.id, nil
}

// begin writes down a new run, the intent, and its first steps.
func (r *Runner) begin(ctx context.Context, d *drive) error {
	it := d.run
	row := &store.Run{
		ID: it.id, Status: string(d.status()), Goal: it.sub.Plan.Goal.String(), Actor: it.sub.Actor, Door: it.sub.Door, Remote: it.sub.Remote,
		Note: it.sub.Note, Asked: it.now.Asked, Concerned: it.concerned, Owner: r.opts.Owner, Epoch: 1, Beat: it.began, Began: it.began,
		Report: it.encodeHead(),
	}
	if r.opts.Store != nil {
		row.Plan = it.sub.Plan.Encode(it.sub.Room)
	}
	page := encodeLog(d.pending)
	err := r.opts.Events.AppendWith(ctx, func(tx *store.Tx) error {
		if r.opts.Store == nil {
			return nil
		}
		if err := tx.AddRun(row); err != nil {
			return err
		}
		return tx.AppendRun(it.id, 1, row.Status, 1, it.began, page)
	}, it.intent())
	if err != nil {
		return err
	}
	it.mu.Lock()
	it.seq = row.Seq
	it.mu.Unlock()
	d.published()
	return nil
}

// admit gives a run its place and its claims on nodes; behind are the runs that it has
// to wait for, if it may. Rivals are those that wait to take over some of the same nodes:
// of them the last one counts.
func (r *Runner) admit(it *run) (behind, rivals []string, err error) {
	busy := func(said string) error {
		return &room.Error{Code: room.CodeBusy, Op: it.sub.Op, Subject: it.now.Asked, Said: said}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, nil, busy("the daemon is stopping")
	case r.active >= r.opts.AtOnce:
		return nil, nil, busy("too many runs are under way")
	}
	taken, behind := r.claims.inTheWay(it)
	if len(taken) > 0 && it.sub.Conflict == Refuse {
		return nil, nil, &room.Error{
			Code: room.CodeBusy, Op: it.sub.Op, Subject: it.sub.Room.Fold(taken),
			Said: r.whose(behind) + " at work there; wait for it, or cancel it",
		}
	}
	if len(taken) == 0 {
		r.claims.take(it)
		it.claimed = true
	}
	if it.conflict == TakeOver {
		rivals = r.rivals(it)
	}
	r.enroll(it)
	return behind, rivals, nil
}

// rivals gives the runs that wait to take over nodes that a run has to do with. The caller
// has the lock.
func (r *Runner) rivals(it *run) (ids []string) {
	mine := make(claims)
	mine.take(it)
	for _, o := range r.order {
		if o.conflict != TakeOver || o.claimed || !o.waiting() {
			continue
		}
		if taken, _ := mine.inTheWay(o); len(taken) > 0 {
			ids = append(ids, o.id)
		}
	}
	return ids
}

// enroll takes a run in. The caller has the lock.
func (r *Runner) enroll(it *run) {
	it.ctx, it.cancel = context.WithCancelCause(r.ctx)
	r.active++
	r.byID[it.id] = it
	r.order = append(r.order, it)
	r.wg.Add(1)
}

// whose says which runs are in the way, and whose they are. The caller has the lock.
func (r *Runner) whose(ids []string) string {
	text := ""
	for i, id := range ids {
		if i > 0 {
			text += " and "
		}
		text += "run " + id
		if it := r.byID[id]; it != nil {
			text += by(it.actor)
		}
	}
	if len(ids) == 1 {
		return text + " is"
	}
	return text + " are"
}

// by words who did something, if that is known.
func by(actor string) string {
	if actor == "" {
		return ""
	}
	return " by " + actor
}

// withdraw takes back what admit did, for a run that has not begun.
func (r *Runner) withdraw(d *drive) {
	defer r.wg.Done()
	d.discard()
	it := d.run
	it.cancel(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active--
	r.claims.release(it)
	delete(r.byID, it.id)
	r.order = slices.DeleteFunc(r.order, func(o *run) bool { return o == it })
	r.stir()
}

// retire forgets the oldest ended runs, and has others look whether this one stood in
// their way.
func (r *Runner) retire(it *run) {
	it.cancel(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(it)
	r.stir()
	for _, o := range r.order {
		if !o.state().Final() {
			o.box.post(letter{kind: letterLook}) // what waits for limits may see that nothing frees them any more
		}
	}
}

// forget bounds what is kept in memory of ended runs. The caller has the lock.
func (r *Runner) forget(newest *run) {
	kept, updates := 0, 0
	for _, o := range slices.Backward(r.order) {
		if o != newest && !o.state().Final() {
			continue
		}
		kept++
		updates += o.size()
		switch {
		case kept <= 1:
		case kept > r.opts.Keep || updates > keepUpdates && r.opts.Store == nil:
			delete(r.byID, o.id)
		case updates > keepUpdates:
			o.drop()
		}
	}
	r.order = slices.DeleteFunc(r.order, func(o *run) bool { return r.byID[o.id] == nil })
}

// drop forgets the updates, which are in the store.
func (r *run) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.dropped {
		r.now.Updates = len(r.updates)
		r.updates, r.dropped = nil, true
	}
}

// stir gives nodes that are free to runs that wait for them: those that take over first,
// then the oldest. The caller has the lock.
func (r *Runner) stir() {
	var waiting []*run
	for _, over := range []bool{true, false} {
		for _, it := range r.order {
			if (it.conflict == TakeOver) == over && !it.claimed && it.waiting() {
				waiting = append(waiting, it)
			}
		}
	}
	for _, it := range waiting {
		taken, behind := r.claims.inTheWay(it)
		if len(taken) > 0 {
			it.change(func(info *Info) { info.Behind = behind })
			continue
		}
		r.claims.take(it)
		it.claimed = true
		it.box.post(letter{kind: letterFree})
	}
}

func (r *Runner) find(id string) (*run, error) {
	r.mu.Lock()
	it := r.byID[id]
	r.mu.Unlock()
	if it != nil {
		return it, nil
	}
	missing := &room.Error{Code: room.CodeNotFound, Op: "run", Subject: id, Said: "there is no such run (or it ended long ago; see the events)"}
	if r.opts.Store == nil {
		return nil, missing
	}
	row, err := r.opts.Store.Run(context.Background(), id)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && row.Ended.IsZero():
		return nil, missing
	case err != nil:
		return nil, &room.Error{Code: room.CodeInternal, Op: "run", Subject: id, Said: "it cannot be read", Err: err}
	}
	return endedRun(&row), nil
}

// findWhole is find with the updates.
func (r *Runner) findWhole(id string) (*run, error) {
	it, err := r.find(id)
	if err != nil {
		return nil, err
	}
	it.mu.Lock()
	dropped := it.dropped
	it.mu.Unlock()
	if !dropped {
		return it, nil
	}
	parts, err := r.opts.Store.RunLog(context.Background(), id)
	if err != nil {
		return nil, &room.Error{Code: room.CodeInternal, Op: "run", Subject: id, Said: "its log cannot be read", Err: err}
	}
	whole := &run{id: id, now: it.info(), ctx: it.ctx, grown: make(chan struct{})}
	whole.updates, err = decodeLog(parts)
	if err != nil {
		return nil, &room.Error{Code: room.CodeInternal, Op: "run", Subject: id, Said: "its log cannot be read", Err: err}
	}
	return whole, nil
}

// Get tells how it stands with a run. The error is CodeNotFound.
func (r *Runner) Get(id string) (Info, error) {
	run, err := r.find(id)
	if err != nil {
		return Info{}, err
	}
	return run.info(), nil
}

// List tells how it stands with all runs that are kept in memory, the newest first.
// Outcomes are left out; [Runner.Get] has them, and [Runner.History] older runs.
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

// History gives a page of the runs that have ended, the newest first, that were submitted
// before the one with the given [Info.Seq]; zero is the newest. A page that is not full
// is the last.
func (r *Runner) History(ctx context.Context, before int64, page int) ([]Info, error) {
	if r.opts.Store == nil {
		return nil, nil
	}
	rows, err := r.opts.Store.EndedRuns(ctx, before, page)
	if err != nil {
		return nil, err
	}
	list := make([]Info, 0, len(rows))
	for i := range rows {
		info := endedRun(&rows[i]).info()
		info.Outcomes = nil
		list = append(list, info)
	}
	return list, nil
}

// Active counts the runs that have not ended.
func (r *Runner) Active() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active
}

// Prune deletes the runs that ended before a time, and says how many.
func (r *Runner) Prune(ctx context.Context, before time.Time) (int64, error) {
	if r.opts.Store == nil {
		return 0, nil
	}
	return r.opts.Store.PruneRuns(ctx, before, 0)
}

// Close stops the work on all runs and waits until what devices are doing is over. Runs
// that have not ended go on with the next daemon, if there is a store.
func (r *Runner) Close() {
	r.mu.Lock()
	r.closed = true
	left := r.loaded
	r.loaded = nil
	for range left { // they were never driven
		r.wg.Done()
	}
	r.mu.Unlock()
	r.stop(parking)
	r.wg.Wait()
}

// stopped is why a run's context ended.
type stopped struct {
	state State
	said  string
}

func (s *stopped) Error() string { return s.said }

// parking is why the contexts of all runs end with the daemon.
var parking = &stopped{Running, "the daemon is stopping"}

// stoppedBy gives the reason why a context ended, if a runner ended it.
func stoppedBy(ctx context.Context) *stopped {
	if ctx == nil {
		return nil
	}
	var s *stopped
	errors.As(context.Cause(ctx), &s)
	return s
}

// note writes something down about a run apart from its updates.
func (r *Runner) note(ctx context.Context, fn func(*store.Tx) error, events ...*event.Event) error {
	if r.opts.Store == nil {
		return nil
	}
	return r.opts.Events.AppendWith(ctx, fn, events...)
}
