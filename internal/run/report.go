package run

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
)

// report is how a run ended.
type report struct {
	state    State
	said     string
	outcomes Outcomes
	failures []failure // the first of them
	unknown  bool      // of all that went wrong it is only not known how it went
}

// failure is what was said of one node.
type failure struct {
	Node string `json:"node"`
	Said string `json:"said"`
}

// Bounds that keep a report of a large run fit for an event.
const (
	maxFailures = 50
	maxSaid     = 300      // bytes, of one failure
	maxList     = 32 << 10 // bytes, of one folded list in Outcomes
	maxInline   = 200      // bytes, of a list in a sentence
)

// report sums up; nothing happens after it.
func (d *drive) report() report {
	p := &d.run.sub.Plan
	stop := stoppedBy(d.run.ctx)
	var by [fateEnd][]room.NodeID
	for _, s := range d.steps {
		f := d.fates[s.Node]
		if f == pending && s.Op == 0 {
			continue // its turn did not come, and nothing would have been done
		} else if f == pending {
			f = notBegun
		}
		by[f] = append(by[f], s.Node)
	}
	for _, b := range p.Blocked {
		by[blocked] = append(by[blocked], b.Node)
	}
	var skipped []room.NodeID
	for _, s := range p.Skipped {
		skipped = append(skipped, s.Node)
	}
	rep := report{outcomes: Outcomes{
		OK: d.list(by[good]), Unverified: d.list(by[unverified]), Failed: d.list(by[failed]),
		Unknown: d.list(by[unknown]), NotBegun: d.list(by[notBegun]), Blocked: d.list(by[blocked]),
		Passed: d.list(by[passed]), Skipped: d.list(skipped),
	}}
	fine := len(by[good]) + len(by[unverified])
	switch all := d.run.now.Counts.Total; {
	case fine == all && len(by[blocked]) == 0:
		rep.state = Done
	case stop != nil:
		rep.state = stop.state
	case fine == 0:
		rep.state = Failed
	default:
		rep.state = Partial
	}
	rep.unknown = len(by[unknown]) > 0 && len(by[failed])+len(by[notBegun]) == 0
	rep.said = d.sentence(&by, rep.state, stop)
	for _, f := range []fate{failed, unknown, notBegun} {
		for _, id := range by[f] {
			if d.said[id] != "" && len(rep.failures) < maxFailures {
				rep.failures = append(rep.failures, failure{d.run.name(id), shorten(d.said[id], maxSaid)})
			}
		}
	}
	return rep
}

// sentence says in one line how it ended:
// "3 of 7 on; failed: db1; blocked: web[1-3]".
func (d *drive) sentence(by *[fateEnd][]room.NodeID, state State, stop *stopped) string {
	var parts []string
	if stop != nil && (state == Cancelled || state == Interrupted) {
		parts = append(parts, stop.said)
	}
	total, fine := d.run.now.Counts.Total, len(by[good])+len(by[unverified])
	switch {
	case total == 0:
		parts = append(parts, "nothing to switch")
	case fine == total:
		parts = append(parts, fmt.Sprintf("%d %s", total, d.goal.Op()))
	default:
		parts = append(parts, fmt.Sprintf("%d of %d %s", fine, total, d.goal.Op()))
	}
	for _, part := range []struct {
		name string
		fate fate
	}{{"not verified", unverified}, {"failed", failed}, {"unknown", unknown}, {"blocked", blocked}, {"not begun", notBegun}} {
		if nodes := by[part.fate]; len(nodes) > 0 {
			parts = append(parts, part.name+": "+d.inline(nodes))
		}
	}
	return strings.Join(parts, "; ")
}

// list folds nodes; a list that is too long is left out.
func (d *drive) list(nodes []room.NodeID) string {
	if text := d.room.Fold(nodes); len(text) <= maxList {
		return text
	}
	return ""
}

// inline folds nodes for a sentence, or only counts them.
func (d *drive) inline(nodes []room.NodeID) string {
	if text := d.room.Fold(nodes); len(text) <= maxInline {
		return text
	}
	return fmt.Sprintf("%d nodes", len(nodes))
}

func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// record puts the result on record and gives the sentence that ends the run.
func (r *Runner) record(it *run, rep report) string {
	const patience = 30 * time.Second // for a disk that does not answer
	ctx, cancel := context.WithTimeout(context.WithoutCancel(it.ctx), patience)
	defer cancel()
	it.conclude(rep)
	if err := r.opts.Events.Append(ctx, it.result(rep)); err != nil {
		r.opts.Log.Error("the result of a run could not be put on record", "run", it.id, "epoch", it.epoch, "error", err)
		return rep.said + "; this result could not be put on record: " + err.Error()
	}
	return rep.said
}

// conclude lets [Runner.Get] know what became of the nodes.
func (r *run) conclude(rep report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now.Outcomes = &rep.outcomes
}

// event gives what the run's events have in common. Targets are what is switched,
// or what was asked for if that is nothing.
func (r *run) event(kind event.Kind) *event.Event {
	nodes := r.sub.Plan.Switched()
	if len(nodes) == 0 {
		nodes = r.sub.Plan.Asked
	}
	e := &event.Event{
		Kind: kind, Request: r.id, Actor: r.sub.Actor, Door: r.sub.Door, Remote: r.sub.Remote,
		Op: r.sub.Op, Targets: r.sub.Room.Fold(nodes), Count: len(nodes),
	}
	if len(e.Targets) > event.MaxTargets { // half a list would say something untrue; Count still stands
		e.Targets = ""
	}
	return e
}

// intent is the event that is on the disk before anything is touched.
func (r *run) intent() *event.Event {
	e := r.event(event.Intent)
	e.Detail = r.sub.Plan.Summary()
	if r.sub.Note != "" {
		e.Detail += "\n" + r.sub.Note
	}
	asked := r.now.Asked
	if len(asked) > maxList {
		asked = ""
	}
	e.Data = encode(struct {
		Goal  string      `json:"goal"`
		Epoch int64       `json:"epoch"`
		Asked string      `json:"asked,omitempty"`
		Plan  plan.Totals `json:"plan"`
		event.Marked
	}{r.sub.Plan.Goal.String(), r.epoch, asked, r.sub.Plan.Totals(), event.Marked{Mark: r.sub.Mark}})
	return e
}

// result is the event that is on the disk before the end is told.
func (r *run) result(rep report) *event.Event {
	e := r.event(event.Result)
	e.Detail = rep.said
	switch rep.state {
	case Done:
		e.Outcome = event.OK
	case Partial:
		e.Outcome = event.Partial
	case Failed:
		e.Outcome = event.Failed
		if rep.unknown {
			e.Outcome = event.Unknown
		}
	default:
		e.Outcome = string(rep.state)
	}
	e.Data = encode(struct {
		Goal     string    `json:"goal"`
		Epoch    int64     `json:"epoch"`
		State    State     `json:"state"`
		Outcomes Outcomes  `json:"outcomes"`
		Failures []failure `json:"failures,omitempty"`
	}{r.sub.Plan.Goal.String(), r.epoch, rep.state, rep.outcomes, rep.failures})
	return e
}

// encode writes values that can always be written.
func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return data
}
