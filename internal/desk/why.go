package desk

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/impact"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
)

// Reason is why something stands as it does, with the reasons for that.
type Reason struct {
	Subject string // the node, device, check or run
	Kind    string // "node", "power", "hold", "device", "check", "control", "run", "choice"
	State   string
	Said    string
	Since   time.Time
	Because []Reason
}

// maxInquiry bounds how many nodes one answer goes through.
const maxInquiry = 1000

// Why tells why a node stands as it does: its power, who holds it, what has failed at it,
// and then the same of what it needs, as far as that is not up.
func (d *Desk) Why(by Actor, node string) (Reason, error) {
	r, id, err := d.one(by, auth.View, "why", node)
	if err != nil {
		return Reason{}, err
	}
	w := inquiry{View: d.View(by), room: r, seen: make(map[room.NodeID]bool), groups: make(map[room.NodeID]bool)}
	return w.node(id), nil
}

// inquiry goes through what nodes stand upon, each node once.
type inquiry struct {
	View
	room *room.Room
	seen map[room.NodeID]bool
	// groups are the nodes without cords or a standing of their own, and whether they are up.
	groups map[room.NodeID]bool
}

func (w *inquiry) node(id room.NodeID) Reason {
	n := &w.room.Nodes[id]
	now := w.Standing(id)
	out := Reason{Subject: n.Name, Kind: "node", State: string(now.State), Said: now.Reason, Since: now.Since}
	if !w.Sees(id) {
		out.Subject, out.State = "a node that is not shown to you", ""
		return out
	}
	if w.seen[id] || len(w.seen) >= maxInquiry {
		out.Said = strings.TrimSpace(out.Said + " (see above)")
		return out
	}
	w.seen[id] = true
	out.Because = append(out.Because, w.power(id)...)
	out.Because = append(out.Because, w.held(id)...)
	out.Because = append(out.Because, w.parts(id)...)
	out.Because = append(out.Because, w.needs(id)...)
	return out
}

// power tells what is believed of a node's power, and of its devices that are lost.
func (w *inquiry) power(id room.NodeID) []Reason {
	n := &w.room.Nodes[id]
	if len(n.Cords) == 0 {
		return nil
	}
	b := w.Belief(id)
	said := "never read"
	if !b.Seen.IsZero() {
		said = "read " + time.Since(b.Seen).Round(time.Second).String() + " ago"
	}
	list := []Reason{{Subject: n.Name, Kind: "power", State: b.State.String(), Said: said, Since: b.Since}}
	if b.Held != nil {
		list = append(list, Reason{Subject: n.Name, Kind: "hold", State: "interrupted", Said: b.Held.String(), Since: b.Held.At})
	}
	seen := make(map[room.DeviceID]bool)
	for c := range n.Links() {
		s, found := w.Device(c.Device)
		if !found || seen[c.Device] || s.Link == fleet.Connected || s.Said == "" {
			continue
		}
		seen[c.Device] = true
		list = append(list, Reason{Subject: s.Name, Kind: "device", State: string(s.Link), Said: s.Said})
	}
	return list
}

// held tells who holds a node, and which runs are at work on it.
func (w *inquiry) held(id room.NodeID) []Reason {
	var list []Reason
	name := w.room.Nodes[id].Name
	if h, is := w.Hold(id); is {
		list = append(list, Reason{Subject: name, Kind: "hold", State: string(h.Kind), Said: strings.TrimPrefix(strings.TrimPrefix(h.String(), "held "), "in maintenance "), Since: h.Since})
	}
	for _, run := range w.desk.runs.Holders(w.room, []room.NodeID{id}) {
		list = append(list, Reason{Subject: run, Kind: "run", State: "under way", Said: "run " + run + " has to do with it"})
	}
	return list
}

// parts tells what of a node is not as it should be.
func (w *inquiry) parts(id room.NodeID) []Reason {
	var list []Reason
	for _, e := range w.Entries(id) {
		if e.Kind != standing.Node && (e.State.Bad() || e.State == standing.CannotTell) {
			list = append(list, Reason{Subject: e.Object, Kind: string(e.Kind), State: string(e.State), Said: e.Reason, Since: e.Since})
		}
	}
	return list
}

// up says whether a node is up, as far as anybody knows: by its standing, or, if nothing
// was ever asked of it, by its power. One without cords is up when what it needs is.
func (w *inquiry) up(id room.NodeID) bool {
	// What may not be seen counts as it is too: it is not named, and the answer is true.
	n := &w.room.Nodes[id]
	s := w.desk.standings.Node(n.Name).State
	switch {
	case s != standing.Initial:
		return s.Up()
	case len(n.Cords) > 0:
		return w.desk.state.Get(w.room, id).State == room.StateOn
	}
	up, known := w.groups[id]
	if !known {
		up = w.met(n)
		w.groups[id] = up
	}
	return up
}

// met says whether what a node needs is up.
func (w *inquiry) met(n *room.Node) bool {
	for _, need := range n.Hard() {
		if !w.up(need) {
			return false
		}
	}
	for _, c := range n.Choices {
		up := 0
		for _, of := range c.Of {
			if w.up(of) {
				up++
			}
		}
		if up < c.Least {
			return false
		}
	}
	return true
}

