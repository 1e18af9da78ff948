package httphook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/theory/jsonpath"

	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// hook is the control.
type hook struct {
	Settings
	path *jsonpath.Path
}

// Can implements [control.Control].
func (h *hook) Can() control.Abilities {
	return control.Abilities{Off: h.Settings.Off != nil, On: h.Settings.On != nil, Status: h.Settings.Status != nil}
}

// Off implements [control.Control].
func (h *hook) Off(ctx context.Context, env control.Env) error {
	return h.must(ctx, &env, h.Settings.Off)
}

// On implements [control.Control].
func (h *hook) On(ctx context.Context, env control.Env) error {
	return h.must(ctx, &env, h.Settings.On)
}

func (h *hook) must(ctx context.Context, env *control.Env, r *Request) error {
	if r == nil {
		return control.ErrCannot
	}
	_, err := h.ask(ctx, env, r, http.MethodPost)
	return err
}

// Status implements [control.Control].
func (h *hook) Status(ctx context.Context, env control.Env) (room.State, error) {
	r := h.Settings.Status
	if r == nil {
		return room.StateUnknown, control.ErrCannot
	}
	body, err := h.ask(ctx, &env, &r.Request, http.MethodGet)
	if err != nil {
		return room.StateUnknown, err
	}
	if len(r.IsOn)+len(r.IsOff) == 0 {
		return room.StateOn, nil
	}
	says := func(words []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(string(body), w) })
	}
	if h.path != nil {
		value, err := find(h.path, body)
		if err != nil {
			return room.StateUnknown, fmt.Errorf("%s: the answer of the hook: %w", env.Node, err)
		}
		says = func(words []string) bool {
			return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, value) })
		}
	}
	switch on, off := says(r.IsOn), says(r.IsOff); {
	case on && !off:
		return room.StateOn, nil
	case off && !on:
		return room.StateOff, nil
	}
	return room.StateUnknown, nil
}

// find gives the one value at a path, as text.
func find(path *jsonpath.Path, body []byte) (string, error) {
	all, err := web.ReadJSON(body)
	if err != nil {
		return "", err
	}
	nodes := path.Select(all)
	if len(nodes) != 1 {
		return "", fmt.Errorf("%s is in it %d times", path, len(nodes))
	}
	if text, plain := web.PlainJSON(nodes[0]); plain {
		return text, nil
	}
	return "", fmt.Errorf("%s is neither a text nor a number nor a boolean", path)
}

// maxAnswer bounds an answer, in bytes; maxSaid what is handed on of it.
const (
	maxAnswer = 1 << 20
	maxSaid   = 200
)

// ask sends a request and gives the body of an answer that is well.
func (h *hook) ask(ctx context.Context, env *control.Env, r *Request, method string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, h.Timeout, fmt.Errorf("no answer within %v", h.Timeout))
	defer cancel()
	mask := secret.NewMasker(env.Credential.Secrets()...)
	body, err := h.exchange(ctx, env, r, method)
	if err == nil {
		return body, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	var wrong *url.Error
	if errors.As(err, &wrong) {
		err = wrong.Err
	}
	if text := action.Clean(mask, err.Error(), 2*maxSaid); text != err.Error() {
		err = errors.New(text)
	}
	return nil, fmt.Errorf("%s: hook %s: %w", env.Node, host(r.URL), err)
}

// host is what of an address may be said: in the rest may be tokens.
func host(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

func (h *hook) exchange(ctx context.Context, env *control.Env, r *Request, method string) ([]byte, error) {
	if r.Method != "" {
		method = r.Method
	}
	req, err := http.NewRequestWithContext(ctx, method, env.FillURL(r.URL), strings.NewReader(env.Fill(r.Body)))
	if err != nil {
		return nil, err
	}
	if r.Body != "" && strings.ContainsAny(r.Body[:1], "{[") {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.Headers {
		if strings.EqualFold(name, "Host") {
			req.Host = env.Fill(value)
			continue
		}
		req.Header.Set(name, env.Fill(value))
	}
	password := env.Credential.Get(secret.Password).Reveal()
	switch h.Auth {
	case "basic":
		req.SetBasicAuth(env.Credential.User, password)
	case "bearer":
		req.Header.Set("Authorization", "Bearer "+password)
	}
	config, err := h.TLS.Config(req.URL.Hostname())
	if err != nil {
		return nil, err
	}
	way := &http.Transport{
		DialContext: env.DialContext, TLSClientConfig: config, DisableKeepAlives: true,
		DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
	}
	defer way.CloseIdleConnections()
	client := &http.Client{Transport: way, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	case !r.well(resp.StatusCode):
		return nil, fmt.Errorf("it answered %s: %s", resp.Status, action.Clean(secret.NewMasker(env.Credential.Secrets()...), string(body), maxSaid))
	}
	return body, nil
}

// well says whether a status is one that was expected.
func (r *Request) well(status int) bool {
	if len(r.Expect) > 0 {
		return slices.Contains(r.Expect, status)
	}
	return status >= 200 && status <= 299
}

var _ control.Control = (*hook)(nil)
