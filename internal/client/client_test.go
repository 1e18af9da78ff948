package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"millwright.dev/millwright/internal/client"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// daemon answers every request in the same way. What a real one answers is
// tested with the door.
func daemon(t *testing.T, answer http.HandlerFunc) *client.Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: answer}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(l)
	}()
	c := client.New(path)
	t.Cleanup(func() {
		c.Close()
		s.Close()
		<-ended
	})
	return c
}

func write(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// However an answer ends that is not as it should be, the last thing told is an
// error that says so.
func TestBrokenStreams(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		lines  int
		code   room.Code
		said   string
	}{
		{"a refusal", write(404, wire.Trouble, `{"code":"not-found","said":"no such node"}`), 0, room.CodeNotFound, "no such node"},
		{"a problem in the middle", write(200, wire.NDJSON, `{"kind":"begin"}`+"\n"+`{"kind":"error","problem":{"code":"busy","detail":"stopping"}}`+"\n"), 1, room.CodeBusy, "stopping"},
		{"no end", write(200, wire.NDJSON, `{"kind":"begin"}`+"\n"), 1, room.CodeInternal, "unexpected EOF"},
		{"half a line", write(200, wire.NDJSON, `{"kind":"begin"}`+"\n"+`{"kind":"res`), 1, room.CodeInternal, "broke off"},
		{"somebody else", write(200, "text/html", "<html>"), 0, room.CodeInternal, "broke off"},
		{"another version", write(404, "text/plain", "404 page not found"), 0, room.CodeInternal, "another version"},
		{"an endless line", write(200, wire.NDJSON, strings.Repeat("x", wire.MaxLine+1)), 0, room.CodeInternal, "too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := daemon(t, tt.answer)
			lines := 0
			var last error
			for _, err := range c.Do(t.Context(), wire.Do{Op: "status"}) {
				if last != nil {
					t.Error("something comes behind the error")
				}
				if last = err; err == nil {
					lines++
				}
			}
			if lines != tt.lines || room.CodeOf(last) != tt.code || !strings.Contains(fmt.Sprint(last), tt.said) {
				t.Errorf("%d lines, then %v: %v", lines, room.CodeOf(last), last)
			}
		})
	}
}

func TestFollowingEndsWithAProblem(t *testing.T) {
	stream := write(200, wire.SSE, "retry: 1\n\n: alive\nid: 7\n\nevent: event\nid: 8\ndata: {\"seq\":8,\"kind\":\"intent\"}\n\nevent: problem\ndata: {\"problem\":{\"code\":\"internal\",\"said\":\"disk\"}}\n\n")
	page := write(200, wire.JSON, `{"items":[{"seq":1,"kind":"intent"}],"last":7}`)
	c := daemon(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/events/stream" && r.URL.Query().Get("after") == "7" {
			stream(w, r)
			return
		}
		page(w, r)
	})
	var told []string
	for e, err := range c.Events(t.Context(), event.Filter{}, true) {
		told = append(told, fmt.Sprint(e.Seq, " ", err))
	}
	if got := strings.Join(told, "; "); got != "1 <nil>; 8 <nil>; 0 disk" {
		t.Error(got)
	}
}

func TestNobodyThere(t *testing.T) {
	c := client.New(filepath.Join(t.TempDir(), "s"))
	_, err := c.Version(t.Context())
	var none *client.NoDaemon
	if !errors.As(err, &none) || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

func TestGivingUp(t *testing.T) {
	asked := make(chan struct{})
	c := daemon(t, func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := c.Runs(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
