package run

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/store"
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

// worse puts what can become of a node in order: of several steps the worst counts.
var worse = [fateEnd]int{passed: 1, good: 2, unverified: 3, notBegun: 4, blocked: 5, unknown: 6, failed: 7}

// fates gives the nodes by what became of them, and how many were to be switched.
func (d *drive) fates() (by [fateEnd][]string, total int) {
	worst := make(map[string]fate, len(d.steps))
	acts := make(map[string]bool, len(d.steps))
	var order []string
	for i := range d.steps {
		f := d.steps[i].fate
		if f == pending && d.plan.Steps[i].Acts == 0 {
			continue // its turn did not come, and nothing would have been done
		} else if f == pending {
			f = notBegun
		}
		name := d.names[i]
		old, seen := worst[name]
		if !seen {
			order = append(order, name)
		}
		if !seen || worse[f] > worse[old] {
			worst[name] = f
		}
		if d.plan.Steps[i].Acts != 0 && !acts[name] {
			acts[name] = true
			total++
		}
	}
	for _, name := range order {
		by[worst[name]] = append(by[worst[name]], name)
	}
	for _, b := range d.plan.Blocked {
		by[blocked] = append(by[blocked], d.room.Nodes[b.Node].Name)
	}
	return by, total
}

// report sums up; nothing happens after it.
func (d *drive) report() report {
	stop := d.stopping()
	by, total := d.fates()
	var skipped []string
	for _, s := range d.plan.Skipped {
		skipped = append(skipped, d.room.Nodes[s.Node].Name)
	}
	rep := report{outcomes: Outcomes{
		OK: list(by[good]), Unverified: list(by[unverified]), Failed: list(by[failed]),
		Unknown: list(by[unknown]), NotBegun: list(by[notBegun]), Blocked: list(by[blocked]),
		Passed: list(by[passed]), Skipped: list(skipped),
	}}
	fine := len(by[good]) + len(by[unverified])
	switch {
	case stop != nil && stop.state == Failed:
		rep.state = Failed
	case fine == total && len(by[blocked]) == 0 && len(d.queued) == 0:
		rep.state = Done
	case stop != nil:
		rep.state = stop.state
	case fine == 0:
		rep.state = Failed
	default:
		rep.state = Partial
	}
	rep.unknown = len(by[unknown]) > 0 && len(by[failed])+len(by[notBegun]) == 0
	rep.said = d.sentence(&by, total, rep.state, stop)
	for i := range d.steps {
		switch s := &d.steps[i]; s.fate {
		case failed, unknown, notBegun:
			if s.said != "" && len(rep.failures) < maxFailures {
				rep.failures = append(rep.failures, failure{d.names[i], shorten(s.said, maxSaid)})
			}
		default:
		}
	}
	return rep
}

// sentence says in one line how it ended:
// "3 of 7 on; failed: db1; blocked: web[1-3]".
func (d *drive) sentence(by *[fateEnd][]string, total int, state State, stop *stopped) string {
	var parts []string
	if stop != nil && (state == Cancelled || stop.state == Failed) {
		parts = append(parts, stop.said)
	}
	verb := map[plan.Goal]string{plan.Up: "on", plan.Down: "off", plan.Cycle: "cycled", plan.Restart: "restarted"}[d.plan.Goal]
	fine := len(by[good]) + len(by[unverified])
	switch {
	case total == 0:
		parts = append(parts, "nothing to switch")
	case fine == total:
		parts = append(parts, fmt.Sprintf("%d %s", total, verb))
	default:
		parts = append(parts, fmt.Sprintf("%d of %d %s", fine, total, verb))
	}
	for _, part := range []struct {
		name string
		fate fate
	}{{"not verified", unverified}, {"failed", failed}, {"unknown", unknown}, {"blocked", blocked}, {"not begun", notBegun}} {
		if nodes := by[part.fate]; len(nodes) > 0 {
			parts = append(parts, part.name+": "+inline(nodes))
		}
	}
	return strings.Join(parts, "; ")
}

