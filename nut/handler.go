package nut

import "context"

// Verb is what a client wants that may change something.
type Verb string

// The verbs, in the protocol's words.
const (
	VerbLogin    Verb = "LOGIN"
	VerbPrimary  Verb = "PRIMARY"
	VerbShutdown Verb = "FSD"
	VerbCommand  Verb = "INSTCMD"
	VerbSet      Verb = "SET"
)

// Request is what a client wants done, and who it says it is. The handler has
// to check that: the server only sees that there is a user and a password.
type Request struct {
	Verb               Verb
	UPS                string
	Name, Value        string // the command and its parameter, or the variable and its value
	Username, Password string
	Remote             string // the client's address
}

// Var is one variable of a UPS.
type Var struct {
	Name, Value, Description string
	Writable                 bool
}

// Command is one thing that a UPS can be told to do.
type Command struct{ Name, Description string }

// Handler is who knows the UPSes that a [Server] shows. Its methods are called
// from many goroutines. Their errors should be a [Code]; any other is told as
// [DriverNotConnected], or as the failure of what was asked.
type Handler interface {
	// UPSes gives all there are, in the order to show them.
	UPSes(ctx context.Context) []UPS
	// Vars gives the variables of a UPS; UnknownUPS if there is none.
	Vars(ctx context.Context, ups string) ([]Var, error)
	// Commands gives what a UPS can be told; UnknownUPS if there is none.
	Commands(ctx context.Context, ups string) ([]Command, error)
	// Do carries out a request, or refuses it, with AccessDenied for whom may not.
	Do(ctx context.Context, r Request) error
}
