// Package client asks a running daemon through its API, on the unix socket or over
// TLS. It is what the commands of the command line are made of, and can do what
// they can.
//
// An error is a *[room.Error], as if the desk had been asked itself; when no
// daemon answers, its cause is a *[NoDaemon].
//
// Start at [New] or [Open], [Client.Do] and [Client.Order].
package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

// NoDaemon says that nobody answers where a daemon should.
type NoDaemon struct {
	Socket string // its path, or the server's address
	Err    error
}

func (e *NoDaemon) Error() string {
	return fmt.Sprintf("no daemon answers on %s: %v", e.Socket, e.Err)
}

// Unwrap gives the cause.
func (e *NoDaemon) Unwrap() error { return e.Err }

// Client asks one daemon. Its methods may be called from any goroutine.
type Client struct {
	base  string // of the addresses
	login func(*http.Request)
	why   error // nothing can be asked
	http  http.Client
}

// New makes a client of the daemon that listens on a unix socket. Nothing is
// connected before the first request.
func New(socket string) *Client {
	c := &Client{base: "http://millwright", login: func(*http.Request) {}}
	c.use(&http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		return conn, unanswered(socket, err)
	}})
	return c
}

// Refusing makes a client that answers everything with an error: that it could not
// be made.
func Refusing(why error) *Client { return &Client{why: why} }

