package ipmidoor_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// processor is a service processor that can do all that there is.
type processor struct {
	mu   sync.Mutex
	on   bool
	boot driver.Boot
	did  []room.Op
	slow chan struct{} // a change waits for it; nil for none
	bad  bool          // it does nothing that it is told

	began chan struct{} // told when a slow change has begun
}

type settings struct{ *processor }

func (s *settings) Traits(driver.Shelf) (driver.Traits, error) {
	return driver.Traits{Type: "processor", Timeout: time.Minute, Verbs: []room.Op{
		room.On, room.Off, room.Cycle, room.Reset, room.SoftOff, room.Diag, room.BeaconOn, room.BeaconOff, room.Status,
	}}, nil
}

func (s *settings) Open(_ context.Context, env driver.Env) (driver.Session, error) {
	env.Reached()
	return s, nil
}

func (p *processor) Do(_ context.Context, b driver.Batch, sink driver.Sink) error {
	p.mu.Lock()
	slow, began := p.slow, p.began
	p.mu.Unlock()
	if slow != nil && b.Op.Changes() {
		began <- struct{}{}
		<-slow
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, plug := range b.Plugs {
		if !b.Op.Changes() {
			sink.State(plug, map[bool]room.State{false: room.StateOff, true: room.StateOn}[p.on], "")
			continue
		}
		p.did = append(p.did, b.Op)
		if p.bad {
			sink.Failed(plug, "a fuse has blown")
			continue
		}
		switch b.Op {
		case room.On, room.Cycle, room.Reset:
			p.on = true
		case room.Off, room.SoftOff:
			p.on = false
		default:
		}
		sink.Done(plug)
	}
	return nil
}

func (p *processor) Done() <-chan struct{} { return nil }
func (p *processor) Close() error          { return nil }

func (p *processor) Measure(_ context.Context, tell func(driver.Reading)) error {
	tell(driver.Reading{Plug: 0, Quantity: driver.Power, Value: 231})
	tell(driver.Reading{Plug: 0, Quantity: driver.Current, Value: 1.2})
	tell(driver.Reading{Plug: driver.NoPlug, Part: "intake", Quantity: driver.Temperature, Value: -7.5})
	return nil
}

func (p *processor) Boot(context.Context, int) (driver.Boot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.boot, nil
}

func (p *processor) SetBoot(_ context.Context, _ int, b driver.Boot) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.boot = b
	return nil
}

// be changes how it is.
func (p *processor) be(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *processor) ops() []room.Op {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]room.Op(nil), p.did...)
}

// stand is a real daemon: web1 to web4 hang on a simulated telnet strip, m1 has a service
// processor. IPMI's admin is the room's ann, who may do everything; op is bob, who may switch
// web1 and m1; watch is ann too, but with the privilege of a user; nobody has no grant; look is carl, who may see m1.
type stand struct {
	t      *testing.T
	dir    string
	sim    *sim.Room
	m1     *processor
	at     map[string]string
	reload chan struct{}
	told   chan error
	stop   func()
	line   net.Listener
}

const password = "a long password"

func (s *stand) room(ipmi string) string {
	return fmt.Sprintf(`room: lab
specifications: [vpc.dev]
devices:
  pdu1: {driver: script, settings: {spec: mw-vpc, address: "tcp://%s"}}
  sp1: {driver: processor}
nodes:
  web[1-4]: {cords: "pdu1:[1-4]"}
  m1: {bmc: "sp1:1", console: {via: "tcp://%s"}}
ipmi:
  users:
    admin: {password: "file:password", privilege: administrator, as: ann}
    op: {password: "file:password", as: bob}
    watch: {password: "file:password", privilege: user, as: ann}
    nobody: {password: "file:password", privilege: administrator}
    look: {password: "file:password", as: carl}
  nodes: %s
`, s.sim.Addr("pdu1"), s.line.Addr(), ipmi)
}

