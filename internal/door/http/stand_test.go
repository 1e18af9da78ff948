package httpdoor_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// relays is a driver whose devices do at once what they are told, unless held.
type relays struct {
	begun chan struct{} // told of each batch that is held
	hold  chan struct{} // a batch that is not a read waits for it; nil holds nothing
	reads chan struct{} // as hold, for reads
}

func (d *relays) driver() driver.Driver {
	return driver.Driver{Name: "relays", New: func() driver.Settings { return &relaySettings{relays: d} }}
}

type relaySettings struct{ relays *relays }

func (s *relaySettings) Traits(driver.Shelf) (driver.Traits, error) {
	return driver.Traits{Type: "relays", Timeout: time.Minute, Verbs: []room.Op{room.On, room.Off, room.Cycle, room.Status}}, nil
}

func (s *relaySettings) Open(_ context.Context, env driver.Env) (driver.Session, error) {
	env.Reached()
	return &relaySession{relays: s.relays, on: make([]bool, len(env.Plugs)), boot: make([]driver.Boot, len(env.Plugs)), entries: machineEntries()}, nil
}

type relaySession struct {
	*relays
	on      []bool
	boot    []driver.Boot
	entries []driver.LogEntry
}

func (s *relaySession) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	hold := s.hold
	if !b.Op.Changes() {
		hold = s.reads
	}
	if hold != nil {
		s.begun <- struct{}{}
		select {
		case <-hold:
		case <-ctx.Done():
			for _, p := range b.Plugs {
				sink.Unknown(p, &driver.Fault{Phase: driver.Acting, Said: "given up"})
			}
			return nil
		}
	}
	for _, p := range b.Plugs {
		if !b.Op.Changes() {
			sink.State(p, map[bool]room.State{false: room.StateOff, true: room.StateOn}[s.on[p]], "")
			continue
		}
		s.on[p] = b.Op != room.Off
		sink.Done(p)
	}
	return nil
}

func (s *relaySession) Done() <-chan struct{} { return nil }
func (s *relaySession) Close() error          { return nil }

// stand is a real daemon with its two doors.
type stand struct {
	t      testing.TB
	dir    string
	relays *relays
	nodes  int
	two    bool   // speak HTTP/2
	issuer string // of identities, that the room names
	passed bool   // the listener is opened for the daemon, and the room knows of none

	socket string
	addr   string // of the door by TLS
	client *client.Client
	local  *http.Client // by the socket
	remote *http.Client // by TLS
	halt   func()

	tokens map[string]string // by user; see [newStand]
}

// serve runs the real daemon with n nodes and gives a client of its socket.
func serve(t testing.TB, d *relays, n int) (*client.Client, string) {
	t.Helper()
	s := &stand{t: t, dir: t.TempDir(), relays: d, nodes: n}
	s.start(false)
	return s.client, s.socket
}

// newStand runs the real daemon with both doors, and with two users: ann, who may
// do everything, and bob, who may see n1 and n2. Both have a token.
func newStand(t testing.TB, d *relays, n int) *stand {
	t.Helper()
	return standWith(t, d, n, secret.Value{})
}

// standWith is newStand with a password for both.
func standWith(t testing.TB, d *relays, n int, password secret.Value) *stand {
	t.Helper()
	s := &stand{t: t, dir: t.TempDir(), relays: d, nodes: n, tokens: make(map[string]string)}
	s.addUsers(password)
	s.start(true)
	return s
}

func (s *stand) state() string { return filepath.Join(s.dir, "state") }

func (s *stand) room(network bool) string {
	text := fmt.Sprintf("room: lab\ndevices:\n  d1: {driver: relays}\nnodes:\n  n[1-%d]: {cords: d1}\naliases: {front: n1}\ngroups: {row: 'n[1-%d]'}\n", s.nodes, min(s.nodes, 2))
	if network && !s.passed {
		issuer := ""
		if s.issuer != "" {
			issuer = ", oidc: {issuer: '" + s.issuer + "', client-id: millwright}"
		}
		text += "http: {listen: ['127.0.0.1:0'], names: [millwright.test]" + issuer + "}\n"
	}
	return text
}

// addUsers writes the users into the store, as the daemon will find it.
func (s *stand) addUsers(password secret.Value) {
	s.t.Helper()
	ctx := context.Background()
	check := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	kept, err := store.Open(ctx, s.state(), store.Options{})
	check(err)
	defer kept.Close()
	book, err := auth.OpenBook(ctx, kept, event.New(kept, nil))
	check(err)
	config := filepath.Join(s.dir, "room.yaml")
	check(os.WriteFile(config, []byte(s.room(true)), 0o600))
	read, err := roomfile.Load(ctx, config, app.ReadOptions([]driver.Driver{s.relays.driver()}, false))
	check(err)
	by := event.Event{Actor: "test"}
	for _, u := range []struct {
		name, nodes string
		role        auth.Role
	}{{"ann", "@all", auth.Admin}, {"bob", fmt.Sprintf("n[1-%d]", min(s.nodes, 2)), auth.View}} {
		check(book.AddUser(ctx, by, u.name, nil, password))
		check(book.AddGrant(ctx, by, read.Room, auth.Grant{To: auth.Principal{Kind: auth.KindUser, Name: u.name}, Role: u.role, Nodes: u.nodes}))
		_, text, err := book.AddToken(ctx, by, read.Room, auth.NewToken{Owner: u.name, Role: u.role, Nodes: u.nodes})
		check(err)
		s.tokens[u.name] = text.Reveal()
	}
}

