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

	// opening stands in for reaching the device and logging in; n counts from 1.
	opening func(ctx context.Context, n int, env driver.Env) error
	// acting comes before each batch: an error is what Do returns, having done nothing.
	acting func(ctx context.Context, s *fakeSession, b driver.Batch) error
	// acted comes after each batch; its error is what Do returns.
	acted func(ctx context.Context, s *fakeSession, b driver.Batch) error

	mu       sync.Mutex
	on       map[int]bool
	broken   map[int]string // plugs that say no
	stuck    map[int]bool   // plugs that say yes and do nothing
	silent   map[int]bool   // plugs that never answer: the action fails, and what is behind it is not begun
	cut      int            // so many Do calls break off first
	opened   int
	opens    []time.Time // when
	busy     int         // opens in progress
	most     int         // the most opens at the same time
	live     int         // sessions not closed
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
	return &fake{
		verbs: allVerbs, timeout: 10 * time.Second,
		on: map[int]bool{}, broken: map[int]string{}, stuck: map[int]bool{}, silent: map[int]bool{},
	}
}

func (f *fake) Traits(driver.Shelf) (driver.Traits, error) {
	return driver.Traits{Type: "fake", Verbs: f.verbs, Timeout: f.timeout, Ping: f.ping}, nil
}

func (f *fake) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	f.mu.Lock()
	f.opened++
	n := f.opened
	f.opens = append(f.opens, time.Now())
	f.busy++
	f.most = max(f.most, f.busy)
	err := f.refuse
	f.mu.Unlock()
	switch {
	case err != nil:
	case f.opening != nil:
		err = f.opening(ctx, n, env)
	default:
		env.Reached()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	if err != nil {
		return nil, err
	}
	env.Acted()
	f.live++
	f.session = &fakeSession{fake: f, env: env, done: make(chan struct{}), closed: make(chan struct{})}
	return f.session, nil
}

type fakeSession struct {
	*fake
	env    driver.Env
	once   sync.Once
	done   chan struct{}
	end    sync.Once
	closed chan struct{}
}

func (s *fakeSession) Done() <-chan struct{} { return s.done }
func (s *fakeSession) hangUp()               { s.once.Do(func() { close(s.done) }) }

func (s *fakeSession) Close() error {
	s.end.Do(func() {
		close(s.closed)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.live--
	})
	return nil
}

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
	if s.acting != nil {
		if err := s.acting(ctx, s, b); err != nil {
			return err
		}
	}
	if b.Trace {
		sink.Trace(devspec.Trace{})
	}
	if late := time.Since(b.Start); !b.Start.IsZero() && late >= s.timeout { // a driver keeps the action clock
		return s.giveUp(b.Plugs, sink)
	}
	for i, p := range b.Plugs {
		if s.dumb(p) {
			time.Sleep(s.timeout)
			return s.giveUp(b.Plugs[i:], sink)
		}
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
	if s.acted != nil {
		return s.acted(ctx, s, b)
	}
	return nil
}

func (s *fakeSession) dumb(p int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.silent[p]
}

// giveUp reports an action that timed out, and those behind it.
func (s *fakeSession) giveUp(plugs []int, sink driver.Sink) error {
	fault := &driver.Fault{Phase: driver.Acting, Device: s.env.Device, Err: context.DeadlineExceeded}
	sink.Fault(fault)
	sink.Unknown(plugs[0], fault)
	for _, p := range plugs[1:] {
		sink.Unknown(p, &driver.Fault{Phase: driver.Waiting, Device: s.env.Device, Err: fault})
	}
	return fault
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
	l := &lab{t: t, fakes: fakes, fleet: New(Options{})}
	l.room = l.draft(n, edit, fakes...)
	if err := l.fleet.Apply(l.room); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.fleet.Close)
	return l
}

func (l *lab) draft(n int, edit func(*room.Draft), fakes ...*fake) *room.Room {
	l.t.Helper()
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
		l.t.Fatalf("room: %v", problems)
	}
	return r
}

// afresh starts the lab's room anew in a fleet with options.
func (l *lab) afresh(opts Options) {
	l.t.Helper()
	l.fleet.Close()
	l.fleet = New(opts)
	l.t.Cleanup(l.fleet.Close)
	if err := l.fleet.Apply(l.room); err != nil {
		l.t.Fatal(err)
	}
}

// drop breaks the line off.
func (f *fake) drop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.session != nil {
		f.session.hangUp()
	}
}

// die hangs up and lets nobody reach the device again, until revive.
func (f *fake) die() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = &driver.Fault{Phase: driver.Connecting, Device: "d0", Err: errors.New("no route")}
	f.session.hangUp()
}

func (f *fake) revive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = nil
}

// renewed makes all devices of a draft others than they were, by the same names.
func renewed(edit func(*room.Draft)) func(*room.Draft) {
	return func(d *room.Draft) {
		if edit != nil {
			edit(d)
		}
		for i := range d.Devices {
			d.Devices[i].Identity += "'"
		}
	}
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

// asked is a request on its way.
type asked struct {
	*heard
	at   time.Time // when it was asked
	took time.Duration
	done chan struct{}
	stop context.CancelFunc
}

// ask begins a request, on all nodes if none is named, and does not wait for it.
func (l *lab) ask(ctx context.Context, req Request, names ...string) *asked {
	l.t.Helper()
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
	a := &asked{
		heard: &heard{results: map[string]Result{}, times: map[string]time.Time{}, room: l.room},
		at:    time.Now(), done: make(chan struct{}),
	}
	ctx, a.stop = context.WithCancel(ctx)
	go func() {
		defer close(a.done)
		if err := l.fleet.Do(ctx, req, a.heard); err != nil {
			l.t.Error(err)
		}
		a.took = time.Since(a.at)
		if len(a.order) != len(req.Nodes) || len(a.results) != len(req.Nodes) {
			l.t.Errorf("%d results on %d of %d nodes, want one for each", len(a.order), len(a.results), len(req.Nodes))
		}
		a.stop()
	}()
	return a
}

// wait gives a request a day to be answered.
func (a *asked) wait(t *testing.T) *asked {
	t.Helper()
	select {
	case <-a.done:
	case <-time.After(24 * time.Hour):
		a.stop()
		t.Fatalf("not answered in a day; so far: %v", a.results)
	}
	return a
}

func (l *lab) do(ctx context.Context, req Request, names ...string) *heard {
	l.t.Helper()
	return l.ask(ctx, req, names...).wait(l.t).heard
}

func (h *heard) want(t *testing.T, node string, o Outcome, s room.State) {
	t.Helper()
	if r := h.results[node]; r.Outcome != o || r.State != s {
		t.Errorf("%s: %s and %v (%s), want %s and %v", node, r.Outcome, r.State, r.Said, o, s)
	}
}
