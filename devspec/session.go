package devspec

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Why a script run failed; a [*ScriptError] wraps one of them or the context's
// error.
var (
	// ErrTimeout: the script did not end within the specification's timeout.
	ErrTimeout = errors.New("timed out waiting for the expected response")
	// ErrUnknownState: an ifon or ifoff asked for a state that no statement before
	// it had found out. PowerMan reports it as a timeout.
	ErrUnknownState = errors.New("the plug's state is not known")
	// ErrEndless: loops within loops came to millions of statements.
	ErrEndless = errors.New("the script runs more statements than any device needs")
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
	// Secrets are the values for %{key} in send statements. All but "user" are shown as ****
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
//
// While a script works on what has arrived, the reader waits: a long answer is
// taken bite by bite, and nothing of it is dropped. While the script sends, delays,
// or does not run, input is read on and only the newest InputLimit bytes are kept;
// while none runs, more than these are read only at a walking pace.
type Session struct {
	spec *Spec
	conn io.ReadWriteCloser
	opts Options
	mask masker
	done chan struct{}

	mu      sync.Mutex
	changed sync.Cond // any of the fields below
	in      input
	running *run  // the script run in progress
	busy    bool  // it is at work, so the reader holds back
	waiting bool  // its expect waits for input
	writing bool  // its send writes
	closed  bool  // the connection is of no use any more
	err     error // why, once closed
}

// NewSession starts a session on a connection. The session owns the connection
// from now on and closes it; the caller must call Close. Closing the connection must
// end a Read and a Write in progress, as it does for net.Conn and os pipes.
func NewSession(spec *Spec, conn io.ReadWriteCloser, opts Options) *Session {
	s := &Session{spec: spec, conn: conn, opts: opts, mask: newMasker(opts.Secrets), done: make(chan struct{})}
	s.changed.L = &s.mu
	go s.read()
	return s
}

// Done is closed when the connection is gone, whoever ended it.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err says why the connection is gone; nil while it is not. It wraps ErrClosed.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close hangs up, ends a running script, and waits for the session's goroutine.
// It may be called more than once and from any goroutine.
func (s *Session) Close() error {
	s.mu.Lock()
	s.shut(nil)
	s.mu.Unlock()
	err := s.conn.Close()
	<-s.done
	if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// shut marks the connection as gone. The caller holds the lock.
func (s *Session) shut(cause error) {
	if s.closed {
		return
	}
	s.closed = true
	s.err = ErrClosed
	switch {
	case errors.Is(cause, io.EOF):
		s.err = fmt.Errorf("%w: the device hung up", ErrClosed)
	case cause != nil:
		s.err = fmt.Errorf("%w: %w", ErrClosed, cause)
	}
	s.changed.Broadcast()
}

// readChunk is how much is read at a time: enough for most whole answers, and
// little enough that a thousand idle devices do not hold much memory.
const readChunk = 4096

// read is the session's goroutine.
func (s *Session) read() {
	defer close(s.done)
	defer s.conn.Close()
	chunk := make([]byte, readChunk)
	for {
		n, err := s.conn.Read(chunk)
		lost, goOn := s.take(chunk[:n], err)
		if lost > 0 && s.opts.Lost != nil {
			s.opts.Lost(lost)
		}
		if !goOn {
			return
		}
		if lost > 0 {
			s.rest()
		}
	}
}

// restFor is how long the reader rests when nobody wants what a device says: it
// lets a device that never stops talking cost next to nothing.
const restFor = 10 * time.Millisecond

// rest waits a little, until a script runs, or until the connection is gone.
func (s *Session) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	over := false
	timer := time.AfterFunc(restFor, func() {
		s.mu.Lock()
		over = true
		s.changed.Broadcast()
		s.mu.Unlock()
	})
	defer timer.Stop()
	for s.running == nil && !s.closed && !over {
		s.changed.Wait()
	}
}

// take puts what was read into the input, and waits until the script, if one runs,
// has made of it what it can.
func (s *Session) take(b []byte, err error) (lost int, goOn bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(b) > 0 {
		s.holdBack(len(b))
		lost = s.in.add(b)
		if s.waiting {
			s.waiting, s.busy = false, true
			s.changed.Broadcast()
		}
		for s.busy && !s.closed {
			s.changed.Wait()
		}
	}
	if err != nil {
		s.shut(err)
	}
	return lost, !s.closed
}

// sendGrace is how long a send may be under way before full input is let overflow.
// A device may stop taking what is sent until its own output is read; but a send
// that has only just ended, and whose script has not run on yet, must not cost the
// start of a long answer.
const sendGrace = 50 * time.Millisecond

// holdBack waits, if n more bytes would overflow the input, until the script has
// made room or is seen to need it no more. The caller holds the lock.
func (s *Session) holdBack(n int) {
	full := func() bool { return !s.closed && len(s.in.unread())+n > InputLimit }
	if !full() || !s.busy && !s.writing {
		return
	}
	over := false
	timer := time.AfterFunc(sendGrace, func() {
		s.mu.Lock()
		over = true
		s.changed.Broadcast()
		s.mu.Unlock()
	})
	defer timer.Stop()
	for full() && (s.busy || s.writing && !over) {
		s.changed.Wait()
	}
}
