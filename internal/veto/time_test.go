package veto

import (
	"bufio"
	"context"
	"crypto/sha256"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millwright.dev/millwright/internal/room"
)

func sum(b []byte) [32]byte { return sha256.Sum256(b) }

// Hooks are asked side by side, each within its own time; one that sends its answer
// a byte a minute has not answered.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var servers sync.WaitGroup
		defer servers.Wait()
		p := New(Options{Dial: func(_ context.Context, _, addr string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			servers.Go(func() { answer30s(theirs, strings.HasPrefix(addr, "slow")) })
			return ours, nil
		}})
		var hooks []room.DraftVeto
		for name, timeout := range map[string]time.Duration{"a": 31 * time.Second, "b": 31 * time.Second, "late": 29 * time.Second, "slow": 2 * time.Minute} {
			hooks = append(hooks, room.DraftVeto{Veto: room.Veto{Name: name, URL: "http://" + name + ".example/", Ops: []room.Op{room.Off}, Timeout: timeout}})
		}
		began := time.Now()
		verdict, err := p.Ask(t.Context(), question(lab(t, hooks...)))
		if took := time.Since(began); err != nil || took != 2*time.Minute {
			t.Errorf("took %v: %v", took, err)
		}
		if want := "refused=veto late: gave no valid answer, which counts as a refusal: no answer within 29s; " +
			"veto slow: gave no valid answer, which counts as a refusal: no answer within 2m0s confirm= failed="; verdict.text() != want {
			t.Errorf("\n got %s\nwant %s", verdict.text(), want)
		}
	})
}

// answer30s serves one request after half a minute, or byte by byte.
func answer30s(c net.Conn, slowly bool) {
	defer c.Close()
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, req.Body)
	text := "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"decision\":\"allow\"}"
	if !slowly {
		time.Sleep(30 * time.Second)
		_, _ = io.WriteString(c, text)
		return
	}
	for i := range text {
		time.Sleep(time.Minute)
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return
		}
	}
}

// More questions at once than may be asked wait their turn, within their time.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var servers sync.WaitGroup
		defer servers.Wait()
		p := New(Options{Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			servers.Go(func() { answer30s(theirs, false) })
			return ours, nil
		}})
		v := room.DraftVeto{Veto: room.Veto{Name: "h", URL: "http://h.example/", Ops: []room.Op{room.Off}, Timeout: 65 * time.Second}}
		r := lab(t, v)
		refused := make(chan int)
		for range 3 * atOnce {
			go func() {
				verdict, err := p.Ask(t.Context(), question(r))
				if err != nil {
					t.Error(err)
				}
				refused <- len(verdict.Refused)
			}()
		}
		total := 0
		for range 3 * atOnce {
			total += <-refused
		}
		if total != atOnce {
			t.Errorf("%d of %d were refused, not the last %d", total, 3*atOnce, atOnce)
		}
	})
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(`{"decision":"allow"}`))
	f.Add([]byte(`{"refuse":{"n1":"job 42"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := parseAnswer(text)
		if err != nil {
			return
		}
		switch a.Decision {
		case Allow, Confirm:
			if len(a.Refuse) > 0 || !strings.Contains(strings.ToLower(string(text)), "decision") && !strings.Contains(string(text), `\u`) {
				t.Errorf("%q counts as a yes", text)
			}
		case Refuse:
		default:
			t.Errorf("%q decides %q", text, a.Decision)
		}
		for _, s := range append([]string{a.Reason}, Objection{Hook: "h", Nodes: a.Refuse}.String()) {
			if strings.ContainsAny(s, "\n\r\x1b\x00") {
				t.Errorf("%q shows as %q", text, s)
			}
		}
	})
}
