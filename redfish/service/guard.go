package service

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

const (
	// maxPath is how long a path with its query may be.
	maxPath = 8 << 10
	// maxBody is how large a body may be; maxLogin is that of somebody who is not
	// logged in.
	maxBody, maxLogin = 64 << 10, 4 << 10
	// maxDepth is how deep objects and arrays of a body may be nested.
	maxDepth = 16
)

// call is one request on its way through the service.
type call struct {
	*Service
	w       http.ResponseWriter
	r       *http.Request
	ctx     context.Context //nolint:containedctx // it lives as long as its request
	path    string          // of the resource, as @odata.id has it
	ids     []string        // what stands for the variables of the resource's pattern
	user    User
	session *session // nil for who came with Basic or a token
	query   query
}

// ServeHTTP implements [http.Handler].
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Service: s, w: w, r: r, ctx: r.Context()}
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler { //nolint:errorlint // it is that very value
				panic(v)
			}
			s.log.Error("a Redfish request failed", "method", r.Method, "path", r.URL.Path, "why", v, "stack", string(debug.Stack()))
			c.refuse(failed(http.StatusInternalServerError, say("InternalError")))
		}
	}()
	c.patience(workFor)
	if r.ContentLength != 0 { // whoever does not read it waits for its end nevertheless
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readFor))
	}
	h := w.Header()
	h.Set("OData-Version", "4.0")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if err := c.serve(); err != nil {
		c.refuse(err)
	}
}

// workFor is the most that all of a request may take, and answerFor how long a client may
// take to take an answer once it is there.
const workFor, answerFor = time.Hour, 30 * time.Second

// patience bounds how long the client may leave what is written lying.
func (c *call) patience(d time.Duration) {
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(d)) // writers of tests know none
}

// serve lets a request through to its resource.
func (c *call) serve() error {
	if c.Service.ctx.Err() != nil {
		return &fault{status: http.StatusServiceUnavailable, messages: []message{say("ServiceTemporarilyUnavailable", "30")}, after: 30}
	}
	if err := c.admissible(); err != nil {
		return err
	}
	res := c.find()
	if res == nil || !res.public(c.r.Method) {
		if err := c.identify(); err != nil {
			return err
		}
	}
	if res == nil {
		return failed(http.StatusNotFound, say("ResourceMissingAtURI", c.r.URL.Path))
	}
	allow := res.methods()
	c.w.Header().Set("Allow", allow)
	if c.r.Method == http.MethodOptions {
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	act := res.handler(c.r.Method)
	if act == nil {
		return failed(http.StatusMethodNotAllowed, say("OperationNotAllowed"))
	}
	if !res.public(c.r.Method) && !may(c.user.Role, res.needs(c.r.Method)) {
		return failed(http.StatusForbidden, say("InsufficientPrivilege"))
	}
	if err := c.parseQuery(res); err != nil {
		return err
	}
	return act(c)
}

// admissible refuses what no honest client sends.
func (c *call) admissible() error {
	r := c.r
	if r.TLS == nil && !(c.opts.PlainLoopback && onLoopback(r.RemoteAddr)) {
		return failed(http.StatusForbidden, say("GeneralError").words("This service is asked by TLS (https) only."))
	}
	if len(r.RequestURI) > maxPath {
		return failed(http.StatusRequestURITooLong, say("GeneralError").words("The path is too long."))
	}
	// Browsers say where a request comes from; programs say nothing of the kind.
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return failed(http.StatusForbidden, say("GeneralError").words("A page of another site asked for this."))
	}
	// DSP0266, section "OData-Version": one that is not supported is refused.
	if v := r.Header.Get("OData-Version"); v != "" && strings.TrimSpace(v) != "4.0" {
		return failed(http.StatusPreconditionFailed, say("HeaderInvalid", "OData-Version: "+v))
	}
	return nil
}

// find gives the resource at the request's path, and keeps what its variables are.
func (c *call) find() *resource {
	path := c.r.URL.EscapedPath()
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	c.path = path
	if path == "/redfish/v1" {
		c.path = root
	}
	res, ids := c.routes.find(path)
	c.ids = ids
	return res
}