// unanswered says that nobody is there, if that is so.
func unanswered(where string, err error) error {
	if err == nil {
		return nil
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return &NoDaemon{Socket: where, Err: err}
}

// use sets the way to the daemon. A daemon sends nobody elsewhere, and whoever
// does is not one: credentials go nowhere but where they were meant to.
func (c *Client) use(t *http.Transport) {
	t.DisableCompression, t.MaxIdleConnsPerHost, t.IdleConnTimeout = true, 4, time.Minute
	c.http.Transport = t
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// send asks and gives the answer, whose body is the caller's to close.
func (c *Client) send(ctx context.Context, method, path, accept string, body any) (*http.Response, error) {
	if c.why != nil {
		return nil, c.why
	}
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("ask the daemon: %w", err)
		}
		content = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	req.Header.Set("Accept", accept)
	if body != nil {
		req.Header.Set("Content-Type", wire.JSON)
	}
	c.login(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, broken(ctx, err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, refusal(resp)
}

// broken is a conversation with the daemon that failed.
func broken(ctx context.Context, err error) error {
	var none *NoDaemon
	code := room.CodeInternal
	switch {
	case errors.As(err, &none):
		err = none
	case ctx.Err() != nil:
		code, err = room.CodeTimeout, context.Cause(ctx)
	default:
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		err = fmt.Errorf("the conversation with the daemon broke off: %w", err)
	}
	return &room.Error{Code: code, Err: err}
}

// refusal reads a problem document.
func refusal(resp *http.Response) error {
	var p wire.Problem
	if resp.Header.Get("Content-Type") != wire.Trouble || json.NewDecoder(io.LimitReader(resp.Body, wire.MaxLine)).Decode(&p) != nil {
		return &room.Error{Code: room.CodeInternal, Said: "the daemon answered: " + resp.Status + " (is it of another version?)"}
	}
	return errorOf(&p)
}

// errorOf makes an error again of a problem.
func errorOf(p *wire.Problem) error {
	e := &room.Error{Code: p.Code, Op: p.Op, Subject: p.Subject, Said: p.Said, Tried: p.Tried, Confirm: p.Confirm, Err: causeOf(p)}
	if e.Said == "" {
		e.Said = p.Detail
	}
	return e
}

// get asks for one document: path is that of a route, with its query.
func (c *Client) get(ctx context.Context, path string, into any) error {
	return c.document(ctx, http.MethodGet, path, nil, into)
}

// post sends a body (nil for none) and reads the document that is answered (nil if
// that does not matter).
func (c *Client) post(ctx context.Context, path string, body, into any) error {
	return c.document(ctx, http.MethodPost, path, body, into)
}

// document is get and post for any method.
func (c *Client) document(ctx context.Context, method, path string, body, into any) error {
	resp, err := c.send(ctx, method, path, wire.JSON, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if into == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	} else {
		err = json.NewDecoder(resp.Body).Decode(into)
	}
	if err != nil {
		return broken(ctx, err)
	}
	return nil
}

// Do carries out one operation and tells each line of the answer, from begin to
// end, as it comes. An error means that nothing was done, or that the stream
// broke off; what the daemon then did is in its events.
//
// When ctx ends, a read is given up; a change goes on without us. To stop a
// change, call [Client.Cancel] with the request of the first line.
func (c *Client) Do(ctx context.Context, ask wire.Do) iter.Seq2[wire.Line, error] {
	return func(yield func(wire.Line, error) bool) {
		ended := false
		for data, err := range c.lines(ctx, "/v1/operations", ask) {
			if err != nil {
				yield(wire.Line{}, err)
				return
			}
			var line wire.Line
			if err := json.Unmarshal(data, &line); err != nil {
				yield(wire.Line{}, broken(ctx, err))
				return
			}
			if line.Problem != nil {
				yield(wire.Line{}, errorOf(line.Problem))
				return
			}
			if !yield(line, nil) {
				return
			}
			ended = line.Kind == wire.KindEnd // read on, so that the connection can be used again
		}
		if ended {
			return
		}
		yield(wire.Line{}, broken(ctx, io.ErrUnexpectedEOF))
	}
}

// lines gives the lines of a streamed answer; they are valid until the next one.
// The last thing given may be an error.
func (c *Client) lines(ctx context.Context, path string, body any) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		resp, err := c.send(ctx, http.MethodPost, path, wire.NDJSON, body)
		if err != nil {
			yield(nil, err)
			return
		}
		defer resp.Body.Close()
		in := bufio.NewScanner(resp.Body)
		in.Buffer(make([]byte, 0, 64<<10), wire.MaxLine)
		for in.Scan() {
			if !yield(in.Bytes(), nil) {
				return
			}
		}
		if err := in.Err(); err != nil {
			yield(nil, broken(ctx, err))
		}
	}
}

// Cancel stops an operation that is under way: what has not begun is not done.
func (c *Client) Cancel(ctx context.Context, request string) error {
	return c.post(ctx, "/v1/operations/"+url.PathEscape(request)+"/cancel", nil, nil)
}

// Plan shows what an order would do, and changes nothing.
func (c *Client) Plan(ctx context.Context, o wire.Order) (wire.Planned, error) {
	var p wire.Planned
	err := c.post(ctx, "/v1/plans", o, &p)
	return p, err
}

// Order begins a run.
func (c *Client) Order(ctx context.Context, o wire.Order) (wire.Planned, error) {
	var p wire.Planned
	err := c.post(ctx, "/v1/runs", o, &p)
	return p, err
}

// Runs tells how it stands with all runs that are remembered, the newest first.
func (c *Client) Runs(ctx context.Context) ([]wire.Run, error) {
	var list wire.Runs
	err := c.get(ctx, "/v1/runs", &list)
	return list.Items, err
}

// Run tells how it stands with one run.
func (c *Client) Run(ctx context.Context, id string) (wire.Run, error) {
	var info wire.Run
	err := c.get(ctx, "/v1/runs/"+url.PathEscape(id), &info)
	return info, err
}

// CancelRun asks a run to stop.
func (c *Client) CancelRun(ctx context.Context, id string) error {
	return c.post(ctx, "/v1/runs/"+url.PathEscape(id)+"/cancel", nil, nil)
}

// PauseRun has a run begin nothing new.
func (c *Client) PauseRun(ctx context.Context, id string) error {
	return c.post(ctx, "/v1/runs/"+url.PathEscape(id)+"/pause", nil, nil)
}

// ResumeRun has a paused run go on.
func (c *Client) ResumeRun(ctx context.Context, id string) error {
	return c.post(ctx, "/v1/runs/"+url.PathEscape(id)+"/resume", nil, nil)
}

// RunReport gives all that a run has told.
func (c *Client) RunReport(ctx context.Context, id string) (wire.RunReport, error) {
	var out wire.RunReport
	err := c.get(ctx, "/v1/runs/"+url.PathEscape(id)+"/report", &out)
	return out, err
}

// Nodes gives what is remembered of nodes; no targets means all.
func (c *Client) Nodes(ctx context.Context, targets string) ([]wire.Node, error) {
	list := []wire.Node{}
	for after := ""; ; {
		var page wire.Nodes
		if err := c.get(ctx, "/v1/nodes?"+pageQuery(targets, after), &page); err != nil {
			return nil, err
		}
		list = append(list, page.Items...)
		if after = page.Next; after == "" {
			return list, nil
		}
	}
}

// Devices gives how it stands with devices; no targets means all.
func (c *Client) Devices(ctx context.Context, targets string) ([]wire.Device, error) {
	list := []wire.Device{}
	for after := ""; ; {
		var page wire.Devices
		if err := c.get(ctx, "/v1/devices?"+pageQuery(targets, after), &page); err != nil {
			return nil, err
		}
		list = append(list, page.Items...)
		if after = page.Next; after == "" {
			return list, nil
		}
	}
}

func pageQuery(targets, after string) string {
	q := url.Values{"limit": {strconv.Itoa(wire.MaxPage)}}
	if targets != "" {
		q.Set("targets", targets)
	}
	if after != "" {
		q.Set("after", after)
	}
	return q.Encode()
}

// Revisions gives the newest accepted configurations, the newest first.
func (c *Client) Revisions(ctx context.Context, limit int) ([]wire.Revision, error) {
	var list wire.Revisions
	err := c.get(ctx, "/v1/revisions?limit="+strconv.Itoa(limit), &list)
	return list.Items, err
}

// Version tells which daemon answers.
func (c *Client) Version(ctx context.Context) (wire.Version, error) {
	var v wire.Version
	err := c.get(ctx, "/v1/version", &v)
	return v, err
}

// Clear lets go of nodes that are held back because an operation on them was
// interrupted; it gives those that were, as a folded host list.
func (c *Client) Clear(ctx context.Context, targets string) (string, error) {
	var cleared wire.Cleared
	err := c.post(ctx, "/v1/holds/clear", wire.Targets{Targets: targets}, &cleared)
	return cleared.Nodes, err
}

// Reload makes the daemon read its configuration again.
func (c *Client) Reload(ctx context.Context) (wire.Version, error) {
	var v wire.Version
	err := c.post(ctx, "/v1/reload", nil, &v)
	return v, err
}
