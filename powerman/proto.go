package powerman

import "strconv"

// Fixed values of the protocol (PowerMan 2.4, powermand(8) and its behaviour).
const (
	// DefaultVersion is the version that [Server] shows in its banner and
	// that the powerman program compares with its own.
	DefaultVersion = "2.4.4"
	// DefaultHost and DefaultPort are where a powermand is expected.
	DefaultHost = "127.0.0.1"
	DefaultPort = "10101"
	// MaxLine is the longest request in bytes, line end not counted.
	MaxLine = 131072
	// Prompt follows the banner and every finished reply but that of quit and
	// 208. No line end comes after it, and clients rely on that.
	Prompt = "powerman> "
)

// Code is the number that begins each line of a reply.
type Code int

// The codes. A 1xx or 2xx code ends a reply, 3xx lines come before it.
const (
	CodeVersion Code = 1 // banner: "001 VERSION"

	CodeGoodbye       Code = 101
	CodeCommandDone   Code = 102
	CodeQueryDone     Code = 103
	CodeTelemetry     Code = 104
	CodeExprange      Code = 105
	CodeUnknown       Code = 201
	CodeParse         Code = 202 // never sent by any known server
	CodeTooLong       Code = 203
	CodeInternal      Code = 204
	CodeHostlist      Code = 205
	CodeInProgress    Code = 208 // no prompt follows
	CodeNoSuchNodes   Code = 209
	CodeCommandErrors Code = 210
	CodeQueryErrors   Code = 211
	CodeUnsupported   Code = 213

	CodeHelp        Code = 301
	CodeStates      Code = 302 // three lines: on, off, unknown
	CodeValue       Code = 303 // "NODE: VALUE"
	CodeDevice      Code = 304
	CodeTelemetryIn Code = 305 // one step of the talk with a device
	CodeNodes       Code = 306 // one folded host list
	CodeNode        Code = 307 // one node name
	CodeDeviceError Code = 308
	CodeDiagnostic  Code = 309 // "NODE: text"; the client prints it to stderr
)

// text is the exact wording behind a code; some go on with ": " and a detail.
func (c Code) text() string {
	switch c {
	case CodeGoodbye:
		return "Goodbye"
	case CodeCommandDone:
		return "Command completed successfully"
	case CodeQueryDone:
		return "Query complete"
	case CodeUnknown:
		return "Unknown command"
	case CodeParse:
		return "Parse error"
	case CodeTooLong:
		return "Command too long"
	case CodeInternal:
		return "Internal powermand error"
	case CodeHostlist:
		return "Hostlist error: invalid range"
	case CodeInProgress:
		return "Command in progress"
	case CodeNoSuchNodes:
		return "No such nodes"
	case CodeCommandErrors:
		return "Command completed with errors"
	case CodeQueryErrors:
		return "Query completed with errors"
	case CodeUnsupported:
		return "Command cannot be handled by power control device(s)"
	}
	return "code " + strconv.Itoa(int(c))
}

// Final says whether a line with this code ends its reply.
func (c Code) Final() bool { return c >= 100 && c < 300 }

// Success says whether this code ends a reply well.
func (c Code) Success() bool { return c >= 100 && c < 200 }

// State is what is known of a plug: on, off, or not known.
type State uint8

// The states. The zero value is [Unknown]: what nobody has read is not known.
const (
	Unknown State = iota
	Off
	On
)

// String returns the word of the protocol: "on", "off" or "unknown".
func (s State) String() string {
	switch s {
	case On:
		return "on"
	case Off:
		return "off"
	}
	return "unknown"
}

// ParseState reads the word of the protocol.
func ParseState(word string) (State, bool) {
	switch word {
	case "on":
		return On, true
	case "off":
		return Off, true
	case "unknown":
		return Unknown, true
	}
	return Unknown, false
}

// States of a device, as a 304 line shows them.
const (
	DeviceConnected    = "connected"
	DeviceConnecting   = "connecting"
	DeviceDisconnected = "disconnected"
)

// DeviceInfo is one line of the device table (code 304).
type DeviceInfo struct {
	Name string
	// State is [DeviceConnected], [DeviceConnecting] or [DeviceDisconnected].
	State string
	// Reconnects counts successful connects after the first, Actions the
	// scripts that ended well since the daemon started.
	Reconnects, Actions int
	// Type is the name of the device's specification.
	Type string
	// Hosts are the nodes on the device, in any order; they are shown sorted
	// and folded.
	Hosts []string
}
