// Package impact works out what falls when something goes: a node, a device, a feed. It
// is pure: a room and what is lost go in, and who falls and because of what comes out.
//
// Start at [Of].
package impact

import (
	"slices"

	"millwright.dev/millwright/internal/room"
)

// Lost is what goes. Feeds are named, with all that they feed.
type Lost struct {
	Nodes   []room.NodeID
	Devices []room.DeviceID
	Feeds   []string
}

// Cause is why a node falls, or is worse off.
type Cause string

// The causes.
const (
	Gone   Cause = "gone"   // it was said to go
	Power  Cause = "power"  // no cord of it is left; By is one of the devices
	Need   Cause = "need"   // what it needs has fallen; By is that node
	Choice Cause = "choice" // too few of what it needs some of are left; By is one that has fallen
	Cord   Cause = "cord"   // it lives on fewer cords than it has; By is a device that is lost
	Spare  Cause = "spare"  // it can lose no more of what it needs some of; By is one that has fallen
	Want   Cause = "want"   // what it wants has fallen; By is that node
)

// Hit is one node that is hit.
type Hit struct {
	Node  room.NodeID
	Cause Cause
	By    string // the node or device that it is because of; "" for those that were said to go
}

// Result is who is hit, each list in the order of host lists.
type Result struct {
	Fallen []Hit // without them nothing works that needs them
	Worse  []Hit // they stand, with less to hold them up
	// Devices and Feeds are all that goes with what was said to go.
	Devices []room.DeviceID
	Feeds   []string
}

// Of works out what falls when something goes. The time taken grows with what is hit.
func Of(r *room.Room, lost Lost) Result {
	w := work{r: r, hits: make(map[room.NodeID]Hit), down: make(map[room.DeviceID]bool)}
	w.feeds(lost.Feeds)
	for _, d := range lost.Devices {
		w.down[d] = true
	}
	for _, id := range lost.Nodes {
		w.fall(Hit{id, Gone, ""})
	}
	w.cords()
	w.spread()
	return w.result()
}

type work struct {
	r     *room.Room
	dark  []string
	down  map[room.DeviceID]bool
	hits  map[room.NodeID]Hit // that fall
	worse map[room.NodeID]Hit
	queue []room.NodeID
}

// feeds darkens feeds, all that they feed, and the devices on them.
func (w *work) feeds(names []string) {
	w.dark = slices.Clone(names)
	for i := 0; i < len(w.dark); i++ {
		for _, f := range w.r.Feeds {
			if f.From == w.dark[i] && !slices.Contains(w.dark, f.Name) {
				w.dark = append(w.dark, f.Name)
			}
		}
	}
	for i := range w.r.Devices {
		if f := w.r.Devices[i].Feed; f != "" && slices.Contains(w.dark, f) {
			w.down[room.DeviceID(i)] = true
		}
	}
}

func (w *work) fall(h Hit) {
	if _, is := w.hits[h.Node]; !is {
		w.hits[h.Node] = h
		w.queue = append(w.queue, h.Node)
	}
}

// cords fells the nodes without power. Those that keep some of their cords stand.
func (w *work) cords() {
	w.worse = make(map[room.NodeID]Hit)
	for i := range w.r.Nodes {
		cords := w.r.Nodes[i].Cords
		left, by := len(cords), ""
		for _, c := range cords {
			if w.down[c.Device] {
				left, by = left-1, w.r.Devices[c.Device].Name
			}
		}
		switch id := room.NodeID(i); {
		case left == len(cords):
		case left == 0:
			w.fall(Hit{id, Power, by})
		default:
			w.worse[id] = Hit{id, Cord, by}
		}
	}
}

// spread fells what needs what has fallen.
func (w *work) spread() {
	for len(w.queue) > 0 {
		gone := w.queue[0]
		w.queue = w.queue[1:]
		by := w.r.Nodes[gone].Name
		for _, id := range w.r.NeededBy(gone) {
			n := &w.r.Nodes[id]
			if _, hard := slices.BinarySearch(n.Hard(), gone); hard {
				w.fall(Hit{id, Need, by})
				continue
			}
			if _, wants := slices.BinarySearch(n.Wants, gone); wants {
				w.worsen(Hit{id, Want, by})
			}
			for _, c := range n.Choices {
				if _, of := slices.BinarySearch(c.Of, gone); of {
					w.choice(id, c, by)
				}
			}
		}
	}
}

// choice looks what is left of a choice of which one has fallen.
func (w *work) choice(id room.NodeID, c room.Choice, by string) {
	left := 0
	for _, of := range c.Of {
		if _, fallen := w.hits[of]; !fallen {
			left++
		}
	}
	switch {
	case left < c.Least:
		w.fall(Hit{id, Choice, by})
	case left == c.Least:
		w.worsen(Hit{id, Spare, by})
	}
}

func (w *work) worsen(h Hit) {
	if _, is := w.worse[h.Node]; !is {
		w.worse[h.Node] = h
	}
}

func (w *work) result() Result {
	res := Result{Feeds: w.dark}
	for d := range w.down {
		res.Devices = append(res.Devices, d)
	}
	slices.Sort(res.Devices)
	for id := range w.hits {
		delete(w.worse, id)
	}
	res.Fallen, res.Worse = w.list(w.hits), w.list(w.worse)
	return res
}

func (w *work) list(hits map[room.NodeID]Hit) []Hit {
	ids := make([]room.NodeID, 0, len(hits))
	for id := range hits {
		ids = append(ids, id)
	}
	w.r.Sort(ids)
	list := make([]Hit, len(ids))
	for i, id := range ids {
		list[i] = hits[id]
	}
	return list
}
