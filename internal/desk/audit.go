package desk

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/state"
	"millwright.dev/millwright/internal/store"
)

// audited says whether a request leaves events.
func (d *Desk) audited(r *room.Room, req Request) bool {
	return req.Op.Changes() || r.Settings.AuditReads
}

func (req Request) event(kind event.Kind) *event.Event {
	return &event.Event{
		Kind: kind, Actor: req.Actor.Name, Door: req.Actor.Door, Remote: req.Actor.Remote, Op: req.Op.String(),
	}
}

// intend writes down what is about to be done. When it returns without error it
// is on the disk, and only then may a device be touched.
func (d *Desk) intend(ctx context.Context, c deed) error {
	e := c.req.event(event.Intent)
	e.Request, e.Count = c.id, len(c.nodes)
	e.Targets, e.Detail = listed(c.named)
	if c.req.Mark != "" {
		e.Data, _ = json.Marshal(event.Marked{Mark: c.req.Mark})
	}
	if c.note != "" {
		e.Detail += c.note + "\n"
	}
	if busy := d.runs.Holders(c.parts.room, c.nodes); len(busy) > 0 {
		e.Detail += "while a run is at work on some of them: " + strings.Join(busy, ", ")
	}
	if err := d.events.Append(ctx, e); err != nil {
		return d.unwritten(e, "nothing was done, because it could not be written down first: ", err)
	}
	return nil
}

// unwritten is the error of an event that could not be written down, and says what that
// means for what it tells of.
func (d *Desk) unwritten(e *event.Event, so string, err error) error {
	return &room.Error{Code: room.CodeInternal, Op: e.Op, Subject: e.Targets, Said: so + d.unwritable(err), Err: err}
}

// unwritable says why the log of events cannot be written, and tells the operator
// once a minute: a full disk stops every change.
func (d *Desk) unwritable(err error) string {
	d.mu.Lock()
	tell := time.Since(d.complained) >= time.Minute
	if tell {
		d.complained = time.Now()
	}
	d.mu.Unlock()
	if tell {
		d.log.Error("the log of events cannot be written, so nothing can be switched", "why", err)
	}
	return err.Error()
}

// listed gives a host list as an event can hold it. One that is too long even
// when folded is left out, and the detail says so.
func listed(folded string) (targets, detail string) {
	if len(folded) > event.MaxTargets {
		return "", "the nodes are too many, and too irregularly named, to be listed. "
	}
	return folded, ""
}

// conclude writes down what came of an intent. It does so even if the asker has
// given up meanwhile: the result belongs to the log, not to them. Nodes whose
// cycle or reset may have stopped half-way are held from now on.
func (d *Desk) conclude(ctx context.Context, c deed, t *tally, failed error) error {
	e := c.req.event(event.Result)
	e.Request, e.Count = c.id, len(c.nodes)
	targets, cut := listed(c.named)
	e.Targets, e.Outcome, e.Detail, e.Data = targets, t.outcome(), cut+t.detail(), t.data(c.nodes, c.named)
	if why := context.Cause(ctx); why != nil && !t.good() {
		e.Detail = why.Error() + "\n" + e.Detail
	}
	if failed != nil {
		e.Outcome, e.Detail = event.Failed, failed.Error()
	}
	var held []store.Interruption
	if !c.req.Op.Repeatable() {
		for _, n := range t.names[fleet.Unknown] {
			held = append(held, store.Interruption{Node: n, Op: c.req.Op.String(), Request: c.id, Time: time.Now()})
		}
	}
	err := d.events.AppendWith(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.SetInterruptions(held...) }, e)
	if err != nil {
		return d.unwritten(e, "it was done, but its result could not be written down: ", err)
	}
	d.hold(held)
	return nil
}

// hold marks nodes as not to be built upon.
func (d *Desk) hold(list []store.Interruption) {
	for _, i := range list {
		d.state.Hold(i.Node, state.Hold{Op: i.Op, Request: i.Request, At: i.Time})
	}
}

// refuse writes down that a request was turned away, and gives back why. Reads
// that are turned away are no more written down than reads that are answered.
func (d *Desk) refuse(req Request, targets string, why error) error {
	if !d.audited(d.fleet.Room(), req) {
		return why
	}
	e := req.event(event.Refusal)
	e.Request = req.ID // which hooks were told
	e.Targets, e.Detail = listed(targets)
	d.turnedAway(*e, why)
	return why
}

// tally sorts a request's nodes by how it went with them.
type tally struct {
	Sink
	room  *room.Room
	names map[fleet.Outcome][]string
	said  []string
}

// maxSaid bounds the reasons that a result event lists.
const maxSaid = 20

// Result implements [fleet.Sink].
func (t *tally) Result(res fleet.Result) {
	name := t.room.Nodes[res.Node].Name
	t.names[res.Outcome] = append(t.names[res.Outcome], name)
	if !res.Outcome.Good() && len(t.said) < maxSaid {
		t.said = append(t.said, name+": "+res.Said)
	}
	t.Sink.Result(res)
}

func (t *tally) good() bool {
	return len(t.names[fleet.Failed])+len(t.names[fleet.NotBegun])+len(t.names[fleet.Unknown]) == 0
}

func (t *tally) outcome() string {
	good := len(t.names[fleet.OK]) + len(t.names[fleet.Unverified]) + len(t.names[fleet.Skipped])
	failed, notBegun, unknown := len(t.names[fleet.Failed]), len(t.names[fleet.NotBegun]), len(t.names[fleet.Unknown])
	switch {
	case failed+notBegun+unknown == 0:
		return event.OK
	case good == 0 && failed+notBegun == 0:
		return event.Unknown
	case good == 0 && failed+unknown == 0:
		return event.NotBegun
	case good == 0 && unknown == 0:
		return event.Failed
	}
	return event.Partial
}

func (t *tally) detail() string {
	said := t.said
	if names := t.names[fleet.Unverified]; len(names) > 0 {
		said = append(said, "not read back: "+hostlist.Fold(names))
	}
	return strings.Join(said, "\n")
}

// data gives the nodes by outcome; nodes are all there are, and targets their
// folded list.
func (t *tally) data(nodes []room.NodeID, targets string) json.RawMessage {
	folded := make(map[fleet.Outcome]string, len(t.names))
	for outcome, names := range t.names {
		if len(names) == len(nodes) { // one outcome for all, as nearly always
			folded[outcome] = targets
			break
		}
		folded[outcome] = hostlist.Fold(names)
	}
	data, err := json.Marshal(folded)
	if err != nil || len(data) > event.MaxData { // the counts then have to do
		counts := make(map[fleet.Outcome]int, len(t.names))
		for outcome, names := range t.names {
			counts[outcome] = len(names)
		}
		data, _ = json.Marshal(counts)
	}
	return data
}
