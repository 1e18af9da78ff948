package httphook_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/control"
	httphook "millwright.dev/millwright/internal/control/http"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "long-and-odd-token"

func env() control.Env {
	d := &transport.Dialer{}
	return control.Env{
		Node: "n1", Address: "2001:db8::1", Log: slog.New(slog.DiscardHandler), Dial: d.Dial, DialContext: d.Network,
		Credential: secret.Resolved{User: "u", Values: map[string]secret.Value{secret.Password: secret.NewValue(token)}},
	}
}

// serve answers by handle until the test ends, by https, and gives settings that trust it.
func serve(t *testing.T, handle http.HandlerFunc) (*httphook.Settings, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handle)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	s := httphook.New().New().(*httphook.Settings)
	s.TLS.Pins = []string{fmt.Sprintf("sha256:%x", sha256.Sum256(server.Certificate().Raw))}
	s.Timeout = 30 * time.Second
	return s, server.URL
}

func prepare(t *testing.T, s *httphook.Settings) control.Control {
	t.Helper()
	c, err := s.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOffSendsWhatItShould(t *testing.T) {
	var got string
	s, url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = fmt.Sprintf("%s %s %s %s %s %s", r.Method, r.URL, r.Header.Get("X-Node"), r.Header.Get("Content-Type"), r.Header.Get("Authorization"), body)
		w.WriteHeader(http.StatusAccepted)
	})
	s.Auth = "bearer"
	s.Off = &httphook.Request{URL: url + "/hooks/{node}?at={address}", Headers: map[string]string{"x-node": "{node}"}, Body: `{"stop": "{node}"}`}
	if err := prepare(t, s).Off(t.Context(), env()); err != nil {
		t.Fatal(err)
	}
	if want := `POST /hooks/n1?at=[2001:db8::1] n1 application/json Bearer ` + token + ` {"stop": "n1"}`; got != want {
		t.Errorf("it sent %s\nwant    %s", got, want)
	}
}

func TestOffIsNotTaken(t *testing.T) {
	s, url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/taken", http.StatusFound)
		case "/no":
			http.Error(w, "no: "+token, http.StatusConflict)
		case "/long":
			http.Error(w, strings.Repeat("-", 195)+token, http.StatusConflict)
		case "/hangs":
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}
	})
	for path, want := range map[string]string{
		"/moved": "302 Found", "/no": "409 Conflict: no: ****", "/long": "----****", "/hangs": "no answer within 1s",
	} {
		s.Off = &httphook.Request{URL: url + path}
		s.Timeout = 30 * time.Second
		if path == "/hangs" {
			s.Timeout = time.Second
		}
		if err := prepare(t, s).Off(t.Context(), env()); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), token[:4]) {
			t.Errorf("off by %s: %v, want %q", path, err, want)
		}
	}
	s.Off.URL, s.TLS, s.Timeout = url+"/taken", web.TLS{}, 30*time.Second
	if err := prepare(t, s).Off(t.Context(), env()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("off at a stranger: %v", err)
	}
	s.Off.Expect = []int{404}
	if err := prepare(t, s).On(t.Context(), env()); err != control.ErrCannot { //nolint:errorlint // it is returned as it is
		t.Errorf("on that was not set: %v", err)
	}
}

func TestStatus(t *testing.T) {
	answer := ""
	s, url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
	for _, tt := range []struct {
		json, on, off, answer string
		want                  room.State
		fault                 string
	}{
		{"", "", "", "anything", room.StateOn, ""},
		{"", "running", "stopped", "it is running", room.StateOn, ""},
		{"", "running", "stopped", "it is stopped", room.StateOff, ""},
		{"", "running", "stopped", "it is stopped, not running", room.StateUnknown, ""},
		{"$.state", "up", "down", `{"state": "UP"}`, room.StateOn, ""},
		{"$.state", "up", "down", `{"state": "down"}`, room.StateOff, ""},
		{"$.state", "true", "false", `{"state": false}`, room.StateOff, ""},
		{"$.state", "1", "0", `{"state": 1}`, room.StateOn, ""},
		{"$.state", "up", "down", `{"state": "sideways"}`, room.StateUnknown, ""},
		{"$.state", "up", "down", `{}`, room.StateUnknown, "is in it 0 times"},
		{"$..state", "up", "down", `[{"state": "up"}, {"state": "down"}]`, room.StateUnknown, "is in it 2 times"},
		{"$..a", "up", "down", strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000), room.StateUnknown, "nested deeper"},
		{"$.state", "up", "down", `up`, room.StateUnknown, "no JSON"},
		{"", "up", "down", strings.Repeat("up", 1<<20), room.StateUnknown, "longer than"},
	} {
		answer = tt.answer
		read := &httphook.Read{Request: httphook.Request{URL: url}, JSON: tt.json}
		if tt.on != "" {
			read.IsOn, read.IsOff = []string{tt.on}, []string{tt.off}
		}
		s.Status = read
		got, err := prepare(t, s).Status(context.Background(), env())
		if got != tt.want || (tt.fault == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s of %.60s: %v, %v, want %v, %q", tt.json, tt.answer, got, err, tt.want, tt.fault)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		fault  string
		change func(*httphook.Settings)
	}{
		{"off: there is no request", func(s *httphook.Settings) { s.Off = nil }},
		{"off: url", func(s *httphook.Settings) { s.Off.URL = "ftp://x/" }},
		{"off: url", func(s *httphook.Settings) { s.Off.URL = "http://u:p@x/" }},
		{"off: method", func(s *httphook.Settings) { s.Off.Method = "BREW" }},
		{"off: headers", func(s *httphook.Settings) { s.Off.Headers = map[string]string{"a": "b\r\nc: d"} }},
		{"off: headers", func(s *httphook.Settings) { s.Off.Headers = map[string]string{"a b": "c"} }},
		{"off: headers", func(s *httphook.Settings) { s.Off.Headers = map[string]string{"": "c"} }},
		{"off: headers", func(s *httphook.Settings) { s.Off.Headers = map[string]string{"ä": "c"} }},
		{"off: headers", func(s *httphook.Settings) { s.Off.Headers = map[string]string{"a": "\x7f"} }},
		{"off: headers", func(s *httphook.Settings) { s.Off.Headers = map[string]string{"authorization": "b"} }},
		{"status: json", func(s *httphook.Settings) { s.Status = &httphook.Read{Request: *s.Off, JSON: "$["} }},
		{"status: json", func(s *httphook.Settings) { s.Status = &httphook.Read{Request: *s.Off, JSON: "$.a"} }},
		{"status: json", func(s *httphook.Settings) {
			s.Status = &httphook.Read{Request: *s.Off, JSON: "$..a..b", IsOn: []string{"1"}}
		}},
		{"auth", func(s *httphook.Settings) { s.Auth = "guess" }},
		{"tls", func(s *httphook.Settings) { s.TLS.Pins = []string{"x"} }},
	} {
		s := httphook.New().New().(*httphook.Settings)
		s.Off = &httphook.Request{URL: "https://{address}/x"}
		prepare(t, s)
		tt.change(s)
		if _, err := s.Prepare(); err == nil || !strings.HasPrefix(err.Error(), tt.fault) {
			t.Errorf("want a fault of %q, got %v", tt.fault, err)
		}
	}
}
