package desk

import (
	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// counter stands between the fleet and a request's sink and counts.
type counter struct {
	Sink
	sum Summary
}

// Result implements [fleet.Sink].
func (c *counter) Result(res fleet.Result) {
	c.sum.Counts[res.Outcome]++
	c.Sink.Result(res)
}

// Fault implements [fleet.Sink].
func (c *counter) Fault(f *driver.Fault) {
	c.sum.Faults++
	c.Sink.Fault(f)
}

// silent is the sink of a request whose asker did not wait.
type silent struct{}

func (silent) Begin(Began)                    {}
func (silent) Result(fleet.Result)            {}
func (silent) Fault(*driver.Fault)            {}
func (silent) Diagnostic(room.NodeID, string) {}
func (silent) Trace(string, devspec.Trace)    {}

// work breaks nodes up by device, for showing what a request would do.
func work(r *room.Room, op room.Op, nodes []room.NodeID) []Work {
	at := make(map[room.DeviceID]int)
	var list []Work
	for _, id := range nodes {
		for _, c := range r.Nodes[id].Ways(op) {
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
