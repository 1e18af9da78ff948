package redfish

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ask is one request.
type ask struct {
	method  string
	path    string // as a service writes it: see [Client.resolve]
	header  http.Header
	body    []byte
	stream  io.Reader // in place of body; it cannot be sent again
	change  bool      // the service does something when it hears this
	plain   bool      // without the credential
	parting bool      // the session's own end
	patient bool      // takes as long as ctx lets it
}

// answer is what came of it. All of it is there, and within bounds.
type answer struct {
	status int
	header http.Header
	doc    Document // empty for what is no JSON
	body   []byte
	odd    error // why doc is empty, where it should not be
}

// The bounds of one request.
const (
	maxRedirects = 4
	maxTries     = 3
	maxRest      = 10 * time.Second // between tries
)

// do sends a request and hears the answer, which is a success. It follows redirects to
// the same place, logs in again when the session has ended, and asks again, after a
// while, what reads of a service that is busy.
func (c *Client) do(ctx context.Context, q ask) (*answer, error) {
	renewed := false
	for try := 1; ; try++ {
		a, count, err := c.follow(ctx, q)
		if err != nil {
			return nil, err
		}
		if a.status/100 == 2 || a.status == http.StatusNotModified {
			if q.change && !q.plain && !q.parting {
				c.cache.expire()
			}
			return a, nil
		}
		failed := c.failure(q, a)
		switch {
		case c.expired(a, q) && !renewed && q.stream == nil:
			renewed = true
			if err := c.newSession(ctx, count); err != nil {
				return nil, fmt.Errorf("the session has ended, and: %w", err)
			}
		case failed.Kind == Busy && !q.change && try < maxTries:
			if err := rest(ctx, min(max(failed.RetryAfter, time.Second), maxRest)); err != nil {
				return nil, errors.Join(failed, err)
			}
		default:
			return nil, failed
		}
	}
}

// failure makes an error of an answer.
func (c *Client) failure(q ask, a *answer) *Error {
	e := &Error{Method: q.method, Path: q.path, Status: a.status, Messages: messages(a.doc, c.masked), RetryAfter: a.retryAfter(0)}
	if len(e.Messages) == 0 && !bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("<")) {
		if text := clip(c.masked(string(a.body[:min(len(a.body), 4*maxText)]))); text != "" && !a.doc.IsObject() {
			e.Messages = []Message{{Text: text}}
		}
	}
	e.Kind = kindOf(a.status, e.Messages)
	return e
}

// retryAfter reads when the service wants to be asked again (RFC 9110, section 10.2.3).
func (a *answer) retryAfter(otherwise time.Duration) time.Duration {
	text := a.header.Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(time.Until(at), 0), time.Hour)
	}
	return otherwise
}

// location gives the path of what was made, or of who watches over it. Many services
// write a name of theirs that leads nowhere from here, so that it is left out.
func (a *answer) location() string {
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		return ""
	}
	return u.RequestURI()
}

// follow asks, and follows redirects. It gives the count of logins that it asked with.
func (c *Client) follow(ctx context.Context, q ask) (a *answer, count int, err error) {
	for range maxRedirects + 1 {
		u, err := c.resolve(q.path)
		if err != nil {
			return nil, 0, err
		}
		if a, count, err = c.once(ctx, q, u); err != nil {
			return nil, 0, err
		}
		to := a.header.Get("Location")
		if a.status/100 != 3 || a.status == http.StatusNotModified || to == "" {
			return a, count, nil
		}
		if q.method != http.MethodGet && (q.stream != nil || a.status != http.StatusTemporaryRedirect && a.status != http.StatusPermanentRedirect) {
			return nil, 0, fmt.Errorf("%s %s: it answers a change with a redirect (HTTP %d), which is not followed", q.method, q.path, a.status)
		}
		q.path = to
	}
	return nil, 0, fmt.Errorf("%s %s: more than %d redirects", q.method, q.path, maxRedirects)
}

// ErrElsewhere says that a link or a redirect leads to another host, where nobody goes:
// the credential would go along.
var ErrElsewhere = errors.New("a link to another host, which is not followed")

// resolve gives the address of what a service refers to: an absolute path, a path below
// the root, or a URL of the place that was dialled. What is behind a # is left out.
func (c *Client) resolve(ref string) (*url.URL, error) {
	u, err := url.Parse(ref)
	switch {
	case err != nil || u.Opaque != "" || strings.ContainsAny(ref, "\\\r\n"):
		return nil, fmt.Errorf("%w: %.200q", ErrElsewhere, ref)
	case u.User != nil || u.Scheme != "" && u.Scheme != c.base.Scheme || u.Host != "" && hostPort(u, c.base.Scheme) != hostPort(&c.base, c.base.Scheme):
		return nil, fmt.Errorf("%w: %.200q", ErrElsewhere, ref)
	case u.Path == "":
		return nil, errors.New("an empty link")
	}
	to := c.base
	to.Path, to.RawPath, to.RawQuery = u.Path, u.RawPath, u.RawQuery
	if !strings.HasPrefix(to.Path, "/") {
		to.Path, to.RawPath = rootPath+to.Path, ""
	}
	if clean := path.Clean(to.Path); strings.TrimSuffix(to.Path, "/") != strings.TrimSuffix(clean, "/") {
		to.Path, to.RawPath = clean, ""
	}
	return &to, nil
}

