// Package httphook controls nodes by HTTP requests to something that can shut them
// down: an automation server, a cloud's API, a hook of the user's own.
//
// An answer counts by its status, and for `status` by what is found in it. Redirects
// are not followed and no proxy is asked; whom to trust is said as for devices.
//
// Start at [Settings].
package httphook

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/theory/jsonpath"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/driver/web"
)

// New makes the kind.
func New() control.Kind {
	return control.Kind{
		Name:    "http",
		Summary: "HTTP requests to whatever can shut the node down",
		New: func() control.Settings {
			return &Settings{Auth: "none", TLS: web.TLS{Min: "1.2"}, Timeout: 15 * time.Second}
		},
	}
}

// Settings of one control.
type Settings struct {
	Off     *Request      `yaml:"off" doc:"the request that shuts the node down"`
	On      *Request      `yaml:"on" doc:"the request that starts it"`
	Status  *Read         `yaml:"status" doc:"the request that tells whether it is up"`
	Auth    string        `yaml:"auth" enum:"none,basic,bearer" default:"none" doc:"how requests carry the credential: its user and password, or its password as a token"`
	TLS     web.TLS       `yaml:"tls" doc:"whom to trust, for https"`
	Timeout time.Duration `yaml:"timeout" default:"15s" doc:"how long one request may take"`
}

// Request is a request, and the answers that mean that it was taken.
type Request struct {
	URL     string            `yaml:"url" required:"true" doc:"where it goes; {node} and {address} are replaced, here and in headers and body"`
	Method  string            `yaml:"method" enum:"GET,POST,PUT,PATCH,DELETE" doc:"GET for status, else POST"`
	Headers map[string]string `yaml:"headers" doc:"headers to send"`
	Body    string            `yaml:"body" doc:"what to send"`
	Expect  []int             `yaml:"expect" doc:"statuses of answers that are well; without it, 200 to 299"`
}

// Read is a request whose answer says something.
type Read struct {
	Request `yaml:",inline"`

	JSON  string   `yaml:"json" doc:"JSONPath (RFC 9535) of the value that tells; without it, the whole answer is looked through"`
	IsOn  []string `yaml:"is-on" doc:"values, or pieces of the answer, that say that it is up; without them and is-off, an answer that is well says so"`
	IsOff []string `yaml:"is-off" doc:"as is-on, that it is down"`
}

// Bounds of settings.
const (
	maxBody    = 64 << 10
	maxHeaders = 64
	maxPath    = 2 << 10
)

// Prepare implements [control.Settings].
func (s *Settings) Prepare() (control.Control, error) {
	for _, r := range []struct {
		name string
		*Request
	}{{"off", s.Off}, {"on", s.On}, {"status", s.read()}} {
		if r.Request == nil {
			continue
		}
		if err := r.check(); err != nil {
			return nil, control.Field(r.name, "%w", err)
		}
	}
	switch {
	case s.Off == nil && s.On == nil && s.Status == nil:
		return nil, control.Field("off", "there is no request for anything")
	case s.Auth != "none" && s.Auth != "basic" && s.Auth != "bearer":
		return nil, control.Field("auth", "it is none, basic or bearer")
	case s.Timeout <= 0:
		return nil, control.Field("timeout", "it must be more than nothing")
	}
	if err := s.TLS.Check(); err != nil {
		return nil, control.Field("tls", "%w", err)
	}
	h := &hook{Settings: *s}
	if s.Status != nil && s.Status.JSON != "" {
		path, err := jsonpath.Parse(s.Status.JSON)
		if err == nil {
			err = web.CheckPath(s.Status.JSON)
		}
		switch {
		case len(s.Status.JSON) > maxPath || err != nil:
			return nil, control.Field("status", "json: %q is no JSONPath for an answer: %v", s.Status.JSON, err)
		case len(s.Status.IsOn)+len(s.Status.IsOff) == 0:
			return nil, control.Field("status", "json: say by is-on and is-off what the value means")
		}
		h.path = path
	}
	return h, nil
}

func (s *Settings) read() *Request {
	if s.Status == nil {
		return nil
	}
	return &s.Status.Request
}

func (r *Request) check() error {
	u, err := url.Parse((&control.Env{Node: "node", Address: "192.0.2.1"}).FillURL(r.URL))
	methods := []string{"", http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return fmt.Errorf("url: write http:// or https://, a host and a path")
	case u.User != nil:
		return fmt.Errorf("url: an address has no user and no password; name a credential instead")
	case !slices.Contains(methods, r.Method):
		return fmt.Errorf("method: there is no %s", r.Method)
	case len(r.Body) > maxBody:
		return fmt.Errorf("body: at most %d bytes", maxBody)
	case len(r.Headers) > maxHeaders:
		return fmt.Errorf("headers: at most %d", maxHeaders)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		switch {
		case !canSend(name, r.Headers[name]):
			return fmt.Errorf("headers: %q is none, or cannot have this value", name)
		case strings.EqualFold(name, "Authorization"):
			return fmt.Errorf("headers: a password does not belong into a room file; name a credential, and say auth")
		}
	}
	for _, status := range r.Expect {
		if status < 200 || status > 599 {
			return fmt.Errorf("expect: %d is no status of an answer", status)
		}
	}
	return nil
}

// canSend says whether a header can be sent: a token, and a value in which nothing ends
// the line or cannot be seen (RFC 9110, sections 5.5 and 5.6.2).
func canSend(name, value string) bool {
	const marks = "!#$%&'*+-.^_`|~"
	token := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(marks, r)
	}
	control := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return !token(r) }) && !strings.ContainsFunc(value, control)
}

var _ control.Settings = (*Settings)(nil)
