package fleet

import (
	"fmt"
	"time"

	"millwright.dev/millwright/internal/room"
)

// watch is cords of one device being read back until they are as wanted.
type watch struct {
	op     room.Op
	second bool // as the job whose outcome it proves
	cords  []int32
	until  time.Time
	total  time.Duration
	pause  time.Duration
}

// Reading back begins quickly, since most devices have switched by the time they
// answer, and slows down, since the others may take a minute.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

// mustRead says whether an outcome is to be read back before it is believed, and
// notes when it should be and cannot. A cycle is proved by its end only: a device
// that did nothing reads the same as one that went off and on.
func (x *exchange) mustRead(ci int32, r *plugResult) bool {
	c := &x.cords[ci]
	s := &x.slots[c.slot]
	if _, provable := x.op(s).Wants(); !provable || !x.req.Verify || !r.verdict.good() {
		return false
	}
	d := x.fleet.owner(x.req.Room, c.at.Device)
	can := d != nil && d.traits.Can(room.Status) && verifyFor(x.req.Room, &x.req.Room.Devices[c.at.Device]) > 0
	if !can || x.ctx.Err() != nil && !x.giving(s) {
		c.unread = true
		return false
	}
	return true
}

// watch begins to read back what a job has done.
func (x *exchange) watch(j *job, cords []int32) {
	total := verifyFor(x.req.Room, &x.req.Room.Devices[x.cords[cords[0]].at.Device])
	x.look(&watch{op: j.op, second: j.second, cords: cords, until: time.Now().Add(total), total: total, pause: firstPause})
}

// look reads a watch's cords once.
func (x *exchange) look(w *watch) {
	j := newJob(room.Status, len(w.cords))
	j.verify, j.second = w, w.second
	for _, ci := range w.cords {
		j.plugs = append(j.plugs, int(x.cords[ci].at.Plug))
		j.cords = append(j.cords, ci)
	}
	x.send(j)
}

// readBack compares what was read with what was wanted.
func (x *exchange) readBack(j *job) {
	w := j.verify
	want, _ := w.op.Wants()
	late := !time.Now().Before(w.until)
	given := x.ctx.Err() != nil && !w.second
	var still []int32
	for i, ci := range j.cords {
		r := j.results[i]
		if x.cords[ci].job != j {
			continue
		}
		x.cords[ci].glimpse = r.state
		switch {
		case r.state == want:
			x.cords[ci].read = true
			r.verdict, r.said, r.fault = wasOK, "", nil
			x.settle(ci, r)
		case given:
			x.unproved(ci)
		case late:
			x.cords[ci].read = true
			x.settle(ci, disproved(r, want, w.total))
		default:
			still = append(still, ci)
		}
	}
	if len(still) == 0 {
		return
	}
	w.cords = still
	x.due = append(x.due, later{at: time.Now().Add(w.pause), watch: w})
	w.pause = min(2*w.pause, lastPause)
}

// unproved settles a cord whose device took the command, when nobody waits for
// the proof any more. What was read last may tell against it.
func (x *exchange) unproved(ci int32) {
	c := &x.cords[ci]
	want, _ := x.op(&x.slots[c.slot]).Wants()
	c.read = true // the command alone says nothing
	if s := c.glimpse; s != room.StateUnknown && s != want {
		x.settle(ci, plugResult{verdict: wasFailed, state: s, said: fmt.Sprintf("taken, but still %v when it was given up", s)})
		return
	}
	c.unread = true
	x.settle(ci, plugResult{verdict: wasOK, said: "given up before it was read back"})
}

// disproved is the result of a command that was taken and did not show in time.
func disproved(r plugResult, want room.State, after time.Duration) plugResult {
	if r.state == room.StateUnknown {
		said := fmt.Sprintf("taken, but the device could not say within %v whether it is %v", after, want)
		if r.said != "" {
			said += ": " + r.said
		}
		r.verdict, r.said = wasUnknown, said
		return r
	}
	r.verdict, r.said = wasFailed, fmt.Sprintf("taken, but still %v after %v", r.state, after)
	return r
}
