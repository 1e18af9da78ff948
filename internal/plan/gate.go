package plan

import (
	"container/heap"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"

	"millwright.dev/millwright/internal/room"
)

// surge is how long after it is switched on a node draws its inrush.
const surge = time.Second

// volts is what a feed has between its wires if nobody said.
const volts = 230

// Gate holds steps to the room's limits: the least time between switch-ons and the most
// at once of each device, group and the whole room; and no feed ever above its breaker,
// inrush counted. The forecast and the runner use the same one, so what was foreseen is
// what happens.
//
// Who asks and is not let through waits in the gate, in the order of ranks; the calls
// that make room give those who may go now. Times are counted from any one moment. It may
// be used from several goroutines.
type Gate struct {
	room  *room.Room
	watts func(room.NodeID) float64

	mu      sync.Mutex
	limits  []limit
	of      [][]share // by NodeID: what it is bound by; made when first asked
	known   []bool
	drawing []bool // by NodeID: its watts are counted
	drawn   []float64
	devices []int32
	feeds   map[string]int32
	timed   moments
	inside  int
	now     time.Duration // as told last
}

// Ticket is a step that asks to begin.
type Ticket struct {
	Owner any   // whose it is
	Step  int32 // which of theirs
	Node  room.NodeID
	On    bool  // the node is switched on, else off
	Cords bool  // by its cords
	Rank  int64 // the lower goes first
}

type limitKind uint8

const (
	ofDevice limitKind = iota
	ofNodes
	ofFeed
)

// limit is one thing that bounds steps, and who waits for it.
type limit struct {
	kind    limitKind
	name    string
	atOnce  int
	in      int
	stagger time.Duration
	free    time.Duration // when the next may be switched on

	most, load, peak, before float64 // watts, of feeds

	waiting tickets
	waited  int
}

// share is how much of a node's watts a limit bears; zero for limits that count nodes.
type share struct {
	limit int32
	part  float64
}

// moment is when a limit eases by itself.
type moment struct {
	at    time.Duration
	limit int32
	watts float64 // that are no longer drawn
}

type moments []moment

func (m moments) Len() int           { return len(m) }
func (m moments) Less(i, j int) bool { return m[i].at < m[j].at }
func (m moments) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *moments) Push(x any)        { *m = append(*m, x.(moment)) } //nolint:forcetypeassert // ours alone
func (m *moments) Pop() any {
	old := *m
	last := old[len(old)-1]
	*m = old[:len(old)-1]
	return last
}

type tickets []Ticket

func (t tickets) Len() int { return len(t) }
func (t tickets) Less(i, j int) bool {
	if t[i].Rank != t[j].Rank {
		return t[i].Rank < t[j].Rank
	}
	return t[i].Step < t[j].Step
}
func (t tickets) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *tickets) Push(x any)   { *t = append(*t, x.(Ticket)) } //nolint:forcetypeassert // ours alone
func (t *tickets) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}

// NewGate makes a gate for a room. states says what is on now, and nil that it is not
// known; what is not known to be off is taken to draw its watts. watts may be nil.
func NewGate(r *room.Room, states func(room.NodeID) room.State, watts func(room.NodeID) (float64, bool)) *Gate {
	g := &Gate{room: r, of: make([][]share, len(r.Nodes)), known: make([]bool, len(r.Nodes)), drawing: make([]bool, len(r.Nodes)), drawn: make([]float64, len(r.Nodes))}
	g.watts = func(id room.NodeID) float64 {
		if watts != nil {
			if w, known := watts(id); known {
				return w
			}
		}
		return r.Nodes[id].Watts
	}
	g.devices = make([]int32, len(r.Devices))
	for i := range r.Devices {
		g.devices[i] = room.None
		if d := &r.Devices[i]; d.Stagger > 0 || d.AtOnce > 0 {
			g.devices[i] = g.add(limit{kind: ofDevice, name: d.Name, atOnce: d.AtOnce, stagger: d.Stagger})
		}
	}
	for i := range r.Limits {
		l := &r.Limits[i]
		g.add(limit{kind: ofNodes, name: l.Name, atOnce: l.AtOnce, stagger: l.Stagger})
	}
	g.feeds = make(map[string]int32, len(r.Feeds))
	for i := range r.Feeds {
		f := &r.Feeds[i]
		v := f.Volts
		if v == 0 {
			v = volts
		}
		g.feeds[f.Name] = g.add(limit{kind: ofFeed, name: f.Name, most: f.Amps * v * (1 - f.Reserve)})
	}
	g.Refresh(states)
	return g
}

func (g *Gate) add(l limit) int32 {
	g.limits = append(g.limits, l)
	return int32(len(g.limits) - 1)
}

