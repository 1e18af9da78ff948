package httpdoor_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/secret"
)

// Console implements [driver.Consoler]: it says again what is typed.
func (*relaySession) Console(context.Context, int) (driver.Console, error) {
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(theirs, theirs) }()
	return echoing{ours, theirs}, nil
}

type echoing struct {
	net.Conn
	far net.Conn
}

func (e echoing) Close() error { return errors.Join(e.far.Close(), e.Conn.Close()) }
func (echoing) Break() error   { return nil }

// shake opens a WebSocket and gives its messages, or the answer that refused it.
func (s *stand) shake(t *testing.T, c call) (*websocket.Conn, int) {
	t.Helper()
	h, req := s.request(t.Context(), c)
	conn, resp, err := websocket.Dial(t.Context(), //nolint:bodyclose // it needs no closing, says the library
		req.URL.String(), &websocket.DialOptions{HTTPClient: h, HTTPHeader: req.Header, Host: c.host})
	if err != nil {
		if resp == nil {
			t.Fatal(err)
		}
		return nil, resp.StatusCode
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn, resp.StatusCode
}

// await reads until a message of a type comes.
func await(t *testing.T, conn *websocket.Conn, kind string) wire.ConsoleMessage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		what, data, err := conn.Read(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v", kind, err)
		}
		var m wire.ConsoleMessage
		if what == websocket.MessageText && json.Unmarshal(data, &m) == nil && m.Type == kind {
			return m
		}
	}
}

func TestConsolesAreNotHijacked(t *testing.T) {
	t.Parallel()
	s := standWith(t, &relays{}, 2, secret.NewValue("Plover-4 in the reeds"))
	in := s.ask(call{path: "/v1/session", body: `{"user":"ann","password":"Plover-4 in the reeds"}`, user: "nobody"})
	cookie, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
	if in.status != http.StatusOK || cookie == "" {
		t.Fatalf("%d %s", in.status, in.body)
	}
	own := "https://" + s.addr
	const path = "/v1/nodes/n1/console"
	for _, tt := range []struct {
		name, user string
		header     map[string]string
		path       string
		status     int
	}{
		{name: "a program with a token", user: "ann", status: 101},
		{name: "our own page", header: map[string]string{"Cookie": cookie, "Origin": own, "Sec-Fetch-Site": "same-origin"}, status: 101},
		{name: "another site's page", header: map[string]string{"Cookie": cookie, "Origin": "https://evil.example"}, status: 403},
		{name: "another port's page", header: map[string]string{"Cookie": cookie, "Origin": "https://127.0.0.1:1"}, status: 403},
		{name: "a page without TLS", header: map[string]string{"Cookie": cookie, "Origin": "http://" + s.addr}, status: 403},
		{name: "a page of nowhere", header: map[string]string{"Cookie": cookie, "Origin": "null"}, status: 403},
		{name: "a page that hides where it is from", header: map[string]string{"Cookie": cookie}, status: 403},
		{name: "a page of a sister site", header: map[string]string{"Cookie": cookie, "Origin": own, "Sec-Fetch-Site": "same-site"}, status: 403},
		{name: "another site's page with a token", user: "ann", header: map[string]string{"Origin": "https://evil.example"}, status: 403},
		{name: "nobody", user: "nobody", status: 401},
		{name: "who may only look", user: "bob", status: 403},
		{name: "who may only look, and would watch", user: "bob", path: path + "?mode=watch", status: 403},
		{name: "who may only look, of what is not there", user: "bob", path: "/v1/nodes/n9/console", status: 404},
		{name: "no such node", user: "ann", path: "/v1/nodes/n9/console", status: 404},
		{name: "several nodes", user: "ann", path: "/v1/nodes/n[1-2]/console", status: 400},
		{name: "no such mode", user: "ann", path: path + "?mode=steal", status: 422},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := call{path: tt.path, user: tt.user, header: tt.header}
			if c.path == "" {
				c.path = path
			}
			if c.user == "" {
				c.user = "by cookie" // comes over the network, without a token
			}
			conn, status := s.shake(t, c)
			if status != tt.status {
				t.Fatalf("%d, want %d", status, tt.status)
			}
			if conn != nil {
				await(t, conn, wire.ConsoleAttached)
				_ = conn.CloseNow()
				gone(t, s)
			}
		})
	}
	for _, path := range []string{"/v1/nodes/n1/console/log", "/v1/consoles"} {
		if r := s.ask(call{path: path, user: "bob"}); r.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	if r := s.ask(call{path: path, user: "ann"}); r.status != http.StatusUpgradeRequired {
		t.Errorf("no upgrade: %d %s", r.status, r.body)
	}
}

// gone waits until nobody is attached.
func gone(t *testing.T, s *stand) {
	t.Helper()
	late := time.Now().Add(30 * time.Second)
	for time.Now().Before(late) {
		busy := false
		for _, c := range read[wire.Consoles](s, call{path: "/v1/consoles"}).Items {
			busy = busy || len(c.Attached) > 0
		}
		if !busy {
			return
		}
	}
	t.Fatal("somebody is still attached")
}

// TestAConsoleEndsWithItsToken takes away the token of somebody who is attached.
func TestAConsoleEndsWithItsToken(t *testing.T) {
	t.Parallel()
	s := newStand(t, &relays{}, 2)
	conn, status := s.shake(t, call{path: "/v1/nodes/n1/console", user: "ann"})
	if status != 101 {
		t.Fatal(status)
	}
	await(t, conn, wire.ConsoleWriter)
	list := read[wire.Tokens](s, call{path: "/v1/tokens", user: "ann"})
	for _, token := range list.Items {
		if token.Owner == "ann" {
			if r := s.ask(call{method: http.MethodDelete, path: "/v1/tokens/" + token.ID}); r.status/100 != 2 {
				t.Fatalf("%d %s", r.status, r.body)
			}
		}
	}
	if err := conn.Write(t.Context(), websocket.MessageBinary, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if m := await(t, conn, wire.ConsoleClosed); m.Said == "" {
		t.Errorf("%+v", m)
	}
}

func TestConsoleFramesAreBounded(t *testing.T) {
	t.Parallel()
	s := newStand(t, &relays{}, 2)
	for _, frame := range [][]byte{make([]byte, 1<<20), []byte(`{"type":`), []byte(`{"type":"resize","columns":-1,"rows":99999999}`), []byte(`{"type":"shout"}`), nil} {
		conn, status := s.shake(t, call{path: "/v1/nodes/n1/console?take_over=true", user: "ann"})
		if status != 101 {
			t.Fatal(status)
		}
		await(t, conn, wire.ConsoleWriter)
		_ = conn.Write(t.Context(), websocket.MessageText, frame)
		if len(frame) > 1<<10 {
			for err := error(nil); err == nil; { // too much of it: we are turned out
				_, _, err = conn.Read(t.Context())
			}
		}
		_ = conn.CloseNow()
	}
	if c, err := s.client.Console(t.Context(), "n1", client.Attach{Watch: true}); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
}
