package desk

import (
	"context"
	"time"

	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// Language is how a request's targets are written.
type Language uint8

// The languages.
const (
	Modern   Language = iota // ranges, @groups, aliases and exclusions; no repeats
	PowerMan                 // host lists and aliases; repeats stay repeats
)

// Request is one operation on what somebody typed.
type Request struct {
	Actor    Actor
	Op       room.Op
	Targets  string // empty means all, which only a read may say
	Language Language

	Verify bool // read outcomes back
	Live   bool // results one by one, as early as they are known
	Trace  bool // show the conversations with devices
	// Timeout bounds a change; zero is no bound. A read ends with its context.
	Timeout time.Duration
	NoWait  bool // answer when the request is written down; see the events for what becomes of it
	DryRun  bool // say what would be done, and do nothing

	// ID names the request, for a door that must know the name before; it must
	// never have been used. Empty means a fresh one. Mark is kept with the intent,
	// for the door to know again what was asked.
	ID   string
	Mark string

	Consent // for veto hooks
}

// Sink hears what becomes of a request, from one goroutine.
type Sink interface {
	// Begin comes first and once, when it is clear what is meant.
	Begin(Began)
	fleet.Sink
}

// Began tells what a request turned out to mean.
type Began struct {
	ID      string // of the request; empty for reads
	Room    *room.Room
	Targets room.Targets
	Work    []Work // for dry runs: what would be done, by device
}

// Work is what a request comes to on one device.
type Work struct {
	Device room.DeviceID
	Plugs  []string
	Nodes  []room.NodeID // parallel to Plugs
}

// Summary is how a request ended.
type Summary struct {
	ID     string
	Counts map[fleet.Outcome]int
	Faults int // actions of devices that failed as a whole
}

// Good says whether everything went as asked.
func (s Summary) Good() bool {
	for outcome, n := range s.Counts {
		if n > 0 && !outcome.Good() {
			return false
		}
	}
	return s.Faults == 0
}

// Do carries out a request at once. An error means that nothing was done, and
// is a *room.Error; how it went with each node is told to the sink.
//
// A read ends with ctx. A change, once it is written down, is brought to its end
// whether or not its asker is still there; see [Desk.Cancel].
func (d *Desk) Do(ctx context.Context, req Request, sink Sink) (Summary, error) {
	r := d.fleet.Room()
	rights := d.rights(r, req.Actor)
	if err := rights.NeedAny(needed(req.Op), req.Op.String()); err != nil { // who may nothing learns no names
		return Summary{}, d.barred(req.Actor, req.Op.String(), req.Targets, err)
	}
	targets, err := resolve(r, req)
	if err != nil {
		return Summary{}, d.refuse(req, req.Targets, blind(rights, err))
	}
	nodes := unique(r, targets.Nodes)
	if rights.Everywhere() < needed(req.Op) {
		if nodes, err = d.confine(rights, req, nodes); err != nil {
			return Summary{}, err
		}
		if req.Targets == "" {
			targets.Nodes = nodes
		}
	}
	parts := d.divide(r, req, nodes)
	if !d.audited(r, req) && !req.DryRun {
		sink.Begin(Began{Room: r, Targets: targets})
		return d.carryOut(ctx, "", req, parts, sink)
	}
	if err := d.fleet.Check(r, req.Op, parts.asked); err != nil {
		return Summary{}, d.refuse(req, r.Fold(nodes), err)
	}
	if req.DryRun {
		sink.Begin(Began{Room: r, Targets: targets, Work: work(r, req.Op, parts.asked)})
		return Summary{}, nil
	}
	if req.ID == "" {
		req.ID = d.newID()
	}
	note := ""
	if req.Op.Changes() {
		if note, err = d.veto(ctx, wish{id: req.ID, actor: req.Actor, op: req.Op, consent: req.Consent, room: r, nodes: parts.asked}); err != nil {
			return Summary{}, d.refuse(req, r.Fold(nodes), err)
		}
	}
	return d.change(ctx, deed{id: req.ID, req: req, parts: parts, nodes: nodes, named: r.Fold(nodes), note: note}, targets, sink)
}

// deed is a request that leaves events, as far as it is understood.
type deed struct {
	id    string
	req   Request
	parts share
	nodes []room.NodeID // all that it is for
	named string        // their names, folded
	note  string        // what veto hooks had to do with it
}

// names gives the names of a deed's nodes.
func (c deed) names(yield func(string) bool) {
	for _, id := range c.nodes {
		if !yield(c.parts.room.Nodes[id].Name) {
			return
		}
	}
}

// change carries out a request that leaves events.
func (d *Desk) change(asker context.Context, c deed, targets room.Targets, sink Sink) (Summary, error) {
	req := c.req
	ctx, leave, err := d.enter(c, req.Timeout)
	if err != nil {
		return Summary{}, d.refuse(req, c.named, err)
	}
	if !req.Op.Changes() {
		ctx = asker
	}
	if err := d.intend(asker, c); err != nil {
		leave()
		return Summary{}, err
	}
	sink.Begin(Began{ID: c.id, Room: c.parts.room, Targets: targets})
	if !req.NoWait {
		defer leave()
		return d.see(ctx, c, sink)
	}
	go func() {
		defer leave()
		if _, err := d.see(ctx, c, silent{}); err != nil {
			d.log.Error("a request that nobody waited for failed", "request", c.id, "why", err)
		}
	}()
	return Summary{ID: c.id}, nil
}

// see carries out an intended request and writes its result down.
func (d *Desk) see(ctx context.Context, c deed, sink Sink) (Summary, error) {
	t := &tally{Sink: sink, room: c.parts.room, names: make(map[fleet.Outcome][]string)}
	sum, err := d.carryOut(ctx, c.id, c.req, c.parts, t)
	d.noted.Go(func() { d.forced(c, t) }) // nobody waits for it
	if failed := d.conclude(ctx, c, t, err); failed != nil {
		return sum, failed
	}
	return sum, err
}

// carryOut does a request and counts how it goes.
func (d *Desk) carryOut(ctx context.Context, id string, req Request, parts share, sink Sink) (Summary, error) {
	c := &counter{Sink: sink, sum: Summary{ID: id, Counts: make(map[fleet.Outcome]int)}}
	err := d.carry(ctx, req, parts, c)
	return c.sum, err
}

func resolve(r *room.Room, req Request) (room.Targets, error) {
	if req.Targets == "" {
		if req.Op.Changes() {
			return room.Targets{}, &room.Error{
				Code: room.CodeInvalid, Op: req.Op.String(), Said: "names no nodes; to mean every node, say @all",
			}
		}
		return room.Targets{Nodes: r.All()}, nil
	}
	if req.Language == PowerMan {
		return r.ResolvePowerMan(req.Targets)
	}
	return r.Resolve(req.Targets)
}

// unique drops repeats, keeping order. Most requests have none.
func unique(r *room.Room, nodes []room.NodeID) []room.NodeID {
	if len(nodes) < 2 {
		return nodes
	}
	seen := make([]bool, len(r.Nodes))
	repeats := 0
	for _, n := range nodes {
		if seen[n] {
			repeats++
		}
		seen[n] = true
	}
	if repeats == 0 {
		return nodes
	}
	once := make([]room.NodeID, 0, len(nodes)-repeats)
	for _, n := range nodes {
		if seen[n] {
			once = append(once, n)
			seen[n] = false
		}
	}
	return once
}
