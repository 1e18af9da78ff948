package httpdoor_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"millwright.dev/millwright/internal/door/http/wire"
)

// zeros is a body without an end.
type zeros struct{ sent atomic.Int64 }

func (z *zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	z.sent.Add(int64(len(b)))
	return len(b), nil
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	s := newStand(t, &relays{}, 2)
	for _, tt := range []struct {
		name, user string
		length     int64 // as announced
		status     int
		most       int64 // bytes that may be taken
	}{
		{"a gigabyte that is announced", "ann", 1 << 30, http.StatusRequestEntityTooLarge, 2 * wire.MaxBody},
		{"a gigabyte that is not", "ann", -1, http.StatusRequestEntityTooLarge, 2 * wire.MaxBody},
		{"a gigabyte by nobody", "nobody", -1, http.StatusUnauthorized, 2 * wire.MaxBody},
		{"a gigabyte by nobody, to log in", "", -1, http.StatusRequestEntityTooLarge, 2 * wire.MaxBody},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := &zeros{}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			path := "/v1/operations"
			if tt.user == "" {
				path = "/v1/session"
			}
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+s.addr+path, io.LimitReader(body, 1<<30))
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = tt.length
			req.Header.Set("Authorization", "Bearer "+s.tokens[tt.user])
			resp, err := s.remote.Do(req)
			switch {
			case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET): // it was cut off before it could hear why
			case err != nil:
				t.Fatal(err)
			default:
				defer resp.Body.Close()
				if resp.StatusCode != tt.status || resp.Header.Get("Content-Type") != wire.Trouble {
					t.Errorf("%s", resp.Status)
				}
			}
			if n := body.sent.Load(); n > tt.most {
				t.Errorf("%d MiB were taken", n>>20)
			}
		})
	}
}

func TestRequestsThatNobodyHonestSends(t *testing.T) {
	s := newStand(t, &relays{}, 2)
	header := func(pairs ...string) map[string]string {
		h := make(map[string]string)
		for i := 0; i < len(pairs); i += 2 {
			h[pairs[i]] = pairs[i+1]
		}
		return h
	}
	const on = `{"op":"on","targets":"n1"}`
	for _, tt := range []struct {
		name string
		call call
		want int
	}{
		{"a name that is not ours", call{path: "/v1/room", host: "evil.example"}, 421},
		{"a name that only ends like ours", call{path: "/v1/room", host: "millwright.test.evil.example"}, 421},
		{"no name", call{path: "/v1/room", host: " "}, 421},
		{"the room's name for it", call{path: "/v1/room", host: "MillWright.Test.:8443"}, 200},
		{"localhost", call{path: "/v1/room", host: "localhost:1"}, 200},
		{"a page of another site posts", call{path: "/v1/operations", body: on, header: header("Sec-Fetch-Site", "cross-site")}, 403},
		{"an old browser's page of another site", call{path: "/v1/operations", body: on, header: header("Origin", "https://evil.example")}, 403},
		{"a page without an origin", call{path: "/v1/operations", body: on, header: header("Origin", "null")}, 403},
		{"a page of ours", call{path: "/v1/operations", body: on, header: header("Origin", "https://"+s.addr, "Sec-Fetch-Site", "same-origin")}, 200},
		{"a form", call{path: "/v1/operations", body: on, header: header("Content-Type", "text/plain")}, 415},
		{"dots", call{path: "/v1/x/../room"}, 404},
		{"dots in disguise", call{path: "/v1/%2e%2e/v1/room"}, 404},
		{"two slashes", call{path: "//v1/room"}, 404},
		{"a slash at the end", call{path: "/v1/room/"}, 404},
		{"a backslash", call{path: "/v1/room%5c"}, 404},
		{"a NUL", call{path: "/v1/nodes/n1%00"}, 404},
		{"a long path", call{path: "/v1/nodes?targets=" + strings.Repeat("n", 20_000)}, 414},
		{"long headers", call{path: "/v1/room", header: header("X-Long", strings.Repeat("x", 100_000))}, 431},
		{"another method", call{method: "PUT", path: "/v1/room", body: "{}"}, 405},
		{"a wrong key of a token", call{path: "/v1/room", header: header("Authorization", "Bearer "+s.tokens["ann"][:len(s.tokens["ann"])-1]+"x")}, 401},
		{"half a token", call{path: "/v1/room", header: header("Authorization", "Bearer mwt_")}, 401},
		{"a scheme that is none", call{path: "/v1/room", header: header("Authorization", "Negotiate x")}, 401},
		{"a body that is no JSON", call{path: "/v1/operations", body: `{"op":"on"`}, 400},
		{"more behind it", call{path: "/v1/operations", body: on + "{}"}, 400},
		{"a field that there is not", call{path: "/v1/operations", body: `{"op":"on","target":"n1"}`}, 422},
		{"deep nesting", call{path: "/v1/operations", body: strings.Repeat("[", 100_000)}, 400},
		{"too long a key", call{path: "/v1/operations", body: on, header: header(wire.IdempotencyKey, strings.Repeat("k", 300))}, 422},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := *s
			s.t = t
			if tt.call.user == "" {
				tt.call.user = "ann"
			}
			r := s.ask(tt.call)
			if r.status != tt.want {
				t.Errorf("%d, want %d: %.300s", r.status, tt.want, r.body)
			}
			if r.status >= 400 && r.status != 431 && r.problem().Code == "" {
				t.Errorf("no problem document: %.300s", r.body)
			}
			if strings.Contains(string(r.body), "[[[[[") {
				t.Error("what was sent is sent back")
			}
			for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"} {
				if r.header.Get(name) != "" {
					t.Errorf("%s is answered", name)
				}
			}
		})
	}
	if n := s.intents(); n != 1 {
		t.Errorf("%d things were done, want what the page of ours asked for", n)
	}
}

