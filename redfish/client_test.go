package redfish_test

import (
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millwright.dev/millwright/redfish"
)

func TestSessionEndsWithTheClient(t *testing.T) {
	f := newFake(t, false, machine())
	c := f.dial(t, nil)
	if _, err := c.System(t.Context(), "web1"); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("twice: %v", err)
	}
	if f.made != 1 || len(f.sessions) != 0 {
		t.Errorf("%d sessions were made, and %d are left", f.made, len(f.sessions))
	}
}

// A session that has ended is made anew, once for all who find out at the same time, and
// what was turned down is asked again.
func TestTokenExpires(t *testing.T) {
	f := newFake(t, false, machine())
	c, s := f.system(t)
	for _, task := range []func() error{
		func() error {
			_, err := c.GetAll(t.Context(), []string{"/redfish/v1/Chassis/1", "/redfish/v1/Managers/bmc", "Chassis", "Managers"})
			return err
		},
		func() error { return s.SetLight(t.Context(), redfish.LightOn) },
		func() error { return s.Reset(t.Context(), "On") },
	} {
		f.mu.Lock()
		clear(f.sessions)
		made := f.made
		f.mu.Unlock()
		if err := task(); err != nil {
			t.Error(err)
		}
		if f.made != made+1 {
			t.Errorf("%d sessions were made, want one", f.made-made)
		}
	}
	if f.doc(t, "/Systems/1").String("IndicatorLED") != "Lit" {
		t.Error("the light is not lit")
	}
}

// Who is thrown out for good hears of it, and nobody tries without end.
func TestThrownOut(t *testing.T) {
	f := newFake(t, false, machine())
	_, s := f.system(t)
	f.handle("GET /Systems/1", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, 401, "Base.1.0.NoValidSession", "Go away.")
	})
	_, err := s.PowerState(t.Context())
	if !errors.Is(err, redfish.Denied) || f.made != 2 {
		t.Errorf("%v, with %d sessions", err, f.made)
	}
}

func TestWrongPassword(t *testing.T) {
	f := newFake(t, false, machine())
	_, err := redfish.Dial(t.Context(), redfish.Options{Address: f.server.URL, PlainHTTP: true, User: "admin", Password: "guess-guess"})
	if !errors.Is(err, redfish.Denied) || strings.Contains(err.Error(), "guess-guess") {
		t.Error(err)
	}
	_, err = redfish.Dial(t.Context(), redfish.Options{Address: f.server.URL, PlainHTTP: true, Auth: redfish.Basic, User: "admin", Password: "guess-guess"})
	if !errors.Is(err, redfish.Denied) {
		t.Error(err)
	}
}

func TestBasic(t *testing.T) {
	f := newFake(t, false, machine())
	f.handle("POST /SessionService/Sessions", func(w http.ResponseWriter, _ *http.Request) { refuse(w, 404, "", "") })
	if _, err := f.dial(t, nil).System(t.Context(), ""); err != nil {
		t.Error(err)
	}
	if _, err := redfish.Dial(t.Context(), redfish.Options{Address: f.server.URL, PlainHTTP: true, Auth: redfish.Session, User: "admin", Password: password}); !errors.Is(err, redfish.NotFound) {
		t.Errorf("a session, or nothing: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "http://bmc", "ftp://bmc", "https://u:p@bmc", "https://bmc/redfish/v1", "https://bmc?x", "https://b mc", "https://"} {
		if _, err := redfish.Dial(t.Context(), redfish.Options{Address: address}); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %v", address, err)
		}
	}
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := redfish.Dial(dead, redfish.Options{Address: "127.0.0.1:1"})
	var away *redfish.ConnectError
	if !errors.As(err, &away) {
		t.Error(err)
	}
}

