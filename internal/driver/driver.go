package driver

import (
	"context"
	"log/slog"
	"net"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// Driver is one make of device, as a room file names it.
type Driver struct {
	Name    string          // what stands behind `driver:`
	Summary string          // one line for people who choose
	New     func() Settings // fresh settings, defaults filled in; a pointer to a struct
}

// Settings is what a user says of one device. It is a pointer to a struct whose
// fields carry `yaml:"name"` and `doc:"sentence"` tags (and `enum:"a,b"`,
// `default:"x"`, `required:"true"` where they fit); from those tags come the
// room file's schema and the docs. It is decoded strictly.
type Settings interface {
	// Traits checks the settings, without contact to anything, and says what the
	// device will be able to do. It may keep what it looked up on the shelf for
	// Open. An error names the field that is wrong, best as a *FieldError.
	Traits(Shelf) (Traits, error)

	// Open reaches the device: dials ([Env.Reach]), logs in, and returns when the
	// session is ready for work. It must end when ctx does; and by itself, one
	// Traits.Timeout after the address was reached, because ctx has no deadline: the
	// whole login has one Timeout, however many questions there are in it.
	// Its error is a *Fault that says which phase failed.
	Open(ctx context.Context, env Env) (Session, error)
}

// Prepared is a device's settings after Traits has approved of them, together
// with what it said: what roomfile puts into room.Device.Settings and the fleet
// takes out of it.
type Prepared struct {
	Settings Settings
	Traits   Traits
}

// FieldError says which of the settings is wrong.
type FieldError struct {
	Field string // the yaml name
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *FieldError) Unwrap() error { return e.Err }

// Shelf is what a room holds for its devices' settings to refer to.
type Shelf interface {
	// Specification gives the device specification of that name, compiled once
	// and shared by all who ask.
	Specification(name string) (*devspec.Spec, bool)
}

// Traits is what is known of a device before it is reached.
type Traits struct {
	Type  string    // what to call its kind: the specification's name, the product
	Verbs []room.Op // what it can do; a verb that is absent is refused at once
	Plugs []string  // its plugs, in order, if it has a fixed set; nil if any name will do

	// Login names the values of a credential ([secret.Password] and the like) that
	// it cannot do without: a room whose device has none is turned down.
	Login []string

	// Timeout is how long one action may take, counted from when it is first in
	// the device's queue, connected or not. Zero means DefaultTimeout.
	Timeout time.Duration

	// Ping is how often an idle session wants its Ping called; zero is never.
	Ping time.Duration

	// Log is how often the logs of its machines want to be read for what is new, if its
	// session is a [Logbook]; zero is never.
	Log time.Duration

	// Actions says in how many actions a batch would be carried out: each has a
	// clock of its own, and each that fails is a Fault. None means that the device
	// cannot do it for such a choice of plugs. Nil means always one.
	Actions func(op room.Op, plugs int, whole bool) int
}

// DefaultTimeout stands in where a driver names none.
const DefaultTimeout = 10 * time.Second

// Can says whether op is among the verbs.
func (t Traits) Can(op room.Op) bool {
	for _, v := range t.Verbs {
		if v == op {
			return true
		}
	}
	return false
}

// Env is what a session is given to work with. All of it is injected, so that a
// test can run a driver on in-memory pipes under synctest.
type Env struct {
	Device string // the device's name, for errors and logs
	Plugs  []Plug // its plugs in iteration order; shared, for reading only

	// Dial reaches an address. It resolves names anew and tries every address.
	// [Env.Reach] calls it with the device's own credential.
	Dial Dial

	// DialContext makes a plain network connection, as net.Dialer's method of that
	// name does: it is for protocols that are not a line ("udp"), and for libraries
	// that bring their own (HTTP). Never nil. Such a driver calls Reached itself.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// Ask puts a question to the people of the room and waits for their answer, or
	// for ctx to end. Never nil; it fails where nobody can be asked.
	Ask func(ctx context.Context, question string) (Answer, error)

	// Credential is what the room says to log in with, freshly resolved; it may be empty.
	Credential secret.Resolved

	Log *slog.Logger

	// Reached is called once when the address has answered, before logging in: a
	// failure after it is no longer one of connecting. [Env.Reach] calls it; a
	// driver that dials nothing calls it first thing in Open. Never nil.
	Reached func()

	// Acted is called once for each action that the device has carried out to
	// its end, logging in and pings included: it feeds a counter. A refusal counts;
	// a login that was turned down does not. Never nil.
	Acted func()
}

// Answer is what somebody said to a question.
type Answer struct {
	Yes  bool
	By   string // who it was
	Said string // what they had to add
}

// Dial reaches an address; transport.Dialer's method of that name is one.
type Dial func(ctx context.Context, to transport.Address, who transport.Credentials) (transport.Conn, error)

// Reach dials an address, logging in with the device's credential where the way
// itself asks for one (SSH). A failure is a *Fault of phase Connecting.
func (e Env) Reach(ctx context.Context, to transport.Address) (transport.Conn, error) {
	conn, err := e.Dial(ctx, to, transport.Credentials{
		User:       e.Credential.User,
		Password:   e.Credential.Get(secret.Password).Reveal(),
		PrivateKey: []byte(e.Credential.Get(secret.Key).Reveal()),
		Passphrase: []byte(e.Credential.Get(secret.Passphrase).Reveal()),
	})
	if err != nil {
		return nil, &Fault{Phase: Connecting, Device: e.Device, Err: err}
	}
	e.Reached()
	return conn, nil
}

// Plug is one of the device's plugs as its session sees it.
type Plug struct {
	Name string
	Used bool // a node hangs on it
}

// Session is an open conversation with one device. The fleet calls Do, Ping and
// Close from one goroutine; Done may be watched from anywhere.
type Session interface {
	// Do carries out a batch and tells the sink as it goes, plug by plug. The
	// driver chooses whether to go one by one, by range or all at once.
	//
	// It returns nil when every plug of the batch was reported to the sink. Any
	// error means that the session is of no more use: the fleet closes it, and
	// what the sink has not heard of is unknown (or, for an operation that is
	// Repeatable and a Fault of kind Lost, tried again on a new session). An
	// operation that is not among the traits' verbs has Failed, for each plug.
	Do(ctx context.Context, b Batch, sink Sink) error

	// Done is closed when the session has died by itself (the device hung up),
	// also while nobody calls Do. A driver that holds no line returns a channel
	// that stays open, or nil.
	Done() <-chan struct{}

	// Close ends the conversation and frees all it held; no goroutine of the
	// session is left when it returns. It may be called again.
	Close() error
}

// Pinger is what a session can be that has a way to keep the line alive. See
// also [Meter] and [Describer].
type Pinger interface {
	Ping(ctx context.Context) error
}

// Batch is work for one device: one operation on some of its plugs.
type Batch struct {
	Op    room.Op
	Plugs []int // places in Env.Plugs, ascending
	Whole bool  // every plug of the device has a node, and all are in Plugs

	// Start is when the batch became first in the queue: the clock of its first
	// action, which may take Traits.Timeout from then on. Later actions of the
	// batch start when the one before them ends. Zero means now. The driver keeps
	// these clocks itself: the context that Do is given has no deadline.
	Start time.Time

	// Trace asks for the conversation to be told to the sink: what was sent
	// (devspec.TraceSend) and what came back (devspec.TraceRecv).
	Trace bool
}

// Sink hears what becomes of a batch. A driver calls it from the goroutine that
// runs Do and not after Do has returned. A plug is a place in Env.Plugs, and only
// those of the batch may be reported. What is told cannot be taken back: a plug
// that was reported is settled, whatever error Do returns in the end. So:
//
//   - for a change, exactly one of Done, Failed and Unknown for each plug;
//   - for a read, State for each plug; or Failed or Unknown where the device would
//     not say, so that the user hears why;
//   - when Do returns an error, what was not reported is settled by the fleet.
//
// When ctx ends, a driver stops as soon as it can leave the device in order,
// reports what it was doing as Unknown and what it had not begun as Unknown with
// the phase Waiting.
type Sink interface {
	// State is what was read: for temperatures and the like raw is the value
	// and state is unknown. A driver that reads on its way to a change may tell
	// that too; it settles nothing then.
	State(plug int, state room.State, raw string)
	// Done: the device took the command for this plug.
	Done(plug int)
	// Failed: the device refused, in these words. It is surely not done.
	Failed(plug int, said string)
	// Unknown: it may or may not have happened, because of why. A why whose
	// Phase is Waiting says that it was surely not begun.
	Unknown(plug int, why *Fault)
	// Fault: an action failed as a whole (it timed out, or was not begun because
	// of one that did). The plugs it was for are reported one by one as well. A
	// line that broke is not reported here but returned by Do.
	Fault(*Fault)
	// Trace is a piece of the conversation, secrets masked; only if asked for.
	Trace(devspec.Trace)
}

// Phase says how far things had got when a fault happened.
type Phase uint8

// The phases.
const (
	Connecting Phase = iota + 1 // nobody answers at the address
	LoggingIn                   // connected, but not let in
	Acting                      // the action did not end as it should
	Waiting                     // the action was not begun, because one before it failed
	Lost                        // the conversation broke off
	Stopped                     // cut short by whoever asked; the fleet's word, not a driver's
)

// Fault is a failure of a device rather than of one plug: a timeout, a refused
// login, a line that broke.
type Fault struct {
	Phase  Phase
	Device string
	Said   string // what was heard last or what the system said; bounded, masked
	Err    error
}

func (f *Fault) Error() string {
	text := f.Device + ": " + f.Phase.String()
	if why := f.Why(); why != "" {
		text += ": " + why
	}
	return text
}

// Why gives what is known of the failure beside its device and phase.
func (f *Fault) Why() string {
	if f.Said == "" && f.Err != nil {
		return f.Err.Error()
	}
	return f.Said
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

// String gives the phase as the failure it stands for.
func (p Phase) String() string {
	switch p {
	case Connecting:
		return "could not connect"
	case LoggingIn:
		return "could not log in"
	case Acting:
		return "did not answer as expected"
	case Waiting:
		return "not begun, because an action before it failed"
	case Lost:
		return "connection lost"
	case Stopped:
		return "given up"
	}
	return "failed"
}
