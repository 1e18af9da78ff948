package redfish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Auth is how a client says who it is.
type Auth uint8

// The ways. A session is logged out by [Client.Close]; with Basic the password goes
// with every request.
const (
	SessionOrBasic Auth = iota // a session, or Basic where the service has none
	Session
	Basic
	Nobody // no credential
)

// Options say whom to dial, and how.
type Options struct {
	// Address is a host, host:port, or https://host[:port]; and http://host[:port] if
	// PlainHTTP says so.
	Address   string
	User      string
	Password  string
	Auth      Auth
	Trust     Trust
	PlainHTTP bool // puts up with http://, by which anybody on the way reads the password

	// DialContext stands in for net.Dialer's; nil for that.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Reached is called once, when the first connection stands; it may be nil.
	Reached func()

	Timeout  time.Duration // of one request with its answer; zero is 30 s
	CacheTTL time.Duration // how long what was read is good enough for [Client.Get]; zero is 30 s, negative is not at all
	Rate     float64       // requests a second; zero is as many as it takes
	Workers  int           // requests side by side; zero is 4
	MaxBody  int           // bytes of one answer, unpacked; zero is 8 MiB
}

// Client is a conversation with one service. It may be used by several goroutines.
// The zero Client is not usable; [Dial] makes one, and [Client.Close] ends it.
type Client struct {
	opts  Options
	base  url.URL // scheme and host
	http  *http.Client
	long  *http.Client // for streams, which hold a connection each
	cache cache
	pace  pace
	login login
	root  Document
	mask  atomic.Pointer[strings.Replacer]
	up    atomic.Bool // a connection has stood
}

// rootPath is where every service begins (DSP0266 "Resource URI patterns").
const rootPath = "/redfish/v1/"

// The bounds that hold where Options name none.
const (
	defaultTimeout = 30 * time.Second
	defaultTTL     = 30 * time.Second
	defaultWorkers = 4
	defaultBody    = 8 << 20
	maxHead        = 64 << 10
	partingTime    = 2 * time.Second
)

// Dial reaches a service, reads its root, and logs in, so that a wrong password is
// found out. A service that nobody answers for gives a *[ConnectError], one whose
// certificate is not trusted a *[CertificateError] in it, one that does not let us in
// an error of kind [Denied].
func Dial(ctx context.Context, opts Options) (*Client, error) {
	base, err := opts.place()
	if err != nil {
		return nil, err
	}
	opts.Timeout = cmp.Or(max(opts.Timeout, 0), defaultTimeout)
	opts.CacheTTL = cmp.Or(opts.CacheTTL, defaultTTL)
	opts.Workers = cmp.Or(max(opts.Workers, 0), defaultWorkers)
	opts.MaxBody = cmp.Or(max(opts.MaxBody, 0), defaultBody)
	c := &Client{opts: opts, base: *base, pace: newPace(opts.Rate)}
	c.login.turn = make(chan struct{}, 1)
	c.cache.entries = make(map[string]*entry)
	c.hide("")
	transport := &http.Transport{
		DialContext: opts.DialContext, MaxConnsPerHost: opts.Workers + 2, MaxIdleConnsPerHost: opts.Workers,
		IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: maxHead, TLSHandshakeTimeout: opts.Timeout,
	}
	if base.Scheme == "https" {
		if transport.TLSClientConfig, err = opts.Trust.config(base.Hostname()); err != nil {
			return nil, err
		}
	}
	streams := transport.Clone()
	streams.MaxConnsPerHost = 0
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &http.Client{Transport: transport, CheckRedirect: stay}
	c.long = &http.Client{Transport: streams, CheckRedirect: stay}
	if err := c.enter(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// place reads the address.
func (o Options) place() (*url.URL, error) {
	text := o.Address
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	var wrong *url.Error
	switch {
	case errors.As(err, &wrong):
		return nil, fmt.Errorf("the address: %w", wrong.Err) // without the text, in which may be a password
	case err != nil:
		return nil, fmt.Errorf("the address: %w", err)
	case u.User != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("an address is host, host:port or https://host:port, and nothing else")
	case u.Scheme == "http" && !o.PlainHTTP:
		return nil, errors.New("by http:// anybody on the way reads the password: use https://, or ask for plain HTTP")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("an address begins with https://, and not with %.20q", u.Scheme)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// enter reads the root, which wants no credential (DSP0266 "Resource authentication
// requirements"), and logs in.
func (c *Client) enter(ctx context.Context) error {
	a, err := c.do(ctx, ask{method: http.MethodGet, path: rootPath, plain: true})
	if err != nil && errors.Is(err, Denied) && c.opts.Auth != Nobody { // some want one for the root, too
		c.login.basic.Store(true)
		a, err = c.do(ctx, ask{method: http.MethodGet, path: rootPath})
		c.login.basic.Store(false)
	}
	if err != nil {
		return err
	}
	c.root = a.doc
	if !c.root.Has("RedfishVersion") && !c.root.Has("Systems") && !c.root.Has("SessionService") && !c.root.Has("Chassis") {
		return fmt.Errorf("%s: it has a %s, but no Redfish", c.base.Host, rootPath)
	}
	return c.logIn(ctx)
}

// Root gives the service's root, as it was when the client was dialled.
func (c *Client) Root() Document { return c.root }

// Product gives what the service says that it is: its maker, and its product.
func (c *Client) Product() (vendor, product string) {
	vendor = c.root.String("Vendor")
	if vendor == "" {
		vendor = strings.Join(c.root.Keys("Oem"), ", ")
	}
	return vendor, c.root.String("Product")
}

// Address gives the host and port that the client has dialled.
func (c *Client) Address() string { return c.base.Host }

// Close logs out, and frees all the client holds. It may be called again.
func (c *Client) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), partingTime)
	defer cancel()
	err := c.logOut(ctx)
	c.http.CloseIdleConnections()
	c.long.CloseIdleConnections()
	return err
}

// ConnectError is a service that cannot be reached.
type ConnectError struct {
	Address string
	Err     error
}

func (e *ConnectError) Error() string { return e.Address + " cannot be reached: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *ConnectError) Unwrap() error { return e.Err }
