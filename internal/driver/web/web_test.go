package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	user     = "root"
	password = `p&ss "word"/9`
)

func env() driver.Env {
	return driver.Env{
		Device: "dev", Log: slog.New(slog.DiscardHandler), Reached: func() {}, Acted: func() {},
		Plugs:       []driver.Plug{{Name: "a"}, {Name: "b"}, {Name: "c"}},
		DialContext: new(net.Dialer).DialContext,
		Credential:  secret.Resolved{User: user, Values: map[string]secret.Value{secret.Password: secret.NewValue(password)}},
	}
}

// open opens a client to an address.
func open(t *testing.T, address string, config web.Config) *web.Client {
	t.Helper()
	base, err := web.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	config.Base = base
	c, err := web.Open(t.Context(), env(), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// ask asks one thing in an action of its own.
func ask(t *testing.T, c *web.Client, r web.Request) (a *web.Answer, err error) {
	t.Helper()
	err = c.Aside(t.Context(), func(talk *web.Talk) error {
		a, err = talk.Do(r)
		return err
	})
	return a, err
}

// sink writes down what it hears.
type sink struct {
	told   []string
	traces strings.Builder
}

func (s *sink) add(format string, args ...any)             { s.told = append(s.told, fmt.Sprintf(format, args...)) }
func (s *sink) State(plug int, state room.State, _ string) { s.add("%d %v", plug, state) }
func (s *sink) Done(plug int)                              { s.add("%d done", plug) }
func (s *sink) Failed(plug int, said string)               { s.add("%d failed: %s", plug, said) }
func (s *sink) Unknown(plug int, why *driver.Fault)        { s.add("%d unknown: %d", plug, why.Phase) }
func (s *sink) Fault(f *driver.Fault)                      { s.add("fault: %d", f.Phase) }
func (s *sink) Trace(t devspec.Trace)                      { s.traces.WriteString(t.Text) }

// TestCredentials: how requests carry them, and that a connection is kept.
func TestCredentials(t *testing.T) {
	basic := func(r *http.Request) bool {
		u, p, ok := r.BasicAuth()
		return ok && u == user && p == password
	}
	for name, c := range map[string]struct {
		scheme   web.Scheme
		lets     func(*http.Request) bool
		asks     string
		requests int64 // of the server, for three asked
		status   int
	}{
		"basic, unasked":             {web.Basic, basic, "", 3, 200},
		"basic, asked":               {web.Asked, basic, `Basic realm="x"`, 4, 200},
		"bearer":                     {web.Bearer, func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer "+password }, "", 3, 200},
		"none":                       {web.None, func(r *http.Request) bool { return r.Header.Get("Authorization") == "" }, "", 3, 200},
		"digest, and basic is asked": {web.Digest, func(r *http.Request) bool { return r.Header.Get("Authorization") != "" }, `Basic realm="x"`, 3, 401},
		"digest, never believed":     {web.Digest, func(*http.Request) bool { return false }, `Digest realm="x", nonce="n", qop="auth"`, 4, 401},
		"asked in a strange way":     {web.Asked, func(*http.Request) bool { return false }, `Negotiate`, 3, 401},
	} {
		t.Run(name, func(t *testing.T) {
			var requests, conns atomic.Int64
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if !c.lets(r) {
					w.Header().Set("WWW-Authenticate", c.asks)
					w.WriteHeader(http.StatusUnauthorized)
				}
			}))
			s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					conns.Add(1)
				}
			}
			s.Start()
			defer s.Close()
			client := open(t, s.URL, web.Config{Auth: web.Auth{Scheme: c.scheme}})
			for range 3 {
				a, err := ask(t, client, web.Request{Path: "x"})
				if err != nil || a.Status != c.status {
					t.Fatalf("%+v, %v; want status %d", a, err, c.status)
				}
				if name == "digest, never believed" {
					requests.CompareAndSwap(6, 4) // each is asked again once with the last challenge
				}
			}
			if name != "digest, never believed" && requests.Load() != c.requests {
				t.Errorf("the server had %d requests, want %d", requests.Load(), c.requests)
			}
			if conns.Load() != 1 {
				t.Errorf("there were %d connections", conns.Load())
			}
		})
	}
}