func TestTrust(t *testing.T) {
	f := newFake(t, true, machine())
	cert := f.server.Certificate()
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	no := errors.New("not that one")
	other := "sha256:" + strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		trust redfish.Trust
		in    bool
	}{
		"the system's authorities": {redfish.Trust{}, false},
		"its authority":            {redfish.Trust{CA: pool}, true},
		"its authority, a name":    {redfish.Trust{CA: pool, ServerName: "elsewhere.test"}, false},
		"pinned":                   {redfish.Trust{Pins: []string{other, redfish.Fingerprint(cert)}}, true},
		"another pinned":           {redfish.Trust{Pins: []string{other}}, false},
		"authority, another pin":   {redfish.Trust{CA: pool, Pins: []string{other}}, false},
		"asked, and yes":           {redfish.Trust{Check: func(*x509.Certificate, error) error { return nil }}, true},
		"asked, and no":            {redfish.Trust{CA: pool, Check: func(*x509.Certificate, error) error { return no }}, false},
		"anybody":                  {redfish.Trust{Insecure: true}, true},
	} {
		o := redfish.Options{Address: f.server.URL, User: "admin", Password: password, Trust: c.trust}
		client, err := redfish.Dial(t.Context(), o)
		if c.in {
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			client.Close()
			continue
		}
		var wrong *redfish.CertificateError
		if !errors.As(err, &wrong) || !wrong.Certificate.Equal(cert) || wrong.Fingerprint() != redfish.Fingerprint(cert) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f.made != 4 {
		t.Errorf("%d sessions were made: a password went to who was not trusted", f.made)
	}
	for _, trust := range []redfish.Trust{{Pins: []string{"sha256:12"}}, {Insecure: true, CA: pool}} {
		if _, err := redfish.Dial(t.Context(), redfish.Options{Address: f.server.URL, Trust: trust}); err == nil {
			t.Errorf("%+v was accepted", trust)
		}
	}
}

// Nothing that a service says has its credential go to another host.
func TestTokenTheft(t *testing.T) {
	var stolen atomic.Int32
	thief := newFake(t, false, nil)
	thief.server.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stolen.Add(1)
	})
	f := newFake(t, false, machine())
	c, _ := f.system(t)
	host := strings.TrimPrefix(thief.server.URL, "http://")
	for _, to := range []string{thief.server.URL + "/x", "//" + host + "/x", "http://admin@" + f.server.Listener.Addr().String() + "/x", "/\\" + host, "https://" + f.server.Listener.Addr().String() + "/x", "javascript:alert(1)"} {
		if _, err := c.Get(t.Context(), to); !errors.Is(err, redfish.ErrElsewhere) {
			t.Errorf("a link to %s: %v", to, err)
		}
		for _, status := range []int{301, 302, 307, 308} {
			f.handle("GET /Away", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			})
			if _, err := c.Read(t.Context(), "/redfish/v1/Away"); !errors.Is(err, redfish.ErrElsewhere) {
				t.Errorf("a redirect (%d) to %s: %v", status, to, err)
			}
		}
		f.put("/Page", fmt.Sprintf(`{"Members":[],"Members@odata.nextLink":%q}`, to))
		if _, err := c.Members(t.Context(), "/redfish/v1/Page"); !errors.Is(err, redfish.ErrElsewhere) {
			t.Errorf("a next page at %s: %v", to, err)
		}
		f.put("/Does", fmt.Sprintf(`{"Actions":{"#X.Do":{"target":%q}}}`, to))
		d, err := c.Get(t.Context(), "Does")
		if err != nil {
			t.Fatal(err)
		}
		a, _ := c.Action(d, "X.Do")
		if _, err := a.Call(t.Context(), nil); !errors.Is(err, redfish.ErrElsewhere) {
			t.Errorf("an action at %s: %v", to, err)
		}
	}
	if n := stolen.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
	f.handle("GET /Here", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/redfish/v1/Chassis/1", http.StatusPermanentRedirect)
	})
	if d, err := c.Get(t.Context(), f.server.URL+"/redfish/v1/Here#/Members/0"); err != nil || d.String("Id") != "1" {
		t.Errorf("a redirect to the same place: %v", err)
	}
}

func TestRedirectsWithoutEnd(t *testing.T) {
	f := newFake(t, false, machine())
	c := f.dial(t, nil)
	f.handle("GET /Round", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/redfish/v1/Round", http.StatusFound)
	})
	if _, err := c.Get(t.Context(), "Round"); err == nil {
		t.Error("no error")
	}
	f.handle("POST /Round", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/redfish/v1/Chassis/1", http.StatusSeeOther)
	})
	if _, err := c.Post(t.Context(), "Round", struct{}{}); err == nil {
		t.Error("a change was redirected, and no error")
	}
}

