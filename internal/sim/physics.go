package sim

import (
	"sync/atomic"
	"time"
)

// All that is physical changes under Room.mu only. The flags of an outlet may
// be read without it, as a status of ten thousand plugs should not stop the
// room.

// flags of an outlet.
const (
	relayOn    uint32 = 1 << iota // current can flow
	saysOn                        // what the panel shows
	beaconOn                      //
	faultLie                      // the panel moves, the relay does not
	faultStuck                    // neither moves, and the answer is OK
	faultError                    // says ERROR
)

// outlet is one plug of a unit.
type outlet struct {
	unit     *Unit
	name     string
	flags    atomic.Uint32
	commands uint32 // to switch, ever
	machines []*machine
	moving   *time.Timer // the relay is on its way; nil at rest
}

func (o *outlet) set(bit uint32, on bool) {
	f := o.flags.Load() &^ bit
	if on {
		f |= bit
	}
	o.flags.Store(f)
}

func (o *outlet) has(bit uint32) bool { return o.flags.Load()&bit != 0 }

// live tells whether there is current in the socket.
func (o *outlet) live() bool {
	return o.has(relayOn) && (o.unit.feed == nil || o.unit.feed.live)
}

// feed is a circuit with units on it.
type feed struct {
	name  string
	live  bool
	units []*Unit
}

// MachineState is what a machine is doing.
type MachineState int

// The states of a machine, in the order it goes through them.
const (
	Off MachineState = iota
	Booting
	Up
)

func (s MachineState) String() string {
	switch s {
	case Booting:
		return "booting"
	case Up:
		return "up"
	default:
		return "off"
	}
}

// machine is something at the other end of cords.
type machine struct {
	name    string
	inlets  []*outlet
	button  *outlet // of its service processor; nil if it has none
	boot    time.Duration
	down    time.Duration // how long its operating system takes to halt
	draw    Draw
	stayOff bool
	fed     bool

	state   MachineState
	since   time.Time // in that state
	os      system
	counts  Counts
	powered bool
	wasOn   bool        // when its power went
	booting *time.Timer // nil unless state is Booting, and it will be up
	closing *time.Timer // until it has shut itself down; nil unless it does
}

// liveInlets counts the cords that carry current.
func (m *machine) liveInlets() int {
	n := 0
	for _, o := range m.inlets {
		if o.live() {
			n++
		}
	}
	return n
}

// mains tells whether a machine is fed.
func (m *machine) mains() bool {
	if m.fed {
		return true
	}
	if m.button != nil && len(m.inlets) == 0 {
		return m.button.unit.feed == nil || m.button.unit.feed.live
	}
	return m.liveInlets() > 0
}

// follow brings a machine to what its inlets say. Room.mu is held.
func (r *Room) follow(m *machine) {
	powered := m.mains()
	if powered == m.powered {
		return
	}
	m.powered = powered
	if powered {
		m.counts.PowerOns++
	} else {
		m.counts.PowerOffs++
	}
	switch {
	case !powered:
		m.wasOn = m.state != Off
		r.cut(m)
	case m.stayOff, len(m.inlets) == 0 && !m.wasOn: // it waits for its button
	default:
		r.boot(m)
	}
	r.wake(m)
}

// cut takes a machine down as it stands.
func (r *Room) cut(m *machine) {
	if m.state != Off {
		m.counts.Cuts++
	}
	r.halt(m)
}

func (r *Room) halt(m *machine) {
	m.stop()
	if m.state != Off {
		r.enter(m, Off)
	}
}

// boot starts a machine that has power.
func (r *Room) boot(m *machine) {
	m.counts.Starts++
	takes, comes := m.os.begin(m.boot)
	if takes == 0 && comes {
		r.enter(m, Up)
		return
	}
	r.enter(m, Booting)
	if !comes {
		return
	}
	var self *time.Timer
	self = time.AfterFunc(takes, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if m.booting == self { // else it lost its power in the last moment
			m.booting = nil
			r.enter(m, Up)
		}
	})
	m.booting = self
}

// stop ends what a machine is about to become.
func (m *machine) stop() {
	for _, t := range []**time.Timer{&m.booting, &m.closing} {
		if *t != nil {
			(*t).Stop()
			*t = nil
		}
	}
	m.os.halting = false
}

func (r *Room) enter(m *machine, s MachineState) {
	m.state, m.since = s, time.Now()
	defer r.reveal(m)
	kind := MachineOff
	switch s {
	case Booting:
		kind = MachineBooting
	case Up:
		kind = MachineUp
	}
	r.note(Happening{Kind: kind, Machine: m.name})
}

// command is somebody asking for a relay to move. Room.mu is held.
func (r *Room) command(o *outlet, on bool) {
	o.commands++
	if o.moving != nil && o.moving.Stop() {
		o.moving = nil
		r.moved(o.unit)
	}
	if o.unit.delay == 0 {
		r.moves(o.unit)
		r.arrive(o, on)
		r.moved(o.unit)
		return
	}
	r.moves(o.unit)
	var self *time.Timer
	self = time.AfterFunc(o.unit.delay, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if o.moving == self {
			o.moving = nil
			r.arrive(o, on)
			r.moved(o.unit)
		}
	})
	o.moving = self
}

// arrive is the relay in its new place, or where its fault leaves it.
func (r *Room) arrive(o *outlet, on bool) {
	if o.has(faultStuck) {
		return
	}
	o.set(saysOn, on)
	if !o.has(faultLie) {
		r.relay(o, on)
	}
}

// relay moves a relay and lets the current do the rest.
func (r *Room) relay(o *outlet, on bool) {
	if m := o.presses(); m != nil {
		r.push(m, on)
		return
	}
	if o.has(relayOn) == on {
		return
	}
	o.set(relayOn, on)
	kind := OutletOff
	if on {
		kind = OutletOn
	}
	r.note(Happening{Kind: kind, PDU: o.unit.name, Outlet: o.name})
	for _, m := range o.machines {
		r.follow(m)
	}
}

// moves and moved count relays on their way, here and in the whole room.
func (r *Room) moves(u *Unit) {
	if u.moving == 0 && u.delay > 0 {
		u.atRest = make(chan struct{})
	}
	r.moving++
	u.moving++
	r.peak = max(r.peak, r.moving)
	u.peak = max(u.peak, u.moving)
}

func (r *Room) moved(u *Unit) {
	r.moving--
	u.moving--
	if u.moving == 0 && u.atRest != nil {
		close(u.atRest)
		u.atRest = nil
	}
}
