package driver

import (
	"context"
	"errors"
	"io"
	"time"
)

// What follows is for devices that reach into a machine rather than only feed it: service
// processors, hypervisors. Each is what a session can be; the caller finds
// out by a type assertion. The fleet calls them like Do: from the one goroutine
// that owns the session, between batches. A plug is a place in Env.Plugs. An error
// that is a *Fault means, as with Do, that the session is of no more use; any other
// that the device would not do it.

// Booter is a session whose machines can be told what to boot from next.
type Booter interface {
	Boot(ctx context.Context, plug int) (Boot, error)
	SetBoot(ctx context.Context, plug int, b Boot) error
}

// Boot is what a machine boots from.
type Boot struct {
	From       BootSource
	Persistent bool // for every boot, rather than the next one
	UEFI       bool // rather than the legacy BIOS way
}

// BootSource is a kind of thing to boot from.
type BootSource string

// The sources.
const (
	BootDefault BootSource = "default" // as the machine's own settings say
	BootNetwork BootSource = "network"
	BootDisk    BootSource = "disk"
	BootOptical BootSource = "optical"
	BootUSB     BootSource = "usb"
	BootSafe    BootSource = "safe"
	BootSetup   BootSource = "setup" // the firmware's setup
)

// Logbook is a session whose machines keep a log of events (an IPMI SEL, a Redfish
// log service).
type Logbook interface {
	// Log tells the entries, oldest first. An entry that cannot be read is told as
	// far as it can be.
	Log(ctx context.Context, plug int, tell func(LogEntry)) error
	// ClearLog empties the log. What was written since the last Log may be lost.
	ClearLog(ctx context.Context, plug int) error
}

// LogEntry is one line of a machine's own log.
type LogEntry struct {
	ID       string    // what the machine calls it; unique within the log until it is cleared
	At       time.Time // zero when it is not known
	Source   string    // the sensor or part that it is of
	Text     string    // what happened, in plain words
	Severity Severity
	Ended    bool // the condition is over, rather than begun (a deassertion)
}

// Severity is how bad a thing is.
type Severity uint8

// The severities, from harmless to broken.
const (
	Fine Severity = iota
	Warning
	Critical
	Failed
)

// String gives the severity's name.
func (s Severity) String() string {
	switch s {
	case Fine:
		return "ok"
	case Warning:
		return "warning"
	case Critical:
		return "critical"
	}
	return "failed"
}

// Consoler is a session whose machines have a console to be reached through it.
type Consoler interface {
	// Console opens a plug's console. It is used by other goroutines, next to all
	// else that the session does, and ends by itself when the session does.
	Console(ctx context.Context, plug int) (Console, error)
}

// Console is an open console: Read gives what the machine writes, Write types. Close
// may be called from anywhere; it ends a Read and a Write that wait.
type Console interface {
	io.ReadWriteCloser
	// Break sends the serial line's break signal; ErrNoBreak where there is none.
	Break() error
}

// ErrNoBreak says that a console's way has no break signal.
var ErrNoBreak = errors.New("this console cannot send a break")

// ErrConsoleTaken says that somebody else holds the console at the device.
var ErrConsoleTaken = errors.New("somebody else has this console")
