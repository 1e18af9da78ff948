package app

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
)

// A device that is lost and comes back again and again, as fast as somebody asks
// for it, must not fill the disk: beyond a burst, only what it has come to is
// written, once in a while.
const (
	linkEvery = 30 * time.Second
	linkBurst = 10
)

// links makes events of devices that are lost or back.
type links struct {
	tell func(event.Event) // must not block

	mu     sync.Mutex
	by     map[string]*link // by device
	closed bool
}

// link is what is known of one device.
type link struct {
	limit   *rate.Limiter
	now     fleet.DeviceStatus
	skipped int // changes since the last that was told
	timer   *time.Timer
}

func newLinks(tell func(event.Event)) *links {
	return &links{tell: tell, by: make(map[string]*link)}
}

// changed takes the news of a device. The first connect after the start is none.
func (l *links) changed(s fleet.DeviceStatus) {
	lost := s.Link == fleet.Disconnected && s.Said != ""
	back := s.Link == fleet.Connected && s.Reconnects > 0
	if !lost && !back {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.by[s.Name]
	if d == nil {
		d = &link{limit: rate.NewLimiter(rate.Every(linkEvery), linkBurst)}
		l.by[s.Name] = d
	}
	d.now = s
	switch {
	case l.closed:
	case d.timer != nil:
		d.skipped++
	case d.limit.Allow():
		l.say(d)
	default:
		d.skipped++
		d.timer = time.AfterFunc(linkEvery, func() { l.due(d) })
	}
}

// due tells what a device has come to that changed too often.
func (l *links) due(d *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d.timer = nil
	if !l.closed {
		d.limit.Allow() // it counts as others do
		l.say(d)
	}
}

// say writes how a device stands. The caller holds the lock.
func (l *links) say(d *link) {
	e := event.Event{Kind: event.Device, Op: "back", Outcome: event.OK, Detail: d.now.Name + " is within reach again"}
	if d.now.Link == fleet.Disconnected {
		e.Op, e.Outcome, e.Detail = "lost", event.Failed, d.now.Said
	}
	if d.skipped > 1 {
		e.Detail += fmt.Sprintf(" (it was lost and back again too often to list it all: %d changes)", d.skipped)
	}
	d.skipped = 0
	l.tell(e)
}

// close ends the timers; nothing is told any more.
func (l *links) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, d := range l.by {
		if d.timer != nil {
			d.timer.Stop()
		}
	}
}
