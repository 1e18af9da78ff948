// Package witness looks at machines by something else than what switches them: the current
// of their outlets, their service processors, whether they answer. It tells a run whether
// a node is as the switch says, and whether an operating system has come down while its
// power is still on.
//
// A witness that cannot be asked, or does not know, is silent: only what was seen counts.
// Start at [New]; [Witness.Look] and [Witness.Halted] are what runs ask.
package witness

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/placeholder"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/rounds"
	"millwright.dev/millwright/internal/run"
)

// Fleet is the way to the devices; *fleet.Fleet is one.
type Fleet interface {
	Measure(ctx context.Context, r *room.Room, devices []room.DeviceID, tell func(fleet.Measured))
	ReadPlug(ctx context.Context, r *room.Room, way room.Cord, op room.Op) (room.State, error)
	MayMeasure(r *room.Room, id room.DeviceID) bool
}

// Checks have nodes looked at; *rounds.Rounds does.
type Checks interface {
	Last(node string) []rounds.Report
	Now(ctx context.Context, node string, names ...string) []rounds.Report
}

// Options are what a witness needs from outside.
type Options struct {
	Fleet  Fleet
	Checks Checks // nil: there are none
	// Starts says whether a control of a node starts it: then it need not run yet when
	// its cords are on. Nil: none does.
	Starts func(r *room.Room, id room.NodeID) bool
	// Watts is what a node usually draws, as far as that was recorded.
	Watts func(r *room.Room, id room.NodeID) (float64, bool)
}

// What a draw says.
const (
	idle     = 2.0 // watts that an outlet's meter may show though nothing runs
	usual    = 10  // watts that a node must usually draw for its draw to say anything
	standby  = 0.1 // of the usual draw: a machine that takes less has halted
	runs     = 0.4 // of the usual draw: one that takes more runs; what is between may be either
	patience = 10 * time.Second
	// brief is the patience with a service processor whose node's outlets were just cut:
	// mostly they were what fed it too, and then it never answers.
	brief = 2 * time.Second
)

// Witness looks at machines. Its methods may be called from any goroutine.
type Witness struct{ o Options }

// New makes a witness.
func New(o Options) *Witness {
	return &Witness{o: o}
}

// Look tells, of each node of which something can be seen, whether it is as wanted.
func (w *Witness) Look(ctx context.Context, r *room.Room, nodes []room.NodeID, want room.State) []run.Evidence {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	draws := w.draws(ctx, r, nodes)
	var mu sync.Mutex
	var list []run.Evidence
	tell := func(e run.Evidence) {
		mu.Lock()
		defer mu.Unlock()
		list = append(list, e)
	}
	var wg sync.WaitGroup
	for _, id := range nodes {
		drawn, measured := draws[id]
		apart := w.apart(r, id)
		if !measured && !apart && !w.pings(r, id, want) {
			continue // nothing could tell
		}
		wg.Go(func() { tell(w.look(ctx, r, id, want, drawn, measured, apart)) })
	}
	wg.Wait()
	sort.Slice(list, func(i, j int) bool { return list[i].Node < list[j].Node })
	return list
}

// look asks the witnesses of one node. Who disagrees is heard before who agrees.
func (w *Witness) look(ctx context.Context, r *room.Room, id room.NodeID, want room.State, drawn float64, measured, apart bool) run.Evidence {
	e := run.Evidence{Node: id}
	if measured {
		e.Testimony, e.Said = w.byDraw(r, id, want, drawn)
	}
	// A service processor that has lost its power too, or is booting, is asked in vain and
	// for long, so it is not where the draw leaves no doubt.
	sure := e.Testimony == run.Agrees && (want == room.StateOff || drawn > runs*max(usual, w.usual(r, id)))
	if e.Testimony != run.Disagrees && apart && !sure {
		wait := patience
		if want == room.StateOff {
			wait = brief
		}
		if t, said := w.byProcessor(ctx, r, id, want, wait); t > e.Testimony {
			e.Testimony, e.Said = t, said
		}
	}
	if e.Testimony == run.Silent && w.pings(r, id, want) {
		e.Testimony, e.Said = w.byPing(ctx, r, id)
	}
	return e
}

