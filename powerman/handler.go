package powerman

import (
	"context"
	"errors"
	"net"

	"millwright.dev/millwright/hostlist"
)

// Handler does the work behind a [Server]. Its methods are called from many
// goroutines at once, one call at a time per client.
//
// Targets come as typed by the client, empty for all; reading the host list,
// resolving aliases and finding unknown names is the handler's. It answers
// errors that the protocol has a code for with [*NoSuchNodesError],
// [ErrHostlist], [ErrUnsupported] or [ErrWithErrors] (wrapped or not); any
// other error becomes 204 with its text.
//
// The context ends when the server stops. It does not end when the client of
// a power command goes away: what was begun is finished. That of a query does.
// [RemoteAddr] tells who asks.
type Handler interface {
	// Nodes returns the names of all nodes, in any order.
	Nodes(ctx context.Context) ([]string, error)

	// Device returns the devices that have a targeted node, in the order of
	// the configuration; all devices for empty targets. Unknown names match
	// nothing, and no alias is expanded.
	Device(ctx context.Context, targets string) ([]DeviceInfo, error)

	// Power carries out a command for which [Command.Power] holds.
	Power(ctx context.Context, cmd Command, targets string, out Out) error

	// Query answers a command for which [Command.Query] holds. With
	// [ErrWithErrors] the results are shown all the same; with any other
	// error they are dropped. They come in target order: literal names first,
	// then those that came from aliases, duplicates repeated; in the order of
	// the configuration if no targets were given. (Names that are in the order
	// of [hostlist.Compare] are folded fastest.)
	Query(ctx context.Context, cmd Command, targets string, out Out) ([]Result, error)
}

// Out takes what is to be told to the client while a command runs. Its methods
// may be called from any goroutine until the handler's method has returned
// (later calls are dropped) and never block on the network. A text is made one
// line: control characters in it become spaces.
type Out interface {
	// Telemetry shows one step of the talk with a device (305), in the form
	// that package devspec gives its traces: send(DEV): 'text'.
	Telemetry(text string)
	// WantTelemetry says whether the client asked for telemetry. If not,
	// there is no need to make the texts; they would be dropped.
	WantTelemetry() bool
	// DeviceError reports a device that failed (308), as in
	// "pdu1: connect timeout". The reply then ends with 210 or 211 even if
	// the handler returns no error.
	DeviceError(text string)
	// Diagnostic reports why one node failed (309). The reply then ends with
	// 210 or 211 even if the handler returns no error.
	Diagnostic(node, text string)
}

// Result is what a query found out about one target.
type Result struct {
	Node string
	// State is the answer to status and beacon.
	State State
	// Value is the answer to temp, as the device gave it; empty for none.
	Value string
}

// Errors of a [Handler] that the protocol has a code for.
var (
	// ErrHostlist: the targets are not a host list (205).
	ErrHostlist = errors.New("invalid host list")
	// ErrUnsupported: a device cannot do this (213).
	ErrUnsupported = errors.New("not supported by the device")
	// ErrWithErrors: done, but not everywhere (210 for a command, 211 for a
	// query).
	ErrWithErrors = errors.New("completed with errors")
)

// NoSuchNodesError refuses a whole command because some targets are not nodes
// (209). Nothing was run.
type NoSuchNodesError struct {
	// List holds the unknown names only, in the order typed.
	List hostlist.List
}

func (e *NoSuchNodesError) Error() string { return "no such nodes: " + e.List.String() }

type remoteAddrKey struct{}

// RemoteAddr returns the network address of the client on whose behalf a
// handler was called, or nil if it has none (a pipe).
func RemoteAddr(ctx context.Context) net.Addr {
	addr, _ := ctx.Value(remoteAddrKey{}).(net.Addr)
	return addr
}
