package sim

import (
	"errors"
	"fmt"
)

// A service processor has, in place of relays, the power buttons of machines. What its
// plugs show is what the machines do, whoever made them do it.

// presses gives the machine whose button an outlet is; nil if it is a relay.
func (o *outlet) presses() *machine {
	if len(o.machines) == 1 && o.machines[0].button == o {
		return o.machines[0]
	}
	return nil
}

// addButton makes a plug the button of a machine that is being built.
func (r *Room) addButton(m *machine, at Inlet) error {
	if at == (Inlet{}) {
		return nil
	}
	u := r.unitByName[at.PDU]
	if u == nil {
		return fmt.Errorf("sim: machine %q: there is no PDU %q", m.name, at.PDU)
	}
	i, ok := u.Find(at.Outlet)
	if !ok {
		return fmt.Errorf("sim: machine %q: PDU %q has no outlet %q", m.name, at.PDU, at.Outlet)
	}
	o := &u.outlets[i]
	if len(o.machines) > 0 {
		return fmt.Errorf("sim: machine %q: the button %s:%s is that of %s already", m.name, at.PDU, at.Outlet, o.machines[0].name)
	}
	o.machines, m.button = []*machine{m}, o
	return nil
}

// push is somebody at a machine's button: a short push to start it, a long one to stop it.
// Room.mu is held.
func (r *Room) push(m *machine, on bool) {
	h := Happening{Kind: OutletOff, PDU: m.button.unit.name, Outlet: m.button.name}
	switch {
	case on && m.state == Off && m.powered:
		h.Kind = OutletOn
		r.note(h)
		r.boot(m)
	case !on && m.state != Off:
		r.note(h)
		r.cut(m)
	}
	r.light(m)
}

// light lets a button show what its machine does.
func (r *Room) light(m *machine) {
	if o := m.button; o != nil {
		o.set(relayOn, m.state != Off)
		if !o.has(faultLie) {
			o.set(saysOn, m.state != Off)
		}
	}
}

// reveal is light, and lets the service processor know.
func (r *Room) reveal(m *machine) {
	if m.button == nil {
		return
	}
	r.light(m)
	if f, ok := m.button.unit.style.(Follower); ok {
		u := m.button.unit
		for i := range u.outlets {
			if &u.outlets[i] == m.button {
				f.Follow(i, m.state, m.boot, m.watts(m.since))
			}
		}
	}
}

// awake tells whether a unit has power of its own, or from the cords of its machines.
func (u *Unit) awake() bool {
	fed := true
	for i := range u.outlets {
		if m := u.outlets[i].presses(); u.standby && m != nil {
			if m.mains() {
				return true
			}
			fed = false
		}
	}
	return fed
}

// wake takes a machine's service processor off the network with the machine's power, or
// brings it back.
func (r *Room) wake(m *machine) {
	if m.button == nil || !m.button.unit.standby {
		return
	}
	if err := m.button.unit.applyReach(); err != nil { // somebody has taken its port
		r.note(Happening{Kind: FaultSet, PDU: m.button.unit.name, Detail: err.Error()})
	}
}

// ErrOff is what a machine that is off says to what only a running one can do.
var ErrOff = errors.New("the machine is off")

// MachineName gives the machine whose button outlet i is; "" if there is none.
func (u *Unit) MachineName(i int) string {
	if m := u.outlets[i].presses(); m != nil {
		return m.name
	}
	return ""
}

// SoftOff asks the machine of outlet i to shut itself down, which takes its time. One that
// still boots goes off at once.
func (u *Unit) SoftOff(i int) error {
	m := u.outlets[i].presses()
	if m == nil {
		return u.Switch(i, false)
	}
	r := u.room
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case u.outlets[i].has(faultError):
		return ErrPlug
	case u.outlets[i].has(faultLie), u.outlets[i].has(faultStuck), r.closed:
		return nil
	case m.state == Off:
		return ErrOff
	case m.state == Booting:
		r.push(m, false)
	default:
		r.shutDown(m)
	}
	return nil
}
