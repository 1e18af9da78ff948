package httpdriver_test

import (
	"context"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/internal/driver/drivertest"
	httpdriver "millwright.dev/millwright/internal/driver/http"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/sim/webplug"
)

const (
	user     = "admin"
	password = "long & odd/word+1"
)

// wires is a network in memory: a listener whose connections are pipes.
type wires struct {
	calls   chan net.Conn
	once    sync.Once
	gone    chan struct{}
	refuses bool
}

func newWires() *wires { return &wires{calls: make(chan net.Conn), gone: make(chan struct{})} }

func (w *wires) Accept() (net.Conn, error) {
	select {
	case c := <-w.calls:
		return c, nil
	case <-w.gone:
		return nil, net.ErrClosed
	}
}

func (w *wires) Close() error {
	w.once.Do(func() { close(w.gone) })
	return nil
}

func (*wires) Addr() net.Addr { return &net.TCPAddr{} }

func (w *wires) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	if w.refuses {
		return nil, &net.OpError{Op: "dial", Err: net.UnknownNetworkError("connection refused")}
	}
	select {
	case w.calls <- far:
		return near, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func plugNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i + 1)
	}
	return names
}

func newBox(t *testing.T, model string, plugs []string) *webplug.Box {
	t.Helper()
	b, err := webplug.New(model, plugs, user, password)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// start lets a box listen until the test ends.
func start(t *testing.T, b *webplug.Box, at net.Listener) {
	t.Helper()
	var done sync.WaitGroup
	done.Go(func() { _ = b.Serve(at) })
	t.Cleanup(func() {
		at.Close()
		b.Close()
		done.Wait()
	})
}

func credential() secret.Resolved {
	return secret.Resolved{User: user, Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}}
}

// confirms are the profiles that read back what they have switched: a stuck relay is
// found out, which the suite does not expect.
var confirms = map[string]bool{"dli": true, "dli-rest": true, "openbmc": true}

func faults(b *webplug.Box, profile string) drivertest.Faults {
	set := func(f webplug.Fault) func() { return func() { b.Fault(f, true) } }
	f := drivertest.Faults{
		BadPassword: set(webplug.BadPassword), Hang: set(webplug.Hang), Cut: set(webplug.Cut),
		Garbage: set(webplug.Garbage), Pieces: set(webplug.Pieces), Echo: set(webplug.Echo),
		Reject: b.Reject,
	}
	if !confirms[profile] {
		f.Stick = b.Stick
	}
	return f
}

// TestSuite runs the suite for each profile, in memory.
func TestSuite(t *testing.T) {
	for _, profile := range httpdriver.Profiles() {
		t.Run(profile, func(t *testing.T) {
			rig := func(n int) func(t *testing.T) drivertest.Rig {
				return func(t *testing.T) drivertest.Rig {
					b, w := newBox(t, profile, plugNames(n)), newWires()
					start(t, b, w)
					f := faults(b, profile)
					f.Refuse = func() { w.refuses = true }
					return drivertest.Rig{
						Settings:    &httpdriver.Settings{Address: "http://box", Profile: profile, Plugs: plugNames(n), Rest: time.Second},
						Plugs:       plugNames(n),
						DialContext: w.dial,
						Credential:  credential(),
						Truth:       drivertest.Truth{On: b.On, Set: b.Set, Moves: b.Moves},
						Faults:      f,
					}
				}
			}
			s := drivertest.Subject{InMemory: true, New: rig(4)}
			if profile == "shelly-gen1" {
				s.Many = rig(1000)
			}
			drivertest.Run(t, s)
		})
	}
}

// TestSockets runs it for some of them over real sockets.
func TestSockets(t *testing.T) {
	for _, profile := range []string{"shelly-gen2", "dli", "ip-power-9258"} {
		t.Run(profile, func(t *testing.T) {
			drivertest.Run(t, drivertest.Subject{New: func(t *testing.T) drivertest.Rig {
				at, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				b := newBox(t, profile, plugNames(4))
				start(t, b, at)
				f := faults(b, profile)
				f.Refuse = func() { at.Close() }
				return drivertest.Rig{
					Settings:   &httpdriver.Settings{Address: "http://" + at.Addr().String(), Profile: profile, Plugs: plugNames(4), Rest: time.Millisecond},
					Plugs:      plugNames(4),
					Credential: credential(),
					Truth:      drivertest.Truth{On: b.On, Set: b.Set, Moves: b.Moves},
					Faults:     f,
				}
			}})
		})
	}
}
