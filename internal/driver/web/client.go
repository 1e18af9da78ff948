package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/secret"
)

// Client is an open conversation with one device, over one connection at a time.
// The goroutine that owns the session owns it; it starts none that acts by itself.
type Client struct {
	action.Device

	config Config
	tls    *tls.Config // nil for plain HTTP
	cred   credential
	wire   *wire // nil if there is none at the moment

	asked    *challenge
	cookies  []cookie
	attached []cookie
	session  []secret.Value // to be masked while the session lasts
	last     string         // the digest that was sent last
	in       bool           // logged in
	oneShot  bool           // it hangs up after each answer, as we have seen
	closed   bool
}

// partingTime is how long logging out may take.
const partingTime = 2 * time.Second

// Open reaches a device, logs in if config says how, and has probe talk to it. The
// probe should ask something that wants the credential: what takes a connection and
// never looks at the password would otherwise seem healthy. It may be nil where the
// login proves that. Any error of theirs means that the device did not let us in;
// the error of Open is a *driver.Fault.
func Open(ctx context.Context, env driver.Env, config Config, probe func(*Talk) error) (*Client, error) {
	c := &Client{Device: action.Device{Env: env, Timeout: config.Patience, InStep: true}, config: config}
	if c.config.MaxBody <= 0 {
		c.config.MaxBody = defaultMaxBody
	}
	c.cred = credential{Auth: config.Auth, user: env.Credential.User, password: env.Credential.Get(secret.Password)}
	if c.cred.user == "" {
		c.cred.user = config.Auth.User
	}
	c.hide("")
	if err := c.reach(ctx); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, &driver.Fault{Phase: driver.Connecting, Device: env.Device, Err: err}
	}
	env.Reached()
	if err := c.Login(ctx, c.talk(func(t *Talk) error { return c.enter(t, probe) })); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// enter proves that the device wants a password, logs in, and probes.
func (c *Client) enter(t *Talk, probe func(*Talk) error) error {
	if c.config.Auth.Protected {
		if err := c.protected(t); err != nil {
			return err
		}
	}
	if c.config.Login != nil {
		if err := c.login(t); err != nil {
			return err
		}
	}
	if probe == nil {
		return nil
	}
	return probe(t)
}

// protected sends a request without credentials, which has to be turned down. The
// next goes by a new connection: old boxes hang if the same one is used.
func (c *Client) protected(t *Talk) error {
	path := c.config.Auth.ProtectedPath
	if path == "" {
		path = "/"
	}
	a, err := t.Do(Request{Path: path, Plain: true})
	if err != nil {
		return err
	}
	c.hangUp()
	if a.Status != 401 {
		return errors.New("it is not protected: it answers without asking for a password; set one on the device")
	}
	return nil
}

// login starts a session afresh.
func (c *Client) login(t *Talk) error {
	c.cookies, c.attached, c.session = nil, nil, nil
	c.hide("")
	t.loggedIn = true
	inner := *t
	inner.within = true
	err := c.config.Login(&inner)
	c.in = err == nil
	return err
}

// reach makes the connection.
func (c *Client) reach(ctx context.Context) error {
	if c.config.Base.Scheme == "https" && c.tls == nil {
		config, err := c.config.TLS.Config(c.config.Base.Hostname())
		if err != nil {
			return err
		}
		c.tls = config
	}
	w, err := dial(ctx, c.Env.DialContext, c.config.Base, c.tls)
	if err != nil {
		return err
	}
	c.wire = w
	return nil
}

// well says whether the connection can take a request.
func (c *Client) well() bool {
	if c.wire == nil {
		return false
	}
	dead, _ := c.wire.dead()
	return !dead
}

// hangUp ends the connection, if there is one.
func (c *Client) hangUp() {
	if c.wire != nil {
		c.wire.close()
		c.wire = nil
	}
}

// Done implements [driver.Session]: a connection that ends between two requests is
// nothing to worry about, so a client never dies by itself.
func (*Client) Done() <-chan struct{} { return nil }

// Close implements [driver.Session].
func (c *Client) Close() error {
	if c.in && c.config.Logout != nil && c.well() {
		d := c.Device
		d.Timeout, d.Env.Acted = partingTime, func() {}
		_ = d.Aside(context.Background(), func(a *action.Action) error { // it ends by itself, one day
			return c.config.Logout(&Talk{Action: a, Client: c, within: true})
		})
	}
	c.in = false
	c.hangUp()
	c.closed = true
	return nil
}

func getBody(body []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
}
