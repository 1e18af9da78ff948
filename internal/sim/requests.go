package sim

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
)

// What a request may have at most, in bytes.
const (
	maxRequestHead = 64 << 10
	maxRequestBody = 1 << 20
)

// Requests holds a conversation in HTTP/1.1: requests come in, and a handler answers
// them, one after the other. The answers have the unit's faults, as those of a menu
// have. What is no HTTP ends it.
func (t *Terminal) Requests(handler http.Handler) error {
	limit := &io.LimitedReader{R: t.rw}
	in := bufio.NewReader(limit)
	for {
		limit.N = maxRequestHead + maxRequestBody
		r, err := http.ReadRequest(in)
		if err != nil {
			return err
		}
		r.RemoteAddr = t.raw.RemoteAddr().String()
		r.Body = http.MaxBytesReader(nil, r.Body, maxRequestBody)
		if _, err := t.typed(""); err != nil {
			return err
		}
		var a answer
		handler.ServeHTTP(&a, r)
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return err
		}
		if err := a.write(t, r); err != nil {
			return err
		}
		if err := t.Flush(); err != nil || r.Close {
			return err
		}
	}
}

// answer takes what a handler says.
type answer struct {
	status int
	head   http.Header
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header {
	if a.head == nil {
		a.head = make(http.Header)
	}
	return a.head
}

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// write gives the answer to a request.
func (a *answer) write(out io.Writer, to *http.Request) error {
	a.WriteHeader(http.StatusOK)
	r := &http.Response{
		StatusCode: a.status, ProtoMajor: 1, ProtoMinor: 1, Request: to, Close: to.Close,
		Header: a.Header(), Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()),
	}
	return r.Write(out)
}
