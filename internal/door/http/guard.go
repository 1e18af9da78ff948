package httpdoor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

const (
	// readFor is how long a client may take to send a request's body.
	readFor = 30 * time.Second
	// maxPlain is how large a body may be without taking one of the seats for
	// large ones, of which there are maxLarge: so that bodies cannot fill the memory.
	maxPlain = 64 << 10
	maxLarge = 16
	// maxStranger is how large a body may be of somebody who has not logged in: a
	// name and a password, however they are written. It takes no seat, or strangers
	// who send slowly would have all of them.
	maxStranger = 16 << 10
	// maxPath is how long a path with its query may be.
	maxPath = 16 << 10
)

// guarded gives the routes behind everything that is the same for all: who does
// not get past this has started nothing and read nothing.
func (d *Door) guarded() http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := d.metrics.begin(w)
		pattern := ""
		defer func() { m.end(r.Method, pattern) }()
		defer func() {
			if v := recover(); v != nil {
				d.panicked(m, r, v)
			}
		}()
		protect(m.Header(), r)
		if err := d.admissible(r, cross); err != nil {
			refuse(m, err)
			return
		}
		var missing http.Handler
		if missing, pattern = d.mux.Handler(r); pattern == "" {
			d.nowhere(m, r, missing)
			return
		}
		most := int64(maxStranger)
		if !d.public[pattern] {
			who, err := d.identify(r)
			if err != nil {
				challenge(m, err)
				return
			}
			r, most = who, wire.MaxBody
		}
		if err := d.bounded(m, r, most); err != nil {
			refuse(m, err)
			return
		}
		d.mux.ServeHTTP(m, r)
	})
}

// protect sets the headers that keep browsers from doing with an answer what it
// is not meant for. Pages for people loosen them a little.
func protect(h http.Header, r *http.Request) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// admissible refuses requests that no honest client sends.
func (d *Door) admissible(r *http.Request, cross *http.CrossOriginProtection) error {
	if !byKernel(r.Context()) && !d.ourName(r.Host) {
		return withStatus(http.StatusMisdirectedRequest, &room.Error{
			Code: room.CodeRefused, Op: "ask", Subject: shorten(r.Host),
			Said: "this daemon is not known by that name; if it should be, add it to the names of the room's http settings",
		})
	}
	// Browsers say where a request comes from; one that another site makes in a
	// user's name is refused. Programs say nothing of the kind and pass.
	if err := cross.Check(r); err != nil {
		return withStatus(http.StatusForbidden, &room.Error{Code: room.CodeRefused, Op: "ask", Said: "a page of another site asked for this: " + err.Error()})
	}
	if len(r.RequestURI) > maxPath {
		return withStatus(http.StatusRequestURITooLong, invalid("the path is too long"))
	}
	if p := r.URL.Path; p == "" || p[0] != '/' || path.Clean(p) != p && path.Clean(p)+"/" != p || strings.ContainsAny(p, "\x00\\") {
		return withStatus(http.StatusNotFound, &room.Error{Code: room.CodeNotFound, Op: "read request", Said: "there is nothing at such a path"})
	}
	return nil
}

// ourName says whether a Host header is one of ours. A page of another site
// whose name was made to point here (DNS rebinding) has its own.
func (d *Door) ourName(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if name == "localhost" {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return d.opts.Hosts != nil && slices.ContainsFunc(d.opts.Hosts(), func(ours string) bool { return strings.EqualFold(ours, name) })
}

// nowhere answers for a path or a method that there is not, in our words; handler
// is what the mux would do.
func (d *Door) nowhere(w http.ResponseWriter, r *http.Request, handler http.Handler) {
	probe := &silentWriter{header: make(http.Header)}
	handler.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		w.Header()["Allow"] = probe.header["Allow"]
		refuse(w, withStatus(http.StatusMethodNotAllowed, &room.Error{
			Code: room.CodeInvalid, Op: "read request", Said: "the method is not one of " + probe.header.Get("Allow"),
		}))
		return
	}
	refuse(w, &room.Error{Code: room.CodeNotFound, Op: "read request", Subject: shorten(r.URL.Path), Said: "there is nothing at this path; see /docs"})
}

// silentWriter keeps an answer to itself.
type silentWriter struct {
	header http.Header
	status int
}

func (s *silentWriter) Header() http.Header         { return s.header }
func (s *silentWriter) WriteHeader(status int)      { s.status = status }
func (s *silentWriter) Write(b []byte) (int, error) { return len(b), nil }

// bounded reads the body of at most so many bytes, so that whoever sends slowly or
// without an end holds up nobody and fills nothing. Strangers get here only where
// no log-in is needed.
//
// The clock is its own and not the server's ReadTimeout, which would go on to
// end streams of answers.
func (d *Door) bounded(w http.ResponseWriter, r *http.Request, most int64) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	if r.ContentLength > most {
		w.Header().Set("Connection", "close")
		return tooLarge(most)
	}
	if most > maxPlain && (r.ContentLength < 0 || r.ContentLength > maxPlain) {
		select {
		case d.large <- struct{}{}:
			defer func() { <-d.large }()
		case <-r.Context().Done():
			return &room.Error{Code: room.CodeTimeout, Op: "read request", Said: "given up", Err: r.Context().Err()}
		case <-time.After(readFor):
			return &room.Error{Code: room.CodeBusy, Op: "read request", Said: "too many large requests are being read"}
		}
	}
	ctl := http.NewResponseController(w)
	_ = ctl.SetReadDeadline(time.Now().Add(readFor)) // writers of tests know none
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge(most)
	case err != nil:
		w.Header().Set("Connection", "close")
		return withStatus(http.StatusRequestTimeout, &room.Error{Code: room.CodeTimeout, Op: "read request", Said: "the body did not come to its end", Err: err})
	}
	_ = ctl.SetReadDeadline(time.Time{})
	r.Body = io.NopCloser(bytes.NewReader(data))
	return nil
}

func tooLarge(most int64) error {
	return withStatus(http.StatusRequestEntityTooLarge, invalid(fmt.Sprintf("the body is larger than %d KiB", most>>10)))
}

// panicked answers for a fault of ours, if nothing has been answered yet.
func (d *Door) panicked(w *answered, r *http.Request, v any) {
	if v == http.ErrAbortHandler { //nolint:errorlint // it is that very value
		panic(v)
	}
	if r.Context().Err() == nil {
		d.opts.Log.Error("a request of the API failed", "method", r.Method, "path", r.URL.Path, "why", v, "stack", string(debug.Stack()))
	}
	if w.status == 0 {
		refuse(w, &room.Error{Code: room.CodeInternal, Op: "answer", Said: "a fault of the daemon; its log says more"})
	}
}
