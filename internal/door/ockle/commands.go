package ockle

import (
	"context"
	"strings"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/ockle"
	"millwright.dev/millwright/ockle/folder"
)

// command is what one of the 28 does.
type command func(context.Context, visit) (ockle.Values, error)

// commands gives what each command does.
func commands() map[string]command {
	return map[string]command{
		ockle.ListCommands:            listCommands,
		ockle.GetAvailablePlugins:     plugins,
		ockle.GetAvailablePDUs:        types(ockle.KeyPDUTypes, folder.PDU),
		ockle.GetAvailableTesters:     types(ockle.KeyTesterTypes, folder.Tester),
		ockle.GetAvailableControllers: types(ockle.KeyControllerTypes, folder.Controller),
		ockle.Restart:                 restart,
		ockle.DotGraph:                graph,
		ockle.GetServerView:           serverView,
		ockle.GetPDUs:                 dictionary(ockle.KeyPDUs, folder.PDU),
		ockle.GetTesters:              dictionary(ockle.KeyTesters, folder.Tester),
		ockle.GetControllers:          dictionary(ockle.KeyControllers, folder.Controller),
		ockle.GetServers:              dictionary(ockle.KeyServers, ""),
		ockle.SetServer:               setServer,
		ockle.SwitchOutlet:            switchOutlet,
		ockle.SwitchControl:           switchControl,
		ockle.RunTest:                 runTest,
		ockle.GetServerOutlets:        objects(ockle.KeyServerOutlets, folder.PDU),
		ockle.GetServerTests:          objects(ockle.KeyServerTests, folder.Tester),
		ockle.GetServerControls:       objects(ockle.KeyServerControls, folder.Controller),
		ockle.GetServerDependencyMap:  dependencies,
		ockle.UpdateNetwork:           update,
		ockle.GetINIFile:              getINI,
		ockle.SetINIFile:              setINI,
		ockle.DeleteINIFile:           deleteINI,
		ockle.DeleteINISection:        deleteSection,
		ockle.GetAutoControlStatus:    autoControl,
		ockle.SetAutoControlStatus:    setAutoControl,
		ockle.SwitchNetwork:           switchNetwork,
	}
}

func isOneOf(text string, words ...string) bool {
	for _, w := range words {
		if strings.EqualFold(strings.TrimSpace(text), w) {
			return true
		}
	}
	return false
}

func listCommands(context.Context, visit) (ockle.Values, error) {
	var values ockle.Values
	for _, name := range ockle.Commands() {
		values = append(values, ockle.Value{Key: name})
	}
	return values, nil
}

// plugins gives those of Ockle's plugins whose work is done here.
func plugins(context.Context, visit) (ockle.Values, error) {
	return ockle.Values{
		{Key: "AutoControl", Text: "switches the network in the order of its dependencies"},
		{Key: "CoreCommunicationCommands", Text: "shows and switches servers"},
		{Key: "EditingCommunicationCommands", Text: "edits the configuration"},
		{Key: "Logger", Text: "keeps what was measured"},
		{Key: "SocketListener", Text: "this way in"},
	}, nil
}

// types gives the types of a kind that Ockle's forms know.
func types(key string, kind folder.Kind) command {
	return func(context.Context, visit) (ockle.Values, error) {
		all := make(map[string]string)
		for _, t := range folder.Templates() {
			if t.Kind == kind {
				all[t.Type] = t.Text
			}
		}
		return value(key, ockle.JSON(all)), nil
	}
}

// restart reads the files again: nothing else has to start anew.
func restart(ctx context.Context, v visit) (ockle.Values, error) {
	if err := v.desk.Reload(ctx, v.actor); err != nil {
		return nil, err
	}
	return nil, ockle.ErrNoAnswer
}

func graph(_ context.Context, v visit) (ockle.Values, error) {
	nodes, err := v.view.Nodes("")
	if err != nil {
		return nil, err
	}
	r := v.view.Room
	list := make([]ockle.DotNode, 0, len(nodes))
	for _, id := range nodes {
		n := ockle.DotNode{Name: r.Nodes[id].Name, State: stateOf(v.view.Standing(id).State)}
		for _, need := range r.Nodes[id].Needs {
			if v.view.Sees(need) {
				n.Needs = append(n.Needs, r.Nodes[need].Name)
			}
		}
		list = append(list, n)
	}
	return value(ockle.KeyDot, ockle.Dot(list)), nil
}

// update has all states read from the devices.
func update(ctx context.Context, v visit) (ockle.Values, error) {
	if _, err := v.desk.Do(ctx, desk.Request{Actor: v.actor, Op: room.Status}, &one{}); err != nil {
		return nil, err
	}
	return value(ockle.KeyStatus, ockle.Done), nil
}

// dependencies says which servers one may need: not those that need it already, by
// whatever way.
func dependencies(_ context.Context, v visit) (ockle.Values, error) {
	id, err := v.server()
	if err != nil {
		return nil, err
	}
	r := v.view.Room
	way := map[room.NodeID]room.NodeID{id: room.None} // from what each was reached
	for queue := []room.NodeID{id}; len(queue) > 0; queue = queue[1:] {
		for _, by := range r.NeededBy(queue[0]) {
			if _, seen := way[by]; !seen {
				way[by] = queue[0]
				queue = append(queue, by)
			}
		}
	}
	m := ockle.DependencyMap{Available: map[string]string{}, Existing: map[string]string{}, Disabled: map[string][]string{}}
	existing := make(map[room.NodeID]bool)
	for _, need := range r.Nodes[id].Needs {
		existing[need] = true
	}
	nodes, err := v.view.Nodes("")
	if err != nil {
		return nil, err
	}
	for _, other := range nodes {
		name := r.Nodes[other].Name
		_, circle := way[other]
		switch {
		case other == id:
		case existing[other]:
			m.Existing[name] = v.etc.comment(name)
		case circle:
			m.Disabled[name] = v.circle(way, other)
		default:
			m.Available[name] = v.etc.comment(name)
		}
	}
	return value(ockle.KeyDependency, ockle.JSON(m)), nil
}

// circle names the servers on the way to one that needs where it begins.
func (v *visit) circle(way map[room.NodeID]room.NodeID, to room.NodeID) []string {
	var names []string
	for at := to; at != room.None; at = way[at] {
		if v.view.Sees(at) {
			names = append([]string{v.view.Room.Nodes[at].Name}, names...)
		}
	}
	return names
}
