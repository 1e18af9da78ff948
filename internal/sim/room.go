package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Room is a simulated room at work. Its methods may be called from any
// goroutine.
type Room struct {
	listen func(ctx context.Context, network, address string) (net.Listener, error)
	log    *slog.Logger
	keep   int    // happenings to remember
	memory bool   // there are no listeners
	hosts  string // where machines answer; "" if they do not

	// These do not change after the start.
	units         []*Unit
	unitByName    map[string]*Unit
	machines      []*machine
	machineByName map[string]*machine
	feeds         []*feed

	keyOnce sync.Once // of the SSH servers' host key
	key     ssh.Signer
	keyErr  error

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
	if err := errors.Join(r.open(), r.openHosts(cfg.Hosts)); err != nil {
		r.Close()
		return nil, err
	}
	r.tasks.Go(func() {
		<-r.ctx.Done()
		r.shut()
		for _, u := range r.units {
			if c, ok := u.style.(io.Closer); ok {
				_ = c.Close() // it is over in any case
			}
		}
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
	style, err := cfg.style(p, u)
	if err != nil {
		return err
	}
	u.adopt(style)
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
	m := &machine{name: c.Name, boot: c.Boot, down: c.Halt, draw: c.Draw, stayOff: c.StayOff, fed: c.Fed, since: time.Now()}
	if m.draw == (Draw{}) {
		m.draw = usualDraw()
	}
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
	if err := r.addButton(m, c.Button); err != nil {
		return err
	}
	if m.powered = m.mains(); m.powered && (m.fed || len(m.inlets) > 0 || m.button.has(relayOn)) {
		m.state = Up
	}
	r.light(m)
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
		if u.listener != nil || r.memory {
			continue
		}
		closed, err := u.settle() // after the others are open, so that none takes its port
		if err != nil {
			return err
		}
		defer closed()
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
		m.stop()
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
