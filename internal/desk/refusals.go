package desk

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/time/rate"

	"millwright.dev/millwright/internal/event"
)

// A client that is turned away again and again must not fill the disk: beyond
// a burst, refusals are counted, and the next one that is written says how many.
const (
	refusalsPerSecond = 5
	refusalsAtOnce    = 100
	// maxRefused is how much of what somebody typed is kept: enough to see what
	// was meant, and too little to fill a disk with at five a second.
	maxRefused = 4 << 10
)

// refusals bounds how many refusals become events. The zero value is ready.
type refusals struct {
	mu      sync.Mutex
	limit   *rate.Limiter
	dropped int
}

// admit says whether a refusal is to be written, and how many were not since the last.
func (r *refusals) admit() (dropped int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.limit == nil {
		r.limit = rate.NewLimiter(refusalsPerSecond, refusalsAtOnce)
	}
	if !r.limit.Allow() {
		r.dropped++
		return 0, false
	}
	dropped, r.dropped = r.dropped, 0
	return dropped, true
}

// NotLetIn makes an event of somebody who could not prove who they are, within the
// same bound. Its Detail says why.
func (d *Desk) NotLetIn(e event.Event) {
	why := errors.New(e.Detail)
	e.Detail = ""
	d.turnedAway(e, why)
}

// turnedAway makes an event of a refusal.
func (d *Desk) turnedAway(e event.Event, why error) {
	dropped, ok := d.turned.admit()
	if !ok {
		return
	}
	e.Kind, e.Outcome = event.Refusal, event.Refused
	if len(e.Targets) > maxRefused {
		e.Targets = strings.ToValidUTF8(e.Targets[:maxRefused], "") + "…"
	}
	e.Detail += why.Error()
	if dropped > 0 {
		e.Detail += fmt.Sprintf(" (and %d refusals more that are not listed)", dropped)
	}
	d.events.AppendLater(e)
}
