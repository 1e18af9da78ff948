package web

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
)

// Talk is the part of a conversation that belongs to one action. All of it takes
// place in the time of that action.
type Talk struct {
	*action.Action
	Client *Client

	loggedIn bool // the session was started anew in this action
	within   bool // this is the login itself
}

// Request is what to ask.
type Request struct {
	Method string // empty is GET
	// Path is where, with its query, escaped, joined to the path of the address.
	Path   string
	Header http.Header // may be nil
	Body   []byte
	// Change says that the device does something when it hears this. It is never
	// sent again because of a connection that broke.
	Change bool
	// Plain leaves out the credential and the cookies.
	Plain bool
}

// Answer is what the device said. All of it is there and within bounds, and none of
// it is masked: hand it on by [Refused], [Odd] or Client.Clean.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	URL    *url.URL // what was asked last, after redirects
}

// Want gives nil if the status is one of those (with none named, any 2xx). Else it
// is the error to return: a refusal for a 4xx, an oddity for all others, because a
// device that fails in the middle may have done what it was told.
func (a *Answer) Want(status ...int) error {
	if slices.Contains(status, a.Status) || len(status) == 0 && a.Status/100 == 2 {
		return nil
	}
	said := a.Line()
	switch {
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		return Refused("it does not let us in; are the user and the password right? (" + said + ")")
	case a.Status/100 == 4:
		return Refused(said)
	case a.Status/100 == 3:
		return Odd(said + ", to " + a.Header.Get("Location"))
	}
	return Odd(said)
}

// Line gives the status in words, with the beginning of a short text.
func (a *Answer) Line() string {
	said := fmt.Sprintf("HTTP %d %s", a.Status, http.StatusText(a.Status))
	text := strings.Join(strings.Fields(string(a.Body[:min(len(a.Body), maxLine)])), " ")
	if text != "" && !strings.HasPrefix(text, "<") {
		said += ": " + text
	}
	return strings.TrimSpace(said)
}

// Do sends a request and hears the answer, whatever its status: [Answer.Want]
// looks at that. It answers challenges, follows the redirects that are allowed, and
// logs in again if the session has expired. The error is for the caller to return.
func (t *Talk) Do(r Request) (*Answer, error) {
	before := t.Changed
	a, err := t.follow(r)
	c := t.Client
	if err != nil || r.Plain || c.config.Login == nil || t.within || t.loggedIn || !c.expired(a) {
		return a, err
	}
	t.Changed = before // what was turned down has not happened
	if err := c.login(t); err != nil {
		f := *t.Failed(err)
		if f.Phase == driver.Acting {
			f.Phase = driver.LoggingIn
		}
		return nil, &f
	}
	return t.follow(r)
}

func (c *Client) expired(a *Answer) bool {
	return a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden || c.config.Expired != nil && c.config.Expired(a)
}

// follow asks, and follows redirects.
func (t *Talk) follow(r Request) (*Answer, error) {
	u, err := t.Client.config.Base.Parse(strings.TrimRight(t.Client.config.Base.EscapedPath(), "/") + "/" + strings.TrimLeft(r.Path, "/"))
	if err != nil {
		return nil, t.Fault(driver.Waiting, fmt.Errorf("the path %q is none", r.Path))
	}
	for hops := 0; ; hops++ {
		a, err := t.ask(u, r)
		if err != nil || a.Status/100 != 3 || a.Header.Get("Location") == "" || t.Client.config.Redirects == 0 {
			return a, err
		}
		if hops >= t.Client.config.Redirects {
			return nil, Odd(fmt.Sprintf("more than %d redirects", t.Client.config.Redirects))
		}
		to, err := u.Parse(a.Header.Get("Location"))
		if err != nil || to.User != nil || to.Scheme != u.Scheme || hostPort(to) != hostPort(u) {
			return nil, Odd("a redirect to another place, which is not followed: " + a.Header.Get("Location"))
		}
		to.Fragment = ""
		u = to
		if a.Status != http.StatusTemporaryRedirect && a.Status != http.StatusPermanentRedirect {
			r.Method, r.Body, r.Change = http.MethodGet, nil, false // what was asked is done; this only shows it
		}
	}
}

// ask asks one thing, twice if the device wants to know who asks.
func (t *Talk) ask(u *url.URL, r Request) (*Answer, error) {
	for try := 0; ; try++ {
		req, err := t.request(u, r)
		if err != nil {
			return nil, err
		}
		a, err := t.send(req, r)
		if err != nil {
			return nil, err
		}
		t.Client.remember(a.Header)
		t.heard(a)
		if a.Status != http.StatusUnauthorized || r.Plain || try > 1 || !t.Client.learn(a, req.Header.Get("Authorization") != "") {
			return a, nil
		}
	}
}

// request makes the request, with all that lets it in.
func (t *Talk) request(u *url.URL, r Request) (*http.Request, error) {
	c := t.Client
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(t.Context(), method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, t.Fault(driver.Waiting, err)
	}
	req.URL = u // as it is, unpolished
	req.Header.Set("User-Agent", "millwright")
	req.Header.Set("Accept", "*/*")
	req.Close = c.config.OneShot || c.oneShot
	if !r.Plain {
		for _, h := range c.attached {
			req.Header.Set(h.name, h.value)
		}
		for _, k := range c.cookies {
			req.AddCookie(&http.Cookie{Name: k.name, Value: k.value}) //nolint:gosec // it goes to the device
		}
	}
	for name, values := range r.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	if r.Plain {
		return req, nil
	}
	return req, c.authorise(req, r.Body)
}

// send sends one request and hears its answer. A request that only asks is sent
// again if the connection that was kept turns out to be dead.
func (t *Talk) send(req *http.Request, r Request) (*Answer, error) {
	var buf bytes.Buffer
	if err := req.Write(&buf); err != nil {
		return nil, t.Fault(driver.Waiting, err)
	}
	for {
		w, err := t.connect()
		if err != nil {
			return nil, err
		}
		kept := w.used
		t.told(devspec.TraceSend, buf.Bytes())
		t.Sent, t.Changed = true, t.Changed || r.Change
		a, keep, err := w.trip(t.Context(), buf.Bytes(), req, t.Client.config.MaxBody)
		if !keep {
			t.Client.hangUp()
		}
		var odd *action.Oddity
		switch {
		case err == nil:
			return a, nil
		case t.Context().Err() != nil:
			return nil, t.Over()
		case errors.As(err, &odd):
			return nil, err
		case kept && !r.Change && !w.tap.got:
			t.Client.oneShot = true // it hung up while this was on its way
			continue
		}
		return nil, t.Fault(driver.Lost, err)
	}
}

// connect gives a wire that can take a request.
func (t *Talk) connect() (*wire, error) {
	c := t.Client
	switch {
	case c.closed:
		return nil, t.Fault(driver.Lost, errors.New("the session is closed"))
	case t.Context().Err() != nil:
		return nil, t.Over()
	}
	if c.wire != nil {
		if dead, atOnce := c.wire.dead(); dead {
			c.hangUp()
			c.oneShot = c.oneShot || atOnce // else a request may cross the end of its connection
		}
	}
	if c.wire == nil {
		if err := c.reach(t.Context()); err != nil {
			if t.Context().Err() != nil {
				return nil, t.Over()
			}
			return nil, t.Fault(driver.Lost, fmt.Errorf("it cannot be reached any more: %w", err))
		}
	}
	return c.wire, nil
}
