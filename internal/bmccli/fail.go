package bmccli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/oem"
	"millwright.dev/millwright/redfish"
)

// Status is the exit status of a call about which all has been said.
type Status int

// The exit statuses; those up to [ExitRefused] mean what they do elsewhere in the program.
const (
	ExitOK          Status = 0
	ExitTrouble     Status = 1 // wrong usage, an unreadable file, no password
	ExitFailed      Status = 2 // the BMC said no, or could not
	ExitUnknown     Status = 3 // nobody knows whether it was done
	ExitRefused     Status = 4 // nothing was done: it is not possible there, or was not confirmed
	ExitUnreachable Status = 5 // no answer, no such name, no BMC
	ExitLogin       Status = 6 // the BMC does not let us in
	ExitPartial     Status = 7 // of several hosts, some did and some did not, or for different reasons
)

func (s Status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

const exitHelp = `Exit status:
  0  all as asked
  1  it could not be asked: wrong usage, an unreadable file, no password
  2  the BMC refused or failed
  3  it is unknown whether it was done: it was sent, and no answer came
  4  nothing was done: it cannot be done there, or was not confirmed
  5  the BMC was not reached: no answer, no such name
  6  the BMC did not let us in: user, password, key, suite, privilege, sessions
  7  of several hosts, not all had the same outcome
  130  interrupted`

// UsageError is a call that makes no sense.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *UsageError) Unwrap() error { return e.Err }

func usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// kindOf gives the exit status for a failure, and a word for it that programs can go by.
func kindOf(err error) (Status, string) {
	var status Status
	var usage *UsageError
	if errors.As(err, &status) {
		return status, "failed"
	}
	if errors.As(err, &usage) {
		return ExitTrouble, "usage"
	}
	if s, word := kindOfIPMI(err); word != "" {
		return s, word
	}
	if s, word := kindOfRedfish(err); word != "" {
		return s, word
	}
	switch {
	case errors.Is(err, oem.ErrUnsupported), errors.Is(err, errNotHere):
		return ExitRefused, "unsupported"
	case errors.Is(err, context.DeadlineExceeded):
		return ExitUnreachable, "no-answer"
	}
	return ExitFailed, "failed"
}

func kindOfIPMI(err error) (Status, string) {
	var unsure *ipmi.UnsureError
	var login *ipmi.LoginError
	var code *ipmi.CodeError
	switch {
	case errors.As(err, &unsure):
		return ExitUnknown, "unknown"
	case errors.As(err, &login):
		switch login.Kind {
		case ipmi.LoginNoAnswer, ipmi.LoginUnresolved, ipmi.LoginNotBMC:
			return ExitUnreachable, "unreachable"
		}
		return ExitLogin, "login"
	case errors.Is(err, ipmi.ErrNoAnswer):
		return ExitUnreachable, "no-answer"
	case errors.As(err, &code):
		return ExitFailed, fmt.Sprintf("code-%02x", uint8(code.Code))
	}
	return 0, ""
}

func kindOfRedfish(err error) (Status, string) {
	var unsure *redfish.UnsureError
	var connect *redfish.ConnectError
	switch {
	case errors.As(err, &unsure):
		return ExitUnknown, "unknown"
	case errors.As(err, &connect):
		return ExitUnreachable, "unreachable"
	case errors.Is(err, redfish.Denied), errors.Is(err, redfish.Exhausted):
		return ExitLogin, "login"
	case errors.Is(err, redfish.Unsupported):
		return ExitRefused, "unsupported"
	}
	return 0, ""
}

// errNotHere is the cause of errors about verbs that a protocol does not have.
var errNotHere = errors.New("it cannot be done by this protocol")

// worded gives a failure in words that are the same for all hosts that have it.
func worded(err error) string {
	var login *ipmi.LoginError
	if !errors.As(err, &login) {
		return err.Error()
	}
	text := "log in: " + login.Kind.String()
	if login.Err != nil && !strings.Contains(login.Err.Error(), login.Kind.String()) {
		text += ": " + login.Err.Error()
	}
	return text
}

// advice says what to do about a failure, if that is known.
func advice(err error) string {
	var login *ipmi.LoginError
	var cert *redfish.CertificateError
	switch {
	case errors.As(err, &cert):
		return "If it is the right one: --pin " + cert.Fingerprint()
	case !errors.As(err, &login):
		return ""
	}
	switch login.Kind {
	case ipmi.LoginNotBMC:
		return "A BMC that knows only IPMI 1.5 is talked to with --ipmi15."
	case ipmi.LoginSuiteRefused:
		return "Other cipher suites are tried when they are named, as in --suite 17,3,8; those without encryption too."
	case ipmi.LoginPrivilege:
		return "With a lower privilege it may work: --privilege operator, or user."
	case ipmi.LoginWrongName:
		return "Some BMCs look users up by name and privilege: --name-and-privilege; or want another --privilege."
	case ipmi.LoginWrongKey:
		return "The BMC has a key of its own: --kg says where it is kept."
	}
	return ""
}

// together makes one status of those of several hosts.
func together(statuses []Status) Status {
	if len(statuses) == 0 {
		return ExitOK
	}
	first := statuses[0]
	same := true
	for _, s := range statuses {
		if s == ExitUnknown {
			return ExitUnknown
		}
		same = same && s == first
	}
	if same {
		return first
	}
	return ExitPartial
}
