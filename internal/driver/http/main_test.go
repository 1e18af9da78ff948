package httpdriver_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	httpdriver "millwright.dev/millwright/internal/driver/http"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/sim/webplug"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink writes down what it hears, a line for each.
type sink struct{ told, traces []string }

func (s *sink) add(format string, args ...any) { s.told = append(s.told, fmt.Sprintf(format, args...)) }

func (s *sink) State(plug int, state room.State, _ string) { s.add("%d %v", plug, state) }
func (s *sink) Done(plug int)                              { s.add("%d done", plug) }
func (s *sink) Failed(plug int, said string)               { s.add("%d failed: %s", plug, said) }
func (s *sink) Unknown(plug int, why *driver.Fault)        { s.add("%d unknown: %s", plug, why.Why()) }
func (s *sink) Fault(*driver.Fault)                        {}
func (s *sink) Trace(t devspec.Trace)                      { s.traces = append(s.traces, t.Text) }

func (s *sink) String() string { return strings.Join(s.told, "\n") }

// env is what a session gets for the plugs.
func env(plugs []string, who secret.Resolved) driver.Env {
	e := driver.Env{
		Device: "box", Credential: who, Log: slog.New(slog.DiscardHandler), Reached: func() {}, Acted: func() {},
		DialContext: new(net.Dialer).DialContext,
	}
	for _, p := range plugs {
		e.Plugs = append(e.Plugs, driver.Plug{Name: p, Used: true})
	}
	return e
}

// open opens a session as the fleet does.
func open(ctx context.Context, s *httpdriver.Settings, e driver.Env) (driver.Session, error) {
	if _, err := s.Traits(nil); err != nil {
		return nil, err
	}
	return s.Open(ctx, e)
}

func mustOpen(t *testing.T, s *httpdriver.Settings, e driver.Env) driver.Session {
	t.Helper()
	session, err := open(t.Context(), s, e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

// listening starts a box at a port of this machine.
func listening(t *testing.T, b *webplug.Box) (address string) {
	t.Helper()
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	start(t, b, at)
	return "http://" + at.Addr().String()
}

// do has one batch carried out.
func do(t *testing.T, session driver.Session, op room.Op, plugs ...int) (*sink, error) {
	t.Helper()
	s := &sink{}
	return s, session.Do(t.Context(), driver.Batch{Op: op, Plugs: plugs, Trace: true}, s)
}

// phase gives a fault's phase; 0 if it is none.
func phase(err error) driver.Phase {
	var f *driver.Fault
	if errors.As(err, &f) {
		return f.Phase
	}
	return 0
}
