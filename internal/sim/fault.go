package sim

import (
	"fmt"
	"strings"
	"time"
)

// FaultKind is one way to be broken. The words are those of the control
// protocol.
type FaultKind string

// Faults of a device.
const (
	// Refuse closes the listener and all connections.
	Refuse FaultKind = "refuse"
	// Hang accepts connections and reads, and answers nothing. Healing it
	// closes the connections that hang, as a restart of the device would.
	Hang FaultKind = "hang"
	// Garbage replaces each answer by as many bytes of noise.
	Garbage FaultKind = "garbage"
	// Half writes each answer in pieces of odd sizes with short pauses between.
	Half FaultKind = "half"
	// Drop closes the connection in the middle of an answer.
	Drop FaultKind = "drop"
	// Slow waits Fault.Delay before each answer.
	Slow FaultKind = "slow"
	// Trickle waits Fault.Delay after each byte.
	Trickle FaultKind = "trickle"
	// BadLogin refuses each password, on makes that ask for one.
	BadLogin FaultKind = "badlogin"
	// Busy has somebody else use the only session, or the port behind the menu, on
	// makes that have one only.
	Busy FaultKind = "busy"
)

// Faults of a plug, or of all plugs of a device.
const (
	// Lie shows what was commanded, and does nothing.
	Lie FaultKind = "lie"
	// Stuck accepts the command, does nothing, and shows the truth.
	Stuck FaultKind = "stuck"
	// Error answers ERROR, or what the make says in such a case.
	Error FaultKind = "error"
)

// deviceKinds are the faults of a device in the order they are listed.
var deviceKinds = [...]FaultKind{Refuse, Hang, Garbage, Half, Drop, Slow, Trickle, BadLogin, Busy}

// Fault is a fault as it is set.
type Fault struct {
	Kind FaultKind
	// Plug is the outlet's name; empty for the device or, with a fault of
	// plugs, for all of them.
	Plug string
	// After lets that many lines be answered first, logins and empty lines too.
	// Not for Refuse and not for plugs.
	After int
	// Delay is for Slow and Trickle; 100 ms and 1 ms if 0.
	Delay time.Duration
}

// String gives the fault in the words of the control protocol.
func (f Fault) String() string {
	text := string(f.Kind)
	if f.After > 0 {
		text += fmt.Sprint(" after ", f.After)
	}
	if f.Delay > 0 {
		text += fmt.Sprint(" delay ", f.Delay)
	}
	return text
}

// maxAfter is the greatest Fault.After.
const maxAfter = 1 << 30

// deviceFaults are what is wrong with a device. The value never changes; nil
// is a sound device.
type deviceFaults struct {
	set   [len(deviceKinds)]Fault
	from  [len(deviceKinds)]int64 // Unit.commands above which it shows
	since [len(deviceKinds)]bool  // set[i] is there
}

func kindIndex(k FaultKind) int {
	for i, kind := range deviceKinds {
		if kind == k {
			return i
		}
	}
	return -1
}

// shows returns the fault if the device has it and its time has come.
func (u *Unit) shows(k FaultKind) (Fault, bool) {
	d := u.faults.Load()
	if d == nil {
		return Fault{}, false
	}
	i := kindIndex(k)
	f := d.set[i]
	return f, d.since[i] && (f.After == 0 || u.commands.Load() > d.from[i])
}

func (d *deviceFaults) list() []Fault {
	if d == nil {
		return nil
	}
	var all []Fault
	for i, there := range d.since {
		if there {
			all = append(all, d.set[i])
		}
	}
	return all
}

// plugBit is the flag of a fault of plugs, or 0.
func plugBit(k FaultKind) uint32 {
	switch k {
	case Lie:
		return faultLie
	case Stuck:
		return faultStuck
	case Error:
		return faultError
	}
	return 0
}

func plugFaults(flags uint32) []FaultKind {
	var kinds []FaultKind
	for _, k := range [...]FaultKind{Lie, Stuck, Error} {
		if flags&plugBit(k) != 0 {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// Break sets a fault on a PDU or one of its plugs. Several may be set at once;
// the same kind again replaces the former.
func (r *Room) Break(pdu string, f Fault) error {
	u, plugs, err := r.target(pdu, f.Plug)
	if err != nil {
		return err
	}
	bit := plugBit(f.Kind)
	switch {
	case bit == 0 && kindIndex(f.Kind) < 0:
		return fmt.Errorf("sim: break %s: there is no fault %q", pdu, f.Kind)
	case bit == 0 && f.Plug != "":
		return fmt.Errorf("sim: break %s: %s is a fault of a whole PDU, not of a plug", pdu, f.Kind)
	case f.After < 0 || f.After > maxAfter || f.Delay < 0:
		return fmt.Errorf("sim: break %s: %s: a number is negative or above %d", pdu, f.Kind, maxAfter)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if bit != 0 {
		for i := range plugs {
			plugs[i].set(bit, true)
		}
	} else {
		u.setFault(f)
	}
	r.note(Happening{Kind: FaultSet, PDU: pdu, Outlet: f.Plug, Detail: f.String()})
	return u.applyReach()
}

func (u *Unit) setFault(f Fault) {
	if f.Delay == 0 {
		switch f.Kind {
		case Slow:
			f.Delay = 100 * time.Millisecond
		case Trickle:
			f.Delay = time.Millisecond
		}
	}
	next := deviceFaults{}
	if old := u.faults.Load(); old != nil {
		next = *old
	}
	i := kindIndex(f.Kind)
	next.set[i], next.since[i] = f, true
	next.from[i] = u.commands.Load() + int64(f.After)
	u.faults.Store(&next)
}

// Heal takes all faults from a plug or, if plug is empty, from a PDU and all its
// plugs. A plug that lied shows the truth again. If somebody else has taken the
// port of a PDU that refused connections, the error says so; heal it again later.
func (r *Room) Heal(pdu, plug string) error {
	u, plugs, err := r.target(pdu, plug)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range plugs {
		o := &plugs[i]
		if o.has(faultLie) {
			o.set(saysOn, o.has(relayOn))
		}
		o.set(faultLie|faultStuck|faultError, false)
	}
	if plug == "" {
		u.faults.Store(nil)
		for t := range u.terminals {
			if t.hung.Load() {
				t.close()
			}
		}
	}
	r.note(Happening{Kind: FaultHealed, PDU: pdu, Outlet: plug})
	return u.applyReach()
}

// target finds a unit and the plugs meant: one, or all if plug is empty.
func (r *Room) target(pdu, plug string) (*Unit, []outlet, error) {
	u := r.unitByName[pdu]
	if u == nil {
		return nil, nil, fmt.Errorf("sim: there is no PDU %q", pdu)
	}
	if plug == "" {
		return u, u.outlets, nil
	}
	i, ok := u.Find(plug)
	if !ok {
		return nil, nil, fmt.Errorf("sim: PDU %s has no outlet %q", pdu, strings.TrimSpace(plug))
	}
	return u, u.outlets[i : i+1], nil
}
