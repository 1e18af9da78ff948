package nut

import "errors"

// Code is why a server refuses, in the protocol's own word. It is an error, and
// every [*Error] is one of its code: errors.Is(err, nut.DataStale).
type Code string

// The codes there are (RFC 9271, section 4.3). Servers may know others.
const (
	AccessDenied         Code = "ACCESS-DENIED"
	AlreadyLoggedIn      Code = "ALREADY-LOGGED-IN"
	AlreadySetPassword   Code = "ALREADY-SET-PASSWORD"
	AlreadySetUsername   Code = "ALREADY-SET-USERNAME"
	AlreadyTLS           Code = "ALREADY-SSL-MODE"
	CommandNotSupported  Code = "CMD-NOT-SUPPORTED"
	CommandFailed        Code = "INSTCMD-FAILED"
	DataStale            Code = "DATA-STALE"
	DriverNotConnected   Code = "DRIVER-NOT-CONNECTED"
	FeatureNotConfigured Code = "FEATURE-NOT-CONFIGURED"
	FeatureNotSupported  Code = "FEATURE-NOT-SUPPORTED"
	InvalidArgument      Code = "INVALID-ARGUMENT"
	InvalidPassword      Code = "INVALID-PASSWORD"
	InvalidUsername      Code = "INVALID-USERNAME"
	InvalidValue         Code = "INVALID-VALUE"
	PasswordRequired     Code = "PASSWORD-REQUIRED"
	ReadOnly             Code = "READONLY"
	SetFailed            Code = "SET-FAILED"
	TooLong              Code = "TOO-LONG"
	UnknownCommand       Code = "UNKNOWN-COMMAND"
	UnknownUPS           Code = "UNKNOWN-UPS"
	UsernameRequired     Code = "USERNAME-REQUIRED"
	VarNotSupported      Code = "VAR-NOT-SUPPORTED"
)

// Error is the code itself.
func (c Code) Error() string { return string(c) }

// meaning is what a code says to people, where its word alone does not.
func (c Code) meaning() string {
	switch c {
	case AccessDenied:
		return "the server does not let this user or this host do that"
	case DataStale:
		return "the server has no fresh data: its driver hangs or has lost the UPS"
	case DriverNotConnected:
		return "the driver of this UPS does not run"
	case UnknownUPS:
		return "the server knows no such UPS"
	case FeatureNotConfigured, FeatureNotSupported:
		return "the server is not set up for that"
	case UsernameRequired, PasswordRequired:
		return "the server wants a user and a password for that"
	case VarNotSupported:
		return "the UPS has no such variable"
	case CommandNotSupported:
		return "the UPS has no such command"
	}
	return ""
}

// Error is a server's refusal of one request.
type Error struct {
	Request string // what was asked, without values and passwords: "GET VAR rack ups.status"
	Code    Code
	Detail  string // what the server put behind the code; mostly nothing
}

func (e *Error) Error() string {
	text := e.Request + ": " + string(e.Code)
	if m := e.Code.meaning(); m != "" {
		text += " (" + m + ")"
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Unwrap gives the code, for [errors.Is].
func (e *Error) Unwrap() error { return e.Code }

// ErrUnexpected: what came is not the protocol.
var ErrUnexpected = errors.New("unexpected answer from the UPS server")