// hostPort gives what a URL would dial.
func hostPort(u *url.URL, scheme string) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

var (
	errSlow = errors.New("no answer in time")
	errLong = errors.New("an answer longer than anybody wants to hear")
)

// once sends one request.
func (c *Client) once(ctx context.Context, q ask, u *url.URL) (a *answer, count int, err error) {
	if err := c.pace.wait(ctx); err != nil {
		return nil, 0, err
	}
	parent := ctx
	if !q.patient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.opts.Timeout, errSlow)
		defer cancel()
	}
	var way way
	r, err := c.request(httptrace.WithClientTrace(ctx, way.trace()), q, u)
	if err != nil {
		return nil, 0, err
	}
	if !q.plain {
		count = c.authorise(r)
	}
	c.told(parent, r, q)
	resp, err := c.http.Do(r)
	if way.stood() && c.up.CompareAndSwap(false, true) && c.opts.Reached != nil {
		c.opts.Reached()
	}
	if err == nil {
		a, err = c.hear(resp, int64(c.opts.MaxBody))
	}
	if err != nil {
		return nil, 0, c.lost(ctx, q, &way, err)
	}
	c.heard(parent, a)
	return a, count, nil
}

// request makes a request (DSP0266 "Request headers").
func (c *Client) request(ctx context.Context, q ask, u *url.URL) (*http.Request, error) {
	body := q.stream
	if body == nil && q.body != nil {
		body = bytes.NewReader(q.body)
	}
	r, err := http.NewRequestWithContext(ctx, q.method, u.String(), body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("OData-Version", "4.0")
	r.Header.Set("User-Agent", "millwright")
	if q.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range q.header {
		r.Header[name] = values
	}
	return r, nil
}

// lost words why there is no answer.
func (c *Client) lost(ctx context.Context, q ask, w *way, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) && len(untrusted.UnverifiedCertificates) > 0 {
		err = &CertificateError{Certificate: untrusted.UnverifiedCertificates[0], Err: untrusted.Err}
	}
	stood, sent := w.stood(), w.wrote()
	switch {
	case !stood:
		return &ConnectError{Address: c.base.Host, Err: err}
	case sent && q.change:
		return &UnsureError{Method: q.method, Path: q.path, Err: err}
	}
	return fmt.Errorf("%s %s: %w", q.method, q.path, err)
}

// hear reads an answer to its end.
func (c *Client) hear(resp *http.Response, most int64) (*answer, error) {
	defer resp.Body.Close()
	in := io.LimitReader(resp.Body, most+1)
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		unpacked, err := gzip.NewReader(in)
		switch {
		case errors.Is(err, io.EOF): // a head that promises more than there is
			in = strings.NewReader("")
		case err != nil:
			return nil, fmt.Errorf("an answer that cannot be unpacked: %w", err)
		default:
			in = io.LimitReader(unpacked, most+1)
		}
	}
	body, err := io.ReadAll(in)
	switch {
	case err != nil:
		return nil, fmt.Errorf("it broke off in the middle of its answer: %w", err)
	case int64(len(body)) > most:
		return nil, errLong
	}
	a := &answer{status: resp.StatusCode, header: resp.Header, body: body}
	if len(bytes.TrimSpace(body)) > 0 {
		a.doc, a.odd = ParseDocument(body)
	}
	if tag := resp.Header.Get("ETag"); tag != "" {
		a.doc.etag = tag
	}
	return a, nil
}

// way is how far a request has come. The transport tells from goroutines of its own.
type way struct {
	mu            sync.Mutex
	stands, began bool
}

func (w *way) trace() *httptrace.ClientTrace {
	note := func(what *bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		*what = true
	}
	return &httptrace.ClientTrace{
		GotConn:      func(httptrace.GotConnInfo) { note(&w.stands) },
		WroteHeaders: func() { note(&w.began) },
	}
}

func (w *way) stood() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.stands }
func (w *way) wrote() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.began }

// pace keeps requests apart.
type pace struct {
	gap  time.Duration
	mu   *sync.Mutex
	next *time.Time
}

func newPace(rate float64) pace {
	p := pace{mu: new(sync.Mutex), next: new(time.Time)}
	if rate > 0 {
		p.gap = min(time.Duration(float64(time.Second)/rate), time.Minute)
	}
	return p
}

// wait waits for the next request's turn.
func (p pace) wait(ctx context.Context) error {
	if p.gap == 0 {
		return nil
	}
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		*p.next = now
	}
	left := p.next.Sub(now)
	*p.next = p.next.Add(p.gap)
	p.mu.Unlock()
	return rest(ctx, left)
}

// rest waits.
func rest(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
