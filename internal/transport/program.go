package transport

import "io"

// Program is what [Dialer.Start] runs: a coprocess with a place and an environment of
// its own.
type Program struct {
	Argv []string // as in an Address
	Dir  string   // where it runs; empty is where we do
	Env  []string // its environment, as in os/exec; nil is ours

	// Stderr gets what it says on its stderr, from one goroutine, until Close returns;
	// nil is the Dialer's log. It must not block.
	Stderr io.Writer
}

// Process is a running coprocess. Its data is the program's stdin and stdout. Close ends
// it with all that it has started in its process group.
type Process interface {
	Conn

	// Pid is its number.
	Pid() int
	// Exited is closed when the program has ended, be its stdout still held open by what
	// it left running.
	Exited() <-chan struct{}
	// State says how it ended, once Close has returned: "exit status 3".
	State() string
}
