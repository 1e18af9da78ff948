package amt_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/amt"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "P@ssw0rd-that-is-long"

// engine is a simulated AMT, behind digest as the real one is.
type engine struct {
	old    bool // before WS-Management
	server *httptest.Server
	digest digest

	mu                                          sync.Mutex
	on                                          bool
	moves, resets                               int
	hang, cut, garbage, stuck, no, pieces, echo bool
}

func start(t testing.TB, old bool) *engine {
	t.Helper()
	e := &engine{old: old, digest: digest{user: "admin", password: password}}
	e.server = httptest.NewServer(e)
	t.Cleanup(func() {
		e.server.CloseClientConnections()
		e.server.Close()
	})
	return e
}

func (e *engine) locked(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
}

func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hang {
		e.mu.Unlock()
		<-r.Context().Done()
		e.mu.Lock()
		return
	}
	if !e.digest.lets(w, r) {
		return
	}
	path := "/wsman"
	if e.old {
		path = "/RemoteControlService"
	}
	if r.URL.Path != path || r.Method != http.MethodPost {
		http.NotFound(w, r)
		return
	}
	answer := e.obey(string(body))
	switch {
	case e.garbage:
		answer = "\xff<<<<<<"
	case e.cut:
		e.cut = false
		w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
		_, _ = io.WriteString(w, answer[:20])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case strings.Contains(answer, "Fault"):
		w.WriteHeader(http.StatusBadRequest)
	}
	if e.echo {
		answer += "<!-- " + r.Header.Get("Authorization") + " " + password + " -->"
	}
	for ; e.pieces && len(answer) > 9; answer = answer[9:] {
		_, _ = io.WriteString(w, answer[:9])
		w.(http.Flusher).Flush()
	}
	_, _ = io.WriteString(w, answer)
}

const envelope = `<?xml version="1.0" encoding="UTF-8"?><a:Envelope xmlns:a="http://www.w3.org/2003/05/soap-envelope"><a:Header/><a:Body>%s</a:Body></a:Envelope>`

var wish = regexp.MustCompile(`<(?:p:PowerState|Command)>(\d+)<`)

func (e *engine) obey(ask string) string {
	m := wish.FindStringSubmatch(ask)
	if m == nil {
		if e.old {
			return fmt.Sprintf(envelope, fmt.Sprintf(`<GetSystemPowerStateResponse><Status>0</Status><SystemPowerState>%d</SystemPowerState></GetSystemPowerStateResponse>`, choose(e.on, 16, 21)))
		}
		return fmt.Sprintf(envelope, fmt.Sprintf(`<g:CIM_AssociatedPowerManagementService xmlns:g="x"><g:AvailableRequestedPowerStates>8</g:AvailableRequestedPowerStates><g:PowerState>%d</g:PowerState></g:CIM_AssociatedPowerManagementService>`, choose(e.on, 2, 8)))
	}
	if e.no {
		return fmt.Sprintf(envelope, `<a:Fault><a:Code><a:Value>a:Sender</a:Value></a:Code><a:Reason><a:Text xml:lang="en-US">The sender was not authorized to access the resource.</a:Text></a:Reason></a:Fault>`)
	}
	result := 0
	switch m[1] {
	case "2", "17":
		e.move(true)
	case "8", "18":
		if result = 2; e.on {
			result = 0
			e.move(false)
		}
	case "10", "16":
		if result = 2; e.on {
			result = 0
			e.resets++
		}
	}
	if e.old {
		return fmt.Sprintf(envelope, fmt.Sprintf(`<RemoteControlResponse><Status>%d</Status></RemoteControlResponse>`, result))
	}
	return fmt.Sprintf(envelope, fmt.Sprintf(`<g:RequestPowerStateChange_OUTPUT xmlns:g="x"><g:ReturnValue>%d</g:ReturnValue></g:RequestPowerStateChange_OUTPUT>`, result))
}

func choose(on bool, yes, no int) int {
	if on {
		return yes
	}
	return no
}

func (e *engine) move(on bool) {
	if on != e.on && !e.stuck {
		e.on = on
		e.moves++
	}
}

