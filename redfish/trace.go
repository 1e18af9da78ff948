package redfish

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Trace hears what goes over the wire, as text: what is sent, and what comes. Secrets
// are masked and long bodies cut. It may be called from several goroutines.
type Trace func(sent bool, text string)

type traceKey struct{}

// WithTrace has all requests that are made under a context told.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// maxShown is what is shown of a body, in bytes.
const maxShown = 4 << 10

// told shows a request.
func (c *Client) told(ctx context.Context, r *http.Request, body []byte) {
	if t, _ := ctx.Value(traceKey{}).(Trace); t != nil {
		t(true, c.shown(fmt.Sprintf("%s %s", r.Method, r.URL.RequestURI()), r.Header, body))
	}
}

// heard shows an answer.
func (c *Client) heard(ctx context.Context, a *answer) {
	if t, _ := ctx.Value(traceKey{}).(Trace); t != nil {
		t(false, c.shown(fmt.Sprintf("HTTP %d", a.status), a.header, a.body))
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
