package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/driver/script"
	"millwright.dev/millwright/internal/driver/standard"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/sim"
	"millwright.dev/millwright/internal/store"
	"millwright.dev/millwright/powerman"
)

func TestMain(m *testing.M) {
	if config := os.Getenv("MILLWRIGHT_TEST_ROOM"); config != "" { // a daemon that can be killed
		err := app.Run(context.Background(), app.Options{
			Config: config, State: os.Getenv("MILLWRIGHT_TEST_STATE"), Drivers: standard.Drivers(script.Options{}),
			Doors: app.Doors{PowerMan: []string{}, Socket: os.Getenv("MILLWRIGHT_TEST_SOCKET")}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		})
		slog.Error("the daemon has ended", "why", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// site is a folder with a room of two simulated strips, and the daemon that runs it.
type site struct {
	t      *testing.T
	dir    string
	state  string
	sim    *sim.Room
	log    lockedBuffer
	reload chan struct{}
	told   chan error
	addr   string
	socket string // where our own socket shall be, if anywhere
	https  string // where the API is open by TLS
	passed map[string][]net.Listener
	stop   func() error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), state: filepath.Join(t.TempDir(), "state"), reload: make(chan struct{}), told: make(chan error)}
	var err error
	s.sim, err = sim.Start(context.WithoutCancel(t.Context()), sim.Config{PDUs: []sim.PDU{
		{Name: "pdu1", Style: "vpc", Outlets: sim.Numbered(0, 16)},
		{Name: "pdu2", Style: "vpc", Outlets: sim.Numbered(0, 16)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.sim.Close)
	s.write("vpc.dev", string(sim.DeviceFile("vpc")))
	s.write("room.yaml", s.room("web[1-4]"))
	return s
}

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// room is a room file in which pdu1 feeds the named nodes.
func (s *site) room(nodes string) string {
	return fmt.Sprintf(`
room: site
specifications: [vpc.dev]
devices:
  pdu1: {driver: script, settings: {spec: mw-vpc, address: "tcp://%s"}}
  pdu2: {driver: script, settings: {spec: mw-vpc, address: "tcp://%s"}}
nodes:
  %s: {cords: "pdu1:[1-4]"}
  db1: {cords: "pdu2:1"}
`, s.sim.Addr("pdu1"), s.sim.Addr("pdu2"), nodes)
}

// start runs the daemon; stop ends it and gives what Run returned.
func (s *site) start() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	ready, ended := make(chan app.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: filepath.Join(s.dir, "room.yaml"), State: s.state, Drivers: standard.Drivers(script.Options{}),
			Doors: app.Doors{PowerMan: []string{"127.0.0.1:0"}, Socket: s.socket, Passed: s.passed}, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
			Ready:  func(a app.Addresses) { ready <- a },
			Reload: s.reload, Reloaded: func(err error) { s.told <- err },
		})
	}()
	s.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	s.t.Cleanup(func() { _ = s.stop() })
	select {
	case a := <-ready:
		s.addr = a.PowerMan[0]
		if len(a.HTTP) > 0 {
			s.https = a.HTTP[0]
		}
	case err := <-ended:
		ended <- err
		s.addr = ""
	}
}

func (s *site) client() *powerman.Client {
	s.t.Helper()
	c, err := powerman.Dial(s.t.Context(), s.addr, powerman.DialOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

func (s *site) nodes() string {
	s.t.Helper()
	list, err := s.client().Nodes(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Join(list, " ")
}

func (s *site) reloaded() error {
	s.reload <- struct{}{}
	return <-s.told
}

const all = "db1 web1 web2 web3 web4"

func TestReloadTakesAllOrNothing(t *testing.T) {
	s := newSite(t)
	s.start()
	if got := s.nodes(); got != all {
		t.Fatalf("nodes %q, want %q", got, all)
	}
	if _, err := s.client().On(t.Context(), "web1"); err != nil {
		t.Fatal(err)
	}

	s.write("room.yaml", s.room("web[1-4]")+"  db2: {cords: \"pdu9:1\"}\n")
	if err := s.reloaded(); err == nil || !strings.Contains(err.Error(), "pdu9") {
		t.Errorf("a broken file was taken: %v", err)
	}
	if got := s.nodes(); got != all {
		t.Errorf("nodes %q after a refused reload, want %q", got, all)
	}

	s.write("room.yaml", s.room("shop[1-4]"))
	if err := s.reloaded(); err != nil {
		t.Fatal(err)
	}
	if got, want := s.nodes(), "db1 shop1 shop2 shop3 shop4"; got != want {
		t.Errorf("nodes %q, want %q", got, want)
	}
	list, err := s.client().Devices(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if d.Name == "pdu2" && (d.Reconnects != 0 || d.Actions == 0) {
			t.Errorf("pdu2 did not keep its session: %+v", d)
		}
	}
}

func TestBrokenFilesAtTheStartRunTheLastRevision(t *testing.T) {
	for _, test := range []struct{ what, broken string }{
		{"no room at all", "nodes: [this, is, not, a, room\n"},
		{"a certificate that is not there", "http: {listen: \"127.0.0.1:0\", tls-cert: none.pem, tls-key: none.pem}\n"},
	} {
		s := newSite(t)
		s.start()
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(test.broken, "http") {
			test.broken = s.room("web[5-8]") + test.broken
		}
		s.write("room.yaml", test.broken)
		s.start()
		if s.addr == "" {
			t.Fatalf("%s: the daemon did not start: %v", test.what, s.stop())
		}
		if got := s.nodes(); got != all {
			t.Errorf("%s: nodes %q, want those of the last accepted revision, %q", test.what, got, all)
		}
		if !strings.Contains(s.log.String(), "THE CONFIGURATION IS BROKEN") {
			t.Errorf("%s: it was not said loudly:\n%s", test.what, s.log.String())
		}
	}
}

func TestBrokenFilesAtTheFirstStartAreRefused(t *testing.T) {
	s := newSite(t)
	s.write("room.yaml", s.room("web[1-4]")+"  db2: {cords: \"pdu9:1\", needs: nobody}\n")
	s.start()
	err := s.stop()
	if err == nil || !strings.Contains(err.Error(), "pdu9") || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("got %v, want all that is wrong", err)
	}
}

func TestTwoDaemonsDoNotShareAStateFolder(t *testing.T) {
	s := newSite(t)
	s.start()
	other := newSite(t)
	other.state = s.state
	other.start()
	if err := other.stop(); err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("got %v, want a refusal that names process %d", err, os.Getpid())
	}
}

// What was answered is on the disk when the daemon is gone.
func TestEventsOutliveTheDaemon(t *testing.T) {
	s := newSite(t)
	s.start()
	if _, err := s.client().On(t.Context(), "web[1-2]"); err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	kept, err := store.Open(t.Context(), s.state, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	list, err := event.New(kept, nil).Read(t.Context(), event.Filter{Node: "web2"})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].Kind != event.Intent || list[1].Outcome != event.OK || list[0].Door != "powerman" || list[0].Remote == "" {
		t.Errorf("events of web2: %+v, want an intent and a result", list)
	}
	rev, err := kept.LatestRevision(t.Context())
	if err != nil || rev.Number != 1 || len(rev.Files) != 2 {
		t.Errorf("revision: %+v, %v, want the first one with both files", rev, err)
	}
}