// TestRedirects: only so many, only to the same place, and a change is not done again
// by one.
func TestRedirects(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	var heard []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard = append(heard, r.Method+" "+r.URL.RequestURI())
		switch r.URL.Path {
		case "/see":
			http.Redirect(w, r, "/page?x=1#here", http.StatusFound)
		case "/again":
			http.Redirect(w, r, "/page", http.StatusTemporaryRedirect)
		case "/ever":
			http.Redirect(w, r, "/ever", http.StatusFound)
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/up":
			http.Redirect(w, r, strings.Replace(s2(r), "http:", "https:", 1), http.StatusFound)
		case "/user":
			http.Redirect(w, r, "http://a:b@"+r.Host+"/", http.StatusFound)
		}
	}))
	defer s.Close()
	for path, c := range map[string]struct {
		follow int
		heard  string
		err    string
		status int
	}{
		"/see":   {2, "POST /see, GET /page?x=1", "", 200},
		"/again": {2, "POST /again, POST /page", "", 200},
		"/ever":  {2, "POST /ever, GET /ever, GET /ever", "more than 2 redirects", 0},
		"/away":  {2, "POST /away", "a redirect to another place", 0},
		"/up":    {2, "POST /up", "a redirect to another place", 0},
		"/user":  {2, "POST /user", "a redirect to another place", 0},
		"/none":  {0, "POST /none", "", 200},
		"/see?":  {0, "POST /see?", "", 302},
	} {
		heard = nil
		client := open(t, s.URL, web.Config{Redirects: c.follow, Auth: web.Auth{Scheme: web.Basic}})
		a, err := ask(t, client, web.Request{Method: "POST", Path: path, Body: []byte("x"), Change: true})
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) || err == nil && a.Status != c.status {
			t.Errorf("%s: %+v, %v", path, a, err)
		}
		if got := strings.Join(heard, ", "); got != c.heard {
			t.Errorf("%s: the server heard %s, want %s", path, got, c.heard)
		}
	}
	if elsewhere.Load() != 0 {
		t.Error("somebody else was asked")
	}
}

func s2(r *http.Request) string { return "http://" + r.Host + "/page" }

// pipes is a network in memory. serve is given each connection, which it closes.
type pipes struct {
	serve func(n int, c net.Conn)
	n     int
	all   sync.WaitGroup
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	n := p.n
	p.n++
	p.all.Go(func() {
		defer theirs.Close()
		p.serve(n, theirs)
	})
	return ours, nil
}

// hear reads one request; false if the other end has hung up.
func hear(in *bufio.Reader) (string, bool) {
	r, err := http.ReadRequest(in)
	if err != nil {
		return "", false
	}
	_, _ = io.Copy(io.Discard, r.Body)
	return r.URL.Path, true
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// TestOnlyOnce: when a connection that was kept turns out to be dead, what only asks
// is asked again, and what changes something is not.
func TestOnlyOnce(t *testing.T) {
	for name, c := range map[string]struct {
		change bool
		op     room.Op
		quiet  bool // it hangs up before it is asked
		want   string
		err    driver.Phase
		heard  int
	}{
		"a read":                              {op: room.Status, want: "", heard: 2},
		"a cycle":                             {change: true, op: room.Cycle, want: "0 unknown: 5", err: driver.Lost, heard: 1},
		"on, which the fleet asks again":      {change: true, op: room.On, want: "", err: driver.Lost, heard: 1},
		"a cycle, and it was dead before":     {change: true, op: room.Cycle, quiet: true, want: "0 done", heard: 1},
		"a reading cycle that was not begun":  {op: room.Cycle, want: "0 done", heard: 2},
		"a status, and it was dead before it": {op: room.Status, quiet: true, heard: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				heard := 0
				p := &pipes{}
				p.serve = func(n int, conn net.Conn) {
					in := bufio.NewReader(conn)
					for {
						path, there := hear(in)
						if !there {
							return
						}
						if path != "/hello" {
							if heard++; n == 0 {
								return
							}
						}
						_, _ = io.WriteString(conn, ok)
						if n == 0 && c.quiet {
							return
						}
					}
				}
				base, _ := web.ParseAddress("http://dev")
				e := env()
				e.DialContext = p.dial
				client, err := web.Open(t.Context(), e, web.Config{Base: base}, func(talk *web.Talk) error {
					_, err := talk.Do(web.Request{Path: "/hello"})
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				s := &sink{}
				err = client.Each(t.Context(), driver.Batch{Op: c.op, Plugs: []int{0}}, s, func(talk *web.Talk, _ int) error {
					a, err := talk.Do(web.Request{Path: "/do", Change: c.change})
					if err == nil {
						err = a.Want()
					}
					return err
				})
				var f *driver.Fault
				errors.As(err, &f)
				if (f == nil) != (c.err == 0) || f != nil && f.Phase != c.err || strings.Join(s.told, "; ") != c.want || heard != c.heard {
					t.Errorf("told %q, error %v, the device heard it %d times; want %q, phase %v, %d", s.told, err, heard, c.want, c.err, c.heard)
				}
				_ = client.Close()
				p.all.Wait()
			})
		})
	}
}