func TestCache(t *testing.T) {
	f := newFake(t, false, machine())
	c := f.dial(t, func(o *redfish.Options) { o.CacheTTL = time.Hour })
	get := func(path string) {
		t.Helper()
		if _, err := c.Get(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	get("Chassis/1")
	f.asked(true)
	get("Chassis/1")
	if got := f.asked(true); got != nil {
		t.Errorf("what was just read was asked again: %q", got)
	}
	if _, err := c.Read(t.Context(), "Chassis/1"); err != nil || len(f.asked(true)) != 1 {
		t.Errorf("Read was content with what was read before: %v", err)
	}
	if _, err := c.Patch(t.Context(), "/redfish/v1/Chassis/1", map[string]string{"AssetTag": "7"}); err != nil {
		t.Fatal(err)
	}
	f.asked(true)
	d, err := c.Get(t.Context(), "/redfish/v1/Chassis/1")
	if err != nil || d.String("AssetTag") != "7" {
		t.Errorf("after a change: %v, %v", d.String("AssetTag"), err)
	}
	get("Systems/1") // by its ETag the second time
	f.mu.Lock()
	var since []string
	f.on["GET /redfish/v1/Systems/1"] = func(w http.ResponseWriter, r *http.Request) {
		since = append(since, r.Header.Get("If-None-Match"))
		w.WriteHeader(http.StatusNotModified)
	}
	f.mu.Unlock()
	if _, err := c.Patch(t.Context(), "/redfish/v1/Chassis/1", map[string]string{"AssetTag": "8"}); err != nil {
		t.Fatal(err)
	}
	if d, err := c.Get(t.Context(), "Systems/1"); err != nil || d.String("Id") != "1" || len(since) != 1 || since[0] != `"0"` {
		t.Errorf("what has not changed: %v, %q, %v", d.String("Id"), since, err)
	}
}

// A service that is busy is asked again when it says so; a change is not.
func TestBusy(t *testing.T) {
	f := newFake(t, false, machine())
	c := f.dial(t, nil)
	n := 0
	busy := func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			w.Header().Set("Retry-After", "0")
			refuse(w, 503, "Base.1.0.ServiceTemporarilyUnavailable", "Later.")
			return
		}
		_, _ = io.WriteString(w, `{"Id":"x"}`)
	}
	f.handle("GET /Busy", busy)
	f.handle("POST /Busy", busy)
	if _, err := c.Get(t.Context(), "Busy"); err != nil || n != 2 {
		t.Errorf("%v after %d", err, n)
	}
	n = 0
	if _, err := c.Post(t.Context(), "Busy", struct{}{}); !errors.Is(err, redfish.Busy) || n != 1 {
		t.Errorf("a change: %v after %d", err, n)
	}
}

// Answers that have no end, in each of the ways.
func TestHostileAnswers(t *testing.T) {
	f := newFake(t, false, machine())
	c := f.dial(t, func(o *redfish.Options) { o.MaxBody, o.Timeout = 64<<10, 2*time.Second })
	f.handle("GET /Huge", func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 {
			if _, err := io.WriteString(w, strings.Repeat(" ", 1000)); err != nil {
				return
			}
		}
	})
	f.handle("GET /Bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, `{"a":"`+strings.Repeat("x", 1<<20)+`"}`)
		_ = z.Close()
	})
	f.handle("GET /Deep", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(`{"a":`, 5000)+"1"+strings.Repeat("}", 5000))
	})
	f.handle("GET /Head", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 200<<10))
	})
	f.handle("GET /Slow", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			w.(http.Flusher).Flush()
			select {
			case <-time.After(20 * time.Millisecond):
			case <-r.Context().Done():
			}
		}
	})
	f.handle("GET /Cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"a":`)
	})
	f.put("/Text", `"just a text"`)
	f.put("/Empty", ``)
	f.put("/Html", `<html>`)
	f.put("/Two", `{} {}`)
	for _, path := range []string{"Huge", "Bomb", "Deep", "Head", "Slow", "Cut", "Text", "Empty", "Html", "Two"} {
		if d, err := c.Get(t.Context(), path); err == nil {
			t.Errorf("%s: %v", path, d)
		}
	}
	f.handle("GET /Packed", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, "\xef\xbb\xbf{\"Id\":\"packed\"}\x00")
		_ = z.Close()
	})
	if d, err := f.dial(t, nil).Get(t.Context(), "Packed"); err != nil || d.String("Id") != "packed" {
		t.Errorf("packed: %v", err)
	}
}

