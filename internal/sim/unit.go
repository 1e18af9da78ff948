package sim

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"sync/atomic"
	"time"
)

// ErrPlug is what a unit says of a plug that has the fault "error".
var ErrPlug = errors.New("the plug does not answer")

// Unit is one power strip at work: what a [Style] shows and switches. Its
// methods may be called from any goroutine.
type Unit struct {
	room       *Room
	name       string
	style      Style
	login      Login
	delay      time.Duration
	standby    bool // it lives on the cords of the machines that it has buttons of
	limit      int  // of connections at once; 0: none
	ssh, udp   bool
	open       bool          // nobody is asked to log in
	busyInside bool          // the fault Busy shows behind the log-in only
	refusal    string        // what those hear who come when it is full
	held       time.Duration // how long a session that broke off keeps its place
	feed       *feed
	outlets    []outlet
	// Most strips number their outlets, and then no index is needed.
	first int            // number of the first outlet, if index is nil
	index map[string]int // else name to place

	commands atomic.Int64 // lines typed
	logins   atomic.Int64 // accepted
	faults   atomic.Pointer[deviceFaults]

	// Under Room.mu:
	address      string // as configured, then as bound
	listener     io.Closer
	terminals    map[*Terminal]struct{}
	connections  int       // ever accepted
	keptUntil    time.Time // by a session that broke off
	moving, peak int
	atRest       chan struct{} // closed when no relay moves any more; nil then
}

func newUnit(r *Room, p *PDU) (*Unit, error) {
	u := &Unit{
		room: r, name: p.Name, login: p.Login, delay: p.SwitchDelay, limit: p.Sessions, ssh: p.SSH, udp: p.UDP, open: p.Open, address: p.Listen, standby: p.Standby,
		outlets: make([]outlet, len(p.Outlets)), terminals: map[*Terminal]struct{}{},
	}
	if u.address == "" {
		u.address = "127.0.0.1:0"
	}
	start := uint32(0)
	if p.StartOn {
		start = relayOn | saysOn
	}
	for i, name := range p.Outlets {
		o := &u.outlets[i]
		o.unit, o.name = u, name
		o.flags.Store(start)
	}
	return u, u.makeIndex()
}

// adopt takes over what the make itself says of sessions.
func (u *Unit) adopt(s Style) {
	u.style = s
	d, ok := s.(*spoken)
	if !ok {
		return
	}
	if u.limit == 0 {
		u.limit = d.make.Sessions
	}
	u.busyInside = d.make.Sessions == 0
	u.refusal, u.held = d.make.Busy, d.make.Held
}

// makesLogin is the login of the make, for what asks before the make can.
func (u *Unit) makesLogin() Login {
	if d, ok := u.style.(*spoken); ok {
		return Login{d.make.User, d.make.Password}
	}
	return Login{}
}

// makeIndex prepares for Find.
func (u *Unit) makeIndex() error {
	if u.isNumbered() {
		return nil
	}
	u.index = make(map[string]int, len(u.outlets))
	for i := range u.outlets {
		name := u.outlets[i].name
		if _, twice := u.index[name]; twice || name == "" {
			return fmt.Errorf("outlet %d: the name %q is empty or not the only one", i+1, name)
		}
		u.index[name] = i
	}
	return nil
}

func (u *Unit) isNumbered() bool {
	if len(u.outlets) == 0 {
		return true
	}
	first, err := strconv.Atoi(u.outlets[0].name)
	if err != nil || first < 0 || first > math.MaxInt32 {
		return false
	}
	for i := range u.outlets {
		if u.outlets[i].name != strconv.Itoa(first+i) {
			return false
		}
	}
	u.first = first
	return true
}

// Name is the unit's own.
func (u *Unit) Name() string { return u.name }

// Len is the number of outlets.
func (u *Unit) Len() int { return len(u.outlets) }

// OutletName is the name of outlet i, from 0.
func (u *Unit) OutletName(i int) string { return u.outlets[i].name }

// Find looks an outlet up. Where outlets are numbered, "03" is "3".
func (u *Unit) Find(name string) (int, bool) {
	if u.index != nil {
		i, ok := u.index[name]
		return i, ok
	}
	n, err := strconv.ParseUint(name, 10, 32)
	i := int(n) - u.first // n has 32 bits
	return i, err == nil && i >= 0 && i < len(u.outlets)
}

// Says is what the panel shows of outlet i; see [Room.Snapshot] for the truth.
func (u *Unit) Says(i int) bool { return u.outlets[i].has(saysOn) }

// Bad tells that the outlet answers nothing but an error.
func (u *Unit) Bad(i int) bool { return u.outlets[i].has(faultError) }

// Switch commands outlet i. It returns at once; the relay moves after the
// unit's delay. The error is [ErrPlug] or nil.
func (u *Unit) Switch(i int, on bool) error {
	o := &u.outlets[i]
	u.room.mu.Lock()
	defer u.room.mu.Unlock()
	if o.has(faultError) {
		return ErrPlug
	}
	if !u.room.closed {
		u.room.command(o, on)
	}
	return nil
}

// SwitchAll commands all outlets in their order, and goes on after a bad one.
func (u *Unit) SwitchAll(on bool) error {
	var bad error
	for i := range u.outlets {
		if err := u.Switch(i, on); err != nil {
			bad = err
		}
	}
	return bad
}

// Cycle switches outlet i off, and on again after a rest, unless it is told something
// else meanwhile. It returns at once, and is for makes that do it by themselves. The
// error is [ErrPlug] or nil.
func (u *Unit) Cycle(i int, rest time.Duration) error {
	if err := u.Switch(i, false); err != nil {
		return err
	}
	r, o := u.room, &u.outlets[i]
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	told := o.commands
	r.tasks.Go(func() {
		timer := time.NewTimer(rest)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.ctx.Done():
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if o.commands == told && !r.closed {
			r.command(o, true)
		}
	})
	return nil
}

// Barred tells that the unit takes no password for right: the fault [BadLogin].
func (u *Unit) Barred() bool {
	_, bad := u.shows(BadLogin)
	return bad
}

// Beacon tells whether the light of outlet i is lit.
func (u *Unit) Beacon(i int) bool { return u.outlets[i].has(beaconOn) }

// SetBeacon switches the light of outlet i.
func (u *Unit) SetBeacon(i int, on bool) {
	u.room.mu.Lock()
	defer u.room.mu.Unlock()
	u.outlets[i].set(beaconOn, on)
}

// Reset presses the reset button of each machine on outlet i that is running.
func (u *Unit) Reset(i int) {
	u.room.mu.Lock()
	defer u.room.mu.Unlock()
	for _, m := range u.outlets[i].machines {
		if m.state != Off && !u.room.closed {
			m.counts.Resets++
			u.room.halt(m)
			u.room.boot(m)
		}
	}
}
