package devspec

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Why a script run failed; a [*ScriptError] wraps one of them or the context's
// error.
var (
	// ErrTimeout: the script did not end within the specification's timeout.
	ErrTimeout = errors.New("timed out waiting for the expected response")
	// ErrUnknownState: an ifon or ifoff asked for a state that no statement before
	// it had found out. PowerMan reports it as a timeout.
	ErrUnknownState = errors.New("the plug's state is not known")
	// ErrClosed: the device hung up, or the session was closed.
	ErrClosed = errors.New("the connection is closed")
)

// ScriptError says which statement of a script failed and why.
type ScriptError struct {
	Script  ScriptName
	Pos     Pos    // of the statement
	Err     error  // ErrTimeout, ErrUnknownState, ErrClosed with its cause, or the context's error
	Waiting string // the regular expression it waited for, if it waited
	Unread  string // the last bytes that the device had sent, secrets masked
}

func (e *ScriptError) Error() string {
	msg := fmt.Sprintf("script %s: %s: %v", e.Script, e.Pos, e.Err)
	if e.Waiting != "" {
		msg += fmt.Sprintf(" (expected %q, the device last said %q)", e.Waiting, e.Unread)
	}
	return msg
}

// Unwrap gives the reason.
func (e *ScriptError) Unwrap() error { return e.Err }

// Options of a session.
type Options struct {
	// Secrets are the values for %{key} in send statements. They are shown as ****
	// wherever text of the conversation comes out.
	Secrets map[string]string
	// NoDelays makes delay statements take no time, as powermand -Y does.
	NoDelays bool
	// Lost is told how many bytes of input were dropped because more than
	// InputLimit were unread. It is called by the session's reader and must return
	// at once. nil for nobody.
	Lost func(bytes int)
}

// InputLimit is how much unread input is kept: exactly the newest that many bytes.
const InputLimit = 65536

// Session runs scripts on one established connection, one at a time. A goroutine
// of its own reads the connection, also while no script runs: so a hang-up is seen
// at once, and stray text is there for the next expect, as in PowerMan.
type Session struct{}

// NewSession starts a session on a connection. The session owns the connection
// from now on and closes it.
func NewSession(spec *Spec, conn io.ReadWriteCloser, opts Options) *Session { panic("not yet") }

// Run runs one action to its end. It returns nil, or a *ScriptError; after an error
// the conversation is out of step and the session should be closed.
func (s *Session) Run(ctx context.Context, a Action, c *Call) error { panic("not yet") }

// Done is closed when the connection is gone, whoever ended it.
func (s *Session) Done() <-chan struct{} { panic("not yet") }

// Err says why the connection is gone; nil while it is not.
func (s *Session) Err() error { panic("not yet") }

// Close hangs up, ends a running script, and waits for the session's goroutine.
func (s *Session) Close() error { panic("not yet") }
