package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
)

// Room is a simulated room at work. Its methods may be called from any
// goroutine.
type Room struct {
	listen func(ctx context.Context, network, address string) (net.Listener, error)
	log    *slog.Logger
	keep   int  // happenings to remember
	memory bool // there are no listeners

	// These do not change after the start.
	units         []*Unit
	unitByName    map[string]*Unit
	machines      []*machine
	machineByName map[string]*machine
	feeds         []*feed

	ctx    context.Context // of all that runs
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu           sync.Mutex
	closed       bool
	moving, peak int // relays on their way
	history      []Happening
	listeners    []*listener
}

// Start builds the room and opens its listeners. The room ends with ctx or by
// [Room.Close]. All that is wrong with the configuration is in the error.
func Start(ctx context.Context, cfg Config) (*Room, error) {
	r := &Room{
		listen: cfg.Listen, log: cfg.Log, keep: cfg.History, memory: cfg.InMemory,
		unitByName: make(map[string]*Unit, len(cfg.PDUs)), machineByName: make(map[string]*machine, len(cfg.Machines)),
	}
	if r.listen == nil {
		r.listen = new(net.ListenConfig).Listen
	}
	switch {
	case r.keep == 0:
		r.keep = 4096
	case r.keep < 0:
		r.keep = 0
	}
	if err := r.build(&cfg); err != nil {
		return nil, err
	}
	r.ctx, r.cancel = context.WithCancel(ctx)
	if err := r.open(); err != nil {
		r.Close()
		return nil, err
	}
	r.tasks.Go(func() {
		<-r.ctx.Done()
		r.shut()
	})
	return r, nil
}

// build makes everything that is in the configuration.
func (r *Room) build(cfg *Config) error {
	errs := []error{cfg.check()}
	for i := range cfg.PDUs {
		p := &cfg.PDUs[i]
		if err := r.addUnit(cfg, p); err != nil {
			errs = append(errs, fmt.Errorf("sim: PDU %q: %w", p.Name, err))
		}
	}
	for i := range cfg.Machines {
		if err := r.addMachine(&cfg.Machines[i]); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (r *Room) addUnit(cfg *Config, p *PDU) error {
	u, err := newUnit(r, p)
	if err != nil {
		return err
	}
	if u.style, err = cfg.style(p.Style); err != nil {
		return err
	}
	if r.memory {
		u.address = p.Name + memoryPort
	}
	if p.Feed != "" {
		u.feed = r.addFeed(p.Feed)
		u.feed.units = append(u.feed.units, u)
	}
	r.units = append(r.units, u)
	r.unitByName[p.Name] = u
	return nil
}

func (r *Room) addFeed(name string) *feed {
	for _, f := range r.feeds {
		if f.name == name {
			return f
		}
	}
	f := &feed{name: name, live: true}
	r.feeds = append(r.feeds, f)
	return f
}

func (r *Room) addMachine(c *Machine) error {
	m := &machine{name: c.Name, boot: c.Boot, stayOff: c.StayOff}
	for _, in := range c.Inlets {
		u := r.unitByName[in.PDU]
		if u == nil {
			return fmt.Errorf("sim: machine %q: there is no PDU %q", c.Name, in.PDU)
		}
		i, ok := u.Find(in.Outlet)
		if !ok {
			return fmt.Errorf("sim: machine %q: PDU %q has no outlet %q", c.Name, in.PDU, in.Outlet)
		}
		o := &u.outlets[i]
		o.machines = append(o.machines, m)
		m.inlets = append(m.inlets, o)
	}
	if m.liveInlets() > 0 {
		m.powered, m.state = true, Up
	}
	r.machines = append(r.machines, m)
	r.machineByName[m.name] = m
	return nil
}

// open starts all listeners.
func (r *Room) open() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.units {
		if err := u.applyReach(); err != nil {
			return err
		}
	}
	return nil
}

// shut closes all that is open and stops all clocks. What runs then ends.
func (r *Room) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, u := range r.units {
		u.disconnect()
		for i := range u.outlets {
			if t := u.outlets[i].moving; t != nil {
				t.Stop()
				u.outlets[i].moving = nil
			}
		}
	}
	for _, m := range r.machines {
		if m.booting != nil {
			m.booting.Stop()
			m.booting = nil
		}
	}
}

// Close ends the room and returns when nothing of it runs any more.
func (r *Room) Close() {
	r.cancel()
	r.shut()
	r.tasks.Wait()
}

// Wait returns when ctx has ended or Close was called, and nothing of the room
// runs any more.
func (r *Room) Wait() {
	<-r.ctx.Done()
	r.tasks.Wait()
}

