package sim

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Kind says what happened.
type Kind int

// The kinds of happening.
const (
	OutletOn Kind = iota
	OutletOff
	MachineBooting
	MachineUp
	MachineOff
	FeedOn
	FeedOff
	FaultSet
	FaultHealed
	MachineHalting
	CordsSwapped
)

var kindWords = [...]string{
	OutletOn: "on", OutletOff: "off",
	MachineBooting: "booting", MachineUp: "up", MachineOff: "off",
	FeedOn: "live", FeedOff: "dead",
	FaultSet: "fault", FaultHealed: "healed",
	MachineHalting: "halting", CordsSwapped: "swapped with",
}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindWords) {
		return "?"
	}
	return kindWords[k]
}

// Happening is one physical change. Fields that do not concern it are empty.
type Happening struct {
	At      time.Time
	Kind    Kind
	PDU     string
	Outlet  string
	Machine string
	Feed    string
	Detail  string // of a fault: its words
}

// String is a line for people: "pdu1 outlet 3 on", "web3 booting".
func (h Happening) String() string {
	text := ""
	switch {
	case h.Machine != "":
		text = h.Machine
	case h.Feed != "":
		text = "feed " + h.Feed
	case h.Outlet != "":
		text = h.PDU + " outlet " + h.Outlet
	default:
		text = h.PDU
	}
	text += " " + h.Kind.String()
	if h.Detail != "" {
		text += " " + h.Detail
	}
	return text
}

// note remembers a happening and tells those who want to know. Room.mu is held.
func (r *Room) note(h Happening) {
	if r.keep == 0 && r.log == nil && len(r.listeners) == 0 {
		return
	}
	h.At = time.Now()
	if r.keep > 0 {
		if len(r.history) >= 2*r.keep {
			r.history = append(r.history[:0], r.history[r.keep:]...)
		}
		r.history = append(r.history, h)
	}
	if r.log != nil {
		r.log.Info(h.String())
	}
	for _, l := range r.listeners {
		l.tell(h)
	}
}

// listener is a subscription; a pointer to it is its identity.
type listener struct{ tell func(Happening) }

// Subscribe has tell called for each happening from now on, in order, until
// cancel is called. The room waits meanwhile: tell must be quick and must not
// call the room.
func (r *Room) Subscribe(tell func(Happening)) (cancel func()) {
	l := &listener{tell}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners = append(r.listeners, l)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.listeners = slices.DeleteFunc(r.listeners, func(other *listener) bool { return other == l })
	}
}

// Await returns nil as soon as the room is as wanted, which is looked at now and
// after each happening, or the error of ctx.
func (r *Room) Await(ctx context.Context, wanted func(Snapshot) bool) error {
	changed := make(chan struct{}, 1)
	defer r.Subscribe(func(Happening) {
		select {
		case changed <- struct{}{}:
		default: // somebody is about to look already
		}
	})()
	for !wanted(r.Snapshot()) {
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("sim: the room is not as wanted: %w", context.Cause(ctx))
		}
	}
	return nil
}

// History returns what happened, oldest first: all kinds, or those named. No
// more than the last [Config].History are remembered.
func (r *Room) History(kinds ...Kind) []Happening {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.history[max(0, len(r.history)-r.keep):]
	if len(kinds) == 0 {
		return slices.Clone(all)
	}
	var some []Happening
	for _, h := range all {
		if slices.Contains(kinds, h.Kind) {
			some = append(some, h)
		}
	}
	return some
}

// Snapshot is the true state of a room at one moment.
type Snapshot struct {
	PDUs     []PDUState
	Machines []MachineReport
	Feeds    []FeedState
	// PeakMoving is the greatest number of relays that were on their way at the
	// same time, in all the room. Without a SwitchDelay it is 1.
	PeakMoving int
}

