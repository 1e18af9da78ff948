package redfish

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// login is who a client is to its service at the moment.
type login struct {
	basic atomic.Bool   // the password goes with every request
	turn  chan struct{} // held by who logs in, or out

	mu     sync.Mutex
	token  string
	path   string // of the session
	count  int    // how often it has logged in
	closed bool
}

// sessionsPath is where sessions are made, for services whose root does not say
// (DSP0266 "Redfish session login authentication").
const sessionsPath = rootPath + "SessionService/Sessions"

var errClosed = errors.New("the client is closed")

// logIn logs in for the first time.
func (c *Client) logIn(ctx context.Context) error {
	if c.opts.Auth == Nobody {
		return nil
	}
	if c.opts.Auth != Basic {
		err := c.newSession(ctx, 0)
		none := errors.Is(err, NotFound) || errors.Is(err, Unsupported) || errors.Is(err, Exhausted)
		if err == nil || c.opts.Auth == Session || !none {
			return err
		}
	}
	c.login.basic.Store(true)
	_, err := c.do(ctx, ask{method: http.MethodGet, path: c.protected()})
	return err
}

// protected is a resource that is shown to nobody without a credential.
func (c *Client) protected() string {
	for _, name := range []string{"Systems", "Managers", "Chassis", "SessionService"} {
		if l := c.root.Link(name); l != "" {
			return l
		}
	}
	return rootPath + "Systems"
}

// newSession logs in, unless somebody has since the client's count of logins was that.
func (c *Client) newSession(ctx context.Context, count int) error {
	l := &c.login
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	l.mu.Lock()
	late, closed := l.count != count, l.closed
	l.mu.Unlock()
	switch {
	case closed:
		return errClosed
	case late:
		return nil
	}
	path := c.root.Link("Links", "Sessions")
	if path == "" {
		path = sessionsPath
	}
	body, err := json.Marshal(map[string]string{"UserName": c.opts.User, "Password": c.opts.Password})
	if err != nil {
		return err
	}
	a, err := c.do(ctx, ask{method: http.MethodPost, path: path, body: body, plain: true, change: true})
	if err != nil {
		return err
	}
	token := a.header.Get("X-Auth-Token")
	if token == "" {
		return &Error{Method: http.MethodPost, Path: path, Status: a.status, Kind: Unsupported, Messages: []Message{{Text: "a session without a token"}}}
	}
	at := a.location()
	if at == "" {
		at = a.doc.Link()
	}
	l.mu.Lock()
	l.token, l.path, l.count = token, at, l.count+1
	closed = l.closed
	l.mu.Unlock()
	c.hide(token)
	if closed { // meanwhile, and nobody else would end it
		return errors.Join(errClosed, c.endSession(ctx))
	}
	return nil
}

// logOut ends the session, if there is one.
func (c *Client) logOut(ctx context.Context) error {
	l := &c.login
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done(): // somebody logs in, and will end what comes of it
		return context.Cause(ctx)
	}
	return c.endSession(ctx)
}

// endSession ends the session, of whoever holds the turn.
func (c *Client) endSession(ctx context.Context) error {
	l := &c.login
	l.mu.Lock()
	token, path := l.token, l.path
	l.mu.Unlock()
	if token == "" || path == "" {
		return nil
	}
	_, err := c.do(ctx, ask{method: http.MethodDelete, path: path, parting: true})
	l.mu.Lock()
	l.token = ""
	l.mu.Unlock()
	if errors.Is(err, Denied) || errors.Is(err, NotFound) {
		return nil // it has ended already
	}
	return err
}

// authorise adds to a request what lets it in, and gives the count of logins by which
// it is.
func (c *Client) authorise(r *http.Request) (count int) {
	if c.login.basic.Load() {
		r.SetBasicAuth(c.opts.User, c.opts.Password)
		return 0
	}
	c.login.mu.Lock()
	defer c.login.mu.Unlock()
	if c.login.token != "" {
		r.Header.Set("X-Auth-Token", c.login.token)
	}
	return c.login.count
}

// expired says whether an answer means that the session has ended.
func (c *Client) expired(a *answer, q ask) bool {
	if q.plain || q.parting || c.login.basic.Load() || c.opts.Auth == Nobody {
		return false
	}
	if a.status == http.StatusUnauthorized {
		return true
	}
	if a.status/100 != 4 {
		return false
	}
	e := Error{Messages: messages(a.doc, c.masked)}
	return e.Has("NoValidSession") || e.Has("SessionTerminated")
}

// hidden stands for a secret.
const hidden = "****"

// hide makes the mask anew: the password in all the forms in which it goes over the
// wire, and the session's token.
func (c *Client) hide(token string) {
	var pairs []string
	add := func(text string) {
		if text != "" {
			pairs = append(pairs, text, hidden)
		}
	}
	if pw := c.opts.Password; pw != "" {
		quoted, _ := json.Marshal(pw) // of a text, it cannot fail
		add(base64.StdEncoding.EncodeToString([]byte(c.opts.User + ":" + pw)))
		add(string(quoted[1 : len(quoted)-1]))
		add(pw)
	}
	add(token)
	c.mask.Store(strings.NewReplacer(pairs...))
}

// masked takes the secrets out of a text.
func (c *Client) masked(text string) string { return c.mask.Load().Replace(text) }
