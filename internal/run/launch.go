package run

import (
	"errors"
	"slices"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
)

func foldNames(names []string) string { return hostlist.Fold(names) }

// launch does what this turn has led to. All that it rests on is on the disk. The nodes
// that are to be switched the same way make one request, so that devices can do ranges.
func (d *drive) launch() {
	for way, act := range [2]plan.Acts{plan.CordsOn, plan.CordsOff} {
		if nodes := d.nodesOf(d.still(d.power[way], act)); len(nodes) > 0 {
			d.wg.Go(func() { d.do([2]room.Op{room.On, room.Off}[way], act, nodes) })
		}
		if nodes := d.nodesOf(d.still(d.looks[way], actLook)); len(nodes) > 0 {
			d.wg.Go(func() { d.look([2]room.State{room.StateOn, room.StateOff}[way], nodes) })
		}
		d.power[way], d.looks[way] = nil, nil
	}
	if nodes := d.nodesOf(d.still(d.reads, actRead)); len(nodes) > 0 {
		d.wg.Go(func() { d.do(room.Status, actRead, nodes) })
	}
	d.reads = nil
	for _, e := range d.effects {
		d.wg.Go(func() { e.do(d.run.ctx) })
	}
	d.effects = nil
}

func (d *drive) nodesOf(steps []int32) []room.NodeID {
	nodes := make([]room.NodeID, len(steps))
	for n, i := range steps {
		nodes[n] = d.plan.Steps[i].Node
	}
	return nodes
}

// do makes one request. If the fleet will not have it because some of the nodes cannot
// be switched like that, the others get theirs. Every node gets a letter.
func (d *drive) do(op room.Op, act plan.Acts, nodes []room.NodeID) {
	s := &sink{drive: d, act: act, heard: make(map[room.NodeID]bool, len(nodes))}
	if !d.mayAct() {
		s.rest(nodes, fleet.NotBegun, errNotBegun)
		return
	}
	err := d.request(op, nodes, s)
	if err != nil {
		refused, others := d.refused(err, nodes)
		s.rest(refused, fleet.Failed, err)
		err = nil
		if len(others) > 0 {
			nodes = others
			if !d.mayAct() {
				s.rest(others, fleet.NotBegun, errNotBegun)
				return
			}
			err = d.request(op, others, s)
		}
	}
	if err != nil {
		s.rest(nodes, fleet.Failed, err)
		return
	}
	s.rest(nodes, fleet.Unknown, errUnheard)
}

var (
	errUnheard = errors.New("nothing was heard of it")
	errGone    = errors.New("it is no longer in the room, or has no cords there any more")
)

func (d *drive) request(op room.Op, nodes []room.NodeID, s *sink) error {
	req := fleet.Request{Room: d.room, Op: op, Nodes: nodes, Verify: op.Changes(), Live: true}
	now, there, gone := d.present(nodes)
	s.rest(gone, fleet.Failed, errGone)
	switch req.Nodes = there; {
	case len(there) == 0:
		return nil
	case now != nil:
		return d.requestNow(now, req, s)
	}
	return d.runner.opts.Fleet.Do(d.run.ctx, req, s)
}

// refused divides nodes into those that a refusal is about and the others. If it
// names none, it is about all.
func (d *drive) refused(err error, nodes []room.NodeID) (refused, others []room.NodeID) {
	var e *room.Error
	if !errors.As(err, &e) || e.Code != room.CodeRefused {
		return nodes, nil
	}
	names, err := hostlist.Expand(e.Subject)
	if err != nil {
		return nodes, nil
	}
	named := make(map[string]bool, len(names))
	for _, name := range names {
		named[name] = true
	}
	for _, id := range nodes {
		if named[d.room.Nodes[id].Name] {
			refused = append(refused, id)
		} else {
			others = append(others, id)
		}
	}
	if len(refused) == 0 {
		return nodes, nil
	}
	return refused, others
}