// Addr is the address on which a PDU listens, "127.0.0.1:40111"; empty if there
// is no such PDU. It stays the same while the PDU is unreachable.
func (r *Room) Addr(pdu string) string {
	u := r.unitByName[pdu]
	if u == nil {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return u.address
}

// memoryPort is the port in the addresses of a room without listeners.
const memoryPort = ":23"

// Dial connects to a PDU, by its name or by its [Room.Addr], past the network:
// the connection is one end of a net.Pipe. The signature is that of
// net.Dialer.DialContext; network is not looked at. An unreachable PDU refuses
// with ECONNREFUSED.
func (r *Room) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	refused := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: %w", address, err)}
	}
	if ctx.Err() != nil {
		return refused(ctx.Err())
	}
	u := r.unitAt(address)
	if u == nil {
		return refused(errors.New("there is no such PDU"))
	}
	ours, theirs := net.Pipe()
	if !u.take(theirs) {
		return refused(syscall.ECONNREFUSED)
	}
	return ours, nil
}

// unitAt finds a unit by name or address.
func (r *Room) unitAt(address string) *Unit {
	if u := r.unitByName[strings.TrimSuffix(address, memoryPort)]; u != nil {
		return u
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.units {
		if u.address == address {
			return u
		}
	}
	return nil
}

// SetFeed kills a circuit or brings it back.
func (r *Room) SetFeed(name string, live bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.feeds {
		if f.name == name {
			return r.setFeed(f, live)
		}
	}
	return fmt.Errorf("sim: there is no feed %q", name)
}

func (r *Room) setFeed(f *feed, live bool) error {
	if f.live == live {
		return nil
	}
	f.live = live
	kind := FeedOff
	if live {
		kind = FeedOn
	}
	r.note(Happening{Kind: kind, Feed: f.name})
	var errs []error
	for _, u := range f.units {
		errs = append(errs, u.applyReach())
		for i := range u.outlets {
			for _, m := range u.outlets[i].machines {
				r.follow(m)
			}
		}
	}
	return errors.Join(errs...)
}

// Press pushes the button of a machine that has power and is off.
func (r *Room) Press(name string) error {
	m := r.machineByName[name]
	if m == nil {
		return fmt.Errorf("sim: there is no machine %q", name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
	case !m.powered:
		return fmt.Errorf("sim: press %s: it has no power", name)
	case m.state == Off:
		r.boot(m)
	}
	return nil
}

// Turn moves an outlet's relay by hand, whatever its faults: the way a room
// drifts away from what its keeper thinks. The panel shows it, unless it lies.
func (r *Room) Turn(pdu, plug string, on bool) error {
	u, plugs, err := r.target(pdu, plug)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("sim: turn %s: the room has ended", u.name)
	}
	for i := range plugs {
		o := &plugs[i]
		if !o.has(faultLie) {
			o.set(saysOn, on)
		}
		r.relay(o, on)
	}
	return nil
}

// reachable tells whether the unit is on the network. Room.mu is held.
func (u *Unit) reachable() bool {
	_, refuses := u.shows(Refuse)
	return !refuses && (u.feed == nil || u.feed.live)
}

// applyReach opens or closes the listener as things are. Room.mu is held.
func (u *Unit) applyReach() error {
	switch {
	case u.room.closed:
	case !u.reachable():
		u.disconnect()
	case u.listener == nil && !u.room.memory:
		ln, err := u.room.listen(u.room.ctx, "tcp", u.address)
		if err != nil {
			return fmt.Errorf("sim: PDU %s: %w", u.name, err)
		}
		u.listener, u.address = ln, ln.Addr().String()
		u.room.tasks.Go(func() { u.accept(ln) })
	}
	return nil
}

// disconnect takes the unit off the network. Room.mu is held.
func (u *Unit) disconnect() {
	if u.listener != nil {
		u.listener.Close()
		u.listener = nil
	}
	for t := range u.terminals {
		t.close()
	}
}

func (u *Unit) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		u.take(conn)
	}
}

// take makes a terminal of a connection and lets it run. It closes the
// connection and returns false if the unit is unreachable or full.
func (u *Unit) take(conn net.Conn) bool {
	t := newTerminal(u, conn)
	u.room.mu.Lock()
	defer u.room.mu.Unlock()
	full := u.limit > 0 && len(u.terminals) >= u.limit
	if u.room.closed || full || !u.reachable() {
		t.close()
		return false
	}
	u.terminals[t] = struct{}{}
	u.connections++
	u.room.tasks.Go(func() {
		t.run()
		u.room.mu.Lock()
		defer u.room.mu.Unlock()
		delete(u.terminals, t)
	})
	return true
}
