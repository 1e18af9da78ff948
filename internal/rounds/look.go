package rounds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// fill puts in what can do nothing.
func (o *Options) fill() {
	if o.Dial == nil {
		o.Dial = func(context.Context, transport.Address, transport.Credentials) (transport.Conn, error) {
			return nil, errors.New("there is no way out of here")
		}
	}
	if o.Measure == nil {
		o.Measure = func(context.Context, string) ([]check.Value, error) { return nil, errors.New("nothing measures here") }
	}
	if o.State == nil {
		o.State = func(context.Context, string, room.Op) (room.State, error) {
			return room.StateUnknown, errors.New("nothing has a state here")
		}
	}
}

// dispatch gives places to those that are ready. The lock is held.
func (r *Rounds) dispatch() {
	for r.running < r.opts.AtOnce && !r.closed {
		j := r.ready.next()
		if j == nil {
			return
		}
		r.running++
		l := r.begin(j, true)
		go r.run(r.ctx, l, nil)
	}
}

// look is one look under way. The lock of its Rounds guards what changes.
type look struct {
	job   *job
	def   *room.Check
	check check.Check
	room  *room.Room
	since time.Time // what it stands on must not be older
	began time.Time
	place bool // it has one of the places
	over  bool // it has ended, or was given up
	guard *time.Timer
}

// begin marks a job as being looked at. The lock is held.
func (r *Rounds) begin(j *job, place bool) *look {
	j.queued, j.running = false, true
	l := &look{job: j, def: j.def, check: j.look, room: r.room, since: j.since, began: time.Now(), place: place}
	r.looks.Add(1)
	l.guard = time.AfterFunc(j.timeout()+Grace, func() { r.giveUp(l) })
	return l
}

// run makes a look to its end. chain are the checks that wait for it.
func (r *Rounds) run(ctx context.Context, l *look, chain []string) {
	ctx, cancel := context.WithTimeout(ctx, l.job.timeoutOf(l.def))
	defer cancel()
	result := r.protected(ctx, l, chain).Bounded()
	l.guard.Stop()
	r.mu.Lock()
	if l.over { // it was given up meanwhile
		l.job.hangs, l.job.running = false, false
		r.hanging--
		r.opts.Log.Info("a check that hung has ended", "node", l.job.key.node, "check", l.job.key.check, "after", time.Since(l.began).Round(time.Millisecond))
		if l.job.gone {
			l.job.close()
		}
		r.mu.Unlock()
		return
	}
	r.end(l, result)
}

// timeoutOf is timeout for the definition with which a look began.
func (j *job) timeoutOf(def *room.Check) time.Duration {
	if def.Timeout > 0 {
		return def.Timeout
	}
	return DefaultTimeout
}

// giveUp ends a look that does not end by itself.
func (r *Rounds) giveUp(l *look) {
	r.mu.Lock()
	if l.over || !l.job.running {
		r.mu.Unlock()
		return
	}
	r.hanging++
	l.job.hangs = true
	r.opts.Log.Warn("a check hangs: it has not ended though its time is up; it is not made again until it has",
		"node", l.job.key.node, "check", l.job.key.check, "kind", l.def.Kind)
	r.end(l, check.Unclear(fmt.Sprintf("it hangs: it has not ended %v after its time-out of %v", Grace, l.job.timeoutOf(l.def))))
}

// end takes in what a look has said, and gives its place to the next. It is called with
// the lock, and gives it back.
func (r *Rounds) end(l *look, result check.Result) {
	j := l.job
	l.over = true
	now := time.Now()
	var change *Change
	var report Report
	heard := r.heard
	cut := r.closed && r.ctx.Err() != nil // what was cut short says nothing of the node
	if j.gone || cut {
		heard = nil
	} else {
		j.began = l.began
		change = j.heard(result, now)
		report = j.report()
		if again := j.state.soft(j.def); again {
			r.plan(j, now, j.retryAfter())
		}
	}
	if !j.hangs {
		j.running = false
	}
	j.close()
	if l.place {
		r.running--
	}
	r.dispatch()
	r.mu.Unlock()
	for _, f := range heard {
		f(report)
	}
	if change != nil {
		r.tell(*change)
	}
	r.looks.Done()
}