// list folds nodes; a list that is too long is left out.
func list(nodes []string) string {
	if text := foldNames(nodes); len(text) <= maxList {
		return text
	}
	return ""
}

// inline folds nodes for a sentence, or only counts them.
func inline(nodes []string) string {
	if text := foldNames(nodes); len(text) <= maxInline {
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

// end writes down how the run ended and lets it go. It says false when that must wait.
func (d *drive) end() bool {
	it := d.run
	d.readBack()
	rep := d.report()
	d.tell(Update{Kind: Ended, State: rep.state, Said: rep.said}, nil)
	var took []timed
	for _, do := range []plan.Goal{plan.Up, plan.Down} {
		if t := d.took[do]; t != nil {
			took = append(took, *t)
		}
	}
	last := &d.pending[len(d.pending)-1]
	info := it.info()
	for i := range d.pending {
		scratch := run{now: info}
		scratch.count(&d.pending[i])
		info = scratch.now
	}
	info.Outcomes, info.Updates, info.Cancel = &rep.outcomes, last.N, ""
	page, kept := encodeLog(d.pending), encode(kept{Info: info, Mark: it.sub.Mark, Times: took})
	done := d.write(func(tx *store.Tx) error {
		if err := tx.AppendRun(it.id, d.epoch, string(rep.state), int64(d.pending[0].N), last.Time, page); err != nil {
			return err
		}
		return tx.EndRun(it.id, d.epoch, string(rep.state), last.Time, kept)
	}, append(d.events, it.result(rep))...)
	if !done {
		d.pending = nil
		return false
	}
	it.change(func(now *Info) { now.Outcomes = &rep.outcomes })
	d.shut()
	d.runner.remember(took)
	// Before the end is told, its nodes are free: who hears of it may submit again.
	d.runner.depart(it)
	d.published()
	d.runner.retire(it)
	d.runner.opts.Log.Info("run ended", "run", it.id, "epoch", d.epoch, "state", rep.state, "said", rep.said)
	it.let()
	return true
}

// depart frees the place and the nodes of a run that has ended.
func (r *Runner) depart(it *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active--
	r.claims.release(it)
}

// release frees a run's nodes.
func (r *Runner) release(it *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.claims.release(it)
}

// let lets go of the room of a run that has ended.
func (r *run) let() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sub = Submission{Actor: r.sub.Actor}
}

// readBack finds out how it stands with the nodes that a cancelled run left in the middle.
func (d *drive) readBack() {
	if d.stopping() == nil {
		return
	}
	var nodes []room.NodeID
	for i := range d.steps {
		s, p := &d.steps[i], &d.plan.Steps[i]
		if s.begun && (s.fate == notBegun || s.fate == unknown) && p.Acts&(plan.CordsOn|plan.CordsOff) != 0 && p.Node != room.None {
			nodes = append(nodes, p.Node)
			d.at[p.Node] = int32(i)
		}
	}
	if len(nodes) == 0 {
		return
	}
	const patience = 20 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.run.ctx), patience)
	defer cancel()
	_ = d.runner.opts.Fleet.Do(ctx, fleet.Request{Room: d.room, Op: room.Status, Nodes: nodes, Hasty: true}, reader{d})
}

// reader takes in what was read back.
type reader struct{ *drive }

// Result implements [fleet.Sink].
func (r reader) Result(res fleet.Result) {
	i := r.at[res.Node]
	s := &r.steps[i]
	if s.power = res.State; res.State != room.StateUnknown {
		r.stand(i, r.failedState(i), s.said)
	}
}

// Diagnostic implements [fleet.Sink].
func (r reader) Diagnostic(room.NodeID, string) {}

// Trace implements [fleet.Sink].
func (r reader) Trace(string, devspec.Trace) {}

// Fault implements [fleet.Sink].
func (r reader) Fault(*driver.Fault) {}

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
	}{r.sub.Plan.Goal.String(), r.epoch.Load(), asked, r.sub.Plan.Totals(), event.Marked{Mark: r.sub.Mark}})
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
	}{r.sub.Plan.Goal.String(), r.epoch.Load(), rep.state, rep.outcomes, rep.failures})
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
