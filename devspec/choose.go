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
	if len(plugs) == 0 {
		return nil, nil
	}
	f := families[op]
	one, ranged, whole := s.Script(f.one), s.Script(f.ranged), s.Script(f.all)
	switch {
	case one != nil && len(plugs) == 1:
		return []Action{{one, plugs}}, nil
	case whole != nil && (all || f.query && one == nil):
		return []Action{{whole, nil}}, nil
	case ranged != nil:
		return []Action{{ranged, plugs}}, nil
	case one != nil:
		actions := make([]Action, len(plugs))
		for i := range plugs {
			actions[i] = Action{one, plugs[i : i+1 : i+1]}
		}
		return actions, nil
	}
	return nil, fmt.Errorf("%s with specification %q: %w", op, s.Name, ErrPartly)
}