// apart says whether a node's service processor is another plug than what switches it.
func (w *Witness) apart(r *room.Room, id room.NodeID) bool {
	n := &r.Nodes[id]
	return len(n.BMC) > 0 && !slices.Contains(n.Cords, n.BMC[0])
}

// feedsItself says whether nothing but its own service processor switches a node, which
// leaves that processor and the power supply on.
func (w *Witness) feedsItself(r *room.Room, id room.NodeID) bool {
	n := &r.Nodes[id]
	return len(n.BMC) > 0 && slices.Contains(n.Cords, n.BMC[0])
}

// byDraw judges by what the outlets of a node give.
func (w *Witness) byDraw(r *room.Room, id room.NodeID, want room.State, drawn float64) (run.Testimony, string) {
	said := fmt.Sprintf("its outlets give %.3g W", drawn)
	switch want {
	case room.StateOff:
		if w.feedsItself(r, id) { // off is standby: what remains of the draw is well
			most := w.usual(r, id)
			switch {
			case standby*most < idle:
				return run.Silent, ""
			case drawn > runs*most:
				return run.Disagrees, said
			case drawn > standby*most:
				return run.Silent, ""
			}
			return run.Agrees, said
		}
		if drawn > idle {
			return run.Disagrees, said
		}
		return run.Agrees, said
	case room.StateOn:
		if drawn > idle {
			return run.Agrees, said
		}
		if w.started(r, id) {
			return run.Silent, ""
		}
		if most := w.usual(r, id); most >= usual {
			return run.Disagrees, said + fmt.Sprintf(", and usually %.3g W", most)
		}
	case room.StateUnknown, room.StateDegraded:
	}
	return run.Silent, ""
}

// usual is what a node usually draws, zero if nobody knows.
func (w *Witness) usual(r *room.Room, id room.NodeID) float64 {
	if w.o.Watts != nil {
		if watts, known := w.o.Watts(r, id); known {
			return watts
		}
	}
	return r.Nodes[id].Watts
}

// started says whether a node is started by a control when its cords are on.
func (w *Witness) started(r *room.Room, id room.NodeID) bool {
	return w.o.Starts != nil && w.o.Starts(r, id)
}

// byProcessor judges by what a node's service processor says. One that cannot be reached,
// as when the power of it was cut too, says nothing.
func (w *Witness) byProcessor(ctx context.Context, r *room.Room, id room.NodeID, want room.State, wait time.Duration) (run.Testimony, string) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	now, err := w.o.Fleet.ReadPlug(ctx, r, r.Nodes[id].BMC[0], room.Status)
	switch {
	case err != nil || now == room.StateUnknown:
		return run.Silent, ""
	case now == want:
		return run.Agrees, "its service processor says " + now.String()
	case want == room.StateOn && w.started(r, id): // it has power, and will be started
		return run.Silent, ""
	}
	return run.Disagrees, "its service processor says " + now.String()
}

// pings says whether a node has a check by which it is heard though it should be off.
func (w *Witness) pings(r *room.Room, id room.NodeID, want room.State) bool {
	return want == room.StateOff && w.o.Checks != nil && w.ping(r, id) != ""
}

// ping gives the name of a node's first check that pings the node itself. What answers
// at another address, such as that of a service that moves, or a gateway's, says nothing
// of the node.
func (w *Witness) ping(r *room.Room, id room.NodeID) string {
	for _, c := range r.Nodes[id].Checks {
		pinger, ok := r.Checks[c].Settings.(check.Pinger)
		if !ok {
			continue
		}
		whom := pinger.Pinged()
		if placeholder.In(whom) || whom != "" && (strings.EqualFold(whom, r.Nodes[id].Name) || strings.EqualFold(whom, r.Where(id))) {
			return r.Checks[c].Name
		}
	}
	return ""
}

// answers says whether a ping was answered, if that is known. A check may call a node bad
// that answers, but slowly or not always.
func answers(r check.Result) (answered, known bool) {
	for _, v := range r.Values {
		if v.Quantity == check.Loss {
			return v.Value < 100, true
		}
	}
	return r.Verdict == check.OK, r.Verdict != check.Unknown
}