// TestStrangeAnswers of devices that nearly speak HTTP.
func TestStrangeAnswers(t *testing.T) {
	for name, c := range map[string]struct{ answer, want string }{
		"go on first":        {"HTTP/1.1 100 Continue\r\n\r\n" + ok, "200 ok"},
		"go on for ever":     {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20), "one 1xx after the other"},
		"until it hangs up":  {"HTTP/1.0 200 OK\r\n\r\nok", "200 ok"},
		"nothing":            {"", "EOF"},
		"half a head":        {"HTTP/1.1 200 OK\r\nConten", "broke off"},
		"half a body":        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok", "broke off"},
		"two lengths":        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk", "no HTTP"},
		"a greeting":         {"220 FTP server ready\r\n", "no HTTP, but"},
		"a long head":        {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 100), "a head without end"},
		"chunks without end": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\nx\r\n", 300), "longer than 0 KiB"},
		"a strange chunk":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "broke off"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pipes{serve: func(_ int, conn net.Conn) {
					if _, there := hear(bufio.NewReader(conn)); there {
						_, _ = io.WriteString(conn, c.answer)
					}
				}}
				base, _ := web.ParseAddress("http://dev")
				e := env()
				e.DialContext = p.dial
				client, err := web.Open(t.Context(), e, web.Config{Base: base, MaxBody: 200}, nil)
				if err != nil {
					t.Fatal(err)
				}
				a, err := ask(t, client, web.Request{Path: "/"})
				got := fmt.Sprint(err)
				if err == nil {
					got = fmt.Sprintf("%d %s", a.Status, a.Body)
				}
				if !strings.Contains(got, c.want) {
					t.Errorf("%s, want %s", got, c.want)
				}
				_ = client.Close()
				p.all.Wait()
			})
		})
	}
}

// TestClock: the time of an action is the action's, over all its requests.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{serve: func(_ int, conn net.Conn) {
			in := bufio.NewReader(conn)
			for {
				if _, there := hear(in); !there {
					return
				}
				time.Sleep(2 * time.Second) // of a device that is slow, in time that is not real
				_, _ = io.WriteString(conn, ok)
			}
		}}
		base, _ := web.ParseAddress("http://dev")
		e := env()
		e.DialContext = p.dial
		client, err := web.Open(t.Context(), e, web.Config{Base: base, Patience: 5 * time.Second}, nil)
		if err != nil {
			t.Fatal(err)
		}
		began, s := time.Now(), &sink{}
		err = client.Each(t.Context(), driver.Batch{Op: room.On, Plugs: []int{0, 1}, Start: began.Add(-time.Second)}, s, func(talk *web.Talk, _ int) error {
			for range 3 {
				if _, err := talk.Do(web.Request{Path: "/", Change: true}); err != nil {
					return err
				}
			}
			return nil
		})
		if took := time.Since(began); took != 4*time.Second || err == nil || strings.Join(s.told, "; ") != "fault: 3; 0 unknown: 3; fault: 4; 1 unknown: 4" {
			t.Errorf("it took %v: %q, %v", took, s.told, err)
		}
		_ = client.Close()
		p.all.Wait()
	})
}

// TestTrace: what is shown of a conversation, in which a device repeats each form of
// the secrets that it was given.
func TestTrace(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header()["Date"] = nil
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "cookie-of-ours", HttpOnly: true})
		fmt.Fprintf(w, "%s %s %s %s", r.URL.RequestURI(), r.Header.Get("Authorization"), r.Header.Get("Cookie"), body)
	}))
	defer s.Close()
	client := open(t, s.URL, web.Config{Auth: web.Auth{Scheme: web.Basic}})
	got := &sink{}
	for range 2 {
		_ = client.Once(t.Context(), driver.Batch{Op: room.Status, Trace: true}, got, func(talk *web.Talk) error {
			_, err := talk.Do(web.Request{Method: "POST", Path: "/?p=p%26ss+%22word%22%2F9", Body: []byte(`["p&ss \"word\"/9","p\u0026ss \"word\"/9"]`)})
			return err
		})
	}
	host := strings.TrimPrefix(s.URL, "http://")
	want := `POST /?p=**** HTTP/1.1
Host: HOST
User-Agent: millwright
Content-Length: 42
Accept: */*
Authorization: Basic ****
COOKIE
["p&ss \"word\"/9","****"]
`
	want = strings.ReplaceAll(strings.Replace(want, "HOST", host, 1), `"p&ss \"word\"/9"`, `"****"`)
	if first := strings.Replace(want, "COOKIE", "", 1); !strings.HasPrefix(got.traces.String(), first) {
		t.Errorf("the trace begins\n%s\nwant\n%s", got.traces.String(), first)
	}
	for _, hidden := range []string{"p&ss", "p%26ss", "cGwm", "cm9vd", "cookie-of-ours"} {
		if strings.Contains(got.traces.String(), hidden) {
			t.Errorf("the trace shows %q:\n%s", hidden, got.traces.String())
		}
	}
}
