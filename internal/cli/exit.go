package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/room"
)

// The exit statuses of every command.
const (
	ExitOK      = 0
	ExitTrouble = 1 // could not be asked: wrong usage, no daemon, a file that cannot be read; or the answer not be written
	ExitFailed  = 2 // some nodes failed, were blocked, or were not begun
	ExitUnknown = 3 // of some nodes nobody knows how it went, or what state they have
	ExitRefused = 4 // turned away, and nothing was done: no such node, not possible, busy
	ExitStopped = 130
)

const exitHelp = `Exit status:
  0  all as asked
  1  it could not be asked: wrong usage, no daemon, an unreadable file;
     or the answer could not be written
  2  some nodes failed, were blocked, or were not begun
  3  of some nodes it is unknown how it went, or which state they have
  4  turned away, and nothing was done: no such node, not possible, busy
  130  interrupted`

// exit ends the program with a status; what there was to say has been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// usageError is a call that makes no sense.
type usageError struct {
	err     error
	command string // whose help to read
}

func (e *usageError) Error() string { return e.err.Error() }

func usagef(format string, args ...any) error { return &usageError{err: fmt.Errorf(format, args...)} }

// statusOf gives the exit status for an error.
func statusOf(err error) int {
	var status exit
	var usage *usageError
	var none *client.NoDaemon
	var refused *room.Error
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, context.Canceled):
		return ExitStopped
	case errors.As(err, &usage), errors.As(err, &none):
		return ExitTrouble
	case errors.As(err, &refused):
		switch refused.Code {
		case room.CodeNotFound, room.CodeRefused, room.CodeBusy:
			return ExitRefused
		case room.CodeUnknown:
			return ExitUnknown
		case room.CodeTimeout, room.CodeDevice:
			return ExitFailed
		case room.CodeInvalid, room.CodeInternal:
		}
	}
	return ExitTrouble
}

// explain says what went wrong and, where that is known, what to do about it.
func (p *program) explain(err error) {
	var status exit
	if err == nil || errors.As(err, &status) || errors.Is(err, context.Canceled) {
		return
	}
	p.errorf("%s", wording(err))
	var none *client.NoDaemon
	var usage *usageError
	var said *room.Error
	switch {
	case errors.As(err, &said) && said.Confirm != "":
		p.hint("To do it all the same, say it again with --yes.")
	case errors.As(err, &said) && said.Op == "read request":
		p.hint("Is the daemon of another version? millwright version --daemon tells; restart it then.")
	case errors.As(err, &none) && errors.Is(err, fs.ErrPermission):
		p.hint("The socket is for members of the group millwright; root can make one: usermod -aG millwright NAME (it counts from the next log-in on)")
	case p.explainServer(err):
	case errors.As(err, &none):
		p.hint("Start one with: millwright serve --config ROOM")
		p.hint("If it listens elsewhere, say where: --socket PATH, or MILLWRIGHT_SOCKET in the environment.")
	case errors.As(err, &usage) && usage.command != "":
		p.hint("See: " + usage.command + " --help")
	}
}

// explainServer says what to do when a daemon elsewhere cannot be asked, if that is it.
func (p *program) explainServer(err error) bool {
	var untrusted *tls.CertificateVerificationError
	var none *client.NoDaemon
	var said *room.Error
	switch {
	case errors.As(err, &untrusted):
		p.hint("Say which authority to believe: --ca FILE, or --ca sha256:… with the fingerprint from the daemon's log.")
	case errors.As(err, &said) && said.Op == "log in" && p.server.token == "" && os.Getenv("MILLWRIGHT_TOKEN") == "":
		p.hint("Give a token: --token file:PATH, or MILLWRIGHT_TOKEN in the environment. One is made by: millwright token create")
	case errors.As(err, &none) && strings.HasPrefix(none.Socket, "https://"):
		p.hint("Where a daemon listens is said in its room (http: listen:), and counts from its next start on.")
	default:
		return false
	}
	return true
}

// wording gives an error in words for people: where the trouble is only what was
// typed, that it was being read goes without saying.
func wording(err error) string {
	var e *room.Error
	if errors.As(err, &e) && e.Op == "read targets" && e.Said != "" {
		return e.Said
	}
	return err.Error()
}