// byPing judges by whether a node that should be off still answers.
func (w *Witness) byPing(ctx context.Context, r *room.Room, id room.NodeID) (run.Testimony, string) {
	asked := time.Now()
	for _, rep := range w.o.Checks.Now(ctx, r.Nodes[id].Name, w.ping(r, id)) {
		switch answered, known := answers(rep.Last); {
		case rep.At.Before(asked): // it was not looked in time
		case !known:
		case answered:
			return run.Disagrees, "it still answers ping: " + rep.Last.Said
		default:
			return run.Agrees, "it does not answer ping"
		}
	}
	return run.Silent, ""
}

// Halted looks for a proof that a node's operating system has come down while its power
// is on: its service processor, its draw, or, where neither can tell, that it answered
// ping before and does no more.
func (w *Witness) Halted(ctx context.Context, r *room.Room, id room.NodeID) (proved bool, said string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	could := false
	if w.apart(r, id) {
		t, said := w.byProcessor(ctx, r, id, room.StateOff, patience)
		if t == run.Agrees {
			return true, said
		}
		could = t == run.Disagrees
	}
	if drawn, measured := w.draws(ctx, r, []room.NodeID{id})[id]; measured {
		if most := w.usual(r, id); most >= usual {
			if drawn < standby*most {
				return true, fmt.Sprintf("its outlets give %.3g W, and usually %.3g W", drawn, most)
			}
			could = could || drawn > runs*most
		}
	}
	if could || w.o.Checks == nil {
		return false, ""
	}
	return w.silent(ctx, r, id)
}

// silent says whether a node answered ping before and does no more.
func (w *Witness) silent(ctx context.Context, r *room.Room, id room.NodeID) (bool, string) {
	name := w.ping(r, id)
	if name == "" {
		return false, ""
	}
	asked := time.Now()
	for _, rep := range w.o.Checks.Now(ctx, r.Nodes[id].Name, name) {
		if answered, known := answers(rep.Last); known && !answered && !rep.LastOK.IsZero() && !rep.At.Before(asked) {
			return true, "it does not answer ping any more"
		}
	}
	return false, ""
}

// draws measures what nodes draw by all their outlets together. A node is left out if one
// of its outlets is not measured.
func (w *Witness) draws(ctx context.Context, r *room.Room, nodes []room.NodeID) map[room.NodeID]float64 {
	devices := w.meters(r, nodes)
	if len(devices) == 0 {
		return nil
	}
	drawn := make(map[room.Cord]float64)
	w.o.Fleet.Measure(ctx, r, devices, func(m fleet.Measured) {
		for plug, watts := range powers(m.Readings) {
			drawn[room.Cord{Device: m.Device, Plug: int32(plug)}] = watts
		}
	})
	sums := make(map[room.NodeID]float64)
	for _, id := range nodes {
		sum, all := 0.0, len(r.Nodes[id].Cords) > 0
		for _, c := range r.Nodes[id].Cords {
			watts, measured := drawn[c]
			sum, all = sum+watts, all && measured
		}
		if all {
			sums[id] = sum
		}
	}
	return sums
}

// powers gives watts by plug: as measured, or volts by amperes.
func powers(readings []driver.Reading) map[int]float64 {
	watts, amps := make(map[int]float64), make(map[int]float64)
	volts := 230.0
	for _, v := range readings {
		switch {
		case v.Quantity == driver.Voltage && v.Value > 50:
			volts = v.Value
		case v.Plug == driver.NoPlug:
		case v.Quantity == driver.Power:
			watts[v.Plug] = v.Value
		case v.Quantity == driver.Current:
			amps[v.Plug] = v.Value
		}
	}
	for plug, a := range amps {
		if _, measured := watts[plug]; !measured {
			watts[plug] = a * volts
		}
	}
	return watts
}

// meters gives the devices of nodes' cords that may measure something.
func (w *Witness) meters(r *room.Room, nodes []room.NodeID) []room.DeviceID {
	seen := make(map[room.DeviceID]bool)
	var list []room.DeviceID
	for _, id := range nodes {
		for _, c := range r.Nodes[id].Cords {
			if !seen[c.Device] && w.o.Fleet.MayMeasure(r, c.Device) {
				list = append(list, c.Device)
			}
			seen[c.Device] = true
		}
	}
	return list
}
