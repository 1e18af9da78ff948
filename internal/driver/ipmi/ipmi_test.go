package ipmi_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/drivertest"
	ipmidriver "millwright.dev/millwright/internal/driver/ipmi"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
	"millwright.dev/millwright/ipmi/chassis"
	"millwright.dev/millwright/ipmi/event"
	"millwright.dev/millwright/ipmi/fru"
	"millwright.dev/millwright/ipmi/ipmitest"
	"millwright.dev/millwright/ipmi/sel"
	"millwright.dev/millwright/ipmi/user"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "P4ssword-long-odd"

// computer is what sits around a simulated BMC.
type computer struct {
	machine *bmc.Machine
	proxy   *ipmitest.Proxy
	direct  string // past the proxy

	mu        sync.Mutex
	on, stuck bool
	no        bool
	moves     int
	did       []chassis.Action
}

func (c *computer) Powered(context.Context) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.on, nil
}

func (c *computer) Power(_ context.Context, _ bmc.Caller, a chassis.Action) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.did = append(c.did, a)
	switch {
	case c.no:
		return ipmi.CodePrivilege
	case a == chassis.PowerOn && !c.on || (a == chassis.PowerOff || a == chassis.SoftOff) && c.on:
		if !c.stuck {
			c.on, c.moves = !c.on, c.moves+1
		}
	case !c.on:
		return ipmi.CodeState
	}
	return nil
}

func (c *computer) set(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// Console is a line that repeats what is typed.
func (c *computer) Console(context.Context, bmc.Caller) (io.ReadWriteCloser, error) {
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(theirs, theirs) }()
	return ours, nil
}

// start powers a BMC up.
func start(t testing.TB) *computer {
	t.Helper()
	c := &computer{}
	inventory := fru.Inventory{Product: &fru.Product{}}
	for name, text := range map[string]string{"product.manufacturer": "Acme", "product.name": "B1", "product.serial": "S123"} {
		if _, err := inventory.Set(name, text); err != nil {
			t.Fatal(err)
		}
	}
	image, err := inventory.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.machine, err = bmc.New(bmc.Config{
		Users: []bmc.Account{{}, {Name: "admin", Password: password, Privilege: bmc.Administrator}},
		FRU:   map[uint8][]byte{0: image}, Power: bmc.Power{Watts: 231},
	}, c)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.direct = conn.LocalAddr().String()
	if c.proxy, err = ipmitest.NewProxy(conn.LocalAddr().String(), ipmitest.Faults{}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bmc.Serve(ctx, conn, c.machine) }()
	t.Cleanup(func() {
		c.proxy.Close()
		stop()
		<-done
		c.machine.Close()
	})
	return c
}

func (c *computer) rig(t testing.TB) drivertest.Rig {
	s := ipmidriver.New().New().(*ipmidriver.Settings)
	s.Address, s.Rest, s.Timeout = c.proxy.Addr(), time.Millisecond, 3*time.Second
	return drivertest.Rig{
		Settings: s, Plugs: []string{"1"},
		Credential: secret.Resolved{User: "admin", Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}},
		Truth: drivertest.Truth{
			On:    func(string) (on bool) { c.set(func() { on = c.on }); return on },
			Set:   func(_ string, on bool) { c.set(func() { c.on = on }) },
			Moves: func(string) (n int) { c.set(func() { n = c.moves }); return n },
		},
		Faults: drivertest.Faults{
			Refuse: func() { c.proxy.Close() },
			BadPassword: func() {
				err := user.SetPassword(context.Background(), c.machine.As("test", bmc.Administrator), 2, []byte("another"), false)
				if err != nil {
					t.Error(err)
				}
			},
			Hang:   func() { c.proxy.Set(ipmitest.Faults{Loss: 1}) },
			Reject: func(string) { c.set(func() { c.no = true }) },
			Stick:  func(string) { c.set(func() { c.stuck = true }) },
		},
	}
}

func TestDriver(t *testing.T) {
	drivertest.Run(t, drivertest.Subject{Abreast: true, New: func(t *testing.T) drivertest.Rig { return start(t).rig(t) }})
}