func onLoopback(remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// identify finds out who asks (DSP0266, section "Authentication").
func (c *call) identify() error {
	if token := c.r.Header.Get("X-Auth-Token"); token != "" {
		found := c.sessions.find(token, time.Now(), c.opts.Idle)
		if found == nil || c.opts.Backend.Valid(found.user) != nil {
			if found != nil {
				c.sessions.end(found.id)
			}
			return c.unknown(nil)
		}
		c.session, c.user = found, found.user
		return nil
	}
	scheme, credential, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	given := Credentials{Remote: c.r.RemoteAddr}
	switch {
	case strings.EqualFold(scheme, "Basic"):
		var ok bool
		if given.Name, given.Password, ok = c.r.BasicAuth(); !ok {
			return c.unknown(nil)
		}
	case strings.EqualFold(scheme, "Bearer") && c.opts.Tokens && strings.TrimSpace(credential) != "":
		given.Token = strings.TrimSpace(credential)
	default:
		return c.unknown(nil)
	}
	user, err := c.letIn(given)
	c.user = user
	return err
}

// letIn asks the backend about somebody, unless they have failed too often.
func (c *call) letIn(given Credentials) (User, error) {
	keys := throttleKeys(given)
	if !c.opts.OwnThrottle {
		if wait := c.throttle.wait(time.Now(), keys); wait > 0 {
			return User{}, c.unknown(&Error{Code: Unauthenticated, Said: "too many failed attempts", RetryAfter: wait})
		}
	}
	user, err := c.opts.Backend.Authenticate(c.ctx, given)
	switch {
	case err == nil:
		c.throttle.forgive(keys)
		return user, nil
	case codeOf(err) != Unauthenticated:
		return User{}, err
	}
	if !c.opts.OwnThrottle {
		c.throttle.fail(time.Now(), keys)
	}
	return User{}, c.unknown(err)
}

// unknown is the answer for somebody who was not let in. It is the same for every
// reason, but that many have failed.
func (c *call) unknown(why error) error {
	var e *Error
	if errors.As(why, &e) && e.RetryAfter > 0 {
		after := seconds(e.RetryAfter)
		return &fault{status: http.StatusTooManyRequests, after: after, messages: []message{say("ServiceTemporarilyUnavailable", strconv.Itoa(after))}, cause: why}
	}
	return &fault{status: http.StatusUnauthorized, messages: []message{say("NoValidSession")}, cause: why}
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// refuse answers with an error.
func (c *call) refuse(err error) {
	f := c.faultOf(err)
	h := c.w.Header()
	h.Del("ETag")
	if f.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="Redfish", charset="UTF-8"`)
	}
	if f.after > 0 {
		h.Set("Retry-After", strconv.Itoa(f.after))
	}
	if f.status == http.StatusRequestEntityTooLarge || f.status == http.StatusRequestTimeout {
		h.Set("Connection", "close")
	}
	c.write(f.status, f.body())
}

// faultOf makes an answer of any failure.
func (c *call) faultOf(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	var e *Error
	said := ""
	after := 0
	if errors.As(err, &e) {
		said, after = e.Said, seconds(e.RetryAfter)
	}
	out := func(status int, m message) *fault {
		if said != "" {
			m.said = shortenTo(said, 1000)
		}
		return &fault{status: status, messages: []message{m}, after: after, cause: err}
	}
	switch codeOf(err) {
	case NotFound:
		said = ""
		return out(http.StatusNotFound, say("ResourceMissingAtURI", c.path))
	case Unauthenticated:
		return c.unknown(err).(*fault) //nolint:errorlint // it makes nothing else
	case Refused:
		return out(http.StatusForbidden, say("InsufficientPrivilege"))
	case Unable:
		return out(http.StatusBadRequest, say("ActionNotSupported", c.path[strings.LastIndexByte(c.path, '/')+1:]))
	case Invalid:
		return out(http.StatusBadRequest, say("GeneralError"))
	case Exists:
		return out(http.StatusConflict, say("GeneralError"))
	case Busy:
		after = max(after, 1)
		return out(http.StatusServiceUnavailable, say("ServiceTemporarilyUnavailable", strconv.Itoa(after)))
	case Timeout:
		return out(http.StatusGatewayTimeout, say("OperationTimeout"))
	case Internal:
	}
	if e == nil { // nobody but the log shall know
		c.log.Error("a Redfish request failed", "method", c.r.Method, "path", c.path, "why", err)
	}
	return out(http.StatusInternalServerError, say("InternalError"))
}

func shortenTo(s string, most int) string {
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}

// wants says whether the client takes a media type.
func (c *call) wants(media string) error {
	accept := strings.Join(c.r.Header.Values("Accept"), ",")
	if accept == "" {
		return nil
	}
	kind, _, _ := strings.Cut(media, "/")
	for one := range strings.SplitSeq(accept, ",") {
		t, _, err := mime.ParseMediaType(strings.TrimSpace(one))
		if err == nil && (t == media || t == "*/*" || t == kind+"/*") {
			return nil
		}
	}
	return failed(http.StatusNotAcceptable, say("HeaderInvalid", "Accept: "+accept).words(fmt.Sprintf("This is given as %s only.", media)))
}

// hostPort gives the port at which the client has asked; zero is not known.
func (c *call) hostPort() int {
	if at, ok := c.ctx.Value(http.LocalAddrContextKey).(net.Addr); ok {
		if tcp, ok := at.(*net.TCPAddr); ok {
			return tcp.Port
		}
	}
	return 0
}
