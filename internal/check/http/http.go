// Package http checks what answers HTTP requests: the status, what is in the body, a
// value in JSON, how long it takes, and how many days the certificate is still good for.
//
// Each run is one new connection, without any proxy. A redirect is an answer like any
// other unless `redirects` allows some; they stay on the same host, unless `anywhere`
// allows others, who are not shown the credential. The answer is bad if it is not as the
// settings want it, if there is none in time, or if the certificate is not trusted.
//
// Start at [Settings]; judge.go is what an answer is held against.
package http

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/theory/jsonpath"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/secret"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "http",
		Summary: "answers an HTTP request as it should",
		New: func() check.Settings {
			return &Settings{Method: http.MethodGet, Status: []string{"200-299"}, Auth: "none", TLS: web.TLS{Min: "1.2"}}
		},
	}
}

// Settings of one check.
type Settings struct {
	URL       string            `yaml:"url" required:"true" doc:"what to ask for, as https://{address}:8443/health; {node} and {address} are replaced"`
	Method    string            `yaml:"method" default:"GET" doc:"the request's method"`
	Headers   map[string]string `yaml:"headers" doc:"more headers of the request; Host is the virtual host to ask for"`
	Body      string            `yaml:"body" doc:"the request's body"`
	Auth      string            `yaml:"auth" enum:"none,basic,bearer" default:"none" doc:"how the credential is sent: basic (user and password) or bearer (the password is a token)"`
	Redirects int               `yaml:"redirects" default:"0" doc:"how many redirects are followed, on the same scheme, host and port"`
	Anywhere  bool              `yaml:"anywhere" default:"no" doc:"follow redirects to other places too, without the credential"`

	Status   []string      `yaml:"status" default:"[200-299]" doc:"statuses that are ok, ranges allowed"`
	Contains string        `yaml:"contains" doc:"a text that must be in the body"`
	JSON     string        `yaml:"json" doc:"JSON path (RFC 9535) of a value in the body; is, like, min and max are about that, and without it about the whole body"`
	Slowest  time.Duration `yaml:"slowest" doc:"bad if the answer takes longer; 0 for no limit but the check's time-out"`
	Days     int           `yaml:"certificate-days" doc:"bad if the server's certificate ends in fewer days; 0 for no limit"`
	TLS      web.TLS       `yaml:"tls" doc:"whom to trust"`

	check.Want `yaml:",inline"`
}

// The bounds of an answer, in bytes; and of redirects.
const (
	maxBody      = 1 << 20
	maxHead      = 64 << 10
	maxRedirects = 20
)

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	c := &asker{Settings: *s}
	if _, err := place(check.Example(), s.URL); err != nil {
		return nil, check.Field("url", "%w", err)
	}
	if _, err := c.request(context.Background(), check.Example()); err != nil {
		return nil, check.Field("method", "%w", err)
	}
	if !slices.Contains([]string{"", "none", "basic", "bearer"}, s.Auth) {
		return nil, check.Field("auth", "it is none, basic or bearer")
	}
	switch {
	case s.Redirects < 0 || s.Redirects > maxRedirects:
		return nil, check.Field("redirects", "0 to %d", maxRedirects)
	case s.Slowest < 0:
		return nil, check.Field("slowest", "it cannot be less than nothing")
	case s.Days < 0 || s.Days > 10_000:
		return nil, check.Field("certificate-days", "0 to 10000")
	}
	if err := s.TLS.Check(); err != nil {
		return nil, check.Field("tls", "%w", err)
	}
	var err error
	if c.status, err = parseStatus(s.Status); err != nil {
		return nil, check.Field("status", "%w", err)
	}
	if s.JSON != "" {
		if err := web.CheckPath(s.JSON); err != nil {
			return nil, check.Field("json", "%w", err)
		}
		if c.path, err = jsonpath.Parse(s.JSON); err != nil {
			return nil, check.Field("json", "%w", err)
		}
	}
	c.judge, err = s.Judge()
	return c, err
}

