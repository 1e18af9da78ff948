package room

import (
	"errors"
	"strings"
)

// Code says what kind of failure an error is. Doors turn codes into the words
// of their protocol; nobody matches on error texts.
type Code string

// The codes. There are few, and there will not be many more.
const (
	CodeNotFound Code = "not-found" // no such node, group, device, run…
	CodeRefused  Code = "refused"   // understood, and not allowed or not possible
	CodeBusy     Code = "busy"      // try again later
	CodeTimeout  Code = "timeout"   // no answer within the time given
	CodeDevice   Code = "device"    // the device itself said no
	CodeUnknown  Code = "unknown"   // it may or may not have happened
	CodeInvalid  Code = "invalid"   // the request makes no sense as it stands
	CodeInternal Code = "internal"  // a fault of ours
)

// Error is a failure with what a user needs to act on it.
type Error struct {
	Code    Code
	Op      string // what was being done: "on", "connect", "read room.yaml"
	Subject string // to which node or device; a folded host list may stand here
	Said    string // what the device, peer or rule said, verbatim but bounded
	Confirm string // a refusal that may be overcome: what is to be confirmed, with the same request again
	Tried   string // what was attempted before giving up, if that helps
	Err     error  // the cause, or nil
}

// Error gives one line: "web3: on: device said \"ERROR\" (after 3 tries)".
func (e *Error) Error() string {
	var b strings.Builder
	for _, part := range []string{e.Subject, e.Op} {
		if part != "" {
			b.WriteString(part)
			b.WriteString(": ")
		}
	}
	switch {
	case e.Said != "":
		b.WriteString(e.Said)
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	default:
		b.WriteString(string(e.Code))
	}
	if e.Tried != "" {
		b.WriteString(" (" + e.Tried + ")")
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf gives the code of the first *Error in err's chain, and CodeInternal
// for an error that has none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