// Refresh takes in what is on now, unless steps are under way, which know better.
func (g *Gate) Refresh(states func(room.NodeID) room.State) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside > 0 || len(g.feeds) == 0 {
		return
	}
	g.timed = nil
	for i := range g.limits {
		g.limits[i].load = 0
	}
	for i := range g.drawing {
		id := room.NodeID(i)
		g.drawing[i] = false
		if states == nil || states(id) != room.StateOff {
			g.draw(id, true)
		}
	}
	for i := range g.limits {
		l := &g.limits[i]
		l.before, l.peak = l.load, l.load
	}
}

// bounds gives what a node is bound by.
func (g *Gate) bounds(id room.NodeID) []share {
	if g.known[id] || len(g.limits) == 0 {
		return g.of[id]
	}
	g.known[id] = true
	var list []share
	put := func(limit int32, part float64) {
		for i := range list {
			if list[i].limit == limit {
				list[i].part += part
				return
			}
		}
		list = append(list, share{limit, part})
	}
	cords := g.room.Nodes[id].Cords
	for _, c := range cords {
		if at := g.devices[c.Device]; at >= 0 {
			put(at, 0)
		}
		seen := 0
		for feed := g.room.Devices[c.Device].Feed; feed != "" && seen <= len(g.room.Feeds); seen++ {
			at, found := g.feeds[feed]
			if !found {
				break
			}
			put(at, 1/float64(len(cords)))
			feed = g.upstream(feed)
		}
	}
	base := int32(0)
	for _, at := range g.devices {
		if at >= 0 {
			base++
		}
	}
	for i := range g.room.Limits {
		if g.room.Limits[i].Covers(id) {
			put(base+int32(i), 0)
		}
	}
	g.of[id] = list
	return list
}

func (g *Gate) upstream(feed string) string {
	for i := range g.room.Feeds {
		if g.room.Feeds[i].Name == feed {
			return g.room.Feeds[i].From
		}
	}
	return ""
}

// draw counts a node's watts, or no longer does.
func (g *Gate) draw(id room.NodeID, on bool) {
	if len(g.feeds) == 0 || g.drawing[id] == on {
		return
	}
	g.drawing[id] = on
	w := -g.drawn[id] // as much as was counted, whatever is known by now
	if on {
		w = g.watts(id)
		g.drawn[id] = w
	}
	for _, b := range g.bounds(id) {
		if l := &g.limits[b.limit]; l.kind == ofFeed {
			l.load += w * b.part
			l.peak = max(l.peak, l.load)
		}
	}
}

// inrush is what a node draws in its first moment, beyond its watts.
func (g *Gate) inrush(id room.NodeID) float64 { return max(g.room.Nodes[id].Inrush-g.watts(id), 0) }

// refuses gives the limit that keeps a step out, or none.
func (g *Gate) refuses(t *Ticket, now time.Duration) int32 {
	for _, b := range g.bounds(t.Node) {
		l := &g.limits[b.limit]
		switch {
		case l.kind == ofFeed:
			const slack = 1e-6
			if need := (g.watts(t.Node) + g.inrush(t.Node)) * b.part; t.On && t.Cords && l.most > 0 && !g.drawing[t.Node] && l.load+need > l.most+slack {
				return b.limit
			}
		case l.kind == ofDevice && !t.Cords:
		case l.atOnce > 0 && l.in >= l.atOnce, t.On && l.stagger > 0 && now < l.free:
			return b.limit
		}
	}
	return room.None
}

// Ask lets a step begin, or has it wait.
func (g *Gate) Ask(t Ticket, now time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = max(g.now, now)
	return g.ask(t, now)
}

func (g *Gate) ask(t Ticket, now time.Duration) bool {
	at := g.refuses(&t, now)
	if at == room.None {
		g.enter(&t, now)
		return true
	}
	heap.Push(&g.limits[at].waiting, t)
	g.limits[at].waited++
	return false
}

func (g *Gate) enter(t *Ticket, now time.Duration) {
	g.inside++
	fresh := t.On && t.Cords && len(g.feeds) > 0 && !g.drawing[t.Node]
	if fresh {
		g.draw(t.Node, true)
	}
	for _, b := range g.bounds(t.Node) {
		l := &g.limits[b.limit]
		switch {
		case l.kind == ofFeed && fresh:
			if more := g.inrush(t.Node) * b.part; more > 0 {
				l.load += more
				l.peak = max(l.peak, l.load)
				heap.Push(&g.timed, moment{now + surge, b.limit, more})
			}
		case l.kind == ofFeed, l.kind == ofDevice && !t.Cords:
		default:
			l.in++
			if t.On && l.stagger > 0 {
				l.free = now + l.stagger
				heap.Push(&g.timed, moment{at: l.free, limit: b.limit})
			}
		}
	}
}

// Switched says that a step is through with its cords, and gives who may go now.
func (g *Gate) Switched(t Ticket, now time.Duration) []Ticket {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = max(g.now, now)
	if !t.Cords {
		return nil
	}
	return g.leave(&t, ofDevice, now, nil)
}