// place reads the URL for a node.
func place(env *check.Env, text string) (*url.URL, error) {
	u, err := url.Parse(env.FillURL(text))
	var wrong *url.Error
	switch {
	case errors.As(err, &wrong):
		return nil, wrong.Err // without the text, in which may be a password
	case err != nil:
		return nil, err
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("it begins with http:// or https://")
	case u.User != nil:
		return nil, errors.New("it has no user and no password; name a credential instead")
	case u.Hostname() == "":
		return nil, errors.New("the host is missing")
	}
	return u, nil
}

// span is statuses from low to high.
type span struct{ low, high int }

func parseStatus(list []string) ([]span, error) {
	spans := make([]span, 0, len(list))
	for _, text := range list {
		from, to, ranged := strings.Cut(text, "-")
		if !ranged {
			to = from
		}
		low, errLow := strconv.Atoi(strings.TrimSpace(from))
		high, errHigh := strconv.Atoi(strings.TrimSpace(to))
		if errLow != nil || errHigh != nil || low < 100 || high > 599 || low > high {
			return nil, fmt.Errorf("%q is no status and no range of them, such as 200-299", text)
		}
		spans = append(spans, span{low, high})
	}
	if len(spans) == 0 {
		return nil, errors.New("there is none")
	}
	return spans, nil
}

// asker is the check.
type asker struct {
	Settings
	status []span
	path   *jsonpath.Path // nil for the body
	judge  *check.Judge
}

// request makes the request for a node.
func (c *asker) request(ctx context.Context, env *check.Env) (*http.Request, error) {
	u, err := place(env, c.URL)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, c.Method, u.String(), strings.NewReader(env.Fill(c.Body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "millwright")
	for name, value := range c.Headers {
		value = env.Fill(value)
		if strings.EqualFold(name, "host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	password := env.Credential.Get(secret.Password).Reveal()
	switch c.Auth {
	case "basic":
		req.SetBasicAuth(env.Credential.User, password)
	case "bearer":
		req.Header.Set("Authorization", "Bearer "+password)
	}
	return req, nil
}

// client makes what sends the request, for one run.
func (c *asker) client(env *check.Env, u *url.URL) (*http.Client, error) {
	t := &http.Transport{DialContext: env.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: maxHead}
	host := u.Hostname()
	if c.Anywhere && c.TLS.ServerName == "" {
		host = "" // each place by its own name
	}
	config, err := c.TLS.Config(host)
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig = config
	return &http.Client{Transport: t, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		first := via[0].URL
		switch {
		case c.Redirects == 0:
			return http.ErrUseLastResponse
		case len(via) > c.Redirects:
			return fmt.Errorf("more than %d redirects", c.Redirects)
		case !c.Anywhere && (next.URL.Scheme != first.Scheme || next.URL.Host != first.Host):
			return fmt.Errorf("a redirect to another place, %s, which is not followed", next.URL.Host)
		case next.URL.Host != first.Host, next.URL.Scheme != first.Scheme:
			next.Header.Del("Authorization")
			for name := range c.Headers { // a key of an API may be among them
				next.Header.Del(name)
			}
		}
		return nil
	}}, nil
}

// Run implements [check.Check].
func (c *asker) Run(ctx context.Context, env check.Env) check.Result {
	req, err := c.request(ctx, &env)
	if err != nil {
		return check.Unclear(err.Error())
	}
	client, err := c.client(&env, req.URL)
	if err != nil {
		return check.Unclear(err.Error()) // a file with authorities that cannot be read
	}
	defer client.CloseIdleConnections()
	start := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return failed(ctx, req.URL, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return failed(ctx, req.URL, err)
	}
	return c.verdict(&env, resp, body, time.Since(start))
}

// failed is the result where there was no whole answer.
func failed(ctx context.Context, u *url.URL, err error) check.Result {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the URL, whose query may hold a secret
	}
	var record tls.RecordHeaderError
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &record) || errors.As(err, &untrusted) {
		err = web.TLSError(err)
	}
	return check.Unreached(ctx, u.Scheme+"://"+u.Host, err)
}
