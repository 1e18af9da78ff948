package room

// Op is what can be asked of nodes and plugs at once. Bringing nodes up or down
// in order is not an Op: it is a goal, from which a plan of Ops is made.
type Op uint8

// The operations. Zero is none of them.
const (
	On Op = iota + 1
	Off
	Cycle      // off, then on
	Reset      // the machine's own hard reset, power stays
	Status     // are the plugs on?
	StatusSoft // is the operating system up, as the device sees it?
	Temp       // temperature, or what the device gives for one
	Beacon     // is the locator light on?
	BeaconOn
	BeaconOff
	SoftOff // the operating system is asked to shut down, by the power button's signal
	Diag    // a diagnostic interrupt (NMI), which mostly makes the system write a dump
	opEnd
)

var opNames = [...]string{"", "on", "off", "cycle", "reset", "status", "status-soft", "temp", "beacon", "beacon-on", "beacon-off", "soft-off", "diag"}

// Ops gives every operation, in order.
func Ops() []Op {
	all := make([]Op, 0, opEnd-1)
	for op := On; op < opEnd; op++ {
		all = append(all, op)
	}
	return all
}

// String gives the operation's name as the command line and the events have it.
func (o Op) String() string {
	if o == 0 || o >= opEnd {
		return "none"
	}
	return opNames[o]
}

// ParseOp is the reverse of [Op.String].
func ParseOp(name string) (Op, bool) {
	for op := On; op < opEnd; op++ {
		if opNames[op] == name {
			return op, true
		}
	}
	return 0, false
}

// Changes says whether the operation does something to the plug, rather than
// only read it.
func (o Op) Changes() bool {
	switch o {
	case On, Off, Cycle, Reset, BeaconOn, BeaconOff, SoftOff, Diag:
		return true
	}
	return false
}

// Repeatable says whether doing the operation twice ends as doing it once. What
// is not repeatable is never repeated by itself after an interruption.
func (o Op) Repeatable() bool {
	switch o {
	case Cycle, Reset, SoftOff, Diag:
		return false
	}
	return true
}

// Wants gives the state that a read should show after the operation has worked;
// ok is false where no read can prove it (reset) or where there is nothing to prove.
func (o Op) Wants() (State, bool) {
	switch o {
	case On, Cycle:
		return StateOn, true
	case Off:
		return StateOff, true
	}
	return StateUnknown, false
}

// State is what is known of a plug's or node's power (or beacon).
type State uint8

// The states. Unknown is a state like any other: it says that nobody could tell.
const (
	StateUnknown State = iota
	StateOff
	StateOn
	StateDegraded // on, but not through all its cords
)

var stateNames = [...]string{"unknown", "off", "on", "degraded"}

// String gives the state's name.
func (s State) String() string {
	if int(s) >= len(stateNames) {
		return stateNames[StateUnknown]
	}
	return stateNames[s]
}

// MarshalText writes the state's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a state's name; what it does not know is unknown.
func (s *State) UnmarshalText(text []byte) error {
	*s = StateUnknown
	for i, name := range stateNames {
		if name == string(text) {
			*s = State(i)
		}
	}
	return nil
}

// Combine gives a node's state from those of its plugs: on when all are on,
// degraded when some are on and the rest off, off when all are off, and unknown
// when a plug is unknown and none of the others is on (a machine with one live
// cord runs, whatever the other one does).
func Combine(plugs []State) State {
	var on, off int
	for _, s := range plugs {
		switch s {
		case StateOn:
			on++
		case StateOff:
			off++
		case StateUnknown, StateDegraded:
		}
	}
	switch {
	case len(plugs) == 0:
		return StateUnknown
	case on == len(plugs):
		return StateOn
	case on > 0:
		return StateDegraded
	case off == len(plugs):
		return StateOff
	}
	return StateUnknown
}