func TestHeadersOfAnswers(t *testing.T) {
	s := newStand(t, &relays{}, 1)
	r := s.ask(call{path: "/v1/room", user: "ann"})
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Strict-Transport-Security": "max-age=31536000",
		"Content-Security-Policy": "default-src 'none'", "X-Frame-Options": "DENY",
	} {
		if !strings.HasPrefix(r.header.Get(name), want) {
			t.Errorf("%s: %q", name, r.header.Get(name))
		}
	}
	page := s.ask(call{path: "/docs", user: "nobody"})
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("%s", policy)
	}
	for _, path := range []string{"/docs", "/docs/page.js", "/docs/style.css"} {
		if body := string(s.ask(call{path: path, user: "nobody"}).body); strings.Contains(body, "http://") || strings.Contains(body, "https://") {
			t.Errorf("%s asks for something elsewhere", path)
		}
	}
}

// A browser's session: begun with a password, worth nothing to other sites, and
// over when it is ended.
func TestSessions(t *testing.T) {
	t.Parallel()
	const password = "correct horse battery"
	s := standWith(t, &relays{}, 2, secretOf(password))
	login := func(name, password string) reply {
		return s.ask(call{path: "/v1/session", user: "nobody", body: fmt.Sprintf(`{"user":%q,"password":%q}`, name, password)})
	}
	if r := login("ann", "wrong"); r.status != http.StatusUnauthorized || r.header.Get("Set-Cookie") != "" || strings.Contains(string(r.body), "wrong name") {
		t.Errorf("%d %s", r.status, r.body)
	}
	r := login("ann", password)
	cookie := r.header.Get("Set-Cookie")
	for _, want := range []string{"__Host-millwright_session=", "HttpOnly", "Secure", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("%s: %s is missing", cookie, want)
		}
	}
	pair, _, _ := strings.Cut(cookie, ";")
	with := map[string]string{"Cookie": pair}
	if who := read[wire.Who](s, call{path: "/v1/session", user: "nobody", header: with}); who.User != "ann" || who.Door != "http" {
		t.Errorf("%+v", who)
	}
	// What goes on under it is over with the password, before anything more is told.
	second := login("bob", password)
	theirs, _, _ := strings.Cut(second.header.Get("Set-Cookie"), ";")
	stream := s.follow(call{path: "/v1/events/stream", user: "nobody", header: map[string]string{"Cookie": theirs}})
	if err := s.client.SetPassword(t.Context(), "bob", "another horse battery"); err != nil {
		t.Fatal(err)
	}
	for range s.client.Do(t.Context(), wire.Do{Op: "on", Targets: "n1"}) {
	}
	if m := stream.mustNext(); m.kind != "problem" {
		t.Errorf("told after the password was changed: %+v", m)
	}
	stolen := map[string]string{"Cookie": pair, "Origin": "https://evil.example"}
	if r := s.ask(call{path: "/v1/operations", user: "nobody", body: `{"op":"on","targets":"n1"}`, header: stolen}); r.status != http.StatusForbidden {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := s.ask(call{method: "DELETE", path: "/v1/session", user: "nobody", header: with}); r.status != http.StatusNoContent {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := s.ask(call{path: "/v1/session", user: "nobody", header: with}); r.status != http.StatusUnauthorized {
		t.Errorf("a session that was ended: %d %s", r.status, r.body)
	}
	for range 30 {
		if r = login("bob", "guess"); r.status == http.StatusTooManyRequests {
			break
		}
	}
	if r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") == "" {
		t.Errorf("guessing goes on: %d %v", r.status, r.header)
	}
}

