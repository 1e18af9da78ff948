package ockle

import (
	"encoding/json"
	"fmt"
)

// State is what Ockle calls an operation state: what it believes about a server,
// an outlet, a control or a test. The texts go over the wire as they are.
type State string

// The states of servers, outlets and controls.
const (
	OK                       State = "OK"
	Off                      State = "OFF"
	FailedToStart            State = "Failed to start"
	FailedToStop             State = "Failed to stop"
	SwitchingOn              State = "Switching on"
	SwitchingOff             State = "Switching off"
	PermanentlyFailedToStart State = "Permanently failed to start"
	PermanentlyFailedToStop  State = "Permanently failed to Stop" // with a capital S
	ForcedOn                 State = "Forced on"
	ForcedOff                State = "Forced off"

	// NotInitiated is the state of a server before anything was done with it,
	// ObjectNotInitiated that of an outlet, a control or a test, in JSON a number.
	NotInitiated       State = "Did not initiate yet"
	ObjectNotInitiated State = "-1"
)

// The states of tests that were run.
const (
	Succeeded State = "SUCCEEDED"
	Failed    State = "FAILED"
)

// On reports whether a state is drawn as switched on.
func (s State) On() bool { return s == OK || s == SwitchingOff || s == ForcedOn }

// Colour gives the colour of a node's border in the graph.
func (s State) Colour() string {
	switch s {
	case OK:
		return "green"
	case Off:
		return "#969696"
	case FailedToStart:
		return "orange"
	case FailedToStop:
		return "yellow"
	case SwitchingOn:
		return "grey"
	case SwitchingOff:
		return "blue"
	case PermanentlyFailedToStart:
		return "red"
	case PermanentlyFailedToStop:
		return "darkred"
	case ForcedOn:
		return "#CCFF99"
	case ForcedOff:
		return "#660066"
	}
	return "black"
}

// MarshalJSON gives a text, and the number -1 for ObjectNotInitiated.
func (s State) MarshalJSON() ([]byte, error) {
	if s == ObjectNotInitiated {
		return []byte(s), nil
	}
	return json.Marshal(string(s))
}

// UnmarshalJSON takes a text or a number.
func (s *State) UnmarshalJSON(data []byte) error {
	var text string
	var number json.Number
	if json.Unmarshal(data, &number) == nil {
		*s = State(number)
		return nil
	}
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a state is neither a text nor a number: %w", err)
	}
	*s = State(text)
	return nil
}
