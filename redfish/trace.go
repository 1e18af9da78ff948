package redfish

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Trace hears what goes over the wire. Its functions may be nil, and may be called from
// several goroutines.
type Trace struct {
	// Asking is called before a request is sent. change says that the service may do
	// something when it hears it; a login does nothing.
	Asking func(change bool)
	// Text is given what is sent, and what came. Secrets are masked and long bodies cut.
	Text func(sent bool, text string)
}

type traceKey struct{}

// WithTrace has all requests that are made under a context told.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// maxShown is what is shown of a body, in bytes.
const maxShown = 4 << 10

// told shows a request.
func (c *Client) told(ctx context.Context, r *http.Request, q ask) {
	t, _ := ctx.Value(traceKey{}).(Trace)
	if t.Asking != nil {
		t.Asking(q.change && !q.plain)
	}
	if t.Text != nil {
		t.Text(true, c.shown(fmt.Sprintf("%s %s", r.Method, r.URL.RequestURI()), r.Header, q.body))
	}
}

// heard shows an answer.
func (c *Client) heard(ctx context.Context, a *answer) {
	if t, _ := ctx.Value(traceKey{}).(Trace); t.Text != nil {
		t.Text(false, c.shown(fmt.Sprintf("HTTP %d", a.status), a.header, a.body))
	}
}

// shown words a request or an answer. A header that lets somebody in is a secret
// whatever is in it: the token of a session that begins is not known yet.
func (c *Client) shown(first string, header http.Header, body []byte) string {
	h := header.Clone()
	for _, name := range []string{"X-Auth-Token", "Authorization", "Set-Cookie", "Cookie"} {
		if h.Get(name) != "" {
			h.Set(name, hidden)
		}
	}
	var b bytes.Buffer
	_ = h.Write(&b)
	text := c.masked(string(body)) // before it is cut: half a secret is not found
	if len(text) > maxShown {
		text = fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(text[:maxShown], ""), len(body))
	}
	return c.masked(first+"\n"+strings.ReplaceAll(b.String(), "\r\n", "\n")) + "\n" + text
}