// open opens a session on a rig.
func open(t *testing.T, r drivertest.Rig) driver.Session {
	t.Helper()
	if _, err := r.Settings.Traits(nil); err != nil {
		t.Fatal(err)
	}
	n, err := r.Settings.Open(t.Context(), driver.Env{
		Device: "bmc7", Plugs: []driver.Plug{{Name: "1", Used: true}}, Credential: r.Credential,
		DialContext: new(net.Dialer).DialContext, Reached: func() {}, Acted: func() {}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// sink keeps what it was told of the one plug.
type sink struct{ told, traced string }

func (s *sink) State(_ int, state room.State, raw string) { s.told = state.String() + raw }
func (s *sink) Done(int)                                  { s.told = "done" }
func (s *sink) Failed(_ int, said string)                 { s.told = "failed " + said }
func (s *sink) Unknown(_ int, f *driver.Fault)            { s.told = "unknown " + f.Error() }
func (s *sink) Fault(*driver.Fault)                       {}
func (s *sink) Trace(t devspec.Trace)                     { s.traced += t.Text + "\n" }

// TestVerbs: what each operation has the BMC do.
func TestVerbs(t *testing.T) {
	c := start(t)
	n := open(t, c.rig(t))
	for _, step := range []struct {
		op   room.Op
		told string
		did  []chassis.Action
	}{
		{room.Status, "off", nil},
		{room.Reset, "failed the BMC refused: it cannot do this in its present state (code d5)", nil},
		{room.On, "done", []chassis.Action{chassis.PowerOn}},
		{room.Status, "on", nil},
		{room.Reset, "done", []chassis.Action{chassis.HardReset}},
		{room.Diag, "done", []chassis.Action{chassis.DiagInt}},
		{room.Cycle, "done", []chassis.Action{chassis.PowerOff, chassis.PowerOn}},
		{room.SoftOff, "done", []chassis.Action{chassis.SoftOff}},
		{room.BeaconOn, "done", nil},
		{room.Beacon, "onon", nil},
		{room.BeaconOff, "done", nil},
		{room.Beacon, "offoff", nil},
	} {
		c.set(func() { c.did = nil })
		got := &sink{}
		if err := n.Do(t.Context(), driver.Batch{Op: step.op, Plugs: []int{0}, Trace: true}, got); err != nil || got.told != step.told {
			t.Errorf("%s: %q, %v; want %q", step.op, got.told, err, step.told)
		}
		c.mu.Lock()
		if len(c.did) != len(step.did) || len(c.did) > 0 && c.did[0] != step.did[0] {
			t.Errorf("%s: it did %v, want %v", step.op, c.did, step.did)
		}
		c.mu.Unlock()
		if !strings.Contains(got.traced, "done") && !strings.Contains(got.traced, "refused") {
			t.Errorf("%s: the conversation is %q", step.op, got.traced)
		}
	}
}

// TestACycleIsNotDoneTwice: over a network that loses what the BMC answers, a reset is
// sent once, and the plug is unknown.
func TestACycleIsNotDoneTwice(t *testing.T) {
	c := start(t)
	c.set(func() { c.on = true })
	n := open(t, c.rig(t))
	c.proxy.Set(ipmitest.Faults{Double: 1})
	got := &sink{}
	if err := n.Do(t.Context(), driver.Batch{Op: room.Reset, Plugs: []int{0}}, got); err != nil || got.told != "done" {
		t.Errorf("%q, %v", got.told, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.did) != 1 {
		t.Errorf("it was reset %d times", len(c.did))
	}
}

func TestReachIntoTheMachine(t *testing.T) {
	c := start(t)
	c.set(func() { c.on = true })
	n := open(t, c.rig(t))
	want := driver.Boot{From: driver.BootNetwork, UEFI: true}
	if err := n.(driver.Booter).SetBoot(t.Context(), 0, want); err != nil {
		t.Error(err)
	}
	if b, err := n.(driver.Booter).Boot(t.Context(), 0); err != nil || b != want {
		t.Errorf("boot: %+v, %v", b, err)
	}
	c.machine.Log(sel.Event{Generator: 0x20, Revision: 4, SensorType: event.SensorType(5), Type: 0x6f, Data: [3]byte{0, 0xff, 0xff}})
	var log []driver.LogEntry
	tell := func(e driver.LogEntry) { log = append(log, e) }
	if err := n.(driver.Logbook).Log(t.Context(), 0, tell); err != nil || len(log) != 1 || log[0].Severity != driver.Critical || time.Since(log[0].At).Abs() > time.Hour || log[0].Text == "" {
		t.Errorf("log: %+v, %v", log, err)
	}
	if err := n.(driver.Logbook).ClearLog(t.Context(), 0); err != nil {
		t.Error(err)
	}
	watts := 0.0
	if err := n.(driver.Meter).Measure(t.Context(), func(r driver.Reading) {
		if r.Quantity == driver.Power {
			watts = r.Value
		}
	}); err != nil || watts != 231 {
		t.Errorf("%g W, %v", watts, err)
	}
	if d, err := n.(driver.Describer).Describe(t.Context()); err != nil || d.Product != "Acme B1" || d.Serial != "S123" {
		t.Errorf("it says that it is %+v, %v", d, err)
	}
}

// TestConsole: beside the console the BMC can be asked as ever; it ends with the session.
func TestConsole(t *testing.T) {
	c := start(t)
	c.set(func() { c.on = true })
	r := c.rig(t)
	r.Settings.(*ipmidriver.Settings).Address = c.direct // a BMC says which port it has
	n := open(t, r)
	console, err := n.(driver.Consoler).Console(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer console.Close()
	if _, err := console.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	got := &sink{}
	if err := n.Do(t.Context(), driver.Batch{Op: room.Status, Plugs: []int{0}}, got); err != nil || got.told != "on" {
		t.Errorf("%q, %v", got.told, err)
	}
	buf := make([]byte, 5)
	if _, err := io.ReadFull(console, buf); err != nil || string(buf) != "hello" {
		t.Errorf("the echo is %q, %v", buf, err)
	}
	n.Close()
	if _, err := console.Read(buf); err == nil {
		t.Error("the console outlived its session")
	}
}

func TestSettings(t *testing.T) {
	for field, wrong := range map[string]func(*ipmidriver.Settings){
		"address":   func(s *ipmidriver.Settings) { s.Address = "" },
		"suites":    func(s *ipmidriver.Settings) { s.Suites = "17,4" },
		"privilege": func(s *ipmidriver.Settings) { s.Privilege = "root" },
		"quirks":    func(s *ipmidriver.Settings) { s.Quirks = "odd" },
		"bridged":   func(s *ipmidriver.Settings) { s.Bridged = map[string]string{"b1": "0x82"} },
		"pipeline":  func(s *ipmidriver.Settings) { s.Pipeline = 99 },
		"timeout":   func(s *ipmidriver.Settings) { s.Timeout = 0 },
	} {
		s := ipmidriver.New().New().(*ipmidriver.Settings)
		s.Address = "bmc7"
		if _, err := s.Traits(nil); err != nil {
			t.Fatal(err)
		}
		wrong(s)
		if _, err := s.Traits(nil); err == nil || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
}
