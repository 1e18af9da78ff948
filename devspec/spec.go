package devspec

import (
	"time"
)

// DefaultTimeout is the limit of a script whose specification has no timeout.
// powermand takes a missing timeout as zero, and then every action fails at once.
const DefaultTimeout = 10 * time.Second

// Spec is one type of device: its scripts, compiled. It is immutable after parsing
// and may be shared by any number of devices and goroutines.
type Spec struct {
	Name       string
	Pos        Pos
	Timeout    time.Duration // limit of each script run as a whole; 0 when the file gives none
	PingPeriod time.Duration // how often to run the ping script; 0 for never
	Plugs      []string      // the fixed plug list, nil when plugs are free

	plugsPos Pos
	scripts  [numScripts]*Script
	seq      int
}

// Limit is how long one script run may take: Timeout, or DefaultTimeout.
func (s *Spec) Limit() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return DefaultTimeout
}

// Script gives the script of that name, nil when the specification has none.
func (s *Spec) Script(n ScriptName) *Script {
	if n >= numScripts {
		return nil
	}
	return s.scripts[n]
}

// Scripts gives all scripts of the specification in the order of ScriptName.
func (s *Spec) Scripts() []*Script {
	var out []*Script
	for _, sc := range s.scripts {
		if sc != nil {
			out = append(out, sc)
		}
	}
	return out
}

// ScriptName names one of the scripts that a specification may have.
type ScriptName uint8

// The scripts of powerman.dev(5). ScriptStatusSoft and ScriptStatusSoftAll are of
// older manuals; powermand does not accept them.
const (
	ScriptLogin ScriptName = iota
	ScriptLogout
	ScriptPing
	ScriptStatus
	ScriptStatusAll
	ScriptOn
	ScriptOnRanged
	ScriptOnAll
	ScriptOff
	ScriptOffRanged
	ScriptOffAll
	ScriptCycle
	ScriptCycleRanged
	ScriptCycleAll
	ScriptReset
	ScriptResetRanged
	ScriptResetAll
	ScriptStatusTemp
	ScriptStatusTempAll
	ScriptStatusBeacon
	ScriptStatusBeaconAll
	ScriptBeaconOn
	ScriptBeaconOnRanged
	ScriptBeaconOff
	ScriptBeaconOffRanged
	ScriptStatusSoft
	ScriptStatusSoftAll
	numScripts
)

// noScript stands where a family has no script of a kind.
const noScript = numScripts

var scriptNames = [numScripts]string{
	"login", "logout", "ping",
	"status", "status_all",
	"on", "on_ranged", "on_all",
	"off", "off_ranged", "off_all",
	"cycle", "cycle_ranged", "cycle_all",
	"reset", "reset_ranged", "reset_all",
	"status_temp", "status_temp_all",
	"status_beacon", "status_beacon_all",
	"beacon_on", "beacon_on_ranged",
	"beacon_off", "beacon_off_ranged",
	"status_soft", "status_soft_all",
}

// String gives the name as it is written in a device file.
func (n ScriptName) String() string {
	if n < numScripts {
		return scriptNames[n]
	}
	return "none"
}

// takesPlug reports whether the script is run for one plug.
func (n ScriptName) takesPlug() bool {
	switch n {
	case ScriptStatus, ScriptOn, ScriptOff, ScriptCycle, ScriptReset, ScriptStatusTemp,
		ScriptStatusBeacon, ScriptBeaconOn, ScriptBeaconOff, ScriptStatusSoft:
		return true
	}
	return false
}

// takesRange reports whether the script is run for several plugs at once.
func (n ScriptName) takesRange() bool {
	switch n {
	case ScriptOnRanged, ScriptOffRanged, ScriptCycleRanged, ScriptResetRanged,
		ScriptBeaconOnRanged, ScriptBeaconOffRanged:
		return true
	}
	return false
}

// lookupScript finds a script by its name in a file. alias reports a spelling of
// older manuals.
func lookupScript(word string) (n ScriptName, alias, ok bool) {
	for i, name := range scriptNames {
		if name == word {
			return ScriptName(i), false, true
		}
		if ScriptName(i).takesRange() && name == word+"d" { // on_range for on_ranged
			return ScriptName(i), true, true
		}
	}
	return 0, false, false
}

// Script is a named list of statements.
type Script struct {
	Name ScriptName
	Pos  Pos
	Body []Stmt

	oldName bool // written on_range instead of on_ranged
}

// Stmt is one statement of a script: [*Send], [*Expect], [*Delay],
// [*SetPlugState], [*SetResult], [*ForEach] or [*If].
type Stmt interface {
	Place() Pos
	stmt()
}

// Send writes text to the device. In Format %s stands for the plug argument and %%
// for a percent sign; %{key} is ours and stands for a secret of [Options].
type Send struct {
	Pos    Pos
	Format string

	parts []sendPart
}

// Expect waits until the unread input matches.
type Expect struct {
	Pos Pos
	Re  *Regex
}

// Delay waits.
type Delay struct {
	Pos  Pos
	Time time.Duration
}

// SetPlugState records the state of a plug from what the last expect captured.
type SetPlugState struct {
	Pos   Pos
	Plug  string // literal plug name, when HasPlug
	Group int    // group with the plug's name, or -1

	HasPlug bool
	Value   int // group with the value
	Interps []Interp
}

// Interp reads a captured value: where Re matches, the plug's state is State.
type Interp struct {
	State State
	Re    *Regex
}

// SetResult records the outcome of a power command for one plug.
type SetResult struct {
	Pos     Pos
	Group   int // group with the plug's name
	Value   int // group with what the device said
	Success []*Regex
}

// ForEach runs its body once per plug.
type ForEach struct {
	Pos   Pos
	Nodes bool // foreachnode: only plugs that a node hangs on
	Body  []Stmt
}

// If runs its body when the state recorded earlier in the same request is On or
// off.
type If struct {
	Pos  Pos
	On   bool
	Body []Stmt
}

// Place says where the statement stands.
func (s *Send) Place() Pos { return s.Pos }

// Place says where the statement stands.
func (s *Expect) Place() Pos { return s.Pos }

// Place says where the statement stands.
func (s *Delay) Place() Pos { return s.Pos }

// Place says where the statement stands.
func (s *SetPlugState) Place() Pos { return s.Pos }

// Place says where the statement stands.
func (s *SetResult) Place() Pos { return s.Pos }

// Place says where the statement stands.
func (s *ForEach) Place() Pos { return s.Pos }

// Place says where the statement stands.
func (s *If) Place() Pos { return s.Pos }

func (*Send) stmt()         {}
func (*Expect) stmt()       {}
func (*Delay) stmt()        {}
func (*SetPlugState) stmt() {}
func (*SetResult) stmt()    {}
func (*ForEach) stmt()      {}
func (*If) stmt()           {}

// State is what is known of a plug.
type State uint8

// A plug is unknown until something has said otherwise.
const (
	Unknown State = iota
	Off
	On
)

// String gives the word that PowerMan clients see.
func (s State) String() string {
	switch s {
	case Off:
		return "off"
	case On:
		return "on"
	}
	return "unknown"
}
