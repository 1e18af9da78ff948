package httpdoor_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
)

func text(n int64) string { return strconv.FormatInt(n, 10) }

// sse is one reader of a stream.
type sse struct {
	t     testing.TB
	lines *bufio.Scanner
	close func()
}

type message struct{ kind, id, data string }

// follow opens a stream.
func (s *stand) follow(c call) *sse {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h, req := s.request(ctx, c)
	resp, err := h.Do(req) //nolint:bodyclose // it is closed by the reader's close
	if err != nil {
		cancel()
		s.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != wire.SSE {
		body, _ := io.ReadAll(resp.Body)
		cancel()
		s.t.Fatalf("%s: %d %s", c.path, resp.StatusCode, body)
	}
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, wire.MaxLine)
	one := &sse{t: s.t, lines: in, close: func() {
		cancel()
		resp.Body.Close()
	}}
	s.t.Cleanup(one.close)
	return one
}

// next gives the next message; ok is false at the end.
func (r *sse) next() (m message, ok bool) {
	r.t.Helper()
	for r.lines.Scan() {
		name, value, _ := strings.Cut(r.lines.Text(), ": ")
		switch name {
		case "event":
			m.kind = value
		case "id":
			m.id = value
		case "data":
			m.data = value
		case "":
			if m.data != "" {
				return m, true
			}
			m = message{}
		}
	}
	return m, false
}

func (r *sse) mustNext() message {
	r.t.Helper()
	m, ok := r.next()
	if !ok {
		r.t.Fatal("the stream has ended")
	}
	return m
}

// A reader that comes back again and again has in the end seen each event once.
func TestEventsResume(t *testing.T) {
	s := newStand(t, &relays{}, 2)
	first := s.follow(call{path: "/v1/events/stream?after=0&kind=intent", user: "ann"})
	switching := make(chan struct{})
	go func() {
		defer close(switching)
		for range 30 {
			for range s.client.Do(context.Background(), wire.Do{Op: "on", Targets: "n1"}) {
			}
		}
	}()
	var seen []string
	last := ""
	for r := first; len(seen) < 30; {
		for range 4 {
			m := r.mustNext()
			var e wire.Event
			if err := json.Unmarshal([]byte(m.data), &e); err != nil || m.kind != "event" || text(e.Seq) != m.id || e.Kind != event.Intent {
				t.Fatalf("%+v: %v", m, err)
			}
			seen, last = append(seen, m.id), m.id
			if len(seen) == 30 {
				break
			}
		}
		r.close()
		r = s.follow(call{path: "/v1/events/stream?kind=intent", user: "ann", header: map[string]string{"Last-Event-ID": last}})
	}
	<-switching
	want := []string{}
	for e := range s.client.Events(t.Context(), event.Filter{Kinds: []event.Kind{event.Intent}}, false) {
		want = append(want, text(e.Seq))
	}
	if !slices.Equal(seen, want) {
		t.Errorf("seen %v\nthere are %v", seen, want)
	}
}