// start runs the daemon; halt ends it, and so does the end of the test.
func (s *stand) start(network bool) {
	t := s.t
	t.Helper()
	config := filepath.Join(s.dir, "room.yaml")
	s.socket = filepath.Join(s.dir, "s")
	if err := os.WriteFile(config, []byte(s.room(network)), 0o600); err != nil {
		t.Fatal(err)
	}
	opts := app.Options{
		Config: config, Drivers: []driver.Driver{s.relays.driver()}, Version: "test",
		Doors: app.Doors{Socket: s.socket, PowerMan: []string{}},
	}
	if network {
		opts.State = s.state()
	}
	if s.passed {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		opts.Doors.Passed = map[string][]net.Listener{app.PassedHTTP: {l}}
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan app.Addresses, 1), make(chan error, 1)
	opts.Ready = func(at app.Addresses) { ready <- at }
	go func() { ended <- app.Run(ctx, opts) }()
	select {
	case at := <-ready:
		if network {
			s.addr = at.HTTP[0]
		}
	case err := <-ended:
		t.Fatal(err)
	}
	s.client = client.New(s.socket)
	s.local = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.socket)
	}}}
	if network {
		s.remote = &http.Client{Transport: &http.Transport{TLSClientConfig: s.trust(), ForceAttemptHTTP2: s.two}}
	}
	halted := false
	s.halt = func() {
		if halted {
			return
		}
		halted = true
		s.client.Close()
		s.local.CloseIdleConnections()
		if s.remote != nil {
			s.remote.CloseIdleConnections()
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(s.socket); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the socket is still there: %v", err)
		}
	}
	t.Cleanup(s.halt)
}

// trust is what a client needs to believe the daemon.
func (s *stand) trust() *tls.Config {
	pem, err := os.ReadFile(filepath.Join(s.state(), "tls", "ca.pem"))
	if err != nil {
		s.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		s.t.Fatal("the authority's file holds no certificate")
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// call is one request; the zero value of what is not said is the usual.
type call struct {
	method, path, body string
	user               string // whose token; "" comes by the socket
	header             map[string]string
	host               string
}

// reply is an answer that has been read.
type reply struct {
	status int
	header http.Header
	body   []byte
	proto  int // the major version of HTTP
}

// problem gives the problem that was answered.
func (r reply) problem() (p wire.Problem) {
	if r.header.Get("Content-Type") == wire.Trouble {
		_ = json.Unmarshal(r.body, &p)
	}
	return p
}

// request makes the request of a call, and chooses the way.
func (s *stand) request(ctx context.Context, c call) (*http.Client, *http.Request) {
	if c.method == "" {
		if c.method = http.MethodGet; c.body != "" {
			c.method = http.MethodPost
		}
	}
	h, base := s.local, "http://local"
	if c.user != "" {
		h, base = s.remote, "https://"+s.addr
	}
	req, err := http.NewRequestWithContext(ctx, c.method, base+c.path, strings.NewReader(c.body))
	if err != nil {
		s.t.Fatal(err)
	}
	if token := s.tokens[c.user]; token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if c.body != "" {
		req.Header.Set("Content-Type", wire.JSON)
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	req.Host = c.host
	return h, req
}

// ask sends a request and reads the answer.
func (s *stand) ask(c call) reply {
	s.t.Helper()
	h, req := s.request(s.t.Context(), c)
	resp, err := h.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	return reply{resp.StatusCode, resp.Header, bytes.TrimSpace(body), resp.ProtoMajor}
}

// read asks for a document that must be there.
func read[T any](s *stand, c call) T {
	s.t.Helper()
	r := s.ask(c)
	var v T
	if r.status/100 != 2 {
		s.t.Fatalf("%s: %d %s", c.path, r.status, r.body)
	}
	if err := json.Unmarshal(r.body, &v); err != nil {
		s.t.Fatalf("%s: %v: %s", c.path, err, r.body)
	}
	return v
}

// do carries out an operation and gives its lines.
func do(t testing.TB, c *client.Client, ask wire.Do) ([]wire.Line, error) {
	t.Helper()
	var lines []wire.Line
	for line, err := range c.Do(t.Context(), ask) {
		if err != nil {
			return lines, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}
