package run

import (
	"errors"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// act switches nodes by one request. If the fleet will not have it because some
// of them cannot be switched like that, the others get theirs.
func (d *drive) act(op room.Op, nodes []room.NodeID) {
	err := d.do(op, nodes)
	if err == nil {
		return
	}
	refused, others := d.refused(err, nodes)
	d.fail(op, refused, err)
	if len(others) > 0 && d.mayAct() {
		if err := d.do(op, others); err != nil {
			d.fail(op, others, err)
		}
	}
}

// do makes one request. If it gives no error, every node has its result.
func (d *drive) do(op room.Op, nodes []room.NodeID) error {
	err := d.runner.opts.Fleet.Do(d.run.ctx, fleet.Request{
		Room: d.room, Op: op, Nodes: nodes, Verify: true, Live: true,
	}, sink{d, op})
	if err != nil {
		return err
	}
	for _, id := range nodes {
		if d.fates[id] == pending {
			d.result(op, fleet.Result{Node: id, Outcome: fleet.Unknown, Said: "nothing was heard of it"})
		}
	}
	return nil
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
		if named[d.run.name(id)] {
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

// fail gives those nodes a result that have none.
func (d *drive) fail(op room.Op, nodes []room.NodeID, err error) {
	said := err.Error()
	if e := (*room.Error)(nil); errors.As(err, &e) && e.Said != "" {
		said = e.Said
	}
	for _, id := range nodes {
		if d.fates[id] == pending {
			d.result(op, fleet.Result{Node: id, Outcome: fleet.Failed, Said: said})
		}
	}
}

// result takes what became of a node.
func (d *drive) result(op room.Op, res fleet.Result) {
	if d.fates[res.Node] != pending {
		return
	}
	said := res.Said
	if said == "" && res.Err != nil {
		said = res.Err.Error()
	}
	switch res.Outcome {
	case fleet.OK:
		d.arrived(res.Node, good)
	case fleet.Unverified:
		d.arrived(res.Node, unverified)
	case fleet.NotBegun:
		d.lost(res.Node, notBegun, said)
	case fleet.Failed:
		d.lost(res.Node, failed, said)
	default:
		d.lost(res.Node, unknown, said)
	}
	d.tell(Update{Kind: Result, Op: op.String(), Outcome: res.Outcome, Power: res.State, Said: said}, []room.NodeID{res.Node})
}

func (d *drive) lost(id room.NodeID, f fate, said string) {
	d.fates[id] = f
	d.said[id] = said
	d.bad = append(d.bad, id)
}

// sink takes the fleet's reports of one request.
type sink struct {
	*drive
	op room.Op
}

func (s sink) Result(res fleet.Result)        { s.result(s.op, res) }
func (s sink) Diagnostic(room.NodeID, string) {} // the node's result says it too
func (s sink) Trace(string, devspec.Trace)    {}
func (s sink) Fault(f *driver.Fault) {
	s.runner.opts.Log.Debug("run met a fault", "run", s.run.id, "epoch", s.epoch, "fault", f)
}

var _ fleet.Sink = sink{}
