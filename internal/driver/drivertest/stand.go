package drivertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/transport"
)

// deviceName is what the device is called in every case.
const deviceName = "dut"

// stand is a rig that is ready to be worked on.
type stand struct {
	*testing.T
	rig     Rig
	memory  bool // Subject.InMemory
	abreast bool // Subject.Abreast
	traits  driver.Traits
	all     []int // every plug

	reached, acted atomic.Int64
	said           transcript
}

func newStand(t *testing.T, rig Rig, subject Subject) *stand {
	t.Helper()
	if n := len(rig.Plugs); n == 0 || n > 1 && n < 4 {
		t.Fatalf("the rig has %d plugs; the suite needs one, if devices of the kind have no more, or at least four", n)
	}
	if rig.Shelf == nil {
		rig.Shelf = emptyShelf{}
	}
	s := &stand{T: t, rig: rig, memory: subject.InMemory, abreast: subject.Abreast}
	for i := range rig.Plugs {
		s.all = append(s.all, i)
	}
	var err error
	if s.traits, err = rig.Settings.Traits(rig.Shelf); err != nil {
		t.Fatalf("Traits: %v", err)
	}
	t.Cleanup(s.keptSecrets)
	return s
}

type emptyShelf struct{}

func (emptyShelf) Specification(string) (*devspec.Spec, bool) { return nil, false }

// timeout is how long one action may take.
func (s *stand) timeout() time.Duration {
	if s.traits.Timeout > 0 {
		return s.traits.Timeout
	}
	return driver.DefaultTimeout
}