// PDUState is the truth about one power strip.
type PDUState struct {
	Name        string
	Style       string
	Address     string
	Reachable   bool
	Connections int   // now
	Accepted    int   // ever
	Commands    int64 // lines typed, logins and empty lines too
	Logins      int64 // that succeeded
	PeakMoving  int
	Faults      []Fault // of the device; those of plugs are with the outlet
	Outlets     []OutletState
}

// OutletState is the truth about one outlet.
type OutletState struct {
	Name   string
	On     bool // the relay
	Says   bool // what the panel shows
	Live   bool // there is current in the socket
	Moving bool // the relay is on its way
	// Commands is how often it was told to switch, in vain or not: what a program
	// repeats that it should not shows here, and not in the history.
	Commands int
	Faults   []FaultKind
}

// MachineReport is the truth about one machine.
type MachineReport struct {
	Name   string
	State  MachineState
	Inlets int // cords
	Live   int // of them, with current

	Powered bool    // it is fed
	Halting bool    // it is up, and on its way down
	Well    bool    // it is up, and its service answers as it should
	Watts   float64 // that it draws
	Counts  Counts
	Faults  []MachineFault
}

// Counts is how often something has happened to a machine: what a program repeats that it
// should not shows here.
type Counts struct {
	PowerOns  int `json:"power_ons"`  // current came
	PowerOffs int `json:"power_offs"` // and went
	Starts    int `json:"starts"`     // it began to boot, by whatever
	Resets    int `json:"resets"`     // by its reset button
	Halts     int `json:"halts"`      // its operating system came down in order
	Cuts      int `json:"cuts"`       // it lost its power, or was forced off, while it was on
}

// FeedState is the truth about one circuit.
type FeedState struct {
	Name string
	Live bool
}

// Snapshot returns the true state of everything, in the order of the
// configuration.
func (r *Room) Snapshot() Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Snapshot{PeakMoving: r.peak, PDUs: make([]PDUState, 0, len(r.units)), Machines: make([]MachineReport, 0, len(r.machines))}
	for _, u := range r.units {
		s.PDUs = append(s.PDUs, u.report())
	}
	for _, m := range r.machines {
		s.Machines = append(s.Machines, m.report())
	}
	for _, f := range r.feeds {
		s.Feeds = append(s.Feeds, FeedState{f.name, f.live})
	}
	return s
}

func (m *machine) report() MachineReport {
	now := time.Now()
	return MachineReport{
		Name: m.name, State: m.state, Inlets: len(m.inlets), Live: m.liveInlets(),
		Powered: m.powered, Halting: m.os.halting, Well: m.well(now), Watts: m.watts(now), Counts: m.counts, Faults: m.os.list(),
	}
}

func (u *Unit) report() PDUState {
	s := PDUState{
		Name: u.name, Style: u.style.Name(), Address: u.address, Reachable: u.reachable(),
		Connections: len(u.terminals), Accepted: u.connections,
		Commands: u.commands.Load(), Logins: u.logins.Load(), PeakMoving: u.peak,
		Faults: u.faults.Load().list(), Outlets: make([]OutletState, len(u.outlets)),
	}
	for i := range u.outlets {
		s.Outlets[i] = u.outlets[i].report()
	}
	return s
}

func (o *outlet) report() OutletState {
	return OutletState{
		Name: o.name, On: o.has(relayOn), Says: o.has(saysOn), Live: o.live(), Moving: o.moving != nil,
		Commands: int(o.commands),
		Faults:   plugFaults(o.flags.Load()),
	}
}

// Machine returns the truth about one machine; ok is false if there is none.
func (r *Room) Machine(name string) (_ MachineReport, ok bool) {
	m := r.machineByName[name] // the map does not change after the start
	if m == nil {
		return MachineReport{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return m.report(), true
}

// Outlet returns the truth about one outlet; ok is false if there is none.
func (r *Room) Outlet(pdu, name string) (_ OutletState, ok bool) {
	u := r.unitByName[pdu]
	if u == nil {
		return OutletState{}, false
	}
	i, ok := u.Find(name)
	if !ok {
		return OutletState{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return u.outlets[i].report(), true
}
