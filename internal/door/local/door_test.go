package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/app"
	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/local"
	"millwright.dev/millwright/internal/door/local/wire"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
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
	return &relaySession{relays: s.relays, on: make([]bool, len(env.Plugs))}, nil
}

type relaySession struct {
	*relays
	on []bool
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

// serve runs the real daemon with n nodes and gives a client of its socket.
func serve(t testing.TB, d *relays, n int) (*client.Client, string) {
	t.Helper()
	dir := t.TempDir()
	config, socket := filepath.Join(dir, "room.yaml"), filepath.Join(dir, "s")
	text := fmt.Sprintf("room: lab\ndevices:\n  d1: {driver: relays}\nnodes:\n  n[1-%d]: {cords: d1}\naliases: {front: n1}\n", n)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: config, Drivers: []driver.Driver{d.driver()}, Version: "test",
			Doors: app.Doors{Socket: socket, PowerMan: []string{}},
			Ready: func(app.Addresses) { close(ready) },
		})
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	c := client.New(socket)
	t.Cleanup(func() {
		c.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the socket is still there: %v", err)
		}
	})
	return c, socket
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

func TestDo(t *testing.T) {
	c, _ := serve(t, &relays{}, 4)
	lines, err := do(t, c, wire.Do{Op: "on", Targets: "front,n[2-3],-n2", Verify: true})
	if err != nil || len(lines) != 4 {
		t.Fatalf("%v, %v", lines, err)
	}
	if b := lines[0]; b.Kind != wire.KindBegin || b.Request == "" || b.Nodes != "front,n3" || b.Count != 2 {
		t.Errorf("begin: %+v", b)
	}
	if r := lines[1]; r.Node != "front" || r.Own != "n1" || r.Outcome != fleet.OK || r.State != "on" {
		t.Errorf("result: %+v", r)
	}
	if e := lines[3]; e.Kind != wire.KindEnd || e.Counts[fleet.OK] != 2 || e.Request != lines[0].Request {
		t.Errorf("end: %+v", e)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range c.Events(t.Context(), event.Filter{Request: lines[0].Request}, false) {
		if err != nil || e.Actor != me.Username || e.Door != local.Name {
			t.Errorf("%+v, %v", e, err)
		}
	}
}

// Folded, results that are alike are one line.
func TestFold(t *testing.T) {
	c, _ := serve(t, &relays{}, 40)
	if _, err := do(t, c, wire.Do{Op: "on", Targets: "n[5-8]"}); err != nil {
		t.Fatal(err)
	}
	lines, err := do(t, c, wire.Do{Op: "status", Targets: "@all,-n40", Fold: true})
	if err != nil || len(lines) != 4 {
		t.Fatalf("%+v, %v", lines, err)
	}
	if l := lines[1]; l.Nodes != "n[1-4,9-39]" || l.Count != 35 || l.State != "off" || l.Outcome != fleet.OK {
		t.Errorf("%+v", l)
	}
	if l := lines[2]; l.Nodes != "n[5-8]" || l.Count != 4 || l.State != "on" {
		t.Errorf("%+v", l)
	}
}

func TestErrorsKeepTheirCode(t *testing.T) {
	c, socket := serve(t, &relays{}, 4)
	for _, tt := range []struct {
		ask  wire.Do
		code room.Code
		said string
	}{
		{wire.Do{Op: "on", Targets: "n99"}, room.CodeNotFound, "no such node: n99"},
		{wire.Do{Op: "temp", Targets: "n1"}, room.CodeRefused, "cannot do temp"},
		{wire.Do{Op: "temp", Targets: "n1", DryRun: true}, room.CodeRefused, "cannot do temp"},
		{wire.Do{Op: "temp", Targets: "n1", Live: true}, room.CodeRefused, "cannot do temp"},
		{wire.Do{Op: "on"}, room.CodeInvalid, "@all"},
		{wire.Do{Op: "explode", Targets: "n1"}, room.CodeInvalid, `no operation "explode"`},
		{wire.Do{Op: "on", Targets: "n[1-"}, room.CodeInvalid, "character"},
		{wire.Do{Op: "on", Targets: "n1", Timeout: -1}, room.CodeInvalid, "negative"},
	} {
		_, err := do(t, c, tt.ask)
		if room.CodeOf(err) != tt.code || !strings.Contains(fmt.Sprint(err), tt.said) {
			t.Errorf("%+v: %v: %v", tt.ask, room.CodeOf(err), err)
		}
	}
	if _, err := c.Run(t.Context(), "nothing"); room.CodeOf(err) != room.CodeNotFound {
		t.Error(err)
	}
	if err := c.Cancel(t.Context(), "nothing"); room.CodeOf(err) != room.CodeNotFound {
		t.Error(err)
	}
	var none *client.NoDaemon
	if _, err := client.New(socket + "x").Runs(t.Context()); !errors.As(err, &none) {
		t.Error(err)
	}
}

// A change goes on when its client leaves; a read is given up.
func TestClientThatLeaves(t *testing.T) {
	d := &relays{begun: make(chan struct{}), hold: make(chan struct{}), reads: make(chan struct{})}
	c, _ := serve(t, d, 4)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		for range c.Do(ctx, wire.Do{Op: "cycle", Targets: "n1"}) {
		}
	}()
	<-d.begun
	leave()
	<-left
	close(d.hold)
	for e, err := range c.Events(t.Context(), event.Filter{Kinds: []event.Kind{event.Result}, Limit: 1}, true) {
		if err != nil || e.Op != "cycle" || e.Outcome != event.OK {
			t.Errorf("%+v, %v", e, err)
		}
	}

	ctx, leave = context.WithCancel(t.Context())
	left = make(chan struct{})
	go func() {
		defer close(left)
		for range c.Do(ctx, wire.Do{Op: "status"}) {
		}
	}()
	<-d.begun
	leave()
	<-left
	// The device is free again only if the read was given up, not held for ever.
	done := make(chan error)
	go func() {
		_, err := do(t, c, wire.Do{Op: "off", Targets: "n1"})
		done <- err
	}()
	<-d.begun
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCancel(t *testing.T) {
	d := &relays{begun: make(chan struct{}, 9), hold: make(chan struct{})}
	c, _ := serve(t, d, 4)
	var outcome fleet.Outcome
	for line, err := range c.Do(t.Context(), wire.Do{Op: "on", Targets: "n1"}) {
		if err != nil {
			t.Fatal(err)
		}
		switch line.Kind {
		case wire.KindBegin:
			<-d.begun
			if err := c.Cancel(t.Context(), line.Request); err != nil {
				t.Error(err)
			}
		case wire.KindResult:
			outcome = line.Outcome
		}
	}
	if outcome != fleet.Unknown {
		t.Errorf("it is %s, and nobody can know what it is", outcome)
	}
	lines, err := do(t, c, wire.Do{Op: "on", Targets: "n1", Timeout: 0.01})
	if err != nil || lines[1].Outcome.Good() {
		t.Errorf("a timeout ends it: %+v, %v", lines, err)
	}
}

func TestListen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sub", "s")
	l, err := local.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != fs.ModeSocket|0o660 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := local.Listen(path); err == nil || !strings.Contains(err.Error(), "a daemon answers on") {
		t.Errorf("on a live socket: %v", err)
	}
	stale := filepath.Join(dir, "stale")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	again, err := local.Listen(stale)
	if err != nil {
		t.Fatalf("on a dead socket: %v", err)
	}
	// What another daemon has put in our place is not ours to remove.
	if err := os.Remove(stale); err != nil {
		t.Fatal(err)
	}
	other, err := local.Listen(stale)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if _, err := os.Lstat(stale); err != nil {
		t.Errorf("the other's socket is gone: %v", err)
	}
	other.Close()
	l.Close()
	for _, p := range []string{path, stale} {
		if _, err := os.Lstat(p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left behind: %v", p, err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := local.Listen(file); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("on a file: %v", err)
	}
	if _, err := local.Listen(filepath.Join(dir, strings.Repeat("x", 110))); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("a long path: %v", err)
	}
}

