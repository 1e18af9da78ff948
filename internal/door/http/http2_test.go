package httpdoor_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A stream by HTTP/2 goes on while nothing happens, for longer than a write may take.
func TestQuietStreamsByHTTP2(t *testing.T) {
	t.Parallel() // with the others that wait for the daemon's patience to end
	s := &stand{t: t, dir: t.TempDir(), relays: &relays{}, nodes: 1, tokens: make(map[string]string), two: true}
	s.addUsers(secretOf(""))
	s.start(true)
	for _, path := range []string{"/v1/events/stream", "/v1/states/stream"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.addr+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+s.tokens["ann"])
			resp, err := s.remote.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.ProtoMajor != 2 {
				t.Fatal(resp.Proto)
			}
			timer := time.AfterFunc(time.Minute, func() { resp.Body.Close() })
			defer timer.Stop()
			in := bufio.NewReader(resp.Body)
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					t.Fatalf("it ended before it showed that it was alive: %v", err)
				}
				if strings.HasPrefix(line, ": alive") {
					break
				}
			}
		})
	}
}
