package fleet

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// fake is a device in memory: its plugs switch, and everything about it can be
// made to go wrong.
type fake struct {
	verbs   []room.Op
	timeout time.Duration
	ping    time.Duration
	refuse  error         // Open fails with it
	takes   time.Duration // each plug of a change, each read

	mu       sync.Mutex
	on       map[int]bool
	broken   map[int]string // plugs that say no
	stuck    map[int]bool   // plugs that say yes and do nothing
	cut      int            // so many Do calls break off first
	opened   int
	pings    int
	batches  []driver.Batch
	switched []moment
	session  *fakeSession
}

type moment struct {
	plug int
	op   room.Op
	at   time.Time
}

var allVerbs = room.Ops()

func newFake() *fake {
	return &fake{verbs: allVerbs, timeout: 10 * time.Second, on: map[int]bool{}, broken: map[int]string{}, stuck: map[int]bool{}}
}

func (f *fake) Traits(driver.Shelf) (driver.Traits, error) {
	return driver.Traits{Type: "fake", Verbs: f.verbs, Timeout: f.timeout, Ping: f.ping}, nil
}

func (f *fake) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened++
	if f.refuse != nil {
		return nil, f.refuse
	}
	env.Reached()
	env.Acted()
	f.session = &fakeSession{fake: f, env: env, done: make(chan struct{})}
	return f.session, nil
}

type fakeSession struct {
	*fake
	env  driver.Env
	once sync.Once
	done chan struct{}
}

func (s *fakeSession) Done() <-chan struct{} { return s.done }
func (s *fakeSession) Close() error          { return nil }
func (s *fakeSession) hangUp()               { s.once.Do(func() { close(s.done) }) }

func (s *fakeSession) Ping(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pings++
	return nil
}

func (s *fakeSession) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	s.mu.Lock()
	s.batches = append(s.batches, b)
	cut := s.cut > 0
	s.cut--
	s.mu.Unlock()
	if cut {
		return &driver.Fault{Phase: driver.Lost, Device: s.env.Device, Err: errors.New("hung up")}
	}
	if b.Trace {
		sink.Trace(devspec.Trace{})
	}
	for _, p := range b.Plugs {
		if s.takes > 0 {
			select {
			case <-time.After(s.takes):
			case <-ctx.Done():
				return &driver.Fault{Phase: driver.Lost, Device: s.env.Device, Err: ctx.Err()}
			}
		}
		s.one(b.Op, p, sink)
	}
	s.env.Acted()
	return nil
}

func (s *fakeSession) one(op room.Op, p int, sink driver.Sink) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if said, no := s.broken[p]; no && op.Changes() {
		sink.Failed(p, said)
		return
	}
	if op.Changes() {
		s.switched = append(s.switched, moment{p, op, time.Now()})
		if !s.stuck[p] {
			s.on[p] = op != room.Off
		}
		sink.Done(p)
		return
	}
	state := room.StateOff
	if s.on[p] {
		state = room.StateOn
	}
	sink.State(p, state, state.String())
}

// lab is a room of fakes: nodes n0, n1… on consecutive plugs of device d0, d1…
type lab struct {
	t     *testing.T
	room  *room.Room
	fakes []*fake
	fleet *Fleet
}

// newLab makes n nodes with one plug each, per device; edit changes the draft.
func newLab(t *testing.T, n int, edit func(*room.Draft), fakes ...*fake) *lab {
	t.Helper()
	d := room.Draft{Name: "lab", Settings: room.Settings{Verify: 5 * time.Second, Rest: time.Second}}
	for i, f := range fakes {
		traits, _ := f.Traits(nil)
		dev := "d" + string(rune('0'+i))
		d.Devices = append(d.Devices, room.DraftDevice{Device: room.Device{
			Name: dev, Driver: "fake", Identity: dev, Settings: driver.Prepared{Settings: f, Traits: traits},
		}})
		for p := range n {
			name := "n" + string(rune('0'+i*n+p))
			d.Nodes = append(d.Nodes, room.DraftNode{Name: name, Cords: []room.DraftCord{{Device: dev, Plug: string(rune('0' + p))}}})
		}
	}
	if edit != nil {
		edit(&d)
	}
	r, problems := room.New(d)
	if len(problems) > 0 {
		t.Fatalf("room: %v", problems)
	}
	l := &lab{t: t, room: r, fakes: fakes, fleet: New(Options{})}
	if err := l.fleet.Apply(r); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.fleet.Close)
	return l
}

// heard collects what a sink is told.
type heard struct {
	results map[string]Result
	order   []string
	times   map[string]time.Time
	faults  []string
	said    []string
	traces  int
	room    *room.Room
}

func (h *heard) Result(r Result) {
	name := h.room.Nodes[r.Node].Name
	h.results[name] = r
	h.order = append(h.order, name)
	h.times[name] = time.Now()
}
func (h *heard) Fault(f *driver.Fault) { h.faults = append(h.faults, f.Error()) }
func (h *heard) Diagnostic(n room.NodeID, said string) {
	h.said = append(h.said, h.room.Nodes[n].Name+": "+said)
}
func (h *heard) Trace(string, devspec.Trace) { h.traces++ }

func (l *lab) do(ctx context.Context, req Request, names ...string) *heard {
	l.t.Helper()
	h := &heard{results: map[string]Result{}, times: map[string]time.Time{}, room: l.room}
	req.Room = l.room
	if len(names) == 0 {
		req.Nodes = l.room.All()
	}
	for _, n := range names {
		id, ok := l.room.Node(n)
		if !ok {
			l.t.Fatalf("no node %s", n)
		}
		req.Nodes = append(req.Nodes, id)
	}
	if err := l.fleet.Do(ctx, req, h); err != nil {
		l.t.Fatal(err)
	}
	if len(h.results) != len(req.Nodes) {
		l.t.Fatalf("%d of %d nodes have a result", len(h.results), len(req.Nodes))
	}
	return h
}

func (h *heard) want(t *testing.T, node string, o Outcome, s room.State) {
	t.Helper()
	if r := h.results[node]; r.Outcome != o || r.State != s {
		t.Errorf("%s: %s and %v (%s), want %s and %v", node, r.Outcome, r.State, r.Said, o, s)
	}
}
