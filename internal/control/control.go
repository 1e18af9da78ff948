// Package control is the contract for controls: ways to shut a node down in software
// before its power is cut, and perhaps to start it, and to tell which of the two it is.
//
// One folder holds each kind of control, and package standard lists them. A room defines
// controls by kind and settings, once for many nodes: {node} and {address} in a setting
// stand for the node at hand. Package run asks them in the order that a plan has; what
// proves that a machine has halted is decided there, from what controls, checks and
// devices can tell.
//
// Start at [Kind] and [Control]; a small kind to read first is dummy.
package control

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/placeholder"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// Kind is one kind of control, as a room file names it.
type Kind struct {
	Name    string          // what stands behind `kind:`
	Summary string          // one line for people who choose
	New     func() Settings // fresh settings, defaults filled in; a pointer to a struct
}

// Settings is what a user says of one control. It is a pointer to a struct whose fields
// carry the tags that [driver.Settings] describes.
type Settings interface {
	// Prepare looks at the settings, without contact to anything, and gives the control.
	// An error names the field that is wrong, best as a *driver.FieldError.
	Prepare() (Control, error)
}

// Control starts and shuts down nodes in software. It may be used for many nodes at the
// same time. Each call ends when its context does.
type Control interface {
	// Can says what it is able to do.
	Can() Abilities

	// Off asks the node to shut down, and returns when the node has taken the request.
	// That it has halted is another matter: see Status.
	Off(ctx context.Context, env Env) error

	// On starts what Off stops.
	On(ctx context.Context, env Env) error

	// Status tells whether what it controls is up. Unknown with a nil error says that
	// nobody could tell.
	Status(ctx context.Context, env Env) (room.State, error)
}

// Abilities is what a control can do.
type Abilities struct{ Off, On, Status bool }

// ErrCannot is what a control answers to what it is not able to do.
var ErrCannot = errors.New("this control cannot do that")

// Env is what a control is given to work with for one node.
type Env struct {
	Node    string // the node's name
	Address string // where its operating system is reached; its name if nothing was said

	// Credential is what the room says to log in with, freshly resolved; it may be empty.
	Credential secret.Resolved

	// Dial reaches an address by any of the ways that devices are reached (SSH among
	// them), DialContext makes plain connections. Neither is nil.
	Dial        driver.Dial
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// Do has the node's device do one thing at once, such as [room.SoftOff]; and State
	// reads through the device what Do would change. Neither is nil.
	Do    func(ctx context.Context, op room.Op) error
	State func(ctx context.Context, op room.Op) (room.State, error)

	Log *slog.Logger // never nil
}

// Fill puts the node into a setting: {node} is its name, {address} its address.
func (e *Env) Fill(text string) string { return e.place().Fill(text) }

// FillURL is Fill for a URL.
func (e *Env) FillURL(text string) string { return e.place().URL(text) }

// FillShell is Fill for a command that a shell will read.
func (e *Env) FillShell(text string) string { return e.place().Shell(text) }

func (e *Env) place() placeholder.Node { return placeholder.Node{Name: e.Node, Address: e.Address} }
