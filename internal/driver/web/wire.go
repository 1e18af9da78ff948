package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// wire is a connection. Between two requests a goroutine of its own waits for what
// should not come: then the wire is dead, and the next request, of which nothing
// has been sent yet, goes by a new one.
type wire struct {
	conn  net.Conn
	tap   *tap
	in    *bufio.Reader
	stirs chan stir // what the watcher has seen; nil while nobody watches
	used  bool      // a request has gone over it
}

// stir is that something came, or that nothing can come any more.
type stir struct {
	err  error
	soon bool // after the answer before
}

// soon is how quickly a device that hangs up after each answer does it.
const soon = 500 * time.Millisecond

// tap counts what may still come.
type tap struct {
	r    io.Reader
	left int64
	got  bool // something came since the last request
	over bool // and no more will
}

var errFlood = errors.New("it says more than anybody wants to hear")

func (t *tap) Read(p []byte) (int, error) {
	if t.left <= 0 {
		return 0, errFlood
	}
	if int64(len(p)) > t.left {
		p = p[:t.left]
	}
	n, err := t.r.Read(p)
	t.left -= int64(n)
	t.got, t.over = t.got || n > 0, t.over || err != nil
	return n, err
}

// dialer makes a plain network connection.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// dial makes a wire to u; config is nil for plain HTTP.
func dial(ctx context.Context, how dialer, u *url.URL, config *tls.Config) (*wire, error) {
	conn, err := how(ctx, "tcp", hostPort(u))
	if err != nil {
		return nil, err
	}
	if config != nil {
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, TLSError(err)
		}
		conn = secured
	}
	t := &tap{r: conn}
	w := &wire{conn: conn, tap: t, in: bufio.NewReader(t)}
	w.watch()
	return w, nil
}

// watch begins to wait for anything to come.
func (w *wire) watch() {
	w.tap.left, w.tap.got = maxHead, false
	stirs := make(chan stir, 1)
	w.stirs = stirs
	began := time.Now()
	go func() {
		_, err := w.in.Peek(1)
		stirs <- stir{err, time.Since(began) < soon}
	}()
}

// dead says whether the wire can take no request, and whether it was dead as soon as
// the answer before had been given.
func (w *wire) dead() (dead, atOnce bool) {
	select {
	case s := <-w.stirs:
		w.stirs = nil
		return true, s.soon && w.used
	default:
		return false, false
	}
}

// close ends the wire and its watcher.
func (w *wire) close() {
	_ = w.conn.Close()
	if w.stirs != nil {
		<-w.stirs
		w.stirs = nil
	}
}

// await waits for the answer to begin.
func (w *wire) await() error {
	s := <-w.stirs
	w.stirs = nil
	return s.err
}

// trip sends a request, serialised, and hears the answer. Afterwards the wire is
// watched again if keep is true, and else to be closed. ctx's end closes the
// connection.
func (w *wire) trip(ctx context.Context, sent []byte, req *http.Request, maxBody int64) (a *Answer, keep bool, err error) {
	w.used = true
	hangUp := context.AfterFunc(ctx, func() { _ = w.conn.SetDeadline(time.Unix(1, 0)) })
	defer hangUp()
	if ctx.Err() != nil {
		return nil, false, context.Cause(ctx)
	}
	// A device that turns a request down may hang up before it has heard it all,
	// so what it has said counts even when the sending failed.
	_, writing := w.conn.Write(sent)
	if err := w.await(); err != nil {
		if writing != nil {
			err = writing
		}
		return nil, false, err
	}
	resp, err := w.head(req)
	if err != nil {
		return nil, false, err
	}
	w.tap.left = 6*maxBody + maxHead // chunks of one byte each have five more around them
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	_ = resp.Body.Close()
	switch {
	case int64(len(body)) > maxBody || errors.Is(err, errFlood):
		return nil, false, Odd(fmt.Sprintf("an answer longer than %d KiB", maxBody>>10))
	case err != nil:
		return nil, false, fmt.Errorf("it broke off in the middle of its answer: %w", err)
	}
	a = &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, URL: req.URL}
	if !hangUp() || resp.Close || req.Close || writing != nil || w.in.Buffered() > 0 {
		return a, false, nil
	}
	w.watch()
	return a, true, nil
}

// proto begins each answer.
const proto = "HTTP/"

// head reads the head of an answer, past those that only say "go on".
func (w *wire) head(req *http.Request) (*http.Response, error) {
	for range 8 {
		if start, _ := w.in.Peek(len(proto)); len(start) > 0 && !strings.HasPrefix(proto, string(start)) {
			return nil, Odd(fmt.Sprintf("no HTTP, but %.20q", start))
		}
		resp, err := http.ReadResponse(w.in, req)
		switch {
		case errors.Is(err, errFlood):
			return nil, Odd("a head without end")
		case err != nil && w.tap.over: // a header that is cut off is malformed, too
			return nil, fmt.Errorf("it broke off in the middle of its answer: %w", err)
		case err != nil:
			return nil, Odd("no HTTP: " + err.Error())
		case resp.StatusCode >= 200:
			return resp, nil
		}
		_ = resp.Body.Close()
	}
	return nil, Odd("one 1xx after the other")
}
