package desk

import (
	"slices"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/layout"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
)

// Picture is what of the room is drawn.
type Picture struct {
	Targets string // these, and all that has to do with them; empty is everything
	Power   bool   // devices and feeds too
	// Fold makes one box of many nodes that are tied alike.
	Fold bool
}

// Graph gives the room as a graph with live states: what needs what and, if wished, what
// feeds what. Only what may be seen is in it. Boxes come by priority and then by name.
func (d *Desk) Graph(by Actor, p Picture) (layout.Graph, error) {
	v := d.View(by)
	if err := v.rights.NeedAny(auth.View, "graph"); err != nil {
		return layout.Graph{}, d.barred(by, "graph", "", err)
	}
	nodes, err := v.Nodes(p.Targets)
	if err != nil {
		return layout.Graph{}, err
	}
	if p.Targets != "" {
		nodes = v.around(nodes)
	}
	w := drawing{View: v, at: make(map[room.NodeID]int, len(nodes))}
	w.nodes(nodes)
	if p.Power {
		w.power(nodes)
	}
	w.needs(nodes)
	if p.Fold {
		g, _ := layout.Fold(w.g, layout.FoldOptions{Min: 4, Name: hostlist.Fold})
		return g, nil
	}
	return w.g, nil
}

// around gives nodes, all that they need and all that needs them.
func (v View) around(nodes []room.NodeID) []room.NodeID {
	in := make(map[room.NodeID]bool, len(nodes))
	walk := func(more func(room.NodeID) []room.NodeID) {
		queue := slices.Clone(nodes)
		seen := make(map[room.NodeID]bool, len(nodes))
		for len(queue) > 0 {
			id := queue[0]
			queue = queue[1:]
			if seen[id] || !v.Sees(id) {
				continue
			}
			seen[id], in[id] = true, true
			queue = append(queue, more(id)...)
		}
	}
	walk(func(id room.NodeID) []room.NodeID { return v.Room.Nodes[id].Needs })
	walk(v.Room.NeededBy)
	list := make([]room.NodeID, 0, len(in))
	for id := range in {
		list = append(list, id)
	}
	return list
}

type drawing struct {
	View
	g  layout.Graph
	at map[room.NodeID]int
}

func (w *drawing) nodes(ids []room.NodeID) {
	slices.SortFunc(ids, func(x, y room.NodeID) int {
		if w.Room.Before(x, y) {
			return -1
		}
		return 1
	})
	for _, id := range ids {
		n := &w.Room.Nodes[id]
		kind := layout.Machine
		if len(n.Cords) == 0 {
			kind = layout.Group
		}
		w.at[id] = len(w.g.Nodes)
		w.g.Nodes = append(w.g.Nodes, layout.Node{Label: n.Name, Kind: kind, State: w.look(id)})
	}
}

// look gives a node's state as it is drawn.
func (w *drawing) look(id room.NodeID) layout.State {
	if h, held := w.Hold(id); held && h.Kind == standing.Maintenance {
		return layout.Maintenance
	}
	b := w.Belief(id)
	if b.Held != nil {
		return layout.Unknown
	}
	switch s := w.Standing(id); s.State {
	case standing.SwitchingOn:
		return layout.Starting
	case standing.SwitchingOff:
		return layout.Stopping
	case standing.FailedToStart:
		return layout.StartFailed
	case standing.FailedToStop:
		return layout.StopFailed
	case standing.NeverStarted:
		return layout.StartGaveUp
	case standing.NeverStopped:
		return layout.StopGaveUp
	case standing.ForcedOn:
		return layout.ForcedOn
	case standing.ForcedOff:
		return layout.ForcedOff
	case standing.Unknown, standing.Disputed:
		return layout.Unknown
	case standing.OK:
		return layout.OK
	case standing.Off:
		return layout.Off
	}
	switch b.State {
	case room.StateOn:
		return layout.OK
	case room.StateOff:
		return layout.Off
	case room.StateDegraded:
		return layout.Degraded
	case room.StateUnknown:
	}
	return layout.NoState
}

// needs draws the ties between nodes.
func (w *drawing) needs(ids []room.NodeID) {
	styles := map[string]layout.Style{"needs": layout.Hard, "wants": layout.Optional, "some of": layout.Any}
	for _, id := range ids {
		n := &w.Room.Nodes[id]
		for _, need := range n.Needs {
			if from, drawn := w.at[need]; drawn {
				w.g.Edges = append(w.g.Edges, layout.Edge{From: from, To: w.at[id], Style: styles[howTied(n, need)]})
			}
		}
	}
}

// power draws the devices that nodes hang on, and their feeds.
func (w *drawing) power(ids []room.NodeID) {
	devices := make(map[room.DeviceID]int)
	feeds := make(map[string]int)
	for _, id := range ids {
		for _, c := range w.Room.Nodes[id].Cords {
			at, drawn := devices[c.Device]
			if !drawn {
				at = w.device(c.Device, feeds)
				devices[c.Device] = at
			}
			w.g.Edges = append(w.g.Edges, layout.Edge{From: at, To: w.at[id], Style: layout.Power})
		}
	}
}

func (w *drawing) device(id room.DeviceID, feeds map[string]int) int {
	d := &w.Room.Devices[id]
	at := len(w.g.Nodes)
	n := layout.Node{Label: d.Name, Kind: layout.Device}
	if s, found := w.Device(id); found && s.Link == fleet.Disconnected && s.Said != "" {
		n.State, n.Note = layout.Unknown, s.Said
	}
	w.g.Nodes = append(w.g.Nodes, n)
	for to, name := at, d.Feed; name != ""; {
		from, drawn := feeds[name]
		if !drawn {
			from = len(w.g.Nodes)
			feeds[name] = from
			w.g.Nodes = append(w.g.Nodes, layout.Node{Label: name, Kind: layout.Feed})
		}
		w.g.Edges = append(w.g.Edges, layout.Edge{From: from, To: to, Style: layout.Power})
		if drawn { // and so what feeds it
			break
		}
		f, _ := w.Room.Feed(name)
		to, name = from, f.From
	}
	return at
}
