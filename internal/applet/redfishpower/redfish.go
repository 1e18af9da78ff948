package redfishpower

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/internal/applet/web"
)

// redfish is the backend that talks to BMCs.
type redfish struct {
	header    string
	auth      string // USER:PASS
	authFixed bool   // by the command line
	message   time.Duration
	total     time.Duration // for on or off, until it is seen to be done

	transport *http.Transport
	gates     *gates
	detail    func(level int, format string, args ...any)
}

var _ backend = (*redfish)(nil)

func newRedfish(o options, dial dialer, detail func(int, string, ...any)) (*redfish, error) {
	if o.resolve {
		dial = remember(dial, net.DefaultResolver.LookupHost)
	}
	t, err := web.NewTransport(web.Options{Dial: dial, VerifyTLS: o.verifyTLS, CAFile: o.caFile})
	if err != nil {
		return nil, err
	}
	return &redfish{
		header: o.header, auth: o.auth, authFixed: o.auth != "", message: o.message, total: time.Minute,
		transport: t, gates: newGates(), detail: detail,
	}, nil
}

func (b *redfish) close() { b.transport.CloseIdleConnections() }

// remember makes a dialer that looks a host's addresses up once and for ever.
// What fails is not remembered.
func remember(dial dialer, look func(ctx context.Context, host string) ([]string, error)) dialer {
	var mu sync.Mutex
	known := map[string][]string{}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		addresses := known[host]
		mu.Unlock()
		if addresses == nil {
			if addresses, err = look(ctx, host); err != nil {
				return nil, err
			}
			mu.Lock()
			known[host] = addresses
			mu.Unlock()
		}
		err = &net.DNSError{Err: "no address", Name: host}
		for _, a := range addresses {
			conn, derr := dial(ctx, network, net.JoinHostPort(a, port))
			if derr == nil {
				return conn, nil
			}
			err = derr
		}
		return nil, err
	}
}

// status gets a resource and reads its PowerState (DSP0268, ComputerSystem).
func (b *redfish) status(ctx context.Context, p *plug, r request) reading {
	body, fault := b.exchange(ctx, http.MethodGet, p, r)
	if fault != "" {
		return reading{fault: fault}
	}
	return parseState(body)
}

// parseState finds the state in a resource. States other than on and off are
// unknown, but which way it goes is kept.
func parseState(body []byte) reading {
	if len(body) == 0 {
		return reading{fault: "no output error"}
	}
	var resource struct{ PowerState any }
	if err := json.Unmarshal(body, &resource); err != nil {
		return reading{fault: "parse error"}
	}
	word, ok := resource.PowerState.(string)
	if !ok {
		return reading{fault: "no powerstate"}
	}
	for _, s := range []struct {
		word  string
		state state
	}{{"On", isOn}, {"Off", isOff}, {"PoweringOn", turningOn}, {"PoweringOff", turningOff}} {
		if strings.EqualFold(s.word, word) {
			return reading{state: s.state}
		}
	}
	return reading{state: isUnknown}
}

// change posts and, but for cycle, which ends in the state that it began in,
// looks until the plug is as wanted.
func (b *redfish) change(ctx context.Context, p *plug, v verb, r, look request) string {
	deadline := time.Now().Add(b.total)
	if _, fault := b.exchange(ctx, http.MethodPost, p, r); fault != "" {
		return fault
	}
	if v == cycle {
		return "ok"
	}
	wanted := map[verb]state{on: isOn, off: isOff}[v]
	var last reading
	for i := 0; ; i++ {
		wait := min(pause(i), time.Until(deadline))
		if wait <= 0 || !sleep(ctx, wait) {
			return overdue(last)
		}
		// What was asked for just before the deadline may come a second late.
		short, cancel := context.WithDeadline(ctx, deadline.Add(time.Second))
		now := b.status(short, p, look)
		cancel()
		switch {
		case now.fault != "" && time.Now().Before(deadline):
			return now.fault
		case now.fault != "":
			return overdue(last)
		case now.state == wanted:
			return "ok"
		}
		last = now
	}
}

// pause is how long to wait before the i-th look.
func pause(i int) time.Duration {
	switch {
	case i < 4:
		return time.Second
	case i < 6:
		return 2 * time.Second
	default:
		return 4 * time.Second
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// overdue says how things stood at the deadline.
func overdue(last reading) string {
	switch last.state {
	case isOn, isOff:
		return "timeout - unexpected " + last.String()
	case turningOn:
		return "timeout - on still in progress"
	case turningOff:
		return "timeout - off still in progress"
	default:
		return "timeout"
	}
}

// exchange makes one request and gives the answer's body, or what is wrong.
func (b *redfish) exchange(ctx context.Context, method string, p *plug, r request) (body []byte, fault string) {
	leave, err := b.gates.enter(ctx, p.host)
	if err != nil {
		return nil, web.Reason(err)
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, b.message)
	defer cancel()
	req, err := b.request(ctx, method, p.host, r)
	if err != nil {
		return nil, web.OneLine(err.Error())
	}
	b.trace(req)
	client := http.Client{Transport: b.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		b.detail(1, "%s: %v", p.name, err)
		return nil, web.Reason(err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, web.MaxBody+1))
	b.detail(3, "< %s %s, %d bytes", p.host, resp.Status, len(body))
	switch {
	case resp.StatusCode >= http.StatusMultipleChoices:
		b.detail(1, "%s: %s %s: %s: %.200q", p.name, method, req.URL.Redacted(), resp.Status, body)
		return nil, statusText(resp.StatusCode)
	case err != nil:
		b.detail(1, "%s: %v", p.name, err)
		return nil, web.Reason(err)
	case len(body) > web.MaxBody:
		return nil, fmt.Sprintf("response longer than %d bytes", web.MaxBody)
	}
	return body, ""
}

func statusText(code int) string {
	switch code {
	case http.StatusBadRequest:
		return "bad request"
	case http.StatusUnauthorized:
		return "unauthorized"
	case http.StatusNotFound:
		return "not found"
	default:
		return fmt.Sprintf("http error (%d)", code)
	}
}

func (b *redfish) request(ctx context.Context, method, host string, r request) (*http.Request, error) {
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(r.data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://"+host+"/"+r.path, body)
	if err != nil {
		return nil, errors.New("bad URL: " + web.Innermost(err).Error())
	}
	req.Header["User-Agent"] = []string{""}
	req.Header["Accept"] = []string{"*/*"}
	if method == http.MethodPost {
		req.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
	}
	if user, pass, _ := strings.Cut(b.auth, ":"); b.auth != "" {
		req.SetBasicAuth(user, pass)
	}
	web.SetHeader(req, b.header)
	return req, nil
}

// trace shows a request; passwords stay out of it.
func (b *redfish) trace(r *http.Request) {
	text := &strings.Builder{}
	web.ShowHeader(text, "", r.Header)
	b.detail(3, "> %s %s%s", r.Method, r.URL.Redacted(), strings.ReplaceAll(strings.TrimSuffix("\n"+text.String(), "\n"), "\n", ";"))
}