// sink takes the fleet's reports of one request to the driver.
type sink struct {
	*drive
	act   plan.Acts
	heard map[room.NodeID]bool
}

// Result implements [fleet.Sink].
func (s *sink) Result(res fleet.Result) {
	if s.heard[res.Node] {
		return
	}
	s.heard[res.Node] = true
	s.run.box.post(letter{kind: letterPower, act: s.act, result: res})
}

// rest gives those nodes a result that have none.
func (s *sink) rest(nodes []room.NodeID, o fleet.Outcome, why error) {
	said := why.Error()
	if e := (*room.Error)(nil); errors.As(why, &e) && e.Said != "" {
		said = e.Said
	}
	for _, id := range nodes {
		if !s.heard[id] {
			s.Result(fleet.Result{Node: id, Outcome: o, Said: said})
		}
	}
}

// Diagnostic implements [fleet.Sink]; the node's result says it too.
func (s *sink) Diagnostic(room.NodeID, string) {}

// Trace implements [fleet.Sink].
func (s *sink) Trace(string, devspec.Trace) {}

// Fault implements [fleet.Sink].
func (s *sink) Fault(f *driver.Fault) {
	s.runner.opts.Log.Debug("run met a fault", "run", s.run.id, "epoch", s.epoch, "fault", f)
}

var _ fleet.Sink = (*sink)(nil)

// look hears a second witness about nodes, again and again until it agrees or its time
// is over.
func (d *drive) look(want room.State, nodes []room.NodeID) {
	begun := time.Now()
	post := func(e Evidence, said string) {
		d.run.box.post(letter{kind: letterWitness, act: actLook, result: fleet.Result{Node: e.Node}, evidence: e, said: said})
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		if !d.mayAct() {
			for _, id := range nodes {
				post(Evidence{Node: id}, "")
			}
			return
		}
		seen := make(map[room.NodeID]Evidence, len(nodes))
		for _, e := range d.runner.opts.Witness.Look(d.run.ctx, d.room, nodes, want) {
			seen[e.Node] = e
		}
		nodes = slices.DeleteFunc(nodes, func(id room.NodeID) bool {
			e := seen[id]
			e.Node = id
			late := time.Since(begun) >= d.room.Conduct(id).Witness
			if e.Testimony == Disagrees && !late {
				return false
			}
			said := ""
			if e.Testimony == Disagrees && want == room.StateOff {
				said = d.miswired(id)
			}
			post(e, said)
			return true
		})
		if len(nodes) == 0 {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-d.run.ctx.Done():
		}
		timer.Stop()
	}
}

// Bounds on the search for what else went down.
const (
	mostSearched = 2000
	mostSuspects = 3
)

// miswired says whether another node seems to hang on the plug of one that stays up
// although its plug is off: one whose plug is on, and which is seen to be down.
func (d *drive) miswired(node room.NodeID) string {
	if d.runner.opts.State == nil {
		return ""
	}
	mine := make(map[room.NodeID]bool)
	for i := range d.plan.Steps {
		mine[d.plan.Steps[i].Node] = true
	}
	var others []room.NodeID
	for _, id := range d.room.Sorted() {
		if !mine[id] && d.runner.opts.State(d.room, id) == room.StateOn {
			others = append(others, id)
		}
	}
	if len(others) == 0 || len(others) > mostSearched {
		return ""
	}
	var down []string
	for _, e := range d.runner.opts.Witness.Look(d.run.ctx, d.room, others, room.StateOn) {
		if e.Testimony == Disagrees {
			down = append(down, d.room.Nodes[e.Node].Name)
		}
	}
	if len(down) == 0 || len(down) > mostSuspects {
		return ""
	}
	slices.Sort(down)
	text := ""
	for _, c := range d.room.Nodes[node].Cords {
		dev := &d.room.Devices[c.Device]
		if text != "" {
			text += ", "
		}
		text += dev.Name + ":" + dev.Plugs[c.Plug].Name
	}
	return "plug " + text + " seems to feed " + foldNames(down) + ", which went down"
}
