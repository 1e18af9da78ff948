package rounds

import (
	"fmt"
	"sort"
	"sync"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/event"
)

// Change says that what counts of a check of a node has become something else (for the
// first time: that there is something), or that it began to flap, or has settled.
type Change struct {
	Node, Check string
	From, To    check.Verdict
	Said        string // by the look that made it so
	At          time.Time
	Flapping    bool // it keeps changing: no event tells of more until it has settled
	Settled     bool // it kept changing, and does no more
	// Silent says that no event tells of it: that a check is ok when it is made for the
	// first time, or one change more of what is flapping.
	Silent bool
}

// foldTime is how long changes are gathered, so that those of many nodes are one event.
const foldTime = time.Second

// folder gathers changes.
type folder struct {
	mu     sync.Mutex
	list   []Change
	timer  *time.Timer
	flush  func([]Change)
	closed bool
}

// tell tells of a change, in an event too, but that a little later.
func (r *Rounds) tell(c Change) {
	if r.opts.Changed != nil {
		r.opts.Changed(c)
	}
	if r.opts.Events == nil || c.Silent {
		return
	}
	r.told.add(c, func(list []Change) {
		for _, e := range fold(list) {
			r.opts.Events.AppendLater(e)
		}
	})
}

func (f *folder) add(c Change, flush func([]Change)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, c)
	f.flush = flush
	if f.timer == nil && !f.closed {
		f.timer = time.AfterFunc(foldTime, f.out)
	}
}

// out hands on what was gathered.
func (f *folder) out() {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.list
	f.list, f.timer = nil, nil
	if len(list) > 0 {
		f.flush(list)
	}
}

func (f *folder) close() {
	f.mu.Lock()
	f.closed = true
	if f.timer != nil {
		f.timer.Stop()
	}
	f.mu.Unlock()
	f.out()
}

// fold makes events of changes: one for all nodes of which the same check became the
// same, in the order of the first of each.
func fold(list []Change) []event.Event {
	type group struct {
		check             string
		from, to          check.Verdict
		flapping, settled bool
	}
	groups := make(map[group][]Change)
	var order []group
	for _, c := range list {
		k := group{c.Check, c.From, c.To, c.Flapping, c.Settled}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], c)
	}
	events := make([]event.Event, 0, len(order))
	for _, k := range order {
		events = append(events, eventOf(groups[k]))
	}
	return events
}

func eventOf(list []Change) event.Event {
	first := list[0]
	nodes := make([]string, len(list))
	for i, c := range list {
		nodes[i] = c.Node
	}
	sort.Strings(nodes)
	detail := first.Said
	if len(list) > 1 {
		detail = fmt.Sprintf("%s: %s, and %d more", first.Node, first.Said, len(list)-1)
	}
	switch {
	case first.Flapping:
		detail += " (it keeps changing: no more is told until it has settled)"
	case first.Settled:
		detail += " (it no longer keeps changing)"
	}
	return event.Event{
		Time: first.At, Kind: event.Check, Op: first.Check, Actor: "checks",
		Targets: hostlist.Fold(nodes), Count: len(nodes), Outcome: first.To.String(), Detail: detail,
	}
}