func TestWhereAStreamBegins(t *testing.T) {
	s := newStand(t, &relays{}, 2)
	for range 5 {
		read[wire.Operation](s, call{path: "/v1/operations", body: `{"op":"on","targets":"n1"}`})
	}
	last := read[wire.Room](s, call{path: "/v1/room"}).Seq
	r := s.follow(call{path: "/v1/events/stream?newest=2&kind=result"})
	r.mustNext()
	if m := r.mustNext(); m.id != text(last) {
		t.Errorf("the newest is %s, and %s came", text(last), m.id)
	}
	// Somebody who knows of events that have never been is told so.
	r = s.follow(call{path: "/v1/events/stream", header: map[string]string{"Last-Event-ID": "999999"}})
	if m := r.mustNext(); m.kind != "reset" || m.id != text(last) {
		t.Errorf("%+v", m)
	}
	// From now on is the default.
	r = s.follow(call{path: "/v1/events/stream?kind=intent"})
	read[wire.Operation](s, call{path: "/v1/operations", body: `{"op":"off","targets":"n2"}`})
	if m := r.mustNext(); !strings.Contains(m.data, `"op":"off"`) {
		t.Errorf("%+v", m)
	}
	if r := s.ask(call{path: "/v1/events/stream", header: map[string]string{"Last-Event-ID": "x"}}); r.status != http.StatusBadRequest {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestStates(t *testing.T) {
	s := newStand(t, &relays{}, 3)
	read[wire.Operation](s, call{path: "/v1/operations", body: `{"op":"status"}`})
	r := s.follow(call{path: "/v1/states/stream"})
	if m := r.mustNext(); m.kind != "states" || !strings.Contains(m.data, `"off":"n[1-3]"`) {
		t.Fatalf("%+v", m)
	}
	bob := s.follow(call{path: "/v1/states/stream", user: "bob"})
	if m := bob.mustNext(); !strings.Contains(m.data, `"off":"n[1-2]"`) {
		t.Errorf("bob sees %+v", m)
	}
	read[wire.Operation](s, call{path: "/v1/operations", body: `{"op":"on","targets":"n[2-3]"}`})
	one, two := r.mustNext(), r.mustNext()
	if one.kind != "change" || !strings.Contains(one.data+two.data, `"node":"n3","state":"on","was":"off"`) {
		t.Errorf("%+v %+v", one, two)
	}
	if m := bob.mustNext(); !strings.Contains(m.data, `"node":"n2"`) {
		t.Errorf("bob sees %+v", m)
	}
	// Who comes back gets what they missed, and not everything.
	r = s.follow(call{path: "/v1/states/stream", header: map[string]string{"Last-Event-ID": one.id}})
	if m := r.mustNext(); m != two {
		t.Errorf("%+v, want %+v", m, two)
	}
	r = s.follow(call{path: "/v1/states/stream?targets=n1", header: map[string]string{"Last-Event-ID": "another-7"}})
	if m := r.mustNext(); m.kind != "states" || !strings.Contains(m.data, `{"off":"n1"}`) {
		t.Errorf("%+v", m)
	}
	if _, err := s.client.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m := r.mustNext(); m.kind != "states" {
		t.Errorf("another room is told by %+v", m)
	}
}

// A listener that was opened for the daemon is served, though the room names none.
func TestPassedListener(t *testing.T) {
	s := &stand{t: t, dir: t.TempDir(), relays: &relays{}, nodes: 2, tokens: make(map[string]string), passed: true}
	s.addUsers(secretOf(""))
	s.start(true)
	for range 2 {
		if r := s.ask(call{path: "/v1/room", user: "ann"}); r.status != http.StatusOK {
			t.Errorf("%d %s", r.status, r.body)
		}
		if _, err := s.client.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// A stream ends when its reader's token is taken away, and says why.
func TestRevokedReaders(t *testing.T) {
	s := newStand(t, &relays{}, 2)
	events, states := s.follow(call{path: "/v1/events/stream?kind=result", user: "bob"}), s.follow(call{path: "/v1/states/stream", user: "bob"})
	states.mustNext()
	id := strings.Split(s.tokens["bob"], "_")[1]
	if r := s.ask(call{method: "DELETE", path: "/v1/tokens/" + id}); r.status/100 != 2 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	read[wire.Operation](s, call{path: "/v1/operations", body: `{"op":"on","targets":"n1"}`})
	for name, r := range map[string]*sse{"events": events, "states": states} {
		m, ok := r.next()
		if _, more := r.next(); !ok || m.kind != "problem" || !strings.Contains(m.data, `"code":"refused"`) || more {
			t.Errorf("%s: %+v, and more: %v", name, m, more)
		}
	}
	if r := s.ask(call{path: "/v1/room", user: "bob"}); r.status != http.StatusUnauthorized {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// Who may see less than before sees less from the next message on: of states, of a
// run under way, and of what was once carried out for them.
func TestNarrowedReaders(t *testing.T) {
	d := &relays{begun: make(chan struct{}), hold: make(chan struct{})}
	s := newStand(t, d, 3)
	ctx := t.Context()
	grant := func(role, nodes string) {
		t.Helper()
		if _, err := s.client.RemoveGrant(ctx, "user:bob", ""); err != nil {
			t.Fatal(err)
		}
		if err := s.client.AddGrant(ctx, wire.Grant{Principal: "user:bob", Role: role, Nodes: nodes}); err != nil {
			t.Fatal(err)
		}
	}
	grant("operate", "n[1-2]")
	made, err := s.client.CreateToken(ctx, wire.NewToken{Owner: "bob", Role: "operate"})
	if err != nil {
		t.Fatal(err)
	}
	s.tokens["bob"] = made.Text
	begun := read[wire.Planned](s, call{path: "/v1/runs", body: `{"goal":"up","targets":"n[1-2]"}`, user: "bob"})
	states, updates := s.follow(call{path: "/v1/states/stream", user: "bob"}), s.follow(call{path: "/v1/runs/" + begun.Run + "/updates", user: "bob"})
	states.mustNext()
	updates.mustNext()
	<-d.begun // one batch for both nodes
	grant("operate", "n1")
	close(d.hold)
	for {
		m, ok := updates.next()
		if !ok {
			t.Error("the stream of a run that may no longer be seen went on to its end")
			break
		}
		if m.kind == "problem" {
			break
		}
		if strings.Contains(m.data, `"result"`) {
			t.Errorf("told of a run that may no longer be seen: %s", m.data)
		}
	}
	keyed := call{path: "/v1/operations", body: `{"op":"on","targets":"n1"}`, user: "bob", header: map[string]string{wire.IdempotencyKey: "k"}}
	go func() { <-d.begun }() // hold is closed: the batch only says that it begins
	if r := s.ask(keyed); r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.body)
	}
	if m := states.mustNext(); !strings.Contains(m.data, `"n1"`) {
		t.Errorf("told of a node that may no longer be seen: %+v", m)
	}
	grant("operate", "n3")
	if r := s.ask(keyed); r.status != http.StatusNotFound || strings.Contains(string(r.body), "n1") {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// By HTTP/2 it is the same.
func TestHTTP2(t *testing.T) {
	s := &stand{t: t, dir: t.TempDir(), relays: &relays{}, nodes: 2, tokens: make(map[string]string), two: true}
	s.addUsers(secretOf(""))
	s.start(true)
	var readers []*sse
	for range 20 {
		readers = append(readers, s.follow(call{path: "/v1/events/stream?kind=result", user: "ann"}))
	}
	r := s.ask(call{path: "/v1/operations", user: "ann", body: `{"op":"on","targets":"n1"}`})
	if r.status != http.StatusOK || r.proto != 2 {
		t.Errorf("%d by HTTP/%d: %s", r.status, r.proto, r.body)
	}
	for _, one := range readers {
		if m := one.mustNext(); !strings.Contains(m.data, `"targets":"n1"`) {
			t.Errorf("%+v", m)
		}
	}
}

// Who does not read is dropped, delays nobody, and resumes without a loss.
func TestStalledReader(t *testing.T) {
	t.Parallel()
	s := newStand(t, &relays{}, 2)
	const changes = 1500
	conn, err := tls.DialWithDialer(&net.Dialer{Control: smallBuffer}, "tcp", s.addr, s.trust())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /v1/events/stream?after=0&kind=intent HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "+s.tokens["ann"]+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	stalled, err := http.ReadResponse(bufio.NewReader(conn), nil) // and no more than its head
	if err != nil || stalled.StatusCode != http.StatusOK {
		t.Fatal(stalled, err)
	}
	defer stalled.Body.Close()
	reader := s.follow(call{path: "/v1/events/stream?after=0&kind=intent", user: "ann"})
	go func() {
		for range changes {
			for range s.client.Do(context.Background(), wire.Do{Op: "on", Targets: "n1"}) {
			}
		}
	}()
	want := make([]string, changes)
	for i := range want {
		want[i] = reader.mustNext().id
	}
	reader.close()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for range look.C {
		if strings.Contains(string(s.ask(call{path: "/metrics"}).body), "\nmillwright_stream_readers 0\n") {
			break
		}
	}
	got := idsIn(stalled.Body) // what it had been sent before it was dropped
	if len(got) == 0 || len(got) >= changes {
		t.Fatalf("the one who stalled has %d of %d", len(got), changes)
	}
	again := s.follow(call{path: "/v1/events/stream?kind=intent", user: "ann", header: map[string]string{"Last-Event-ID": got[len(got)-1]}})
	for len(got) < changes {
		got = append(got, again.mustNext().id)
	}
	if !slices.Equal(got, want) {
		t.Error("something is missing, or came twice")
	}
}

// smallBuffer lets the kernel keep little for a client that does not read.
func smallBuffer(_, _ string, c syscall.RawConn) error {
	var err error
	failed := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10)
	})
	return errors.Join(err, failed)
}

// idsIn gives the ids of the whole messages that a body still holds.
func idsIn(body io.Reader) (ids []string) {
	text, _ := io.ReadAll(body) // it was cut off
	for part := range strings.SplitSeq(string(text), "\n\n") {
		_, id, found := strings.Cut(part, "\nid: ")
		if id, data, _ := strings.Cut(id, "\n"); found && strings.HasSuffix(data, "}") {
			ids = append(ids, id)
		}
	}
	return ids
}

// A run's updates come in order, from where the reader has got to.
func TestUpdatesResume(t *testing.T) {
	s := newStand(t, &relays{}, 4)
	begun := read[wire.Planned](s, call{path: "/v1/runs", body: `{"goal":"up"}`})
	first := s.follow(call{path: "/v1/runs/" + begun.Run + "/updates"})
	one := first.mustNext()
	first.close()
	rest := s.follow(call{path: "/v1/runs/" + begun.Run + "/updates", header: map[string]string{"Last-Event-ID": one.id}})
	for want := 2; ; want++ {
		m, ok := rest.next()
		if !ok {
			break
		}
		if m.id != strconv.Itoa(want) || m.kind != "update" {
			t.Fatalf("%+v, want update %d", m, want)
		}
	}
	if info := read[wire.Run](s, call{path: "/v1/runs/" + begun.Run}); info.Updates < 6 || !info.State.Final() {
		t.Errorf("%+v", info)
	}
}

// The client's stream goes on where it broke off, over a daemon's restart too.
func TestClientFollowsFromTheLog(t *testing.T) {
	s := newStand(t, &relays{}, 2)
	for range 3 {
		read[wire.Operation](s, call{path: "/v1/operations", body: `{"op":"on","targets":"n1"}`})
	}
	s.halt()
	s.start(true)
	remote, err := client.Open(client.Options{Server: "https://" + s.addr, CA: s.state() + "/tls/ca.pem", Token: secretOf(s.tokens["ann"])})
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	count := 0
	for e, err := range remote.Events(t.Context(), event.Filter{Kinds: []event.Kind{event.Result}, Limit: 5}, true) {
		if err != nil || e.Op != "on" {
			t.Fatalf("%+v, %v", e, err)
		}
		if count++; count >= 3 && count < 5 {
			read[wire.Operation](s, call{path: "/v1/operations", body: `{"op":"on","targets":"n2"}`})
		}
	}
	if count != 5 {
		t.Errorf("%d results", count)
	}
}

// People and programs that follow events and do not read them must not cost the
// daemon its memory.
func TestReadersAreCheap(t *testing.T) {
	const readers, limit = 400, 72 << 10 // bytes for each, with its client's end
	c, socket := serve(t, &relays{}, 1)
	for range c.Events(t.Context(), event.Filter{}, false) { // so that all is warm
	}
	used := func() uint64 {
		for range 3 { // pools are given up at the second
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := used()
	for range readers {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /v1/events/stream HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		var b [len("HTTP/1.1 200 OK")]byte
		if _, err := io.ReadFull(conn, b[:]); err != nil || !strings.HasSuffix(string(b[:]), "200 OK") {
			t.Fatalf("%q, %v", b[:], err)
		}
	}
	each := int(used()-before) / readers
	if each > limit {
		t.Errorf("a reader takes %d bytes, more than %d", each, limit)
	}
	t.Logf("a reader takes %d bytes", each)
}