// protected runs a check. One that panics breaks nothing but its own result.
func (r *Rounds) protected(ctx context.Context, l *look, chain []string) (result check.Result) {
	defer func() {
		if p := recover(); p != nil {
			r.opts.Log.Error("a check broke", "node", l.job.key.node, "check", l.job.key.check, "panic", p)
			result = check.Unclear("the check itself broke; the daemon's log has more")
		}
	}()
	env, err := r.env(ctx, l, append(chain, l.job.key.check))
	if err != nil {
		return check.Unclear("its credential " + l.def.Credential + " cannot be had: " + err.Error())
	}
	result = l.check.Run(ctx, env)
	result.Said = secret.NewMasker(env.Credential.Secrets()...).String(result.Said)
	return result
}

// env makes what a look works with.
func (r *Rounds) env(ctx context.Context, l *look, chain []string) (check.Env, error) {
	node := l.job.key.node
	env := check.Env{
		Node: node, Address: l.job.address, Dial: driver.Dial(r.opts.Dial), DialContext: r.opts.DialContext,
		Measure: func(ctx context.Context) ([]check.Value, error) { return r.opts.Measure(ctx, node) },
		State:   func(ctx context.Context, op room.Op) (room.State, error) { return r.opts.State(ctx, node, op) },
		Other:   func(ctx context.Context, name string) check.Result { return r.other(ctx, l, chain, name) },
		Log:     r.opts.Log,
	}
	if l.def.Credential == "" || r.opts.Credential == nil {
		return env, nil
	}
	var err error
	env.Credential, err = r.opts.Credential(ctx, l.room, l.def.Credential)
	return env, err
}

// other gives what another check of the same node says: what it has said, if that is
// fresh, else what it says now. It is made in the place of the check that asks.
func (r *Rounds) other(ctx context.Context, l *look, chain []string, name string) check.Result {
	if slices.Contains(chain, name) {
		return check.Unclear("it stands on itself")
	}
	for {
		r.mu.Lock()
		j := r.jobs[key{l.job.key.node, name}]
		switch {
		case j == nil:
			r.mu.Unlock()
			return check.Unclear("there is no such check")
		case j.hangs, j.fresh(l.since, time.Now()):
			defer r.mu.Unlock()
			return j.state.last
		case r.closed:
			r.mu.Unlock()
			return check.Unclear("cut short")
		case !j.running:
			j.since = l.since
			inner := r.begin(j, false)
			r.mu.Unlock()
			r.run(ctx, inner, chain)
			continue
		}
		ended := j.ended()
		r.mu.Unlock()
		select {
		case <-ended:
		case <-ctx.Done():
			return check.Unclear(check.Why(ctx, ctx.Err()))
		}
		if ctx.Err() != nil {
			return check.Unclear(check.Why(ctx, ctx.Err()))
		}
	}
}

// fresh says whether the last look is recent enough: not before a time, or, if that is
// zero, in the check's own period.
func (j *job) fresh(since, now time.Time) bool {
	if since.IsZero() {
		since = now.Add(-j.def.Every - j.timeout())
	}
	return !j.began.IsZero() && !j.began.Before(since)
}

// ask has a look made that begins no earlier than since, and gives what it says; what
// the last one has said, if ctx ends before or the check hangs.
func (r *Rounds) ask(ctx context.Context, j *job, since time.Time) check.Verdict {
	for {
		r.mu.Lock()
		if r.closed || j.gone || j.hangs || !j.began.Before(since) && !j.began.IsZero() || ctx.Err() != nil {
			defer r.mu.Unlock()
			return j.state.last.Verdict
		}
		if !j.running && !j.queued {
			j.queued = true
			j.since = since
			r.ready.add(j, true)
			r.dispatch()
		} else if j.queued {
			j.since = since
			r.ready.add(j, true) // it may have waited among those that nobody waits for
		}
		ended := j.ended()
		r.mu.Unlock()
		select {
		case <-ended:
		case <-ctx.Done():
		}
	}
}
