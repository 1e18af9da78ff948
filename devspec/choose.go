package devspec

import (
	"errors"
	"fmt"
)

// Op is what a client wants done.
type Op uint8

// The operations, each with a family of scripts.
const (
	OpStatus Op = iota
	OpStatusSoft
	OpTemp
	OpBeacon // beacon status
	OpOn
	OpOff
	OpCycle
	OpReset
	OpBeaconOn
	OpBeaconOff
	numOps
)

// family is the up to three scripts that do the same: for one plug, for several,
// for all.
type family struct {
	name             string
	one, ranged, all ScriptName
	query            bool
}

var families = [numOps]family{
	OpStatus:     {"status", ScriptStatus, noScript, ScriptStatusAll, true},
	OpStatusSoft: {"soft status", ScriptStatusSoft, noScript, ScriptStatusSoftAll, true},
	OpTemp:       {"temperature", ScriptStatusTemp, noScript, ScriptStatusTempAll, true},
	OpBeacon:     {"beacon status", ScriptStatusBeacon, noScript, ScriptStatusBeaconAll, true},
	OpOn:         {"on", ScriptOn, ScriptOnRanged, ScriptOnAll, false},
	OpOff:        {"off", ScriptOff, ScriptOffRanged, ScriptOffAll, false},
	OpCycle:      {"cycle", ScriptCycle, ScriptCycleRanged, ScriptCycleAll, false},
	OpReset:      {"reset", ScriptReset, ScriptResetRanged, ScriptResetAll, false},
	OpBeaconOn:   {"beacon on", ScriptBeaconOn, ScriptBeaconOnRanged, noScript, false},
	OpBeaconOff:  {"beacon off", ScriptBeaconOff, ScriptBeaconOffRanged, noScript, false},
}

// String names the operation.
func (op Op) String() string {
	if op < numOps {
		return families[op].name
	}
	return "no operation"
}

// IsQuery reports whether the operation only reads.
func (op Op) IsQuery() bool { return op < numOps && families[op].query }

// Action is one run of one script.
type Action struct {
	Script *Script
	Plugs  []int // the plug or plugs it is run for; nil for scripts without argument
}

// Errors of [Spec.Choose].
var (
	// ErrCannot: the specification has no script of the family. powermand refuses
	// the whole command with 213.
	ErrCannot = errors.New("the device has no script for this")
	// ErrPartly: it has one, but not for this choice of plugs, for example only
	// reset_all when some plugs are to be reset. powermand silently leaves the
	// device out.
	ErrPartly = errors.New("the device can only do this for all of its plugs, and each of them must belong to a node")
)

// Can reports whether the specification has any script for the operation.
func (s *Spec) Can(op Op) bool {
	if op >= numOps {
		return false
	}
	f := families[op]
	return s.Script(f.one) != nil || s.Script(f.ranged) != nil || s.Script(f.all) != nil
}

// Choose picks the scripts that do op on the given plugs of one device, in the
// order in which they are to run. plugs are indices in iteration order; all says
// that they are every plug of the device, and that each belongs to a node. The
// error wraps [ErrCannot] or [ErrPartly].
func (s *Spec) Choose(op Op, plugs []int, all bool) ([]Action, error) {
	if !s.Can(op) {
		return nil, fmt.Errorf("%s with specification %q: %w", op, s.Name, ErrCannot)
	}
	script, way := s.pick(op, len(plugs), all)
	switch way {
	case noWay:
		return nil, fmt.Errorf("%s with specification %q: %w", op, s.Name, ErrPartly)
	case noPlugs:
		return nil, nil
	case atOnce:
		return []Action{{script, nil}}, nil
	case together:
		return []Action{{script, plugs}}, nil
	case oneByOne:
	}
	actions := make([]Action, len(plugs))
	for i := range plugs {
		actions[i] = Action{script, plugs[i : i+1 : i+1]}
	}
	return actions, nil
}

// Runs says how many actions Choose would give for so many plugs, 0 where it
// would give an error, without making them.
func (s *Spec) Runs(op Op, plugs int, all bool) int {
	if !s.Can(op) {
		return 0
	}
	switch _, way := s.pick(op, plugs, all); way {
	case atOnce, together:
		return 1
	case oneByOne:
		return plugs
	case noWay, noPlugs:
	}
	return 0
}

// way is how a script is run for a choice of plugs.
type way uint8

const (
	noWay    way = iota
	noPlugs      // there is nothing to do
	atOnce       // once, without argument
	together     // once, for the one plug or the range
	oneByOne     // once for each
)

// pick chooses the script for an operation that the specification can do.
func (s *Spec) pick(op Op, plugs int, all bool) (*Script, way) {
	f := families[op]
	one, ranged, whole := s.Script(f.one), s.Script(f.ranged), s.Script(f.all)
	switch {
	case plugs == 0:
		return nil, noPlugs
	case one != nil && plugs == 1:
		return one, together
	case whole != nil && (all || f.query && one == nil):
		return whole, atOnce
	case ranged != nil:
		return ranged, together
	case one != nil:
		return one, oneByOne
	}
	return nil, noWay
}
