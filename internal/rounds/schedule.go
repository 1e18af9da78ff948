package rounds

import (
	"container/heap"
	"context"
	"time"
)

// schedule is a heap of jobs, the next one first.
type schedule []*job

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, k int) bool { return s[i].due.Before(s[k].due) }

func (s schedule) Swap(i, k int) {
	s[i], s[k] = s[k], s[i]
	s[i].place, s[k].place = i, k
}

// Push implements [heap.Interface].
func (s *schedule) Push(x any) {
	j := x.(*job)
	j.place = len(*s)
	*s = append(*s, j)
}

// Pop implements [heap.Interface].
func (s *schedule) Pop() any {
	last := len(*s) - 1
	j := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	j.place = -1
	return j
}

// queue is a row of jobs that wait for a place: first come, first served, but for those
// that somebody waits for.
type queue struct{ asked, due []*job }

func (q *queue) add(j *job, asked bool) {
	if asked {
		q.asked = append(q.asked, j)
	} else {
		q.due = append(q.due, j)
	}
}

// next takes the next one that still waits; nil if there is none.
func (q *queue) next() *job {
	for _, row := range []*[]*job{&q.asked, &q.due} {
		for len(*row) > 0 {
			j := (*row)[0]
			(*row)[0] = nil
			if *row = (*row)[1:]; len(*row) == 0 {
				*row = nil
			}
			if j.queued && !j.running { // else it was done on the way to another
				return j
			}
		}
	}
	return nil
}

// plan sets when a job is due next: at its own place in the period, or after a time.
// The clock may jump: what is kept is a time on the monotonic one.
func (r *Rounds) plan(j *job, now time.Time, after time.Duration) {
	if j.gone || !j.own || j.def.Every <= 0 {
		return
	}
	if after <= 0 {
		every := j.def.Every
		if after = (j.phase - time.Duration(now.UnixNano())%every + every) % every; after == 0 {
			after = every
		}
	}
	j.due = now.Add(after)
	if j.place >= 0 {
		heap.Fix(&r.heap, j.place)
	} else {
		heap.Push(&r.heap, j)
	}
	if j.place == 0 {
		r.nudge()
	}
}

// nudge has Run look at the schedule again.
func (r *Rounds) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// step is how much earlier a look may begin, so that one wake-up serves several.
const step = 10 * time.Millisecond

// Run has the checks made that are due, until ctx ends; then it is as Close. On demand
// they are made without it too.
func (r *Rounds) Run(ctx context.Context) {
	defer r.Close()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := r.turn(time.Now())
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-r.ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		}
	}
}

// turn begins what is due, and says how long there is nothing more to do.
func (r *Rounds) turn(now time.Time) time.Duration {
	r.mu.Lock()
	var due []*job
	for len(r.heap) > 0 && r.heap[0].due.Before(now.Add(step)) {
		j := r.heap[0]
		// Planned from when it was due, else it would be due again in a moment.
		r.plan(j, later(now, j.due), 0)
		if !j.queued && !j.running {
			due = append(due, j)
		}
	}
	wait := time.Hour
	if len(r.heap) > 0 {
		wait = max(step, r.heap[0].due.Sub(now))
	}
	r.mu.Unlock()
	wanted := due[:0]
	for _, j := range due { // key never changes
		if r.opts.Wanted == nil || r.opts.Wanted(j.key.node) {
			wanted = append(wanted, j)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range wanted {
		if !j.gone && !j.queued && !j.running && !r.closed {
			j.queued = true
			r.ready.add(j, false)
		}
	}
	r.dispatch()
	return wait
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Close ends all looks, and returns when they have ended, but for those that hang.
func (r *Rounds) Close() {
	r.mu.Lock()
	r.closed = true
	r.heap = nil
	for j := r.ready.next(); j != nil; j = r.ready.next() {
		j.queued, j.asked = false, false
		j.close()
	}
	r.mu.Unlock()
	r.stop()
	ended := make(chan struct{})
	go func() {
		r.looks.Wait()
		close(ended)
	}()
	patience := time.NewTimer(Grace)
	defer patience.Stop()
	select {
	case <-ended:
	case <-patience.C:
		r.opts.Log.Warn("checks that do not end are left behind")
	}
	r.told.close()
}
