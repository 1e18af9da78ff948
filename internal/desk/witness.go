package desk

import (
	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/state"
)

// witness stands between the fleet and a request's sink: it counts, and keeps
// what was seen of the nodes' power.
type witness struct {
	Sink
	op   room.Op
	sum  Summary
	seen []state.Seen
}

// witnessed says whether an operation tells something about power. A reset and
// the beacons leave it as it was.
func witnessed(op room.Op) bool {
	switch op {
	case room.Status, room.On, room.Off, room.Cycle:
		return true
	}
	return false
}

// Result implements [fleet.Sink].
func (w *witness) Result(res fleet.Result) {
	w.sum.Counts[res.Outcome]++
	// A change that was not begun has shown nothing; all else has, if only that
	// nobody can tell.
	if witnessed(w.op) && res.Outcome != fleet.NotBegun {
		w.seen = append(w.seen, state.Seen{Node: res.Node, State: res.State})
	}
	w.Sink.Result(res)
}

// Fault implements [fleet.Sink].
func (w *witness) Fault(f *driver.Fault) {
	w.sum.Faults++
	w.Sink.Fault(f)
}

// silent is the sink of a request whose asker did not wait.
type silent struct{}

func (silent) Begin(Began)                    {}
func (silent) Result(fleet.Result)            {}
func (silent) Fault(*driver.Fault)            {}
func (silent) Diagnostic(room.NodeID, string) {}
func (silent) Trace(string, devspec.Trace)    {}

// work breaks nodes up by device, for showing what a request would do.
func work(r *room.Room, nodes []room.NodeID) []Work {
	at := make(map[room.DeviceID]int)
	var list []Work
	for _, id := range nodes {
		for _, c := range r.Nodes[id].Cords {
			i, found := at[c.Device]
			if !found {
				i = len(list)
				at[c.Device] = i
				list = append(list, Work{Device: c.Device})
			}
			list[i].Plugs = append(list[i].Plugs, r.Devices[c.Device].Plugs[c.Plug].Name)
			list[i].Nodes = append(list[i].Nodes, id)
		}
	}
	return list
}
