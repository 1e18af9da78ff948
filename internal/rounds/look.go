package rounds

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millwright.dev/millwright/internal/check"
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
		if j.gone {
			j.queued = false
			j.close()
			continue
		}
		r.running++
		go r.run(r.begin(j))
	}
}

// look is one look under way. The lock of its Rounds guards what changes.
type look struct {
	job    *job
	def    *room.Check
	check  check.Check
	room   *room.Room
	after  uint64 // what it stands on must be younger than this look; 0 for the usual
	began  time.Time
	number uint64
	place  bool // it has one of the places
	over   bool // it has ended, or was given up
	guard  *time.Timer
}

// begin marks a job as being looked at. The lock is held.
func (r *Rounds) begin(j *job) *look {
	j.queued, j.asked, j.running = false, false, true
	l := &look{job: j, def: j.def, check: j.look, room: r.room, after: j.after, began: time.Now(), place: true}
	j.after = 0
	r.looked++
	l.number = r.looked
	r.looks.Add(1)
	l.guard = time.AfterFunc(j.timeout()+Grace, func() { r.giveUp(l) })
	return l
}

// run makes a look to its end.
func (r *Rounds) run(l *look) {
	ctx, cancel := context.WithTimeout(r.ctx, timeout(l.def))
	defer cancel()
	result := r.protected(ctx, l).Bounded()
	l.guard.Stop()
	r.out.Lock()
	defer r.out.Unlock()
	r.mu.Lock()
	if l.over { // it was given up meanwhile
		l.job.hangs, l.job.running = false, false
		r.opts.Log.Info("a check that hung has ended", "node", l.job.key.node, "check", l.job.key.check, "after", time.Since(l.began).Round(time.Millisecond))
		if l.job.gone {
			l.job.close()
		}
		r.mu.Unlock()
		return
	}
	r.end(l, result)
}

// giveUp ends a look that does not end by itself.
func (r *Rounds) giveUp(l *look) {
	r.out.Lock()
	defer r.out.Unlock()
	r.mu.Lock()
	if l.over || !l.job.running {
		r.mu.Unlock()
		return
	}
	l.job.hangs = true
	r.opts.Log.Warn("a check hangs: it has not ended though its time is up; it is not made again until it has",
		"node", l.job.key.node, "check", l.job.key.check, "kind", l.def.Kind)
	r.end(l, check.Unclear(fmt.Sprintf("it hangs: it has not ended %v after its time-out of %v", Grace, timeout(l.def))))
}

// end takes in what a look has said, and gives its place to the next. It is called with
// both locks, and gives mu back.
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
		j.began, j.number = l.began, l.number
		change = j.heard(result, now)
		report = j.report()
		if again := now.Add(j.retryAfter()); j.state.soft(j.def) && again.Before(j.due) {
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
func (r *Rounds) protected(ctx context.Context, l *look) (result check.Result) {
	defer func() {
		if p := recover(); p != nil {
			r.opts.Log.Error("a check broke", "node", l.job.key.node, "check", l.job.key.check, "panic", p)
			result = check.Unclear("the check itself broke; the daemon's log has more")
		}
	}()
	env, err := r.env(ctx, l)
	if err != nil {
		return check.Unclear("its credential " + l.def.Credential + " cannot be had: " + err.Error())
	}
	result = l.check.Run(ctx, env)
	result.Said = secret.NewMasker(env.Credential.Secrets()...).String(result.Said)
	return result
}

// env makes what a look works with.
func (r *Rounds) env(ctx context.Context, l *look) (check.Env, error) {
	node := l.job.key.node
	env := check.Env{
		Node: node, Address: l.job.address, Dial: r.opts.Dial, DialContext: r.opts.DialContext,
		Measure: func(ctx context.Context) ([]check.Value, error) { return r.opts.Measure(ctx, node) },
		State:   func(ctx context.Context, op room.Op) (room.State, error) { return r.opts.State(ctx, node, op) },
		Other:   func(ctx context.Context, name string) check.Result { return r.other(ctx, l, name) },
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
// fresh, else what it says now. Who asks needs its own place no longer: what remains is
// to think.
func (r *Rounds) other(ctx context.Context, l *look, name string) check.Result {
	r.mu.Lock()
	j := r.jobs[key{l.job.key.node, name}]
	loop := r.loops[l.def.Name] && r.loops[name]
	if l.place && !l.over {
		l.place = false
		r.running--
		r.dispatch()
	}
	enough := since{after: l.after}
	if j != nil && l.after == 0 {
		enough.at = time.Now().Add(-j.def.Every - j.timeout())
	}
	r.mu.Unlock()
	switch {
	case loop:
		return check.Unclear("it stands on itself")
	case j == nil:
		return check.Unclear("there is no such check")
	}
	result, fresh := r.await(ctx, j, enough)
	if !fresh {
		return check.Unclear("it was not looked in time")
	}
	return result
}

// since says how fresh a look must be: begun after that many looks, and no earlier.
type since struct {
	after uint64
	at    time.Time
}

// now asks for a look that has not begun yet.
func (r *Rounds) now() since {
	r.mu.Lock()
	defer r.mu.Unlock()
	return since{after: r.looked}
}

// await gives what a look says that is fresh enough, and has it made if need be. Where
// ctx ends before, it is what was said last, and not fresh.
func (r *Rounds) await(ctx context.Context, j *job, enough since) (last check.Result, fresh bool) {
	for {
		r.mu.Lock()
		switch {
		case j.hangs, j.number > enough.after && !j.began.Before(enough.at):
			defer r.mu.Unlock()
			return j.state.last, true
		case r.closed, j.gone, ctx.Err() != nil:
			defer r.mu.Unlock()
			return j.state.last, false
		case !j.running && !j.asked: // it may wait already, but among those that nobody waits for
			j.queued, j.asked = true, true
			r.ready.add(j, true)
		}
		j.after = max(j.after, enough.after)
		ended := j.ended()
		r.dispatch()
		r.mu.Unlock()
		select {
		case <-ended:
		case <-ctx.Done():
		}
	}
}
