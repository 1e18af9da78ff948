package desk

import (
	"math"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/state"
)

// View is the room as one actor may see it at one moment. It is small and made
// quickly: make a new one for each request, and in what goes on for long, such as
// a stream, for each thing that is shown.
type View struct {
	Room   *room.Room
	rights *auth.Rights
	desk   *Desk
	by     Actor
}

// View gives an actor's view.
func (d *Desk) View(by Actor) View {
	r := d.fleet.Room()
	return View{Room: r, rights: d.rights(r, by), desk: d, by: by}
}

// Same says whether a view made later shows neither more nor less of the room than
// this one.
func (v View) Same(later View) bool { return v.Room == later.Room && v.rights == later.rights }

// Everything says whether nothing is hidden.
func (v View) Everything() bool { return v.rights.Everywhere() >= auth.View }

// Anything says whether anything may be seen at all.
func (v View) Anything() bool { return v.rights.Any(auth.View) }

// Sees says whether a node may be seen.
func (v View) Sees(id room.NodeID) bool { return v.rights.May(auth.View, id) }

// SeesNamed says whether a node may be seen that is known by its name. One that is
// not in the room is seen by those who see everything.
func (v View) SeesNamed(name string) bool {
	if v.Everything() {
		return true
	}
	id, found := v.Room.Node(name)
	return found && v.Sees(id)
}

// Operates says whether a node may be switched, for showing what can be done.
func (v View) Operates(id room.NodeID) bool { return v.rights.May(auth.Operate, id) }

// Nodes gives the nodes that targets mean, in the order of host lists, or those
// that may be seen if there are no targets. To name one that may not be seen is
// refused. The slice is for reading only.
func (v View) Nodes(targets string) ([]room.NodeID, error) {
	if targets == "" {
		if err := v.rights.NeedAny(auth.View, "list nodes"); err != nil {
			return nil, v.desk.barred(v.by, "list nodes", "", err)
		}
		return v.rights.Only(auth.View, v.Room.Sorted()), nil
	}
	found, err := v.Room.Resolve(targets)
	if err != nil {
		return nil, blind(v.rights, err)
	}
	if err := v.desk.need(v.Room, v.by, auth.View, "list nodes", targets, found.Nodes); err != nil {
		return nil, err
	}
	v.Room.Sort(found.Nodes)
	return found.Nodes, nil
}

// SeesDevice says whether a device may be seen: one on which a node hangs that may
// be seen, and any by who sees everything.
func (v View) SeesDevice(id room.DeviceID) bool {
	if v.Everything() {
		return true
	}
	for _, p := range v.Room.Devices[id].Plugs {
		if p.Node != room.None && v.Sees(p.Node) {
			return true
		}
	}
	return false
}

// NodesOf gives those nodes on a device that may be seen.
func (v View) NodesOf(id room.DeviceID) []room.NodeID {
	return v.rights.Only(auth.View, v.Room.NodesOf(id))
}

// Belief gives what is remembered of a node that may be seen.
func (v View) Belief(id room.NodeID) state.Belief {
	if !v.Sees(id) {
		return state.Belief{}
	}
	return v.desk.state.Get(v.Room, id)
}

// Device gives how it stands with a device. It is not ok for one that may not be
// seen, or that a reload has taken away.
func (v View) Device(id room.DeviceID) (status fleet.DeviceStatus, ok bool) {
	if !v.SeesDevice(id) {
		return fleet.DeviceStatus{}, false
	}
	return v.desk.fleet.Device(v.Room, id)
}

// hidden stands for what an event says of nodes that may not be seen.
const hidden = "it was about other nodes too, which are not shown"

// Event gives an event as it may be shown. One about the room as a whole is for
// those who see everything; of one that is only partly about nodes that may be
// seen, just that part is shown.
func (v View) Event(e event.Event) (event.Event, bool) {
	if v.Everything() {
		return e, true
	}
	if e.Targets == "" || !v.Anything() {
		return event.Event{}, false
	}
	list, err := anyLength.Parse(e.Targets)
	if err != nil {
		return event.Event{}, false
	}
	seen := v.seen(list)
	switch len(seen) {
	case 0:
		return event.Event{}, false
	case list.Len():
		e.Detail = v.Said(e.Detail)
		if v.hides(e.Data) {
			e.Data = nil
		}
		return e, true
	}
	e.Targets, e.Count = hostlist.Fold(seen), len(seen)
	e.Detail, e.Data = hidden, nil
	return e, true
}

// anyLength is for lists that were accepted once.
var anyLength = hostlist.Limits{Range: math.MaxInt32, Items: math.MaxInt32, Names: math.MaxInt32}

// seen gives those names that are of nodes that may be seen.
func (v View) seen(list hostlist.List) []string {
	var names []string
	for name := range list.All() {
		if v.SeesNamed(name) {
			names = append(names, name)
		}
	}
	return names
}

// Run says whether a run may be seen: whoever sees all nodes that it is about.
func (v View) Run(info run.Info) bool {
	if v.Everything() {
		return true
	}
	return v.desk.runs.Concerns(info.ID, v.SeesNamed)
}

// ListRuns tells how it stands with the runs that the actor may see, the newest first.
func (d *Desk) ListRuns(by Actor) ([]run.Info, error) {
	v := d.View(by)
	if err := v.rights.NeedAny(auth.View, "runs"); err != nil {
		return nil, d.barred(by, "runs", "", err)
	}
	list := d.runs.List()
	if v.Everything() {
		return list, nil
	}
	kept := list[:0]
	for _, info := range list {
		if v.Run(info) {
			kept = append(kept, v.info(info))
		}
	}
	return kept, nil
}

// GetRun tells how it stands with one run.
func (d *Desk) GetRun(by Actor, id string) (run.Info, error) {
	info, err := d.runs.Get(id)
	if err != nil {
		return run.Info{}, err
	}
	return d.View(by).info(info), d.needRun(by, auth.View, "run", id)
}

// RunSince gives what a run has told behind the n-th update, as long as the actor may
// see the run; see [run.Runner.Since].
func (d *Desk) RunSince(by Actor, id string, n int) (list []run.Update, over bool, more <-chan struct{}, err error) {
	if err := d.needRun(by, auth.View, "run", id); err != nil {
		return nil, false, nil, err
	}
	list, over, more, err = d.runs.Since(id, n)
	return d.View(by).updates(list), over, more, err
}

// needRun holds that an actor has a role on all nodes of a run that is known.
func (d *Desk) needRun(by Actor, role auth.Role, op, id string) error {
	if _, err := d.runs.Get(id); err != nil {
		return err
	}
	return d.needNamed(by, role, op, func(yield func(string) bool) { d.runs.Concerns(id, yield) })
}
