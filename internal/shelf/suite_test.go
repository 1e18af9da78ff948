package shelf_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver/drivertest"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/shelf"
	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The login of each simulated device; no device of the maker has it.
const (
	user     = "keeper-of-power"
	password = "Wallaby-0x7f"
)

// proven are the specifications that read the state back: with them a stuck outlet
// is no success.
func proven(e shelf.Entry) bool {
	return strings.Contains(e.Proof, "read back") || e.Name == "sentry-cdu"
}

// onShelf is a shelf with one specification on it.
type onShelf struct{ spec *devspec.Spec }

func (s onShelf) Specification(string) (*devspec.Spec, bool) { return s.spec, true }

// outlets names the plugs that a unit has for a specification.
func outlets(spec *devspec.Spec) []string {
	switch {
	case spec.Plugs != nil:
		return spec.Plugs
	case spec.Name == "sentry-cdu":
		return strings.Fields(".AA1 .AA2 .AA3 .AA4 .AB1 .AB2 .AB3 .AB4")
	case spec.Name == "cisco-poe":
		return strings.Fields("Gi1/0/1 Gi1/0/2 Gi1/0/3 Gi1/0/4")
	}
	return strings.Fields("web db mail ci")
}

// unit is the simulated device for a specification.
func unit(e shelf.Entry, plugs []string) sim.PDU {
	p := sim.PDU{Name: "pdu", Style: e.PlayedBy, Outlets: plugs, Login: sim.Login{User: user, Password: password}}
	if e.Login == "password only" {
		p.Login.User = ""
	}
	return p
}

// device is a rig with its simulated room at hand.
type device struct {
	drivertest.Rig
	room *sim.Room
}

// rigOf sets a device up in memory. What is behind SSH is spoken to as SSH leaves it:
// logged in. change may change the device first.
func rigOf(t *testing.T, e shelf.Entry, change func(*sim.PDU)) device {
	t.Helper()
	text, sized := shelf.Text(e.Name + "/6") // fewer outlets show the same, sooner
	if !sized {
		text, _ = shelf.Text(e.Name)
	}
	spec := parse(t, text).Specs[0]
	strip := unit(e, outlets(spec))
	strip.Open = e.Login == "SSH"
	// One session at a time is for TestSingleSession: the suite comes back at once.
	strip.Sessions = 1000
	if change != nil {
		change(&strip)
	}
	room, err := sim.Start(t.Context(), sim.Config{PDUs: []sim.PDU{strip}, InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(room.Close)
	tap := &drivertest.Tap{Password: password}
	dialer := &transport.Dialer{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := room.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return drivertest.Buffer(tap.Join(conn)), nil
	}}
	settings := script.New(script.Options{}).New().(*script.Settings)
	settings.Spec, settings.Address = e.Name, "telnet://"+room.Addr("pdu")
	f := faults(t, room, e)
	f.Chatter, f.Echo = tap.Chatter, tap.StartEcho
	return device{room: room, Rig: drivertest.Rig{
		Settings: settings, Shelf: onShelf{spec}, Plugs: strip.Outlets, Dial: dialer.Dial,
		Credential: login(), Truth: truth(t, room), Faults: f,
	}}
}

func login() secret.Resolved {
	return secret.Resolved{User: user, Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}}
}

func rig(t *testing.T, e shelf.Entry) drivertest.Rig { return rigOf(t, e, nil).Rig }

// truth listens to the relays.
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

func faults(t *testing.T, room *sim.Room, e shelf.Entry) drivertest.Faults {
	fault := func(f sim.Fault) func() { return func() { must(t, room.Break("pdu", f)) } }
	f := drivertest.Faults{
		Refuse: fault(sim.Fault{Kind: sim.Refuse}), Hang: fault(sim.Fault{Kind: sim.Hang}),
		Cut: fault(sim.Fault{Kind: sim.Drop}), Garbage: fault(sim.Fault{Kind: sim.Garbage}), Pieces: fault(sim.Fault{Kind: sim.Half}),
		HangUp: func() {
			must(t, room.Break("pdu", sim.Fault{Kind: sim.Refuse}))
			must(t, room.Heal("pdu", ""))
		},
	}
	if e.Login != "SSH" {
		f.BadPassword = fault(sim.Fault{Kind: sim.BadLogin})
	}
	if !proven(e) {
		f.Stick = func(plug string) { must(t, room.Break("pdu", sim.Fault{Kind: sim.Stuck, Plug: plug})) }
	}
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestEachFileDrivesItsMake has the drivers' whole suite for each file: log-in,
// status, on, off, cycle, a wrong password, a line that breaks, hangs, trickles.
func TestEachFileDrivesItsMake(t *testing.T) {
	for _, e := range shelf.All() {
		if strings.HasPrefix(e.Plugs, "1,") { // the suite wants four plugs; see TestOnePlug
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			drivertest.Run(t, drivertest.Subject{InMemory: true, New: func(t *testing.T) drivertest.Rig { return rig(t, e) }})
		})
	}
}
