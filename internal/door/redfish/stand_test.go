package redfishdoor_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/roomfile"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	root     = "/redfish/v1"
	password = "correct horse battery"
)

// outlets is a driver of a power strip, which measures; processors one of service
// processors, which can do all that there is. Both share what the room is like.
type hardware struct {
	mu   sync.Mutex
	on   map[string]bool // by device and plug
	did  []room.Op
	boot driver.Boot
	log  []driver.LogEntry
	slow chan struct{} // a change waits for it; nil for none
}

type settings struct {
	*hardware
	inside bool
}

func (h *hardware) drivers() []driver.Driver {
	return []driver.Driver{
		{Name: "outlets", New: func() driver.Settings { return &settings{hardware: h} }},
		{Name: "processors", New: func() driver.Settings { return &settings{hardware: h, inside: true} }},
	}
}

func (s *settings) Traits(driver.Shelf) (driver.Traits, error) {
	t := driver.Traits{Type: "outlets", Timeout: time.Minute, Verbs: []room.Op{room.On, room.Off, room.Cycle, room.Status}}
	if s.inside {
		t.Type = "processors"
		t.Verbs = append(t.Verbs, room.Reset, room.SoftOff, room.Diag, room.BeaconOn, room.BeaconOff)
	}
	return t, nil
}

func (s *settings) Open(_ context.Context, env driver.Env) (driver.Session, error) {
	env.Reached()
	if s.inside {
		return &processor{strip{s.hardware, env.Plugs}}, nil
	}
	return &meter{strip{s.hardware, env.Plugs}}, nil
}

type strip struct {
	*hardware
	plugs []driver.Plug
}

func (s *strip) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	if s.slow != nil && b.Op.Changes() {
		select {
		case <-s.slow:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range b.Plugs {
		name := s.plugs[p].Name
		if !b.Op.Changes() {
			sink.State(p, map[bool]room.State{false: room.StateOff, true: room.StateOn}[s.on[name]], "")
			continue
		}
		s.did = append(s.did, b.Op)
		switch b.Op {
		case room.On, room.Cycle, room.Reset:
			s.on[name] = true
		case room.Off, room.SoftOff:
			s.on[name] = false
		default:
		}
		sink.Done(p)
	}
	return nil
}

func (s *strip) Done() <-chan struct{} { return nil }
func (s *strip) Close() error          { return nil }

type meter struct{ strip }

func (s *meter) Measure(_ context.Context, tell func(driver.Reading)) error {
	for i := range s.plugs {
		tell(driver.Reading{Plug: i, Quantity: driver.Power, Value: 100 + float64(i)})
		tell(driver.Reading{Plug: i, Quantity: driver.Energy, Value: 5000})
	}
	tell(driver.Reading{Plug: driver.NoPlug, Part: "inlet", Quantity: driver.Voltage, Value: 230})
	return nil
}

type processor struct{ strip }

func (s *processor) Boot(context.Context, int) (driver.Boot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.boot, nil
}

func (s *processor) SetBoot(_ context.Context, _ int, b driver.Boot) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.boot = b
	return nil
}

func (s *processor) Log(_ context.Context, _ int, tell func(driver.LogEntry)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.log {
		tell(e)
	}
	return nil
}

func (s *processor) ClearLog(context.Context, int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
	return nil
}

// stand is a real daemon: n1 to n3 hang on outlets, m1 has a service processor. ann
// may do everything, bob may look at n1 and n2, cid may switch n2.
type stand struct {
	t      *testing.T
	at     string
	client *http.Client
	*hardware
	tokens map[string]string
}

const roomText = `room: lab
devices:
  pdu: {driver: outlets}
  bmc: {driver: processors}
nodes:
  n1: {cords: pdu, console: {via: "telnet://127.0.0.1:9"}}
  n[2-3]: {cords: pdu}
  m1: {cords: bmc}
http: {listen: ['127.0.0.1:0'], names: [room.test]}
redfish: {listen: ['127.0.0.1:0']}
`

func newStand(t *testing.T, h *hardware) *stand {
	t.Helper()
	if h == nil {
		h = &hardware{}
	}
	h.on, h.boot = make(map[string]bool), driver.Boot{From: driver.BootDefault, UEFI: true}
	h.log = []driver.LogEntry{{ID: "1", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Source: "PSU 1", Text: "power supply lost", Severity: driver.Critical}}
	s := &stand{t: t, hardware: h, tokens: make(map[string]string)}
	dir := t.TempDir()
	config, state := filepath.Join(dir, "room.yaml"), filepath.Join(dir, "state")
	s.check(os.WriteFile(config, []byte(roomText), 0o600))
	s.addUsers(config, state)
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan app.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: config, State: state, Drivers: h.drivers(), Version: "test", Doors: app.Doors{PowerMan: []string{}}, Ready: func(at app.Addresses) { ready <- at },
		})
	}()
	select {
	case at := <-ready:
		s.at = at.Redfish[0]
	case err := <-ended:
		t.Fatal(err)
	}
	pem, err := os.ReadFile(filepath.Join(state, "tls", "ca.pem"))
	s.check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *stand) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// addUsers writes the users into the store, as the daemon will find it.
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
	for _, u := range []struct {
		name, nodes string
		role        auth.Role
		password    secret.Value // none for most: to look at one takes long, on purpose
	}{{"ann", "@all", auth.Admin, secret.Value{}}, {"bob", "n[1-2]", auth.View, secret.NewValue(password)}, {"cid", "n2", auth.Operate, secret.Value{}}} {
		s.check(book.AddUser(ctx, by, u.name, nil, u.password))
		s.check(book.AddGrant(ctx, by, read.Room, auth.Grant{To: auth.Principal{Kind: auth.KindUser, Name: u.name}, Role: u.role, Nodes: u.nodes}))
		_, text, err := book.AddToken(ctx, by, read.Room, auth.NewToken{Owner: u.name, Role: u.role, Nodes: u.nodes})
		s.check(err)
		s.tokens[u.name] = text.Reveal()
	}
}

// reply is an answer that has been read.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// ask sends a request with a user's token, if there is one.
func (s *stand) ask(user, method, path, body string) reply {
	s.t.Helper()
	return s.send(method, path, body, func(r *http.Request) {
		if token := s.tokens[user]; token != "" {
			r.SetBasicAuth(user, token)
		}
	})
}

func (s *stand) send(method, path, body string, prove func(*http.Request)) reply {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, "https://"+s.at+path, strings.NewReader(body))
	s.check(err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	prove(req)
	resp, err := s.client.Do(req)
	s.check(err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	s.check(err)
	r := reply{status: resp.StatusCode, header: resp.Header, text: string(bytes.TrimSpace(data))}
	if len(data) > 0 && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		s.check(json.Unmarshal(data, &r.body))
	}
	return r
}

// members gives the last parts of a collection's links.
func (r reply) members() (ids []string) {
	list, _ := r.body["Members"].([]any)
	for _, one := range list {
		o, _ := one.(map[string]any)
		path, _ := o["@odata.id"].(string)
		ids = append(ids, path[strings.LastIndexByte(path, '/')+1:])
	}
	return ids
}

// resets gives what a system can be told.
func (r reply) resets() (list []string) {
	actions, _ := r.body["Actions"].(map[string]any)
	reset, _ := actions["#ComputerSystem.Reset"].(map[string]any)
	values, _ := reset["ResetType@Redfish.AllowableValues"].([]any)
	for _, v := range values {
		text, _ := v.(string)
		list = append(list, text)
	}
	return list
}

// ops gives what the hardware was told.
func (s *stand) ops() []room.Op {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.did)
}
