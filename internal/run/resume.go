package run

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/store"
)

// Load takes over the runs that a daemon before this one left, under new epochs, so that
// they can be asked for; nothing is done yet. It is called once, before the doors open.
func (r *Runner) Load(ctx context.Context) error {
	if r.opts.Store == nil {
		return nil
	}
	open, err := r.opts.Store.OpenRuns(ctx)
	if err != nil {
		return err
	}
	var loaded []*run
	for i := range open {
		it, err := r.load(ctx, &open[i])
		if err != nil {
			return err
		}
		loaded = append(loaded, it)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, it := range loaded {
		r.enroll(it)
	}
	r.loaded = loaded
	return nil
}

// load takes one run over.
func (r *Runner) load(ctx context.Context, row *store.Run) (*run, error) {
	err := r.opts.Events.AppendWith(ctx, func(tx *store.Tx) error {
		return tx.TakeRun(row.ID, row.Epoch, r.opts.Owner, time.Now())
	})
	if err != nil {
		return nil, err
	}
	var k kept
	_ = json.Unmarshal(row.Report, &k) // what cannot be read is empty
	op := k.Info.Op
	if op == "" {
		op = row.Goal
	}
	it := newRun(row.ID, Submission{Actor: row.Actor, Door: row.Door, Remote: row.Remote, Op: op, Note: row.Note, Mark: k.Mark})
	it.seq, it.began, it.concerned = row.Seq, row.Began, row.Concerned
	it.epoch.Store(row.Epoch + 1)
	it.revived = true
	it.now.Began, it.now.Epoch, it.now.Asked, it.now.Counts.Total = row.Began, row.Epoch+1, row.Asked, k.Info.Counts.Total
	parts, err := r.opts.Store.RunLog(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	updates, err := decodeLog(parts)
	if err != nil {
		r.opts.Log.Error("the log of a run cannot be read; it ends here", "run", row.ID, "why", err)
		row.Plan = nil
	}
	it.tell(updates)
	it.kept = row
	return it, nil
}

// Unfinished says whether a request is a run that has not ended: its intent is closed
// when it does.
func (r *Runner) Unfinished(request string) bool {
	r.mu.Lock()
	it := r.byID[request]
	r.mu.Unlock()
	return it != nil && !it.state().Final()
}

// GoOn has the runs that [Runner.Load] found go on, in the present room.
func (r *Runner) GoOn() {
	r.mu.Lock()
	loaded := r.loaded
	r.loaded = nil
	r.mu.Unlock()
	drives := make([]*drive, len(loaded))
	for i, it := range loaded {
		drives[i] = r.revive(it)
	}
	for _, d := range drives {
		go func() {
			defer r.wg.Done()
			d.drive()
		}()
	}
	r.recallEnded()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stir()
}

// recallEnded reads the runs that ended last, so that they are listed. Those that go on
// do not wait for it.
func (r *Runner) recallEnded() {
	if r.opts.Store == nil {
		return
	}
	rows, err := r.opts.Store.EndedRuns(context.Background(), 0, r.opts.Keep)
	if err != nil {
		r.opts.Log.Warn("earlier runs cannot be listed", "why", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var ended []*run
	for i := len(rows) - 1; i >= 0; i-- {
		if r.byID[rows[i].ID] != nil {
			continue // it ended just now
		}
		it := endedRun(&rows[i])
		r.byID[it.id] = it
		ended = append(ended, it)
	}
	r.order = append(ended, r.order...)
}

// revive makes ready to drive a run from what it has told.
func (r *Runner) revive(it *run) *drive {
	row := it.kept
	it.kept = nil
	rm := &room.Room{}
	if r.opts.Room != nil {
		rm = r.opts.Room()
	}
	s := it.sub
	s.Room = rm
	p, names, err := plan.Decode(rm, row.Plan)
	if err != nil {
		p = plan.Plan{Goal: plan.Up}
		it.cancel(&stopped{Failed, "the daemon was away, and the run cannot go on: " + err.Error()})
	}
	s.Plan = p
	before, concerned := it.info(), it.concerned
	it.adopt(s)
	it.change(func(info *Info) {
		info.Asked, it.concerned = before.Asked, concerned
		if err != nil {
			info.Counts.Total = before.Counts.Total
		}
	})
	d := newDrive(r, it, it.epoch.Load())
	if len(names) == len(d.names) {
		d.names = names
	}
	d.fold(it.updates)
	d.tell(Update{Kind: Continued, Epoch: d.epoch}, nil)
	d.obey(row.Control)
	if len(d.queued) == 0 {
		r.mu.Lock()
		r.claims.take(it)
		it.claimed = true
		r.mu.Unlock()
	}
	r.opts.Log.Info("run goes on", "run", it.id, "epoch", d.epoch)
	return d
}

// obey does what was wanted of the run while nobody drove it.
func (d *drive) obey(control string) {
	want, by, _ := strings.Cut(control, " by ")
	switch {
	case want == wantPause:
		d.paused = true
		if d.run.state() != Paused {
			d.tell(Update{Kind: PausedNow, By: by}, nil)
		}
	case strings.HasPrefix(control, wantCancel+" "):
		d.run.cancel(&stopped{Cancelled, strings.TrimPrefix(control, wantCancel+" ")})
	case d.run.state() == Paused:
		d.tell(Update{Kind: Resumed}, nil)
	}
}

// soon bounds how long a wait that was begun earlier still takes: clocks are set.
func soon(until time.Time, most time.Duration) time.Time {
	if latest := time.Now().Add(most); most > 0 && until.After(latest) {
		return latest
	}
	return until
}

// past is what a log says of settling, which is known only behind the results.
type past struct {
	until   map[int32]time.Time
	settled map[int32]bool
}

// fold works out from what was told how it stands with each step.
func (d *drive) fold(updates []Update) {
	at := make(map[string][2]int32, len(d.names))
	for i, name := range d.names {
		pair, found := at[name]
		if !found {
			pair = [2]int32{room.None, room.None}
		}
		pair[b2i(d.plan.Steps[i].Do == plan.Down)] = int32(i)
		at[name] = pair
	}
	each := func(u *Update, do func(i int32)) {
		names, err := anyLength.Parse(u.Nodes)
		if err != nil {
			return
		}
		for name := range names.All() {
			if pair, found := at[name]; found && pair[b2i(u.Op == "off")] != room.None {
				do(pair[b2i(u.Op == "off")])
			}
		}
	}
	p := past{make(map[int32]time.Time), make(map[int32]bool)}
	for n := range updates {
		switch u := &updates[n]; u.Kind {
		case Settling:
			each(u, func(i int32) { p.until[i] = u.Until })
		case Settled:
			each(u, func(i int32) { p.settled[i] = true })
		}
	}
	for n := range updates {
		u := &updates[n]
		switch u.Kind {
		case Waits:
			d.queued = []string{u.By}
		case Begins:
			d.queued = nil
		default:
			each(u, func(i int32) { d.foldStep(i, u, &p) })
		}
	}
	d.pickUp()
}

// foldStep takes one update about a step in.
func (d *drive) foldStep(i int32, u *Update, p *past) {
	s := &d.steps[i]
	switch u.Kind {
	case Passed:
		s.fate = passed
		d.past(i, p)
	case StepBegan:
		s.begun = true
	case Retrying:
		s.attempts, s.said, s.power = int32(u.Attempt)-1, u.Said, u.Power
		s.phase, s.started = retrying, false
		most := time.Duration(0)
		if node := d.plan.Steps[i].Node; node != room.None {
			most = d.room.Conduct(node).RetryMost
		}
		d.alarms.set(alarm{soon(u.Until, most), i, false})
	case Disputed:
		s.disputed = true
	case Phase:
		s.cut = s.cut || u.Act == "cut"
		s.started = s.started || u.Act == plan.Checks.String()
		if u.Attempt > 0 { // it waits no more
			s.phase = idle
		}
	case Result:
		s.said, s.power, s.phase = u.Said, u.Power, idle
		switch u.Outcome {
		case fleet.OK, fleet.Unverified:
			s.fate = good
			if u.Outcome == fleet.Unverified {
				s.fate = unverified
			}
			d.past(i, p)
			return
		case fleet.NotBegun:
			s.fate = notBegun
		case fleet.Unknown:
			s.fate = unknown
		default:
			s.fate = failed
		}
		d.foldFail(i)
	default:
	}
}

// past lets those go on that wait for a step that went well in the past.
func (d *drive) past(i int32, p *past) {
	d.deps.Ended(i)
	if until, settles := p.until[i]; settles && !p.settled[i] {
		d.settling++
		d.alarms.set(alarm{soon(until, d.plan.Steps[i].Settle), i, true})
		return
	}
	d.deps.Good(i)
}

// foldFail blocks what is blocked by a step, as [drive.block] did when it told so.
func (d *drive) foldFail(i int32) {
	never := d.deps.Fail(i)
	d.deps.Ended(i)
	for _, n := range never {
		s, p := &d.steps[n], &d.plan.Steps[n]
		if s.fate == pending && !s.begun {
			s.fate = blocked
			if p.Acts == 0 && p.Node != room.None && len(d.room.Nodes[p.Node].Cords) > 0 {
				s.fate = passed
			}
		}
		d.deps.Ended(n)
	}
}

// pickUp finds what is to go on: what was cut off in the act comes first, and what
// waited to be tried again when its time comes.
func (d *drive) pickUp() {
	d.ready = d.deps.Begin()
	for i := range d.steps {
		s := &d.steps[i]
		if !s.begun || s.fate != pending {
			continue
		}
		d.busy++
		if s.phase != retrying {
			if s.attempts == 0 && d.plan.Steps[i].Node != room.None {
				s.attempts = d.before(int32(i))
			}
			s.phase, s.resumed = retrying, true
			d.again = append(d.again, int32(i))
		}
	}
}