// Ended says that a step that has begun is over, and whether its node draws power now,
// and gives who may go now. It comes after Switched, if that came.
func (g *Gate) Ended(t Ticket, draws bool, now time.Duration) []Ticket {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = max(g.now, now)
	g.inside--
	g.draw(t.Node, draws)
	gone := g.leave(&t, ofNodes, now, nil)
	if !draws {
		gone = g.leave(&t, ofFeed, now, gone)
	}
	return gone
}

func (g *Gate) leave(t *Ticket, kind limitKind, now time.Duration, gone []Ticket) []Ticket {
	for _, b := range g.bounds(t.Node) {
		if l := &g.limits[b.limit]; l.kind == kind {
			l.in--
			gone = g.retry(b.limit, now, gone)
		}
	}
	return gone
}

// retry lets through who waits for a limit, for as long as it lets them.
func (g *Gate) retry(at int32, now time.Duration, gone []Ticket) []Ticket {
	l := &g.limits[at]
	for len(l.waiting) > 0 {
		t := l.waiting[0]
		by := g.refuses(&t, now)
		if by == at {
			break
		}
		heap.Pop(&l.waiting)
		if by != room.None {
			heap.Push(&g.limits[by].waiting, t)
			g.limits[by].waited++
			continue
		}
		g.enter(&t, now)
		gone = append(gone, t)
	}
	return gone
}

// Tick lets time pass, and gives who may go now.
func (g *Gate) Tick(now time.Duration) []Ticket {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = max(g.now, now)
	var gone []Ticket
	for len(g.timed) > 0 && g.timed[0].at <= now {
		m := heap.Pop(&g.timed).(moment) //nolint:forcetypeassert // ours alone
		g.limits[m.limit].load -= m.watts
		gone = g.retry(m.limit, now, gone)
	}
	return gone
}

// Next says when Tick is to be called again; ok is false if nobody waits for that.
func (g *Gate) Next() (at time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	waits := slices.ContainsFunc(g.limits, func(l limit) bool { return len(l.waiting) > 0 })
	if len(g.timed) == 0 || !waits {
		return 0, false
	}
	return g.timed[0].at, true
}

// Stranded is a step that no limit will ever let through.
type Stranded struct {
	Ticket
	Said string
}

// Strand takes out those of an owner whose turn it is while nothing is under way whose end
// could let them through, and those for whom a feed would not do even if nothing else hung
// on it, and says why. Who stood behind them may go with the next Tick.
func (g *Gate) Strand(owner any) []Stranded {
	g.mu.Lock()
	defer g.mu.Unlock()
	still := g.inside == 0 && len(g.timed) == 0
	var list []Stranded
	for i := range g.limits {
		l := &g.limits[i]
		before := len(list)
		for len(l.waiting) > 0 && l.waiting[0].Owner == owner && (still || g.tooMuch(&l.waiting[0], int32(i))) && g.refuses(&l.waiting[0], g.now) == int32(i) {
			t := heap.Pop(&l.waiting).(Ticket) //nolint:forcetypeassert // ours alone
			list = append(list, Stranded{t, fmt.Sprintf("feed %s would be above what its breaker may carry: %.0f W of %.0f W are drawn, and it needs up to %.0f W more",
				l.name, l.load, l.most, g.watts(t.Node)+g.inrush(t.Node))})
		}
		if len(list) > before && len(l.waiting) > 0 {
			heap.Push(&g.timed, moment{at: g.now, limit: int32(i)})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Step < list[j].Step })
	return list
}

// tooMuch says whether a step needs more than a feed may carry at all.
func (g *Gate) tooMuch(t *Ticket, feed int32) bool {
	l := &g.limits[feed]
	for _, b := range g.bounds(t.Node) {
		if b.limit == feed {
			return l.kind == ofFeed && l.most > 0 && (g.watts(t.Node)+g.inrush(t.Node))*b.part > l.most
		}
	}
	return false
}

// Withdraw takes out all of an owner who wait, and gives them.
func (g *Gate) Withdraw(owner any) []Ticket {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []Ticket
	for i := range g.limits {
		l := &g.limits[i]
		l.waiting = slices.DeleteFunc(l.waiting, func(t Ticket) bool {
			if t.Owner == owner {
				list = append(list, t)
			}
			return t.Owner == owner
		})
		heap.Init(&l.waiting)
	}
	return list
}

// FeedUse is what a feed carries in the course of a plan, in watts.
type FeedUse struct {
	Feed   string  `json:"feed"`
	Limit  float64 `json:"limit_watts"` // what plans may use of its breaker; zero when not said
	Before float64 `json:"before_watts"`
	After  float64 `json:"after_watts"`
	Peak   float64 `json:"peak_watts"` // inrush included
	Bounds bool    `json:"bounds"`     // steps had to wait for it
}

func (g *Gate) uses() []FeedUse {
	var list []FeedUse
	for i := range g.limits {
		if l := &g.limits[i]; l.kind == ofFeed {
			list = append(list, FeedUse{l.name, l.most, l.before, l.load, l.peak, l.waited > 0})
		}
	}
	return list
}