// raw gives a client that sends whatever it is told to.
func raw(t testing.TB, socket string) *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestBadRequests(t *testing.T) {
	_, socket := serve(t, &relays{}, 1)
	h := raw(t, socket)
	for _, tt := range []struct {
		path, body string
		status     int
	}{
		{"/v0/do", `{"op":"on"`, 400},
		{"/v0/do", `{"op":"on","targets":"n1"}{}`, 400},
		{"/v0/do", `{"op":"on","target":"n1"}`, 400},
		{"/v0/do", `{"targets":"` + strings.Repeat("x", wire.MaxBody) + `"}`, 400},
		{"/v0/plan", `{"goal":"sideways"}`, 400},
		{"/v0/clear", `{"targets":"n9"}`, 404},
		{"/v0/nothing", ``, 404},
	} {
		resp, err := h.Post("http://x"+tt.path, wire.JSON, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("%s %.40s: status %d, want %d", tt.path, tt.body, resp.StatusCode, tt.status)
		}
	}
	for _, query := range []string{"since=now", "limit=-1", "limit=x", "color=red", "after=-1", "kind=zork"} {
		resp, err := h.Get("http://x/v0/events?" + query)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", query, resp.StatusCode)
		}
	}
}

// FuzzRequests sends anything to every route that reads something: each answer is
// either good or a problem that says what is wrong, and the door stays open.
func FuzzRequests(f *testing.F) {
	for _, path := range []string{"/v0/do", "/v0/plan", "/v0/order", "/v0/clear", "/v0/requests/x/cancel", "/v0/runs/x/updates?after=1", "/v0/events?since=2026-01-01T00:00:00Z&kind=a", "/v0/nodes?targets=n1"} {
		f.Add(path, []byte(`{"op":"on","targets":"n[1-2],-n1","verify":true,"timeout_seconds":1}`))
		f.Add(path, []byte(`{"goal":"up","targets":"@all"}`))
	}
	f.Add("/v0/do", []byte(`{"op":"status","targets":"n[1-99999999]","live":true}`))
	_, socket := serve(f, &relays{}, 3)
	h := raw(f, socket)
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		method := http.MethodPost
		if strings.ContainsAny(path, "?") {
			method = http.MethodGet
		}
		if strings.Contains(path, "follow") {
			return // goes on by design
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, method, "http://x/", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if req.URL, err = req.URL.Parse(path); err != nil || req.URL.Host != "x" || req.URL.Scheme != "http" {
			return
		}
		resp, err := h.Do(req)
		if err != nil {
			t.Fatalf("%s %q: %v", method, path, err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatalf("%s %q: %v", method, path, err)
		}
		if resp.Header.Get("Content-Type") == wire.Trouble {
			var p wire.Problem
			if err := json.Unmarshal(answer, &p); err != nil || p.Code == "" || p.Code == room.CodeInternal || p.Detail == "" {
				t.Errorf("%s %q %q: %s", method, path, body, answer)
			}
			return
		}
		for line := range bytes.Lines(answer) {
			if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/") && !json.Valid(line) {
				t.Errorf("%s %q: not JSON: %q", method, path, line)
			}
		}
	})
}

// BenchmarkStatus is the state of n nodes through the whole house, again and again
// on one connection; the device answers at once.
func BenchmarkStatus(b *testing.B) {
	for _, n := range []int{1, 1000, 10_000} {
		for _, live := range []bool{false, true} {
			b.Run(fmt.Sprintf("nodes=%d/live=%v", n, live), func(b *testing.B) {
				c, _ := serve(b, &relays{}, n)
				for b.Loop() {
					count := 0
					for line, err := range c.Do(b.Context(), wire.Do{Op: "status", Live: live}) {
						if err != nil {
							b.Fatal(err)
						}
						if line.Kind == wire.KindResult {
							count++
						}
					}
					if count != n {
						b.Fatal(count)
					}
				}
			})
		}
	}
}
