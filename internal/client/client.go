// Package client asks a running daemon through its local API. It is what the
// commands of the command line are made of, and can do what they can.
//
// An error is a *[room.Error], as if the desk had been asked itself; when no
// daemon answers, its cause is a *[NoDaemon].
//
// Start at [New], [Client.Do] and [Client.Order].
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

	"millwright.dev/millwright/internal/door/local/wire"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/room"
)

// NoDaemon says that nobody answers on the socket.
type NoDaemon struct {
	Socket string
	Err    error
}

func (e *NoDaemon) Error() string {
	return fmt.Sprintf("no daemon answers on %s: %v", e.Socket, e.Err)
}

// Unwrap gives the cause.
func (e *NoDaemon) Unwrap() error { return e.Err }

// Client asks one daemon. Its methods may be called from any goroutine.
type Client struct {
	socket string
	http   http.Client
}

// New makes a client of the daemon that listens on a unix socket. Nothing is
// connected before the first request.
func New(socket string) *Client {
	c := &Client{socket: socket}
	c.http.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
			if err != nil {
				var op *net.OpError
				if errors.As(err, &op) {
					err = op.Err
				}
				return nil, &NoDaemon{Socket: socket, Err: err}
			}
			return conn, nil
		},
		DisableCompression: true, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
	}
	return c
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// send asks and gives the answer, whose body is the caller's to close.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("ask the daemon: %w", err)
		}
		content = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://millwright"+path, content)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", wire.JSON)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, broken(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
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
	e := &room.Error{Code: p.Code, Op: p.Op, Subject: p.Subject, Said: p.Said, Tried: p.Tried, Confirm: p.Confirm}
	if e.Said == "" {
		e.Said = p.Detail
	}
	return e
}

// get asks for one document.
func (c *Client) get(ctx context.Context, path string, into any) error {
	return c.document(ctx, http.MethodGet, path, nil, into)
}

func (c *Client) post(ctx context.Context, path string, body, into any) error {
	return c.document(ctx, http.MethodPost, path, body, into)
}