const everyNode = `{"web[1-4]": 0, m1: 0}`

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{t: t, dir: t.TempDir(), m1: &processor{boot: driver.Boot{From: driver.BootDefault}}, reload: make(chan struct{}), told: make(chan error)}
	var err error
	s.sim, err = sim.Start(context.WithoutCancel(t.Context()), sim.Config{PDUs: []sim.PDU{{Name: "pdu1", Style: "vpc", Outlets: sim.Numbered(0, 16)}}})
	s.check(err)
	t.Cleanup(s.sim.Close)
	s.line = serial(t)
	s.write("vpc.dev", string(sim.DeviceFile("vpc")))
	s.write("password", password+"\n")
	s.write("room.yaml", s.room(everyNode))
	s.run()
	return s
}

func (s *stand) drivers() []driver.Driver {
	return append(standard.Drivers(script.Options{}), driver.Driver{Name: "processor", New: func() driver.Settings { return &settings{s.m1} }})
}

func (s *stand) run() {
	config, state := filepath.Join(s.dir, "room.yaml"), filepath.Join(s.dir, "state")
	s.addUsers(config, state)
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan app.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: config, State: state, Drivers: s.drivers(), Version: "test", Doors: app.Doors{PowerMan: []string{}},
			Ready: func(at app.Addresses) { ready <- at }, Reload: s.reload, Reloaded: func(err error) { s.told <- err },
		})
	}()
	select {
	case at := <-ready:
		s.at = at.IPMI
	case err := <-ended:
		s.t.Fatal(err)
	}
	s.stop = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	})
	s.t.Cleanup(s.stop)
}

// events ends the daemon and gives what it wrote down.
func (s *stand) events(f event.Filter) []event.Event {
	s.t.Helper()
	s.stop()
	kept, err := store.Open(context.Background(), filepath.Join(s.dir, "state"), store.Options{})
	s.check(err)
	defer kept.Close()
	list, err := event.New(kept, nil).Read(context.Background(), f)
	s.check(err)
	return list
}

func (s *stand) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stand) write(name, text string) {
	s.t.Helper()
	s.check(os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600))
}

func (s *stand) addUsers(config, state string) {
	s.t.Helper()
	ctx := context.Background()
	kept, err := store.Open(ctx, state, store.Options{})
	s.check(err)
	defer kept.Close()
	book, err := auth.OpenBook(ctx, kept, event.New(kept, nil))
	s.check(err)
	read, err := roomfile.Load(ctx, config, app.ReadOptions(s.drivers(), false))
	s.check(err)
	by := event.Event{Actor: "test"}
	for name, g := range map[string]auth.Grant{"ann": {Role: auth.Admin, Nodes: auth.All}, "bob": {Role: auth.Operate, Nodes: "web1,m1"}, "carl": {Role: auth.View, Nodes: "m1"}} {
		g.To = auth.Principal{Kind: auth.KindUser, Name: name}
		s.check(book.AddUser(ctx, by, name, nil, secret.Value{}))
		s.check(book.AddGrant(ctx, by, read.Room, g))
	}
}

// serial is a machine's serial line behind a TCP port: it says again what it hears.
func serial(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				buf := make([]byte, 256)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					fmt.Fprintf(c, "<%s>", strings.TrimSpace(string(buf[:n])))
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return l
}

// program runs a client's program to its end.
func (s *stand) program(name string, args ...string) (string, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// tool runs ipmitool as a user at a node.
func (s *stand) tool(user, node string, args ...string) (string, error) {
	s.t.Helper()
	host, port, err := net.SplitHostPort(s.at[node])
	s.check(err)
	all := []string{"-I", "lanplus", "-H", host, "-p", port, "-U", user, "-P", password, "-C", "17"}
	if user == "op" || user == "watch" {
		all = append(all, "-L", map[string]string{"op": "OPERATOR", "watch": "USER"}[user])
	}
	return s.program("ipmitool", append(all, args...)...)
}

// outlet says whether a node's outlet is on, by the strip itself.
func (s *stand) outlet(plug string) bool {
	o, _ := s.sim.Outlet("pdu1", plug)
	return o.On
}

// commands says how often a node's outlet was told to switch.
func (s *stand) commands(plug string) int {
	o, _ := s.sim.Outlet("pdu1", plug)
	return o.Commands
}

func (s *stand) port(node string) string {
	_, port, err := net.SplitHostPort(s.at[node])
	s.check(err)
	return port
}
