package httpdoor_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/secret"
)

func secretOf(text string) secret.Value { return secret.NewValue(text) }

// intents counts what was put on record.
func (s *stand) intents() (n int) {
	for _, err := range s.client.Events(s.t.Context(), event.Filter{Kinds: []event.Kind{event.Intent}}, false) {
		if err != nil {
			s.t.Fatal(err)
		}
		n++
	}
	return n
}

func TestIdempotencyKeys(t *testing.T) {
	s := newStand(t, &relays{}, 3)
	keyed := func(user, key, path, body string) reply {
		return s.ask(call{path: path, body: body, user: user, header: map[string]string{wire.IdempotencyKey: key}})
	}
	first := keyed("ann", "k1", "/v1/operations", `{"op":"on","targets":"n1"}`)
	id := first.header.Get("Location")
	if first.status != http.StatusOK || id == "" {
		t.Fatalf("%d %s", first.status, first.body)
	}
	again := keyed("ann", "k1", "/v1/operations", `{"targets":"n1", "op":"on", "fold":true}`)
	if again.status != http.StatusOK || again.header.Get("Location") != id || again.header.Get(wire.Replayed) != "true" || !strings.Contains(string(again.body), `"ok":"n1"`) {
		t.Errorf("%d %v %s", again.status, again.header, again.body)
	}
	lines := s.ask(call{path: "/v1/operations", body: `{"op":"on","targets":"n1"}`, user: "ann", header: map[string]string{wire.IdempotencyKey: "k1", "Accept": wire.NDJSON}})
	if got := string(lines.body); strings.Count(got, "\n") != 2 || !strings.Contains(got, `{"kind":"end"`) {
		t.Errorf("as lines: %s", got)
	}
	for path, body := range map[string]string{"/v1/operations": `{"op":"on","targets":"n2"}`, "/v1/runs": `{"goal":"up","targets":"n1"}`} {
		if r := keyed("ann", "k1", path, body); r.status != http.StatusUnprocessableEntity || r.problem().Code != "invalid" {
			t.Errorf("another wish at %s: %d %s", path, r.status, r.body)
		}
	}
	// Others have keys of their own.
	if r := keyed("", "k1", "/v1/operations", `{"op":"on","targets":"n2"}`); r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.body)
	}
	// What was turned away has not used its key.
	if r := keyed("ann", "k2", "/v1/operations", `{"op":"on","targets":"n9"}`); r.status != http.StatusNotFound {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := keyed("ann", "k2", "/v1/operations", `{"op":"on","targets":"n3"}`); r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.body)
	}
	run := keyed("ann", "k3", "/v1/runs", `{"goal":"down","targets":"n3"}`)
	before := s.intents()
	s.halt()
	s.start(true) // and the keys outlive the daemon
	if r := keyed("ann", "k1", "/v1/operations", `{"op":"on","targets":"n1"}`); r.header.Get("Location") != id || r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := keyed("ann", "k3", "/v1/runs", `{"goal":"down","targets":"n3"}`); r.header.Get("Location") != run.header.Get("Location") || r.status != http.StatusAccepted || r.header.Get(wire.Replayed) != "true" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if after := s.intents(); after != before {
		t.Errorf("%d things were done, and then %d", before, after)
	}
}

// Many at once with one key: one is carried out, and all hear of that one.
func TestKeysAtTheSameTime(t *testing.T) {
	s := newStand(t, &relays{}, 1)
	var wg sync.WaitGroup
	places := make([]string, 20)
	for i := range places {
		wg.Go(func() {
			r := s.ask(call{path: "/v1/operations", body: `{"op":"cycle","targets":"n1"}`, header: map[string]string{wire.IdempotencyKey: "one"}})
			places[i] = r.header.Get("Location")
		})
	}
	wg.Wait()
	for _, p := range places {
		if p == "" || p != places[0] {
			t.Fatalf("%q", places)
		}
	}
	if n := s.intents(); n != 1 {
		t.Errorf("%d were carried out", n)
	}
}

// A pinned certificate is all that counts, and no other is believed.
func TestClientTrust(t *testing.T) {
	s := newStand(t, &relays{}, 1)
	for _, tt := range []struct{ ca, said string }{
		{filepath.Join(s.state(), "tls", "ca.pem"), ""},
		{"", "certificate"},
		{"sha256:" + strings.Repeat("00", 32), "another one"},
	} {
		c, err := client.Open(client.Options{Server: "https://" + s.addr, CA: tt.ca, Token: secretOf(s.tokens["ann"])})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Version(t.Context())
		if (err == nil) != (tt.said == "") || err != nil && !strings.Contains(err.Error(), tt.said) {
			t.Errorf("%q: %v", tt.ca, err)
		}
		c.Close()
	}
	for _, server := range []string{"http://x", "https://", "https://u:p@x", "https://x/path", "ftp://x"} {
		if _, err := client.Open(client.Options{Server: server}); err == nil {
			t.Errorf("%s is taken", server)
		}
	}
}
