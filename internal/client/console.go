package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"millwright.dev/millwright/internal/door/http/wire"
)

// maxFrame is how large a frame of the daemon may be.
const maxFrame = 1 << 20

// Attach says how to attach to a console.
type Attach struct {
	Watch    bool // rather than type
	TakeOver bool // from whoever types
	Replay   int  // bytes of what came last; negative is all that is kept
}

// Console is an attached console. Next is for one goroutine, the others for any.
type Console struct{ conn *websocket.Conn }

// Console attaches to a node's console. The first message that comes is
// [wire.ConsoleAttached].
func (c *Client) Console(ctx context.Context, node string, o Attach) (*Console, error) {
	if c.why != nil {
		return nil, c.why
	}
	q := url.Values{"replay": {strconv.Itoa(max(-1, o.Replay))}, "mode": {"write"}}
	if o.Watch {
		q.Set("mode", "watch")
	}
	if o.TakeOver {
		q.Set("take_over", "true")
	}
	at := c.base + "/v1/nodes/" + url.PathEscape(node) + "/console?" + q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	c.login(req)
	conn, resp, err := websocket.Dial(ctx, at, //nolint:bodyclose // it needs no closing, says the library
		&websocket.DialOptions{
			HTTPClient: &c.http, HTTPHeader: req.Header, Subprotocols: []string{wire.ConsoleProtocol},
		})
	if err != nil && resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, refusal(resp)
	}
	if err != nil {
		return nil, broken(ctx, err)
	}
	conn.SetReadLimit(maxFrame)
	return &Console{conn}, nil
}

// Next gives what comes next: bytes of the console, or a message. It gives [io.EOF] when
// the daemon ends it in order, which it does after [wire.ConsoleClosed].
func (c *Console) Next(ctx context.Context) (data []byte, m *wire.ConsoleMessage, err error) {
	kind, frame, err := c.conn.Read(ctx)
	if err != nil {
		if s := websocket.CloseStatus(err); s == websocket.StatusNormalClosure || s == websocket.StatusGoingAway {
			return nil, nil, io.EOF
		}
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, nil, broken(ctx, errors.Unwrap(err))
	}
	if kind == websocket.MessageBinary {
		return frame, nil, nil
	}
	m = new(wire.ConsoleMessage)
	if err := json.Unmarshal(frame, m); err != nil {
		return nil, nil, broken(ctx, err)
	}
	return nil, m, nil
}

// Write types.
func (c *Console) Write(ctx context.Context, p []byte) error {
	const most = 32 << 10
	for len(p) > 0 {
		n := min(len(p), most)
		if err := c.conn.Write(ctx, websocket.MessageBinary, p[:n]); err != nil {
			return broken(ctx, err)
		}
		p = p[n:]
	}
	return nil
}

// Ask sends a message: a break, a wish to type.
func (c *Console) Ask(ctx context.Context, m wire.ConsoleMessage) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := c.conn.Write(ctx, websocket.MessageText, data); err != nil {
		return broken(ctx, err)
	}
	return nil
}

// Close leaves the console.
func (c *Console) Close() { _ = c.conn.CloseNow() }

// Consoles lists the consoles.
func (c *Client) Consoles(ctx context.Context) ([]wire.Console, error) {
	var list wire.Consoles
	err := c.get(ctx, "/v1/consoles", &list)
	return list.Items, err
}

// ConsoleLog gives a part of the log of a node's console, which the caller closes; a
// zero time is without a bound.
func (c *Client) ConsoleLog(ctx context.Context, node string, since, until time.Time) (io.ReadCloser, error) {
	q := url.Values{}
	for name, at := range map[string]time.Time{"since": since, "until": until} {
		if !at.IsZero() {
			q.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	resp, err := c.send(ctx, http.MethodGet, "/v1/nodes/"+url.PathEscape(node)+"/console/log?"+q.Encode(), "text/plain", nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}