func TestPages(t *testing.T) {
	f := newFake(t, false, nil)
	c := f.dial(t, nil)
	n := 0
	f.handle("GET /Endless", func(w http.ResponseWriter, r *http.Request) {
		n++
		fmt.Fprintf(w, `{"Members":[{"@odata.id":"/m%d","Id":"x"}],"Members@odata.nextLink":"/redfish/v1/Endless?skip=%d"}`, n, n)
	})
	if _, err := c.Members(t.Context(), "Endless"); err == nil || n > 1001 {
		t.Errorf("pages without end: %v after %d", err, n)
	}
	f.put("/Loop", `{"Members":[{"Id":"1"}],"Members@odata.nextLink":"/redfish/v1/Loop?2"}`)
	if list, err := c.Members(t.Context(), "Loop"); err == nil || len(list) > 3 {
		t.Errorf("pages in a circle: %v, %v", list, err)
	}
	f.put("/A", `{"Members":[{"@odata.id":"/redfish/v1/1"},{"@odata.id":"/redfish/v1/gone"},null,7,{}],"Members@odata.nextLink":{"@odata.id":"/redfish/v1/B"}}`)
	f.put("/B", `{"Members":[{"@odata.id":"/redfish/v1/2"}]}`)
	f.put("/1", `{"Id":"1"}`)
	f.put("/2", `{"Id":"2"}`)
	list, err := c.Members(t.Context(), "A")
	if len(list) != 2 || list[0].String("Id")+list[1].String("Id") != "12" || !errors.Is(err, redfish.NotFound) {
		t.Errorf("two members and one that is gone: %v, %v", list, err)
	}
}

func TestExpand(t *testing.T) {
	for name, expand := range map[string]string{"kept": `{"Members":[{"@odata.id":"/redfish/v1/1","Id":"1"},{"@odata.id":"/redfish/v1/2","Id":"2"}]}`, "not kept": ""} {
		f := newFake(t, false, nil)
		f.put("", strings.Replace(root, `"Vendor"`, `"ProtocolFeaturesSupported":{"ExpandQuery":{"ExpandAll":true,"NoLinks":true}},"Vendor"`, 1))
		c := f.dial(t, nil)
		f.handle("GET /All", func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.RawQuery == "":
				_, _ = io.WriteString(w, `{"Members":[{"@odata.id":"/redfish/v1/1"},{"@odata.id":"/redfish/v1/2"}]}`)
			case expand == "" || r.URL.RawQuery != "$expand=.($levels=1)":
				refuse(w, 501, "Base.1.0.QueryNotSupported", "No.")
			default:
				_, _ = io.WriteString(w, expand)
			}
		})
		f.put("/1", `{"@odata.id":"/redfish/v1/1","Id":"1"}`)
		f.put("/2", `{"@odata.id":"/redfish/v1/2","Id":"2"}`)
		f.asked(true)
		list, err := c.Members(t.Context(), "All")
		if err != nil || len(list) != 2 || list[1].String("Id") != "2" {
			t.Errorf("%s: %v, %v", name, list, err)
		}
		if got := f.asked(true); expand != "" && len(got) != 1 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestErrors(t *testing.T) {
	f := newFake(t, false, nil)
	c := f.dial(t, nil)
	for _, tt := range []struct {
		status int
		body   string
		kind   redfish.Kind
		says   string
	}{
		{400, `{"error":{"code":"Base.1.0.GeneralError","message":"no","@Message.ExtendedInfo":[{"MessageId":"Base.1.8.PropertyValueNotInList","Message":"One."},{"MessageId":"B.Two","MessageArgs":[1,"x"]}]}}`, redfish.Invalid, "One.; Two 1 x (HTTP 400"},
		{400, `{"error":{"@Message.ExtendedInfo":{"MessageID":"iDRAC.2.ActionNotSupported","Message":"Not so."}}}`, redfish.Unsupported, "Not so."},
		{400, `{"Boot@Message.ExtendedInfo":[{"MessageId":"Base.PropertyNotWritable","Message":"Fixed."}]}`, redfish.Unsupported, "Fixed."},
		{403, `{"error":{"@Message.ExtendedInfo":["a text"]}}`, redfish.Denied, "a text"},
		{404, `<html>nothing</html>`, redfish.NotFound, "404"},
		{405, ``, redfish.Unsupported, "405"},
		{409, `in plain words`, redfish.Conflict, "in plain words"},
		{400, `{"error":{"code":"Base.1.0.SessionLimitExceeded","message":"too many"}}`, redfish.Exhausted, "too many"},
		{429, ``, redfish.Busy, "429"},
		{500, `{"error":7}`, redfish.Broken, "500"},
		{500, `{"error":{"@Message.ExtendedInfo":[{"Message":"it was ` + strings.ReplaceAll(password, `"`, `\"`) + `"}]}}`, redfish.Broken, "it was ****"},
	} {
		f.handle("POST /Bad", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.body)
		})
		_, err := c.Post(t.Context(), "Bad", nil)
		var said *redfish.Error
		if !errors.As(err, &said) || said.Kind != tt.kind || !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.says) || said.Status != tt.status {
			t.Errorf("%d %s: %v", tt.status, tt.body, err)
		}
	}
}

