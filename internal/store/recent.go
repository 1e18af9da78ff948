package store

import (
	"slices"
	"sync"
)

// Bounds on what is kept of the newest events beside the database.
const (
	recentEvents = 512
	recentBytes  = 1 << 20
)

// recent is the end of the log as it was committed: where it ends, who waits for
// more, and the newest events, so that hundreds of followers do not each ask the
// database for the same line.
type recent struct {
	mu     sync.Mutex
	last   int64         // position of the newest committed event
	grown  chan struct{} // closed when last moves
	events []Event       // in order, without gaps, up to last; may be empty
	bytes  int           // of their text
}

// tail returns the end, and a channel that is closed when it moves.
func (r *recent) tail() (int64, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last, r.grown
}

// add publishes what a transaction has appended and wakes whoever waits.
func (r *recent) add(events []Event) {
	if len(events) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range events {
		r.events = append(r.events, e)
		r.bytes += e.size()
	}
	drop := 0
	for drop < len(r.events) && (len(r.events)-drop > recentEvents || r.bytes > recentBytes) {
		r.bytes -= r.events[drop].size()
		drop++
	}
	clear(r.events[:drop])
	r.events = r.events[drop:]
	r.last = events[len(events)-1].Seq
	close(r.grown)
	r.grown = make(chan struct{})
}

// page returns at most n events from low to high, and false when some of them
// are only in the database.
func (r *recent) page(low, high int64, n int) ([]Event, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) == 0 || low < r.events[0].Seq {
		return nil, false
	}
	from := min(low-r.events[0].Seq, int64(len(r.events)))
	to := min(high-r.events[0].Seq+1, int64(len(r.events)), from+int64(n))
	if to <= from {
		return nil, true
	}
	return slices.Clone(r.events[from:to]), true
}

// forget leaves only the database to read from.
func (r *recent) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events, r.bytes = nil, 0
}

func (e *Event) size() int {
	return len(e.Request) + len(e.Actor) + len(e.Remote) + len(e.Targets) + len(e.Detail) + len(e.Data)
}
