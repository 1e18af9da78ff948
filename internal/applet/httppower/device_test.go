package httppower_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"millwright.dev/millwright/internal/freeport"
)

// device is a web server that notes what it is asked and answers by path.
type device struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newDevice(t *testing.T, start func(http.Handler) *httptest.Server) *device {
	t.Helper()
	d := &device{}
	d.Server = start(d)
	t.Cleanup(d.Close)
	return d
}

// requests gives what was asked since the last call.
func (d *device) requests() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	text := strings.Join(d.asked, "\n")
	d.asked = nil
	return text
}

func (d *device) note(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var fields []string
	for name, values := range r.Header {
		fields = append(fields, fmt.Sprintf("%s=%q", name, values))
	}
	slices.Sort(fields)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, fmt.Sprintf("%s %s %s %q", r.Method, r.RequestURI, strings.Join(fields, " "), body))
}

func (d *device) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.note(r)
	w.Header()["Date"] = nil
	switch path := strings.TrimLeft(r.URL.Path, "/"); path {
	case "401", "404", "500":
		code := 0
		_, _ = fmt.Sscan(path, &code)
		http.Error(w, "body that nobody sees", code)
	case "redirect":
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(w, "moved\n")
	case "empty":
	case "no-line-end":
		_, _ = io.WriteString(w, "abc")
	case "zero":
		_, _ = io.WriteString(w, "a\x00b\xff\n")
	case "cookie":
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "s1"})
	case "gzip":
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, "not unpacked\n")
	case "long":
		_, _ = io.WriteString(w, strings.Repeat("x", 200_000))
	case "closed", "short", "garbage":
		raw(w, path)
	default:
		_, _ = fmt.Fprintf(w, "this is %s\n", r.URL.Path)
	}
}

// raw answers with what is no proper answer.
func raw(w http.ResponseWriter, how string) {
	conn, out, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	switch how {
	case "short":
		_, _ = out.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
	case "garbage":
		_, _ = out.WriteString("garbage\n")
	}
	_ = out.Flush()
}

// nobody is an address where nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	return freeport.For(t, "127.0.0.1")
}

// silent accepts connections, reads a request's first line, writes text, and
// then says nothing more.
func silent(t *testing.T, text string) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				_, _ = r.ReadString('\n')
				_, _ = io.WriteString(conn, text)
				_, _ = io.Copy(io.Discard, r)
			})
		}
	})
	return "http://" + ln.Addr().String()
}