// A change whose answer does not come is unsure, and asked but once.
func TestUnsure(t *testing.T) {
	f := newFake(t, false, nil)
	c := f.dial(t, nil)
	var n atomic.Int32
	f.handle("POST /Lost", func(http.ResponseWriter, *http.Request) {
		n.Add(1)
		panic(http.ErrAbortHandler)
	})
	_, err := c.Post(t.Context(), "Lost", struct{}{})
	var unsure *redfish.UnsureError
	if !errors.As(err, &unsure) || n.Load() != 1 {
		t.Errorf("%v, asked %d times", err, n.Load())
	}
}

func TestPatchIsOfWhatWasRead(t *testing.T) {
	f := newFake(t, false, machine())
	f.strict = true
	c := f.dial(t, nil)
	n := 0
	f.handle("PATCH /Chassis/1", func(w http.ResponseWriter, r *http.Request) {
		if n++; n < 3 { // somebody else is faster
			f.mu.Lock()
			f.versions["/redfish/v1/Chassis/1"]++
			f.mu.Unlock()
		}
		body, _ := io.ReadAll(r.Body)
		f.patch(w, r, "/redfish/v1/Chassis/1", body)
	})
	if _, err := c.Patch(t.Context(), "/redfish/v1/Chassis/1", map[string]string{"AssetTag": "7"}); err != nil || n != 3 {
		t.Errorf("%v after %d", err, n)
	}
	n = -100
	if _, err := c.Patch(t.Context(), "/redfish/v1/Chassis/1", map[string]string{"AssetTag": "8"}); !errors.Is(err, redfish.Conflict) || n > -90 {
		t.Errorf("a resource that changes without end: %v after %d", err, n+100)
	}
}

func TestTrace(t *testing.T) {
	f := newFake(t, false, machine())
	c := f.dial(t, nil)
	var text strings.Builder
	changes := 0
	ctx := redfish.WithTrace(t.Context(), redfish.Trace{
		Asking: func(change bool) {
			if change {
				changes++
			}
		},
		Text: func(_ bool, s string) { text.WriteString(s) },
	})
	clear(f.sessions)
	if _, err := c.Post(ctx, "/redfish/v1/Systems/1/Actions/X", map[string]string{"Password": password}); err != nil {
		t.Error(err)
	}
	if s := text.String(); strings.Contains(s, "xyzzy") || strings.Contains(s, "word-of-the") || !strings.Contains(s, "POST /redfish/v1/Systems/1/Actions/X") || !strings.Contains(s, "HTTP 204") {
		t.Errorf("traced:\n%s", s)
	}
	if changes != 2 { // once in vain
		t.Errorf("%d changes", changes)
	}
}