// Whoever sends slowly, or nothing, or no TLS, holds up nobody and is left.
func TestSlowClients(t *testing.T) {
	t.Parallel() // with the others that wait for the daemon's patience to end
	s := newStand(t, &relays{}, 1)
	var conns []net.Conn
	for i := range 200 {
		var conn net.Conn
		var err error
		if i%2 == 0 {
			conn, err = net.Dial("tcp", s.addr) // and never a handshake
		} else {
			conn, err = tls.Dial("tcp", s.addr, s.trust())
		}
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%2 == 1 {
			fmt.Fprint(conn, "GET /v1/room HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
		}
		conns = append(conns, conn)
	}
	if r := s.ask(call{path: "/v1/room", user: "ann"}); r.status != http.StatusOK {
		t.Errorf("%d", r.status)
	}
	for _, conn := range conns { // each is closed by the daemon, in its own time
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Fatal("a connection is still open after a minute")
		}
	}
}

// Strangers may log in, and however slowly they do that, those who have done so are
// not kept from sending what is large.
func TestSlowStrangers(t *testing.T) {
	s := newStand(t, &relays{}, 1)
	conns := make([]net.Conn, 40)
	for i := range conns {
		conn, err := tls.Dial("tcp", s.addr, s.trust())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100") { // the body is being read
			t.Fatalf("%q, %v", line, err)
		}
		conns[i] = conn
	}
	body := io.LimitReader(&zeros{}, 100<<10) // of a length that is not announced
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+s.addr+"/v1/reload", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.tokens["ann"])
	resp, err := s.remote.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode >= 500 {
		t.Error(resp.Status)
	}
	for _, conn := range conns { // the daemon still waits for them
		_ = conn.SetReadDeadline(time.Now())
		var late net.Error
		if _, err := conn.Read(make([]byte, 1)); !errors.As(err, &late) || !late.Timeout() {
			t.Fatalf("a stranger was answered first: %v", err)
		}
	}
}

// Plain HTTP on the door for TLS gets no answer that could be taken for one.
func TestPlainHTTP(t *testing.T) {
	s := newStand(t, &relays{}, 1)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /v1/room HTTP/1.1\r\nHost: localhost\r\n\r\n")
	line, _ := bufio.NewReader(conn).ReadString('\n')
	if !strings.Contains(line, "400") {
		t.Errorf("%q", line)
	}
}
