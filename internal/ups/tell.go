package ups

import (
	"encoding/json"
	"fmt"
	"time"

	"millwright.dev/millwright/internal/event"
)

// What a UPS that flaps may have written down: so many changes at once, and then
// one in so long, of its state and of its contact each.
const (
	maxTold   = 20
	toldEvery = 5 * time.Minute
)

// allowance is how much more may be told. The zero allowance is full.
type allowance struct {
	used    float64
	at      time.Time
	dropped int
}

// take says whether one more may be told now, and how many were not since the last.
func (a *allowance) take(now time.Time) (untold int, ok bool) {
	if !a.at.IsZero() {
		a.used = max(0, a.used-float64(now.Sub(a.at))/float64(toldEvery))
	}
	a.at = now
	if a.used > maxTold-1 {
		a.dropped++
		return 0, false
	}
	a.used++
	untold, a.dropped = a.dropped, 0
	return untold, true
}

// note lets something happen to what is known of a UPS, and tells what that
// changed. It says whether the mains are gone.
func (w *Watcher) note(u *unit, now time.Time, happen func(*tracker)) (out bool) {
	u.mu.Lock()
	before := u.tracker.standing(now)
	begun := u.tracker.raw != ""
	happen(u.tracker)
	after := u.tracker.standing(now)
	var tell []event.Event
	switch {
	case before.State != after.State:
		which := &u.states
		if before.State == Unknown || after.State == Unknown { // a bad line must not use up what the mains may tell
			which = &u.contact
		}
		if begun || after.State != Online { // that it is online is no news at the start
			tell = u.event(tell, which, now, string(after.State), after)
		}
	case begun && after.Contact && !before.Contact:
		tell = u.event(tell, &u.contact, now, "found", after)
	case begun && !after.Contact && before.Contact:
		tell = u.event(tell, &u.contact, now, "lost", after)
	}
	u.mu.Unlock()
	moved := before.State != after.State || before.Contact != after.Contact || before.Settling != after.Settling
	if moved && w.opts.Changed != nil {
		w.opts.Changed(after)
	}
	for _, e := range tell {
		w.opts.Log.Info("a UPS has changed", "ups", after.Source, "what", e.Op, "said", e.Detail)
		if w.opts.Events != nil {
			w.opts.Events.AppendLater(e)
		}
	}
	return after.State.Out()
}

// event adds an event, unless there were too many of late.
func (u *unit) event(list []event.Event, a *allowance, now time.Time, op string, s Standing) []event.Event {
	untold, ok := a.take(now)
	if !ok {
		return list
	}
	detail := s.Said
	if untold > 0 {
		detail += fmt.Sprintf(" (%d changes before this one were too many to be told)", untold)
	}
	data, err := json.Marshal(s)
	if err != nil {
		data = nil // a standing has nothing that JSON cannot say
	}
	return append(list, event.Event{Time: now, Kind: event.UPS, Actor: "ups", Op: op, Detail: detail, Data: data})
}