func (e *engine) rig() drivertest.Rig {
	s := amt.New().New().(*amt.Settings)
	s.Address, s.Rest, s.Timeout = e.server.URL, time.Millisecond, 400*time.Millisecond
	set := func(b *bool) func() { return func() { e.locked(func() { *b = true }) } }
	return drivertest.Rig{
		Settings: s, Plugs: []string{"1"},
		Credential: secret.Resolved{Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}},
		Truth: drivertest.Truth{
			On:    func(string) (on bool) { e.locked(func() { on = e.on }); return on },
			Set:   func(_ string, on bool) { e.locked(func() { e.on = on }) },
			Moves: func(string) (n int) { e.locked(func() { n = e.moves }); return n },
		},
		Faults: drivertest.Faults{
			Refuse: func() {
				e.server.CloseClientConnections()
				e.server.Listener.Close()
			},
			BadPassword: func() { e.locked(func() { e.digest.password = "other" }) },
			Hang:        set(&e.hang), Cut: set(&e.cut), Garbage: set(&e.garbage), Pieces: set(&e.pieces), Echo: set(&e.echo),
			Reject: func(string) { set(&e.no)() }, Stick: func(string) { set(&e.stuck)() },
		},
	}
}

func TestDriver(t *testing.T) {
	for name, old := range map[string]bool{"WS-Management": false, "the older SOAP": true} {
		t.Run(name, func(t *testing.T) {
			drivertest.Run(t, drivertest.Subject{New: func(t *testing.T) drivertest.Rig { return start(t, old).rig() }})
		})
	}
}

// A machine that is off is switched on and not reset, and one that is off already
// is not refused to be switched off.
func TestOffMachines(t *testing.T) {
	for name, old := range map[string]bool{"WS-Management": false, "the older SOAP": true} {
		t.Run(name, func(t *testing.T) {
			e := start(t, old)
			r := e.rig()
			if _, err := r.Settings.Traits(nil); err != nil {
				t.Fatal(err)
			}
			n, err := r.Settings.Open(t.Context(), driver.Env{
				Device: "desk", Plugs: []driver.Plug{{Name: "1"}}, Credential: r.Credential,
				DialContext: new(net.Dialer).DialContext, Reached: func() {}, Acted: func() {},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			for i, step := range []struct {
				op     room.Op
				on     bool
				resets int
			}{{room.Off, false, 0}, {room.Reset, true, 0}, {room.Reset, true, 1}, {room.Off, false, 1}, {room.Cycle, true, 1}, {room.Cycle, true, 1}} {
				got := &sink{}
				if err := n.Do(t.Context(), driver.Batch{Op: step.op, Plugs: []int{0}}, got); err != nil || got.told != "done" {
					t.Errorf("step %d: %s: %q, %v", i, step.op, got.told, err)
				}
				e.locked(func() {
					if e.on != step.on || e.resets != step.resets {
						t.Errorf("step %d: after %s it is on: %t, after %d resets", i, step.op, e.on, e.resets)
					}
				})
			}
		})
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for _, tt := range []struct {
		field string
		spoil func(*amt.Settings)
	}{
		{"address", func(s *amt.Settings) { s.Address = "desk:16992" }},
		{"address", func(s *amt.Settings) { s.Address = "http://desk:16992/wsman" }},
		{"protocol", func(s *amt.Settings) { s.Protocol = "ipmi" }},
		{"tls", func(s *amt.Settings) { s.TLS.Pins = []string{"x"} }},
		{"timeout", func(s *amt.Settings) { s.Timeout = 0 }},
	} {
		s := amt.New().New().(*amt.Settings)
		s.Address = "http://desk:16992"
		tt.spoil(s)
		_, err := s.Traits(nil)
		var wrong *driver.FieldError
		if !errors.As(err, &wrong) || wrong.Field != tt.field {
			t.Errorf("%s: %v", tt.field, err)
		}
	}
}

// sink keeps the last that was told.
type sink struct{ told string }

func (s *sink) State(_ int, st room.State, _ string) { s.told = st.String() }
func (s *sink) Done(int)                             { s.told = "done" }
func (s *sink) Failed(_ int, said string)            { s.told = "failed: " + said }
func (s *sink) Unknown(_ int, why *driver.Fault)     { s.told = "unknown: " + why.Why() }
func (s *sink) Fault(*driver.Fault)                  {}
func (s *sink) Trace(devspec.Trace)                  {}
