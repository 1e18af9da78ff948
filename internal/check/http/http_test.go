package http_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	checkhttp "millwright.dev/millwright/internal/check/http"
	"millwright.dev/millwright/internal/secret"
)

func site() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status": "up", "load": 0.5, "node": "n1", "parts": [{"ok": true}, {"ok": false}]}`)
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no disk", http.StatusServiceUnavailable) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		fmt.Fprintf(w, "%s %s %s [%s:%s] %s %s", r.Method, r.Host, r.Header.Get("X-Node"), user, password, body, r.Header.Get("Authorization"))
	})
	mux.HandleFunc("/hop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/health", http.StatusFound) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	})
	mux.HandleFunc("/deep", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(`{"a":`, 9000)+`"]\"["`+strings.Repeat("}", 9000))
	})
	mux.HandleFunc("/flood", func(w http.ResponseWriter, _ *http.Request) {
		for range 64 {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	return mux
}

// settings changes those of a check of {address}:port.
func settings(t *testing.T, server *httptest.Server, path string, change func(*checkhttp.Settings)) *checkhttp.Settings {
	t.Helper()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := checkhttp.New().New().(*checkhttp.Settings)
	s.URL = u.Scheme + "://{address}:" + u.Port() + path
	if change != nil {
		change(s)
	}
	return s
}

func number(n float64) *float64 { return &n }

func TestAnswers(t *testing.T) {
	server := httptest.NewServer(site())
	defer server.Close()
	other := httptest.NewServer(site())
	defer other.Close()
	elsewhere := "/away?to=" + url.QueryEscape(other.URL+"/echo")
	type S = checkhttp.Settings
	for _, tt := range []struct {
		name, path string
		change     func(*S)
		want       check.Verdict
		says       string
	}{
		{"fine", "/health", nil, check.OK, "200 OK in "},
		{"another status", "/broken", nil, check.Bad, "503 Service Unavailable"},
		{"a status that is allowed", "/broken", func(s *S) { s.Status = []string{"200", "500-503"} }, check.OK, "503"},
		{"a text", "/health", func(s *S) { s.Contains = `"node": "{node}"` }, check.OK, ""},
		{"no such text", "/health", func(s *S) { s.Contains = "down" }, check.Bad, `"down" is not in the body`},
		{"a pattern", "/health", func(s *S) { s.Like = `"load": 0\.\d` }, check.OK, ""},
		{"JSON", "/health", func(s *S) { s.JSON, s.Is = "$.status", "up" }, check.OK, ""},
		{"a JSON number", "/health", func(s *S) { s.JSON, s.Max = "$.load", number(0.4) }, check.Bad, "$.load is 0.5, more than 0.4"},
		{"a JSON boolean", "/health", func(s *S) { s.JSON, s.Is = "$.parts[1].ok", "true" }, check.Bad, `"false" and not "true"`},
		{"two values", "/health", func(s *S) { s.JSON = "$.parts[*].ok" }, check.Bad, "is there 2 times"},
		{"no value", "/health", func(s *S) { s.JSON = "$.absent" }, check.Bad, "is there 0 times"},
		{"JSON that is nested too deep", "/deep", func(s *S) { s.JSON = "$..a" }, check.Bad, "nested deeper than 32"},
		{"no JSON", "/broken", func(s *S) { s.JSON, s.Status = "$.x", []string{"503"} }, check.Bad, "no JSON"},
		{"a redirect", "/hop", nil, check.Bad, "302 Found"},
		{"a redirect followed", "/hop", func(s *S) { s.Redirects = 1 }, check.OK, "200 OK"},
		{"a redirect for ever", "/loop", func(s *S) { s.Redirects = 5 }, check.Bad, "more than 5 redirects"},
		{"a redirect elsewhere", elsewhere, func(s *S) { s.Redirects = 5 }, check.Bad, "another place"},
		{"a redirect anywhere", elsewhere, func(s *S) {
			s.Redirects, s.Anywhere, s.Auth, s.Headers, s.Like = 5, true, "basic", map[string]string{"X-Node": "key"}, `^GET \S+  \[:\]$`
		}, check.OK, ""},
		{"a flood", "/flood", func(s *S) { s.Contains = "x" }, check.Bad, "longer than"},
		{"a flood that nobody looks through", "/flood", nil, check.OK, ""},
		{"a slow one", "/health", func(s *S) { s.Slowest = 1 }, check.Bad, "slower than 1ns"},
		{"a request", "/echo", func(s *S) {
			s.Method, s.Body, s.Headers = "PUT", "hello {node}", map[string]string{"X-Node": "{node}", "host": "virtual.example"}
			s.Like = `^PUT virtual.example n1 \[:\] hello n1`
		}, check.OK, ""},
		{"basic", "/echo", func(s *S) { s.Auth, s.Like = "basic", `\[ann:s3cret\]` }, check.OK, ""},
		{"bearer", "/echo", func(s *S) { s.Auth, s.Like = "bearer", "Bearer s3cret$" }, check.OK, ""},
		{"no credential", "/echo", func(s *S) { s.Like = `\[:\]$` }, check.OK, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := checktest.Env()
			env.Credential = secret.Resolved{User: "ann", Values: map[string]secret.Value{secret.Password: secret.NewValue("s3cret")}}
			checktest.Says(t, checktest.Look(t, settings(t, server, tt.path, tt.change), env), tt.want, tt.says)
		})
	}
}

func TestSilence(t *testing.T) {
	server := httptest.NewServer(site())
	s := settings(t, server, "/slow", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	checktest.Says(t, checktest.LookFor(ctx, t, s, checktest.Env()), check.Bad, "no answer in time")
	server.Close()
	checktest.Says(t, checktest.Look(t, s, checktest.Env()), check.Bad, "connection refused")
}

// TestTrust is against a server with a certificate of its own.
func TestTrust(t *testing.T) {
	certificate, ca := checktest.Certificate(t, 20)
	server := httptest.NewUnstartedServer(site())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	sum := sha256.Sum256(server.Certificate().Raw)
	pin := "sha256:" + hex.EncodeToString(sum[:])
	type S = checkhttp.Settings
	for _, tt := range []struct {
		name   string
		change func(*S)
		want   check.Verdict
		says   string
	}{
		{"untrusted", nil, check.Bad, "pins: [" + pin + "]"},
		{"pinned", func(s *S) { s.TLS.Pins = []string{pin} }, check.OK, ""},
		{"another pin", func(s *S) { s.TLS.Pins = []string{"sha256:" + strings.Repeat("0", 64)} }, check.Bad, "not the pinned one"},
		{"insecure", func(s *S) { s.TLS.Insecure = true }, check.OK, ""},
		{"authority", func(s *S) { s.TLS.CA = ca }, check.OK, ""},
		{"another name", func(s *S) { s.TLS.CA, s.TLS.ServerName = ca, "other.test" }, check.Bad, "not trusted"},
		{"no authority", func(s *S) { s.TLS.CA = ca + "x" }, check.Unknown, "no such file"},
		{"enough days", func(s *S) { s.TLS.CA, s.Days = ca, 14 }, check.OK, "the certificate ends in"},
		{"too few days", func(s *S) { s.TLS.CA, s.Days = ca, 30 }, check.Bad, "in 20 days, fewer than 30"},
		{"plain", func(s *S) { s.URL = strings.Replace(s.URL, "https", "http", 1) }, check.Bad, "400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := settings(t, server, "/health", tt.change)
			r := checktest.Look(t, s, checktest.Env())
			checktest.Says(t, r, tt.want, tt.says)
			if tt.want == check.OK && (len(r.Values) != 1 || r.Values[0].Quantity != check.Days) {
				t.Errorf("values: %v", r.Values)
			}
		})
	}
	old := httptest.NewUnstartedServer(site())
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.StartTLS()
	defer old.Close()
	checktest.Says(t, checktest.Look(t, settings(t, old, "/health", func(s *S) { s.TLS.Insecure = true }), checktest.Env()), check.Bad, "protocol version")
}

func TestSettings(t *testing.T) {
	type S = checkhttp.Settings
	for _, change := range []func(*S){
		func(s *S) { s.URL = "" }, func(s *S) { s.URL = "ftp://{address}" }, func(s *S) { s.URL = "http://ann:pw@{address}" },
		func(s *S) { s.URL = "http:///x" }, func(s *S) { s.Method = "G T" }, func(s *S) { s.Auth = "magic" },
		func(s *S) { s.Status = nil }, func(s *S) { s.Status = []string{"200-100"} }, func(s *S) { s.Status = []string{"fine"} },
		func(s *S) { s.JSON = "$[" }, func(s *S) { s.JSON = "$..a..a" }, func(s *S) { s.Like = "(" }, func(s *S) { s.Redirects = 100 }, func(s *S) { s.Days = -1 },
		func(s *S) { s.TLS.Pins = []string{"x"} }, func(s *S) { s.Slowest = -1 },
	} {
		s := checkhttp.New().New().(*S)
		s.URL = "http://{address}/"
		change(s)
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		} else if strings.Contains(err.Error(), "pw") {
			t.Errorf("the password is told: %v", err)
		}
	}
}

// FuzzBody has peers answer with anything.
func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"a": {"b": 1}}`), "$.a.b")
	f.Add([]byte(`[[[[[[1]]]]]]`), "$..*")
	f.Add([]byte("\xff\x00{"), "$")
	var body atomic.Pointer[[]byte]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(*body.Load()) }))
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, text []byte, path string) {
		s := checkhttp.New().New().(*checkhttp.Settings)
		s.URL, s.JSON, s.Is = server.URL, path, "1"
		c, err := s.Prepare()
		if err != nil {
			return
		}
		body.Store(&text)
		if r := c.Run(t.Context(), checktest.Env()); r.Verdict == check.Unknown {
			t.Errorf("unknown: %s", r.Said)
		}
	})
}
