package httpdriver_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"

	"millwright.dev/millwright/internal/driver"
	httpdriver "millwright.dev/millwright/internal/driver/http"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
)

// strip is a device that no profile fits: its page holds a token against forgery,
// its state is XML, and what it is told is XML with names in it.
type strip struct {
	mu    sync.Mutex
	on    map[string]bool
	pages int // how many tokens it has given
}

func (d *strip) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	token := fmt.Sprintf("forged-%d-not", d.pages)
	switch {
	case r.URL.Path == "/ui/start":
		d.pages++
		fmt.Fprintf(w, `<html><head><meta name="csrf" content="forged-%d-not"></head><body></body></html>`, d.pages)
	case r.Header.Get("X-Token") != token || r.Header.Get("Authorization") != "Bearer "+password:
		w.WriteHeader(http.StatusForbidden)
	case r.URL.Path == "/ui/state" && r.URL.Query().Get("of") != "":
		w.Header().Set("Content-Type", "text/xml")
		name := r.URL.Query().Get("of")
		fmt.Fprint(w, `<?xml version="1.0"?><s><name>`)
		_ = xml.EscapeText(w, []byte(name))
		fmt.Fprintf(w, `</name><power unit="x">%v</power></s>`, d.on[name])
	case r.URL.Path == "/ui/set":
		var in struct {
			Name string `xml:"name"`
			To   string `xml:"to"`
		}
		if xml.Unmarshal(body, &in) != nil || in.To != "1" && in.To != "0" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if in.Name == "locked" {
			fmt.Fprint(w, "<r><error>it is locked</error></r>")
			return
		}
		d.on[in.Name] = in.To == "1"
		fmt.Fprint(w, "<r><ok/></r>")
	}
}

const definition = `
auth: bearer
login:
  - path: /start
    take: {token: {xpath: //meta/@content}}
    attach: {X-Token: "{token}"}
status:
  path: /state?of={plug}
  xpath: //power
  expect: [{xpath: //name, is: "{plug}"}]
on:
  path: /set
  send-xml: <set><name>{plug}</name><to>1</to></set>
  refused: [{xpath: //error}]
  expect: [{xpath: //ok}]
off:
  path: /set
  send-xml: <set><name>{plug}</name><to>0</to></set>
  expect: [{xpath: //ok}]
rest: 1ms
`

// TestDefine: a device by a definition of one's own, with names that try to be more
// than names.
func TestDefine(t *testing.T) {
	d := &strip{on: make(map[string]bool)}
	server := httptest.NewServer(d)
	defer server.Close()
	s := &httpdriver.Settings{Address: server.URL + "/ui/", Define: new(httpdriver.Definition)}
	if err := yaml.UnmarshalWithOptions([]byte(definition), s.Define, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	plugs := []string{"a</name><to>0</to>", "b&of=c", "../d?x=1#y", "locked", "é{plug} {{.}}"}
	session := mustOpen(t, s, env(plugs, credential()))
	for plug, name := range plugs {
		got, err := do(t, session, room.Cycle, plug)
		read, err2 := do(t, session, room.Status, plug)
		switch {
		case err != nil || err2 != nil:
			t.Errorf("%q: %v, %v", name, err, err2)
		case name == "locked":
			if got.String() != "3 unknown: it says what nobody understands: //ok is not in the answer" { // that is for off
				t.Errorf("%q: %s", name, got)
			}
		case got.String() != fmt.Sprintf("%d done", plug) || read.String() != fmt.Sprintf("%d on", plug) || !d.on[name]:
			t.Errorf("%q: %s, %s", name, got, read)
		}
		if all := strings.Join(append(got.traces, read.traces...), ""); strings.Contains(all, "forged-") || strings.Contains(all, password) {
			t.Errorf("the trace shows a secret:\n%s", all)
		}
	}
	d.mu.Lock()
	d.pages++ // its token has changed
	d.mu.Unlock()
	if s, err := do(t, session, room.On, 3); err != nil || s.String() != "3 failed: it is locked" {
		t.Errorf("after its token has changed: %s, %v", s, err)
	}
}

// TestForm: a box with nothing but a form, which is cycled by off and on.
func TestForm(t *testing.T) {
	var heard []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if body, _ := io.ReadAll(r.Body); len(body) > 0 {
			heard = append(heard, r.Header.Get("Content-Type")+" "+string(body))
		}
	}))
	defer server.Close()
	s := &httpdriver.Settings{Address: server.URL, TLS: web.TLS{Insecure: true}, Rest: 1, Define: &httpdriver.Definition{
		Auth: "basic", Plugs: plugNames(8), Probe: &httpdriver.Request{Path: "/"},
		On:  &httpdriver.Request{Path: "/switch", Form: map[string]string{"plab{number}": "on"}},
		Off: &httpdriver.Request{Path: "/switch", Form: map[string]string{"plab{number}": "off", "why": "a & b"}},
	}}
	session := mustOpen(t, s, env(plugNames(8), credential()))
	got, err := do(t, session, room.Cycle, 2)
	const form = "application/x-www-form-urlencoded "
	if want := []string{form + "plab3=off&why=a+%26+b", form + "plab3=on"}; err != nil || got.String() != "2 done" || !slices.Equal(heard, want) {
		t.Errorf("%s, %v; it heard %q, want %q", got, err, heard, want)
	}
}

// TestWrongAnswers: an answer is believed where it shows what is expected.
func TestWrongAnswers(t *testing.T) {
	var answer string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
	defer server.Close()
	find := httpdriver.Find{JSON: "$..power"}
	s := &httpdriver.Settings{Address: server.URL, Define: &httpdriver.Definition{
		Plugs:  []string{"1"},
		Probe:  &httpdriver.Request{},
		Status: &httpdriver.Read{Find: find},
		On:     &httpdriver.Request{Path: "/on", Expect: []httpdriver.Claim{{Find: find, Is: "on"}}},
	}}
	session := mustOpen(t, s, env([]string{"1"}, credential()))
	for said, want := range map[string][2]string{
		`{"power":"on"}`:                     {"0 on", "0 done"},
		`{"power":"ON "}`:                    {"0 on", "0 done"},
		`{"power":0}`:                        {"0 off", "0 unknown"},
		`{"power":true}`:                     {"0 on", "0 unknown"},
		`{"power":"standby"}`:                {"0 unknown", "0 unknown"},
		`{"power":"on","x":{"power":"off"}}`: {"0 unknown", "0 unknown"},
		`{"power":["on"]}`:                   {"0 unknown", "0 unknown"},
		`{"power":null}`:                     {"0 unknown", "0 unknown"},
		strings.Repeat(`{"x":`, 9000) + `{"power":"on"}` + strings.Repeat("}", 9000): {"0 unknown", "0 unknown"},
		`{"power":"on"`: {"0 unknown", "0 unknown"},
		``:              {"0 unknown", "0 unknown"},
	} {
		answer = said
		read, err := do(t, session, room.Status, 0)
		changed, err2 := do(t, session, room.On, 0)
		if err != nil || err2 != nil || !strings.HasPrefix(read.String(), want[0]) || !strings.HasPrefix(changed.String(), want[1]) {
			t.Errorf("%s: %s; %s (%v, %v), want %q", said, read, changed, err, err2, want)
		}
	}
}

var _ driver.Sink = (*sink)(nil)