func (c *Client) document(ctx context.Context, method, path string, body, into any) error {
	resp, err := c.send(ctx, method, path, body)
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

// lines gives a stream's lines; they are valid until the next one. The last
// thing given may be an error.
func (c *Client) lines(ctx context.Context, method, path string, body any) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		resp, err := c.send(ctx, method, path, body)
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

// Do carries out one operation and tells each line of the answer, from begin to
// end, as it comes. An error means that nothing was done, or that the stream
// broke off; what the daemon then did is in its events.
//
// When ctx ends, a read is given up; a change goes on without us. To stop a
// change, call [Client.Cancel] with the request of the first line.
func (c *Client) Do(ctx context.Context, ask wire.Do) iter.Seq2[wire.Line, error] {
	return func(yield func(wire.Line, error) bool) {
		ended := false
		for data, err := range c.lines(ctx, http.MethodPost, "/v0/do", ask) {
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

// Cancel stops an operation that is under way: what has not begun is not done.
func (c *Client) Cancel(ctx context.Context, request string) error {
	return c.post(ctx, "/v0/requests/"+url.PathEscape(request)+"/cancel", nil, nil)
}

// Plan shows what an order would do, and changes nothing.
func (c *Client) Plan(ctx context.Context, o wire.Order) (wire.Planned, error) {
	var p wire.Planned
	err := c.post(ctx, "/v0/plan", o, &p)
	return p, err
}

// Order begins a run.
func (c *Client) Order(ctx context.Context, o wire.Order) (wire.Planned, error) {
	var p wire.Planned
	err := c.post(ctx, "/v0/order", o, &p)
	return p, err
}

// Runs tells how it stands with all runs that are remembered, the newest first.
func (c *Client) Runs(ctx context.Context) ([]wire.Run, error) {
	var list []wire.Run
	err := c.get(ctx, "/v0/runs", &list)
	return list, err
}

// Run tells how it stands with one run.
func (c *Client) Run(ctx context.Context, id string) (wire.Run, error) {
	var info wire.Run
	err := c.get(ctx, "/v0/runs/"+url.PathEscape(id), &info)
	return info, err
}

// Updates follows a run, from behind the given update to its end.
func (c *Client) Updates(ctx context.Context, id string, after int) iter.Seq2[wire.Update, error] {
	return follow[wire.Update](ctx, c, "/v0/runs/"+url.PathEscape(id)+"/updates?after="+strconv.Itoa(after))
}

// CancelRun asks a run to stop.
func (c *Client) CancelRun(ctx context.Context, id string) error {
	return c.post(ctx, "/v0/runs/"+url.PathEscape(id)+"/cancel", nil, nil)
}

// Events gives the events that match, oldest first; following, it goes on with
// those to come until ctx ends.
func (c *Client) Events(ctx context.Context, f event.Filter, following bool) iter.Seq2[wire.Event, error] {
	return follow[wire.Event](ctx, c, "/v0/events?"+queryOf(f, following).Encode())
}

func queryOf(f event.Filter, following bool) url.Values {
	q := make(url.Values)
	set := func(name, value string, is bool) {
		if is {
			q.Set(name, value)
		}
	}
	set("since", f.Since.Format(time.RFC3339Nano), !f.Since.IsZero())
	set("until", f.Until.Format(time.RFC3339Nano), !f.Until.IsZero())
	set("node", f.Node, f.Node != "")
	set("request", f.Request, f.Request != "")
	set("after", strconv.FormatInt(f.AfterSeq, 10), f.AfterSeq > 0)
	set("limit", strconv.Itoa(f.Limit), f.Limit > 0)
	set("newest", "yes", f.Newest)
	set("follow", "yes", following)
	for _, k := range f.Kinds {
		q.Add("kind", string(k))
	}
	return q
}

// follow reads a stream whose lines are values, or the problem that ended it.
func follow[T any](ctx context.Context, c *Client, path string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for data, err := range c.lines(ctx, http.MethodGet, path, nil) {
			if err != nil {
				yield(none, err)
				return
			}
			if bytes.HasPrefix(data, []byte(`{"problem":`)) {
				var failed wire.Failed
				if json.Unmarshal(data, &failed) == nil && failed.Problem != nil {
					yield(none, errorOf(failed.Problem))
					return
				}
			}
			var v T
			if err := json.Unmarshal(data, &v); err != nil {
				yield(none, broken(ctx, err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// Nodes gives what is remembered of nodes; no targets means all.
func (c *Client) Nodes(ctx context.Context, targets string) ([]wire.Node, error) {
	var list []wire.Node
	err := c.get(ctx, "/v0/nodes?"+targetsQuery(targets), &list)
	return list, err
}

// Devices gives how it stands with devices; no targets means all.
func (c *Client) Devices(ctx context.Context, targets string) ([]wire.Device, error) {
	var list []wire.Device
	err := c.get(ctx, "/v0/devices?"+targetsQuery(targets), &list)
	return list, err
}

func targetsQuery(targets string) string { return url.Values{"targets": {targets}}.Encode() }

// Revisions gives the newest accepted configurations, the newest first.
func (c *Client) Revisions(ctx context.Context, limit int) ([]wire.Revision, error) {
	var list []wire.Revision
	err := c.get(ctx, "/v0/revisions?limit="+strconv.Itoa(limit), &list)
	return list, err
}

// Version tells which daemon answers.
func (c *Client) Version(ctx context.Context) (wire.Version, error) {
	var v wire.Version
	err := c.get(ctx, "/v0/version", &v)
	return v, err
}

// Clear lets go of nodes that are held back because an operation on them was
// interrupted; it gives those that were, as a folded host list.
func (c *Client) Clear(ctx context.Context, targets string) (string, error) {
	var cleared wire.Cleared
	err := c.post(ctx, "/v0/clear", wire.Targets{Targets: targets}, &cleared)
	return cleared.Nodes, err
}

// Reload makes the daemon read its configuration again.
func (c *Client) Reload(ctx context.Context) (wire.Version, error) {
	var v wire.Version
	err := c.post(ctx, "/v0/reload", nil, &v)
	return v, err
}
