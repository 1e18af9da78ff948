package httppower

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"millwright.dev/millwright/internal/applet/web"
)

// timeout bounds one exchange, connection and body included.
const timeout = 5 * time.Second

// client is what the commands set, and the connection.
type client struct {
	url, header, auth string
	jar               http.CookieJar // nil when cookies are not kept
	verbose           bool
	transport         *http.Transport
	out, errs         io.Writer
}

func newClient(o options, out, errs io.Writer) (*client, error) {
	t, err := web.NewTransport(web.Options{VerifyTLS: o.verifyTLS, CAFile: o.caFile})
	if err != nil {
		return nil, err
	}
	c := &client{url: o.url, header: o.header, verbose: o.verbose, transport: t, out: out, errs: errs}
	if o.cookies {
		c.jar = newJar()
	}
	return c, nil
}

func (c *client) close() { c.transport.CloseIdleConnections() }

func (c *client) say(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

func (c *client) setAuth(args []string) {
	if len(args) == 0 {
		c.say("Usage: auth user:passwd\n")
		return
	}
	c.auth = args[0]
}

func (c *client) setCookies(args []string) {
	switch {
	case len(args) > 0 && args[0] == "enable":
		if c.jar == nil {
			c.jar = newJar()
		}
	case len(args) > 0 && args[0] == "disable":
		c.jar = nil
	default:
		c.say("Usage: cookies <enable|disable>\n")
	}
}

func (c *client) get(ctx context.Context, args []string) {
	suffix := ""
	if len(args) > 0 {
		suffix = args[0]
	}
	target := c.target(suffix)
	if target == "" {
		c.say("Nothing to get!\n")
		return
	}
	c.exchange(ctx, http.MethodGet, target, "")
}

// send posts or puts the last but one and the last of two words, or one word to
// the base URL.
func (c *client) send(ctx context.Context, verb string, args []string) {
	suffix, data := "", ""
	switch len(args) {
	case 0:
	case 1:
		data = args[0]
	default:
		suffix, data = args[0], args[1]
	}
	target := c.target(suffix)
	if target == "" || len(args) == 0 {
		c.say("Nothing to %s!\n", verb)
		return
	}
	c.exchange(ctx, strings.ToUpper(verb), target, data)
}

// target joins the base URL and what a command names; "" if there is neither.
func (c *client) target(suffix string) string {
	switch {
	case suffix == "":
		return c.url
	case c.url == "":
		return suffix
	default:
		return c.url + "/" + suffix
	}
}

// exchange makes a request and copies the answer's body to the output as it
// comes, no more than web.MaxBody bytes of it.
func (c *client) exchange(ctx context.Context, method, target, data string) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := c.request(ctx, method, target, data)
	if err != nil {
		c.say("Error: %s\n", web.OneLine(err.Error()))
		return
	}
	begin := time.Now()
	h := http.Client{Transport: c.transport, Jar: c.jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c.trace(r)
	resp, err := h.Do(r)
	if err != nil {
		c.say("Error: %s\n", reason(err, r.URL, begin))
		return
	}
	defer resp.Body.Close()
	c.traceResponse(resp)
	if resp.StatusCode >= http.StatusBadRequest {
		c.say("Error: The requested URL returned error: %d\n", resp.StatusCode)
		return
	}
	c.copyBody(resp, begin)
}

func (c *client) request(ctx context.Context, method, target, data string) (*http.Request, error) {
	if !strings.Contains(target, "://") {
		target = "http://" + target
	}
	var body io.Reader
	if data != "" {
		body = strings.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, errors.New("URL rejected: " + web.Innermost(err).Error())
	}
	if s := r.URL.Scheme; s != "http" && s != "https" {
		return nil, fmt.Errorf("Protocol \"%s\" not supported", s) //nolint:staticcheck // the user reads it behind "Error: "
	}
	if r.URL.Host == "" {
		return nil, errors.New("URL rejected: No host part in the URL")
	}
	r.Header["User-Agent"] = []string{""}
	r.Header["Accept"] = []string{"*/*"}
	if method == http.MethodPost {
		r.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
	}
	if user, pass, _ := strings.Cut(c.auth, ":"); c.auth != "" {
		r.SetBasicAuth(user, pass)
	}
	web.SetHeader(r, c.header)
	return r, nil
}

// copyBody copies what comes, also where the rest then fails to come.
func (c *client) copyBody(resp *http.Response, begin time.Time) {
	n, err := io.Copy(c.out, io.LimitReader(resp.Body, web.MaxBody))
	switch {
	case err == nil && n == web.MaxBody:
		if extra, _ := resp.Body.Read(make([]byte, 1)); extra > 0 {
			c.say("Error: the response is longer than %d bytes\n", web.MaxBody)
		}
	case err == nil:
	case web.Classify(err) == web.TimedOut && resp.ContentLength >= 0:
		c.say("Error: Operation timed out after %d milliseconds with %d out of %d bytes received\n", time.Since(begin).Milliseconds(), n, resp.ContentLength)
	case web.Classify(err) == web.TimedOut:
		c.say("Error: Operation timed out after %d milliseconds with %d bytes received\n", time.Since(begin).Milliseconds(), n)
	case errors.Is(err, io.ErrUnexpectedEOF) && resp.ContentLength >= 0:
		c.say("Error: transfer closed with %d bytes remaining to read\n", resp.ContentLength-n)
	default:
		c.say("Error: %s\n", web.Reason(err))
	}
}

// reason says in libcurl's words why an exchange failed.
func reason(err error, u *url.URL, begin time.Time) string {
	switch web.Classify(err) {
	case web.NoHost:
		return "Could not resolve host: " + web.OneLine(u.Hostname())
	case web.NoConnect:
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		return fmt.Sprintf("Failed to connect to %s port %s after %d ms: Couldn't connect to server", u.Hostname(), port, time.Since(begin).Milliseconds())
	case web.TimedOut:
		return fmt.Sprintf("Operation timed out after %d milliseconds with 0 bytes received", time.Since(begin).Milliseconds())
	case web.Empty:
		return "Empty reply from server"
	default:
		return web.Reason(err)
	}
}

// trace shows a request on stderr; passwords and cookies stay out of it.
func (c *client) trace(r *http.Request) {
	if !c.verbose {
		return
	}
	fmt.Fprintf(c.errs, "> %s %s\n", r.Method, r.URL.Redacted())
	web.ShowHeader(c.errs, ">", r.Header)
}

func (c *client) traceResponse(resp *http.Response) {
	if !c.verbose {
		return
	}
	fmt.Fprintf(c.errs, "< %s %s\n", resp.Proto, resp.Status)
	web.ShowHeader(c.errs, "<", resp.Header)
}

// maxCookies is how many names of cookies are kept.
const maxCookies = 64

// jar keeps cookies, of which a device can send as many as it likes: beyond
// maxCookies names it begins anew.
type jar struct {
	*cookiejar.Jar
	names map[string]bool
}

func newJar() *jar {
	kept, _ := cookiejar.New(nil) // fails never
	return &jar{Jar: kept, names: map[string]bool{}}
}

// SetCookies keeps what an answer brought.
func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		if name := c.Path + ";" + c.Name; !j.names[name] {
			if len(j.names) == maxCookies {
				*j = *newJar()
			}
			j.names[name] = true
		}
		j.Jar.SetCookies(u, []*http.Cookie{c})
	}
}
