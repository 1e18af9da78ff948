package bmc

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"sync"
	"time"

	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/chassis"
)

// Caller is who asks.
type Caller struct {
	User      string
	Privilege Privilege  // of the session at this moment
	Session   uint32     // the machine's number of it; 0: no session
	From      netip.Addr // of the client; invalid when no client asks
}

// callerKey is where the context of a Host's methods has who asks.
type callerKey struct{}

// CallerOf tells a Host on whose behalf it is asked, where its method does not say.
func CallerOf(ctx context.Context) Caller {
	who, _ := ctx.Value(callerKey{}).(Caller)
	return who
}

// Host is the computer that a machine looks after, or what stands for one. Its
// methods may take their time: other machines, and other commands of this one, go
// on meanwhile. An [ipmi.Code] as error becomes the answer; a deadline that
// passed is answered with [ipmi.CodeTimeout], any other error with [ipmi.CodeUnspecified].
type Host interface {
	Powered(ctx context.Context) (bool, error)
	Power(ctx context.Context, who Caller, a chassis.Action) error
}

// Booter is a Host that knows what to boot from. Without it, a machine keeps the
// boot flags by itself.
type Booter interface {
	Boot(ctx context.Context) (chassis.Boot, error)
	SetBoot(ctx context.Context, who Caller, b chassis.Boot) error
}

// Identifier is a Host with a light. A duration of 0 puts it out, below 0 leaves it on.
type Identifier interface {
	Identify(ctx context.Context, who Caller, d time.Duration) error
}

// Consoler is a Host with a serial console. Open gives the stream for one session;
// it is closed when the session gives it up. A break is sent to those streams that have
// SendBreak() error.
type Consoler interface {
	Console(ctx context.Context, who Caller) (io.ReadWriteCloser, error)
}

// Resetter is a Host that wants to hear when its machine is reset (Cold Reset or, when
// warm, Warm Reset). The sessions are gone by then, but for warm ones.
type Resetter interface {
	ResetController(ctx context.Context, who Caller, warm bool) error
}

// Sensing is a Host that reads sensors when they are asked for. Its value takes the
// place of what [Machine.SetReading] set; [ErrUnchanged] leaves that in force.
type Sensing interface {
	Sense(ctx context.Context, lun, number uint8) (Reading, error)
}

// ErrUnchanged says that there is nothing new.
var ErrUnchanged = errors.New("unchanged")

// Extender is a Host that knows more commands. A handled of false lets the machine
// go on to its own; data is the answer after the completion code.
type Extender interface {
	Extend(ctx context.Context, who Caller, r ipmi.Request) (data []byte, handled bool, err error)
}

// Memory is a Host that is a variable.
type Memory struct {
	mu sync.Mutex
	on bool
}

// NewMemory gives a Host that is on or off.
func NewMemory(on bool) *Memory { return &Memory{on: on} }

// Powered tells whether it is on.
func (h *Memory) Powered(context.Context) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.on, nil
}

// Power changes it at once.
func (h *Memory) Power(_ context.Context, _ Caller, a chassis.Action) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch a {
	case chassis.PowerOn:
		h.on = true
	case chassis.PowerOff, chassis.SoftOff:
		h.on = false
	case chassis.PowerCycle, chassis.HardReset, chassis.DiagInt:
		if !h.on {
			return ipmi.CodeState
		}
	}
	return nil
}
