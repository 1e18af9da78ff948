package local

import (
	"errors"
	"net/http"
	"strconv"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/local/wire"
	"millwright.dev/millwright/internal/room"
)

// nodes answers GET /v0/nodes?targets=…, in the order of host lists: what is
// remembered of them. Nothing is read anew.
func (d *Door) nodes(w http.ResponseWriter, r *http.Request) {
	view, ids, err := d.targets(r)
	if err != nil {
		refuse(w, err)
		return
	}
	here := view.Room
	groups := groupsOf(here)
	list := make([]wire.Node, len(ids))
	for i, id := range ids {
		list[i] = wire.NodeOf(here, id, view.Belief(id))
		list[i].Groups = groups[id]
	}
	answer(w, list)
}

// targets resolves what a request for a listing is about.
func (d *Door) targets(r *http.Request) (desk.View, []room.NodeID, error) {
	view := d.opts.Desk.View(actorOf(r.Context()))
	ids, err := view.Nodes(r.URL.Query().Get("targets"))
	return view, ids, err
}

// groupsOf gives the names of the groups that nodes belong to.
func groupsOf(r *room.Room) map[room.NodeID][]string {
	groups := make(map[room.NodeID][]string)
	for i := range r.Groups {
		for _, id := range r.Groups[i].Nodes {
			groups[id] = append(groups[id], r.Groups[i].Name)
		}
	}
	return groups
}

// devices answers GET /v0/devices?targets=…: all, or those that nodes hang on,
// in the order of the configuration.
func (d *Door) devices(w http.ResponseWriter, r *http.Request) {
	view, ids, err := d.targets(r)
	if err != nil {
		refuse(w, err)
		return
	}
	here := view.Room
	wanted := make([]bool, len(here.Devices))
	for _, id := range ids {
		for _, c := range here.Nodes[id].Cords {
			wanted[c.Device] = true
		}
	}
	all := r.URL.Query().Get("targets") == ""
	list := make([]wire.Device, 0, len(here.Devices))
	for i := range here.Devices {
		id, dev := room.DeviceID(i), &here.Devices[i]
		if !all && !wanted[id] {
			continue
		}
		status, ok := view.Device(id)
		if !ok {
			continue // it is not to be seen, or a reload has taken it away
		}
		list = append(list, wire.Device{
			DeviceStatus: status, Driver: dev.Driver, Feed: dev.Feed,
			Plugs: len(dev.Plugs), Nodes: here.Fold(view.NodesOf(id)),
		})
	}
	answer(w, list)
}

// clear answers POST /v0/clear.
func (d *Door) clear(w http.ResponseWriter, r *http.Request) {
	var ask wire.Targets
	if err := read(w, r, &ask); err != nil {
		refuse(w, err)
		return
	}
	freed, err := d.opts.Desk.Clear(r.Context(), actorOf(r.Context()), ask.Targets)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, wire.Cleared{Nodes: freed})
}

// reload answers POST /v0/reload.
func (d *Door) reload(w http.ResponseWriter, r *http.Request) {
	if err := d.opts.Desk.Reload(r.Context(), actorOf(r.Context())); err != nil {
		var known *room.Error
		if !errors.As(err, &known) {
			known = &room.Error{Code: room.CodeInvalid, Op: "reload", Said: err.Error(), Err: err}
		}
		refuse(w, known)
		return
	}
	d.version(w, r)
}

// revisions answers GET /v0/revisions?limit=n.
func (d *Door) revisions(w http.ResponseWriter, r *http.Request) {
	limit := 20
	if text := r.URL.Query().Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 10_000 {
			refuse(w, invalid("limit is not a number from 1 to 10000"))
			return
		}
	}
	if err := d.opts.Desk.NeedView(actorOf(r.Context()), "revisions"); err != nil {
		refuse(w, err)
		return
	}
	if d.opts.Revisions == nil {
		answer(w, []wire.Revision{})
		return
	}
	list, err := d.opts.Revisions(r.Context(), limit)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, list)
}
