package sim

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Faults of a machine.
const (
	// Sick has its service fail its health check: for MachineFault.For after it is up or,
	// without that, until the next boot.
	Sick FaultKind = "sick"
	// Wedged has it begin to halt, and never end.
	Wedged FaultKind = "wedged"
	// Dead has it boot, and never come up.
	Dead FaultKind = "dead"
	// Late has it take MachineFault.For longer to boot.
	Late FaultKind = "late"
)

var machineKinds = [...]FaultKind{Sick, Wedged, Dead, Late}

// MachineFault is something that is wrong with a machine.
type MachineFault struct {
	Kind FaultKind
	// Times is for how many boots (halts, for Wedged) it shows; 0 is for all.
	Times int
	// For is for Sick and Late.
	For time.Duration
}

// String gives the fault in the words of the control protocol.
func (f MachineFault) String() string {
	text := string(f.Kind)
	if f.Times > 0 {
		text += fmt.Sprint(" times ", f.Times)
	}
	if f.For > 0 {
		text += fmt.Sprint(" for ", f.For)
	}
	return text
}

// system is the operating system of a machine.
type system struct {
	halting bool // and the machine is Up
	faults  []MachineFault

	sick    bool          // in this boot
	sickFor time.Duration // 0: all of it
	sickAt  time.Time     // it began when the machine was up already; else zero
}

// take tells whether a fault shows this time.
func (s *system) take(k FaultKind) (MachineFault, bool) {
	i := slices.IndexFunc(s.faults, func(f MachineFault) bool { return f.Kind == k })
	if i < 0 {
		return MachineFault{}, false
	}
	f := s.faults[i]
	switch f.Times {
	case 0:
	case 1:
		s.faults = slices.Delete(s.faults, i, i+1)
	default:
		s.faults[i].Times--
	}
	return f, true
}

func (s *system) list() []MachineFault { return slices.Clone(s.faults) }

// begin starts to boot: how long that takes, and whether it ever ends.
func (s *system) begin(usual time.Duration) (takes time.Duration, comes bool) {
	takes = usual
	if f, late := s.take(Late); late {
		takes += f.For
	}
	f, sick := s.take(Sick)
	s.sick, s.sickFor, s.sickAt = sick, f.For, time.Time{}
	_, dead := s.take(Dead)
	return takes, !dead
}

// well tells whether a machine is up and its service answers as it should. Room.mu is
// held.
func (m *machine) well(now time.Time) bool {
	s := &m.os
	if m.state != Up || s.halting {
		return false
	}
	from := m.since
	if s.sickAt.After(from) {
		from = s.sickAt
	}
	return !s.sick || s.sickFor > 0 && now.Sub(from) >= s.sickFor
}

// shutDown has the operating system of a machine that is up halt. Room.mu is held.
func (r *Room) shutDown(m *machine) {
	if m.os.halting {
		return
	}
	m.os.halting = true
	r.note(Happening{Kind: MachineHalting, Machine: m.name})
	if _, wedged := m.os.take(Wedged); wedged {
		return
	}
	takes := m.down
	if takes == 0 {
		takes = m.boot / 3
	}
	if takes == 0 {
		r.halted(m)
		return
	}
	var self *time.Timer
	self = time.AfterFunc(takes, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if m.closing == self { // else it lost its power in the last moment
			m.closing = nil
			r.halted(m)
		}
	})
	m.closing = self
}

// halted is a machine that has come down in order: it is fed, and off.
func (r *Room) halted(m *machine) {
	m.counts.Halts++
	if o := m.button; o != nil {
		r.note(Happening{Kind: OutletOff, PDU: o.unit.name, Outlet: o.name})
	}
	r.halt(m)
}

// Afflict sets what is wrong with a machine; the same kind again replaces the former. A
// machine that is up and becomes Sick is so at once.
func (r *Room) Afflict(name string, f MachineFault) error {
	m := r.machineByName[name]
	switch {
	case m == nil:
		return fmt.Errorf("sim: there is no machine %q", name)
	case !slices.Contains(machineKinds[:], f.Kind):
		return fmt.Errorf("sim: machine %s: there is no fault %q of machines", name, f.Kind)
	case f.Times < 0 || f.Times > maxAfter || f.For < 0:
		return fmt.Errorf("sim: machine %s: %s: a number is negative or above %d", name, f.Kind, maxAfter)
	case f.Kind == Late && f.For == 0:
		return fmt.Errorf("sim: machine %s: say how late: late for 5s", name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &m.os
	s.faults = append(slices.DeleteFunc(s.faults, func(old MachineFault) bool { return old.Kind == f.Kind }), f)
	if f.Kind == Sick && m.state != Off {
		s.sick, s.sickFor, s.sickAt = true, f.For, time.Now()
	}
	r.note(Happening{Kind: FaultSet, Machine: name, Detail: f.String()})
	return nil
}

// Cure takes all faults from a machine. What is wedged or does not boot stays so until it
// is switched.
func (r *Room) Cure(name string) error {
	m := r.machineByName[name]
	if m == nil {
		return fmt.Errorf("sim: there is no machine %q", name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m.os.faults, m.os.sick = nil, false
	r.note(Happening{Kind: FaultHealed, Machine: name})
	return nil
}

// Pace sets how long a machine takes to boot and to halt from now on; a negative time
// leaves it as it is.
func (r *Room) Pace(name string, boot, halt time.Duration) error {
	m := r.machineByName[name]
	if m == nil {
		return fmt.Errorf("sim: there is no machine %q", name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if boot >= 0 {
		m.boot = boot
	}
	if halt >= 0 {
		m.down = halt
	}
	return nil
}

// Swap exchanges what hangs on two outlets, as somebody does who mistakes one for the
// other. Buttons of machines have no cords.
func (r *Room) Swap(pdu, plug, otherPDU, otherPlug string) error {
	var ends [2]*outlet
	for i, at := range [2]Inlet{{pdu, plug}, {otherPDU, otherPlug}} {
		u := r.unitByName[at.PDU]
		if u == nil {
			return fmt.Errorf("sim: there is no PDU %q", at.PDU)
		}
		n, ok := u.Find(at.Outlet)
		if !ok {
			return fmt.Errorf("sim: PDU %s has no outlet %q", at.PDU, at.Outlet)
		}
		ends[i] = &u.outlets[n]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	x, y := ends[0], ends[1]
	switch {
	case r.closed:
		return errors.New("sim: swap: the room has ended")
	case x == y:
		return nil
	case x.presses() != nil || y.presses() != nil:
		return fmt.Errorf("sim: swap: %s/%s or %s/%s is a machine's button, on which no cord hangs", pdu, plug, otherPDU, otherPlug)
	}
	for _, m := range append(slices.Clone(x.machines), y.machines...) {
		for i, o := range m.inlets {
			switch o {
			case x:
				m.inlets[i] = y
			case y:
				m.inlets[i] = x
			}
		}
	}
	x.machines, y.machines = y.machines, x.machines
	r.note(Happening{Kind: CordsSwapped, PDU: pdu, Outlet: plug, Detail: otherPDU + " outlet " + otherPlug})
	for _, m := range append(slices.Clone(x.machines), y.machines...) {
		r.follow(m)
	}
	return nil
}