// needs tells of what a node needs, as far as that is not up.
func (w *inquiry) needs(id room.NodeID) []Reason {
	var list []Reason
	n := &w.room.Nodes[id]
	for _, need := range n.Hard() {
		if !w.up(need) {
			list = append(list, w.node(need))
		}
	}
	for _, c := range n.Choices {
		up := 0
		var down []Reason
		for _, of := range c.Of {
			if w.up(of) {
				up++
			} else {
				down = append(down, w.node(of))
			}
		}
		if up < c.Least {
			list = append(list, Reason{
				Subject: w.named(c.Of), Kind: "choice", State: fmt.Sprintf("%d of %d", up, c.Least),
				Said: fmt.Sprintf("needs %d of these, and %d are up", c.Least, up), Because: down,
			})
		}
	}
	return list
}

// named gives the names of nodes, as far as they may be seen.
func (w *inquiry) named(nodes []room.NodeID) string {
	seen := slices.DeleteFunc(slices.Clone(nodes), func(id room.NodeID) bool { return !w.Sees(id) })
	switch more := len(nodes) - len(seen); {
	case more == 0:
		return w.room.Fold(seen)
	case len(seen) == 0:
		return "nodes that are not shown to you"
	default:
		return fmt.Sprintf("%s and %d that are not shown to you", w.room.Fold(seen), more)
	}
}

// LostNames is what goes, by name, in a question of what falls then.
type LostNames struct {
	Nodes   string // targets
	Devices []string
	Feeds   []string
}

// Impact tells what falls when something goes. What may not be seen is left out.
func (d *Desk) Impact(by Actor, lost LostNames) (View, impact.Result, error) {
	v := d.View(by)
	what := impact.Lost{Feeds: lost.Feeds}
	if lost.Nodes != "" {
		nodes, err := v.Nodes(lost.Nodes)
		if err != nil {
			return v, impact.Result{}, err
		}
		what.Nodes = nodes
	} else if err := v.rights.NeedAny(auth.View, "impact"); err != nil {
		return v, impact.Result{}, d.barred(by, "impact", "", err)
	}
	none := func(kind, name string) error {
		return &room.Error{Code: room.CodeNotFound, Op: "impact", Subject: name, Said: "there is no such " + kind}
	}
	for _, name := range lost.Devices {
		id, found := v.Room.Device(name)
		if !found || !v.SeesDevice(id) {
			return v, impact.Result{}, none("device", name)
		}
		what.Devices = append(what.Devices, id)
	}
	for _, name := range lost.Feeds {
		if _, found := v.Room.Feed(name); !found || !v.Everything() {
			return v, impact.Result{}, none("feed", name)
		}
	}
	res := impact.Of(v.Room, what)
	res.Fallen, res.Worse = v.hits(res.Fallen), v.hits(res.Worse)
	kept := res.Devices[:0]
	for _, id := range res.Devices {
		if v.SeesDevice(id) {
			kept = append(kept, id)
		}
	}
	res.Devices = kept
	return v, res, nil
}

// hits gives those that may be seen. What made them fall is named only if that may be
// seen too.
func (v View) hits(list []impact.Hit) []impact.Hit {
	kept := list[:0]
	for _, h := range list {
		if !v.Sees(h.Node) {
			continue
		}
		if h.By != "" && !v.SeesNamed(h.By) {
			if id, device := v.Room.Device(h.By); !device || !v.SeesDevice(id) {
				h.By = ""
			}
		}
		kept = append(kept, h)
	}
	return kept
}

// Tie is one way in which a node needs another.
type Tie struct {
	Node room.NodeID // the other
	How  string      // "needs", "wants", "some of"
	Away int         // how many ties lead there: 1 is direct
}

// Ties gives what a node needs, or what needs it: directly, or all the way. Only what may
// be seen is told, in the order of distance and then of host lists.
func (d *Desk) Ties(by Actor, node string, needed, deep bool) (View, []Tie, error) {
	_, id, err := d.one(by, auth.View, "needs", node)
	v := d.View(by)
	if err != nil {
		return v, nil, err
	}
	seen := map[room.NodeID]bool{id: true}
	var list []Tie
	layer := []room.NodeID{id}
	for away := 1; len(layer) > 0; away++ {
		var next []room.NodeID
		from := make(map[room.NodeID]string)
		for _, at := range layer {
			others := v.Room.Nodes[at].Needs
			if needed {
				others = v.Room.NeededBy(at)
			}
			for _, other := range others {
				if !seen[other] {
					seen[other] = true
					next = append(next, other)
					x, y := at, other
					if needed {
						x, y = other, at
					}
					from[other] = howTied(&v.Room.Nodes[x], y)
				}
			}
		}
		v.Room.Sort(next)
		for _, other := range next {
			if v.Sees(other) {
				list = append(list, Tie{other, from[other], away})
			}
		}
		if layer = next; !deep {
			break
		}
	}
	return v, list, nil
}

// howTied says how a node needs another.
func howTied(n *room.Node, need room.NodeID) string {
	switch {
	case slices.Contains(n.Hard(), need):
		return "needs"
	case slices.Contains(n.Wants, need):
		return "wants"
	}
	return "some of"
}
