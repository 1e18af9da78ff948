// Package standing keeps how each thing of the room stands with what was asked of it:
// nodes, plugs, controls and checks, in the words of Ockle's operation states, each with
// a reason, since when, and how often it was tried. What is believed of their power is
// another matter and kept by package state; a difference between the two is drift.
//
// It also keeps what people have decided about nodes: holds (nothing automatic touches
// them) and maintenance (nothing is expected of them until it ends). Both are on the disk
// before they count. Standings are written behind: the step log of a run is the truth
// about what was done, and a daemon that was killed finds its way from there.
//
// Start at [Book] and [Standing].
package standing

import (
	"time"
)

// State is an operation state. Its text is what Ockle's clients know it by.
type State string

// The states of nodes, plugs and controls.
const (
	Initial       State = "Did not initiate yet"
	OK            State = "OK"
	Off           State = "OFF"
	SwitchingOn   State = "Switching on"
	SwitchingOff  State = "Switching off"
	FailedToStart State = "Failed to start"
	FailedToStop  State = "Failed to stop"
	NeverStarted  State = "Permanently failed to start"
	NeverStopped  State = "Permanently failed to Stop"
	ForcedOn      State = "Forced on"
	ForcedOff     State = "Forced off"
	Unknown       State = "Unknown"     // cut off in the act: nobody can tell
	Disputed      State = "Disputed"    // two witnesses disagree
	Succeeded     State = "SUCCEEDED"   // of checks
	Failed        State = "FAILED"      // of checks
	CannotTell    State = "CANNOT TELL" // of checks
)

// Up says whether what is in this state is up, as far as anybody knows.
func (s State) Up() bool { return s == OK || s == ForcedOn }

// Down says whether it is down. What never was asked of counts as down.
func (s State) Down() bool { return s == Off || s == ForcedOff || s == Initial }

// Moving says whether it is on its way.
func (s State) Moving() bool { return s == SwitchingOn || s == SwitchingOff }

// ForGood says whether it has failed until somebody clears it.
func (s State) ForGood() bool { return s == NeverStarted || s == NeverStopped }

// Bad says whether it needs somebody's eye.
func (s State) Bad() bool {
	switch s {
	case FailedToStart, FailedToStop, NeverStarted, NeverStopped, Unknown, Disputed, Failed:
		return true
	}
	return false
}

// Kind is what sort of thing stands somehow.
type Kind string

// The kinds.
const (
	Node    Kind = "node"
	Plug    Kind = "plug"
	Control Kind = "control"
	Check   Kind = "check"
)

// Subject is one thing that stands somehow: a node, or something of a node.
type Subject struct {
	Kind   Kind   `json:"kind"`
	Node   string `json:"node"`
	Object string `json:"object,omitempty"` // the control's or check's name, "device:plug"; "" for the node
}

// Standing is how a thing stands.
type Standing struct {
	State  State     `json:"state"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Starts int       `json:"starts"` // attempts to start since the last success, or since it was cleared
	Stops  int       `json:"stops"`
	// Drift says that what was last read is not what the state wants.
	Drift bool `json:"drift,omitempty"`
}

// Change is one change of how a thing stands.
type Change struct {
	Subject
	Standing
	N   int64 `json:"n"` // from 1, without gaps, since the daemon's start; given by the book
	Was State `json:"was,omitempty"`
}
