package httpdoor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

// FuzzRequests sends anything to every route that reads something: each answer is
// either good or a problem that says what is wrong, and the door stays open.
func FuzzRequests(f *testing.F) {
	for _, path := range []string{
		"/v1/operations", "/v1/plans", "/v1/runs", "/v1/holds/clear", "/v1/operations/x/cancel", "/v1/session", "/v1/runs/x/updates?after=1",
		"/v1/events?since=2026-01-01T00:00:00Z&kind=intent", "/v1/nodes?targets=n1&state=on", "/v1/nodes/n1?", "/v1/operations?before=3",
	} {
		f.Add(path, []byte(`{"op":"on","targets":"n[1-2],-n1","verify":true,"timeout_seconds":1}`), "k")
		f.Add(path, []byte(`{"goal":"up","targets":"@all"}`), "")
	}
	f.Add("/v1/operations", []byte(`{"op":"status","targets":"n[1-99999999]","live":true}`), "")
	f.Add("/v1/operations", []byte(`{"op":"on","targets":"n1","dry_run":true,"reason":"\u0000\ud800"}`), "\x00")
	s := &stand{t: f, dir: f.TempDir(), relays: &relays{}, nodes: 3}
	s.start(false)
	f.Fuzz(func(t *testing.T, path string, body []byte, key string) {
		method := http.MethodPost
		if strings.ContainsAny(path, "?") {
			method = http.MethodGet
		}
		if strings.Contains(path, "stream") {
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
		if key != "" && !strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
			req.Header.Set(wire.IdempotencyKey, key)
		}
		resp, err := s.local.Do(req)
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
		if resp.StatusCode >= 400 {
			t.Errorf("%s %q %q: %d without a problem: %.200s", method, path, body, resp.StatusCode, answer)
		}
		for line := range bytes.Lines(answer) {
			if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/") && resp.Header.Get("Content-Type") != "application/yaml" && !json.Valid(line) {
				t.Errorf("%s %q: not JSON: %q", method, path, line)
			}
		}
	})
}