// env is what a session of this stand is given.
func (s *stand) env() driver.Env {
	env := driver.Env{
		Device: deviceName, Dial: s.rig.Dial, Credential: s.rig.Credential,
		Log:     slog.New(slog.NewTextHandler(&s.said, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Reached: func() { s.reached.Add(1) },
		Acted:   func() { s.acted.Add(1) },
		Ask:     s.rig.Ask, DialContext: s.rig.DialContext,
	}
	if env.DialContext == nil {
		env.DialContext = new(net.Dialer).DialContext
	}
	if env.Ask == nil {
		env.Ask = func(context.Context, string) (driver.Answer, error) {
			return driver.Answer{}, errors.New("the rig has no Ask")
		}
	}
	if env.Dial == nil {
		env.Dial = func(context.Context, transport.Address, transport.Credentials) (transport.Conn, error) {
			return nil, errors.New("the rig has no Dial")
		}
	}
	for _, name := range s.rig.Plugs {
		env.Plugs = append(env.Plugs, driver.Plug{Name: name, Used: true})
	}
	return env
}

// open opens a session, which must work, and closes it at the end.
func (s *stand) open() driver.Session {
	s.Helper()
	session, err := s.rig.Settings.Open(s.Context(), s.env())
	if err != nil {
		s.Fatalf("Open: %v", err)
	}
	s.Cleanup(func() { session.Close() })
	if n := s.reached.Load(); n != 1 {
		s.Errorf("Reached was called %d times by Open, want once", n)
	}
	return session
}

// cannotOpen opens a session, which must fail, and returns the fault.
func (s *stand) cannotOpen(ctx context.Context) *driver.Fault {
	s.Helper()
	session, err := s.rig.Settings.Open(ctx, s.env())
	if err == nil {
		session.Close()
		s.Fatal("Open worked, but it could not")
	}
	return s.fault(err)
}

// fault looks at an error of the driver's, which has to be a *driver.Fault.
func (s *stand) fault(err error) *driver.Fault {
	s.Helper()
	s.heard(err)
	var f *driver.Fault
	if !errors.As(err, &f) {
		s.Errorf("the error is no *driver.Fault: %v", err)
		return &driver.Fault{Err: err}
	}
	if f.Device != deviceName {
		s.Errorf("the fault is of device %q, want %q: %v", f.Device, deviceName, f)
	}
	return f
}

// heard looks at the words of an error: a user has to understand them.
func (s *stand) heard(err error) {
	s.Helper()
	fmt.Fprintf(&s.said, "%v %+v\n", err, err)
	if strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
		s.Errorf("%q is nothing that a user understands: say who took too long", err)
	}
	for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(cause) {
		fmt.Fprintln(&s.said, cause)
	}
}

// do has a batch carried out and checks that what was told is in order.
func (s *stand) do(session driver.Session, op room.Op, plugs ...int) *report {
	s.Helper()
	return s.doWith(s.Context(), session, driver.Batch{Op: op, Plugs: plugs, Start: time.Now(), Trace: true})
}

func (s *stand) doWith(ctx context.Context, session driver.Session, b driver.Batch) *report {
	s.Helper()
	b.Whole = len(b.Plugs) == len(s.all)
	r := newReport(s, b)
	err := session.Do(ctx, b, r)
	r.end(err)
	return r
}

// soon is the Start of an action that has little time left: all of it where time
// costs nothing, else too little to make anybody wait for the test.
func (s *stand) soon() time.Time {
	const left = 200 * time.Millisecond
	if s.memory || s.timeout() < left {
		return time.Now()
	}
	return time.Now().Add(left - s.timeout())
}

// truth gives the true state of all plugs.
func (s *stand) truth() []bool {
	on := make([]bool, len(s.all))
	for i, name := range s.rig.Plugs {
		on[i] = s.rig.Truth.On(name)
	}
	return on
}

// setAll sets the true state of each plug.
func (s *stand) setAll(on func(plug int) bool) {
	for i, name := range s.rig.Plugs {
		s.rig.Truth.Set(name, on(i))
	}
}

// want checks the true state of all plugs.
func (s *stand) want(when string, want []bool) {
	s.Helper()
	if got := s.truth(); !slices.Equal(got, want) {
		s.Errorf("%s: the plugs are truly %v, want %v", when, brief(got), brief(want))
	}
}

// brief shows states as a row of 0 and 1.
func brief(on []bool) string {
	var b strings.Builder
	for _, v := range on {
		b.WriteByte("01"[btoi(v)])
	}
	return b.String()
}

func btoi(v bool) int {
	if v {
		return 1
	}
	return 0
}

// state is the state that a read should give.
func state(on bool) room.State {
	if on {
		return room.StateOn
	}
	return room.StateOff
}

func never(int) bool  { return false }
func always(int) bool { return true }

// keptSecrets looks for the credential's values in all that was said.
func (s *stand) keptSecrets() {
	said := s.said.String()
	for name, v := range s.rig.Credential.Values {
		if text := v.Reveal(); text != "" && strings.Contains(said, text) {
			s.Errorf("the %s is shown in what the driver says, logs or traces:\n%s", name, said)
		}
	}
}

// transcript is all text that came from the driver.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// The needs that cases have.

func can(ops ...room.Op) need {
	var names []string
	for _, op := range ops {
		names = append(names, op.String())
	}
	return need{"the verbs " + strings.Join(names, " and "), func(s *stand) bool {
		return !slices.ContainsFunc(ops, func(op room.Op) bool { return !s.traits.Can(op) })
	}}
}

func breaks(what string, hook func(Faults) func()) need {
	return need{"the fault " + what, func(s *stand) bool { return hook(s.rig.Faults) != nil }}
}

func spoils(what string, hook func(Faults) func(string)) need {
	return need{"the fault " + what, func(s *stand) bool { return hook(s.rig.Faults) != nil }}
}

var (
	canRefuse  = breaks("Refuse", func(f Faults) func() { return f.Refuse })
	canBarLog  = breaks("BadPassword", func(f Faults) func() { return f.BadPassword })
	canHang    = breaks("Hang", func(f Faults) func() { return f.Hang })
	canHangUp  = breaks("HangUp", func(f Faults) func() { return f.HangUp })
	canCut     = breaks("Cut", func(f Faults) func() { return f.Cut })
	canGarble  = breaks("Garbage", func(f Faults) func() { return f.Garbage })
	canPieces  = breaks("Pieces", func(f Faults) func() { return f.Pieces })
	canChatter = breaks("Chatter", func(f Faults) func() { return f.Chatter })
	canEcho    = breaks("Echo", func(f Faults) func() { return f.Echo })
	canReject  = spoils("Reject", func(f Faults) func(string) { return f.Reject })
	canStick   = spoils("Stick", func(f Faults) func(string) { return f.Stick })
	hasSecrets = need{"a credential", func(s *stand) bool { return len(s.rig.Credential.Values) > 0 }}
	inMemory   = need{"a rig in memory", func(s *stand) bool { return s.memory }}
)

// odd is true of every other plug, and of the only one that there is.
func (s *stand) odd(plug int) bool { return plug%2 == 1 || len(s.all) == 1 }
