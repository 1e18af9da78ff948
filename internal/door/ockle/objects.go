package ockle

import (
	"slices"
	"strings"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/standing"
	"millwright.dev/millwright/ockle"
	"millwright.dev/millwright/ockle/folder"
)

// outlet gives the name that a plug of a server has for clients, and plug the reverse.
func (v *visit) outlet(server, device, plug string) string {
	if s := v.etc.server(server); s != nil {
		for _, o := range s.Outlets {
			if o.From == device && roomfile.OcklePlug(server, o) == plug {
				return o.Name
			}
		}
	}
	return device + ":" + plug
}

func (v *visit) plug(id room.NodeID, outlet string) (device, plug string, found bool) {
	r := v.view.Room
	n := &r.Nodes[id]
	for _, c := range n.Cords {
		d := &r.Devices[c.Device]
		if device, plug = d.Name, d.Plugs[c.Plug].Name; v.outlet(n.Name, device, plug) == outlet {
			return device, plug, true
		}
	}
	return "", "", false
}

// shortName gives the name that a control or check of a server has for clients: in a
// folder of Ockle's the one of its section.
func (v *visit) shortName(server, name string, of []folder.Object, full func(server, object string) string) string {
	short, found := strings.CutPrefix(name, server+".")
	if found && slices.ContainsFunc(of, func(o folder.Object) bool { return o.Name == short && full(server, short) == name }) {
		return short
	}
	return name
}

func (v *visit) controlName(server, name string) string {
	if s := v.etc.server(server); s != nil {
		return v.shortName(server, name, s.Controls, roomfile.OckleControl)
	}
	return name
}

func (v *visit) checkName(server, name string) string {
	if s := v.etc.server(server); s != nil {
		return v.shortName(server, name, s.Tests, roomfile.OckleCheck)
	}
	return name
}

// control finds a control of a node by the name that clients have for it, and check a
// check.
func (v *visit) control(id room.NodeID, short string) (name string, found bool) {
	r := v.view.Room
	for _, c := range r.Nodes[id].Controls {
		if name := r.Controls[c].Name; v.controlName(r.Nodes[id].Name, name) == short {
			return name, true
		}
	}
	return "", false
}

func (v *visit) check(id room.NodeID, short string) (name string, found bool) {
	r := v.view.Room
	for _, c := range r.Nodes[id].Checks {
		if name := r.Checks[c].Name; v.checkName(r.Nodes[id].Name, name) == short {
			return name, true
		}
	}
	return "", false
}

// stateOf gives a node's state in Ockle's words. What it has no word for is as if nothing
// had been asked of it.
func stateOf(s standing.State) ockle.State {
	switch s {
	case standing.Unknown, standing.Disputed, standing.Initial, "":
		return ockle.NotInitiated
	case standing.CannotTell:
		return ockle.Failed
	}
	return ockle.State(s)
}

// objectState does so for what a node has.
func objectState(s standing.State) ockle.State {
	if state := stateOf(s); state != ockle.NotInitiated {
		return state
	}
	return ockle.ObjectNotInitiated
}
