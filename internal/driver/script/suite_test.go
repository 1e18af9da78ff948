package script_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/internal/transport"
)

// password is what the simulated makes that ask for one want to hear.
const password = "Wallaby-0x7f"

// makeOf is one sort of simulated device, and the specification that fits it.
type makeOf struct {
	style   string
	spec    func(plugs []string) []byte // nil for the simulator's own device file
	login   bool                        // it asks for a password
	typed   string                      // where its device file has the password in clear
	rejects bool                        // the specification notices a plug's refusal
}

var makes = map[string]makeOf{
	"vpc":   {style: "vpc"},
	"line":  {style: "line"},
	"menu":  {style: "menu", login: true, typed: `send "apc\r\n"` + "\n\t\texpect \"- Control Console"},
	"slash": {style: "slash", login: true, typed: `send "wti\r\n"`},
	"vpc with results": {style: "vpc", rejects: true, spec: func([]string) []byte {
		text, err := os.ReadFile("testdata/results.dev")
		if err != nil {
			panic(err)
		}
		return text
	}},
}

// device gives the text of the device file, with the password by reference.
func (m makeOf) device(plugs []string) []byte {
	if m.spec != nil {
		return m.spec(plugs)
	}
	text := string(sim.DeviceFile(m.style, plugs...))
	if m.typed != "" {
		_, after, _ := strings.Cut(m.typed, `\r\n"`)
		text = strings.Replace(text, m.typed, `send "%{password}\r\n"`+after, 1)
	}
	return []byte(text)
}

// shelf holds one specification under any name.
type shelf struct{ spec *devspec.Spec }

func (s shelf) Specification(string) (*devspec.Spec, bool) { return s.spec, true }

func parse(t testing.TB, text []byte) *devspec.Spec {
	t.Helper()
	c, err := devspec.ParseConfig("test.dev", func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(text)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c.Specs[0]
}

// rig starts a simulated device of n plugs and settings that reach it.
func (m makeOf) rig(t *testing.T, n int, memory bool) drivertest.Rig {
	t.Helper()
	plugs := sim.Numbered(1, n)
	strip := sim.PDU{Name: "pdu", Style: m.style, Outlets: plugs}
	var who secret.Resolved
	if m.login {
		strip.Login.Password = password
		who.Values = map[string]secret.Value{secret.Password: secret.NewValue(password)}
	}
	room, err := sim.Start(t.Context(), sim.Config{PDUs: []sim.PDU{strip}, InMemory: memory})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(room.Close)
	dialer, tap := &transport.Dialer{}, &drivertest.Tap{Password: password}
	if memory {
		dialer.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := room.Dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return drivertest.Buffer(tap.Join(conn)), nil
		}
	}
	settings := script.New(script.Options{NoDelays: !memory}).New().(*script.Settings)
	settings.Spec, settings.Address = "any", "telnet://"+room.Addr("pdu")
	if m.style == "vpc" {
		settings.Address = "tcp://" + room.Addr("pdu")
	}
	faults := m.faults(t, room)
	if memory {
		faults.Chatter, faults.Echo = tap.Chatter, tap.StartEcho
	}
	return drivertest.Rig{
		Settings: settings, Shelf: shelf{parse(t, m.device(plugs))}, Plugs: plugs,
		Dial: dialer.Dial, Credential: who,
		Truth: truth(t, room), Faults: faults,
	}
}

// truth listens to the relays, rather than to the panel that a driver sees.
func truth(t *testing.T, room *sim.Room) drivertest.Truth {
	var mu sync.Mutex
	on, moves := make(map[string]bool), make(map[string]int)
	t.Cleanup(room.Subscribe(func(h sim.Happening) {
		mu.Lock()
		defer mu.Unlock()
		if h.Kind == sim.OutletOn || h.Kind == sim.OutletOff {
			on[h.Outlet] = h.Kind == sim.OutletOn
			moves[h.Outlet]++
		}
	}))
	return drivertest.Truth{
		On: func(plug string) bool {
			mu.Lock()
			defer mu.Unlock()
			return on[plug]
		},
		Set: func(plug string, on bool) { must(t, room.Turn("pdu", plug, on)) },
		Moves: func(plug string) int {
			mu.Lock()
			defer mu.Unlock()
			return moves[plug]
		},
	}
}

func (m makeOf) faults(t *testing.T, room *sim.Room) drivertest.Faults {
	fault := func(f sim.Fault) func() { return func() { must(t, room.Break("pdu", f)) } }
	onPlug := func(kind sim.FaultKind) func(string) {
		return func(plug string) { must(t, room.Break("pdu", sim.Fault{Kind: kind, Plug: plug})) }
	}
	f := drivertest.Faults{
		Refuse: fault(sim.Fault{Kind: sim.Refuse}), Hang: fault(sim.Fault{Kind: sim.Hang}),
		Cut: fault(sim.Fault{Kind: sim.Drop}), Garbage: fault(sim.Fault{Kind: sim.Garbage}),
		Pieces: fault(sim.Fault{Kind: sim.Half}), Stick: onPlug(sim.Stuck),
		HangUp: func() {
			must(t, room.Break("pdu", sim.Fault{Kind: sim.Refuse}))
			must(t, room.Heal("pdu", ""))
		},
	}
	if m.login {
		f.BadPassword = fault(sim.Fault{Kind: sim.BadLogin})
	}
	if m.rejects {
		f.Reject = onPlug(sim.Error)
	}
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestInMemory has the whole suite on pipes, where time costs nothing.
func TestInMemory(t *testing.T) {
	for name, m := range makes {
		t.Run(name, func(t *testing.T) {
			subject := drivertest.Subject{
				InMemory: true,
				New:      func(t *testing.T) drivertest.Rig { return m.rig(t, 8, true) },
			}
			if m.style != "menu" { // nobody pages through a thousand outlets
				subject.Many = func(t *testing.T) drivertest.Rig { return m.rig(t, 1000, true) }
			}
			drivertest.Run(t, subject)
		})
	}
}

// TestOverSockets has the suite on the loopback network, for what pipes cannot
// show: real buffers, real ends of lines.
func TestOverSockets(t *testing.T) {
	for name, m := range makes {
		t.Run(name, func(t *testing.T) {
			drivertest.Run(t, drivertest.Subject{
				New: func(t *testing.T) drivertest.Rig {
					rig := m.rig(t, 8, false)
					rig.Faults.BadPassword = nil // scripts learn of it by their timeout only
					return rig
				},
			})
		})
	}
}
