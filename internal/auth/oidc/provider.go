package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
)

// Options say which issuer is trusted, and for what.
type Options struct {
	Issuer    string
	ClientID  string
	Audiences []string // besides ClientID, whose tokens are taken
	// Secret gives what we show the issuer; nil if it asks for nothing.
	Secret func(ctx context.Context) (string, error)
	Roots  *x509.CertPool // that the issuer's own certificate is verified by; nil means the system's

	NameClaim   string            // the claim that is the user's name; "" means sub
	GroupsClaim string            // the claim that lists groups; "" means groups
	Groups      map[string]string // translates groups; if not empty, others do not count
}

// Bounds on an issuer, who may be slow, or not who it should be.
const (
	askFor     = 10 * time.Second
	maxAnswer  = 1 << 20 // bytes
	askAgain   = 10 * time.Second
	askEvery   = 2 * time.Second
	asksAtOnce = 10
	maxGroups  = 1000
	scopeEmail = "email"
)

// Provider is one issuer. Its methods may be called from any goroutine.
type Provider struct {
	opts   Options
	client *http.Client
	flows  flows

	mu     sync.Mutex
	found  *oidc.Provider
	failed error
	asked  time.Time
}

// New makes a provider. The issuer is not asked before somebody comes.
func New(o Options) *Provider {
	if o.NameClaim == "" {
		o.NameClaim = "sub"
	}
	if o.GroupsClaim == "" {
		o.GroupsClaim = "groups"
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12}
	t.MaxResponseHeaderBytes = 64 << 10
	return &Provider{opts: o, client: &http.Client{
		Transport: bounded{t, rate.NewLimiter(rate.Every(askEvery), asksAtOnce)}, Timeout: askFor,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("an issuer does not redirect") },
	}}
}

// Close lets go of connections.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// bounded cuts answers off that are longer than any issuer's, and does not let
// strangers make us ask for its keys again and again: each token that names a key
// we do not know is a reason to look.
type bounded struct {
	http.RoundTripper
	asks *rate.Limiter
}

// CloseIdleConnections is what http.Client looks for.
func (b bounded) CloseIdleConnections() {
	if c, ok := b.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && !b.asks.Allow() {
		return nil, errors.New("the issuer was asked too often just now")
	}
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = limited{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

type limited struct {
	io.Reader
	io.Closer
}

// issuer gives what the issuer says of itself, asking if that is not known yet;
// after a failure it is left alone for a while.
func (p *Provider) issuer(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.failed != nil && time.Since(p.asked) < askAgain {
		return nil, p.failed
	}
	// The keys are fetched again later with this context's client, whoever asked first.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.opts.Issuer)
	p.asked = time.Now()
	if err != nil {
		p.failed = fmt.Errorf("ask the issuer %s: %w", p.opts.Issuer, err)
		return nil, p.failed
	}
	p.found, p.failed = found, nil
	return found, nil
}

// Verify takes an ID token, and gives the user's name and groups.
func (p *Provider) Verify(ctx context.Context, raw string) (user string, groups []string, err error) {
	token, err := p.token(ctx, raw)
	if err != nil {
		return "", nil, err
	}
	return p.claims(token)
}

// token checks an ID token: issuer, signature, time, and whom it was made for.
func (p *Provider) token(ctx context.Context, raw string) (*oidc.IDToken, error) {
	issuer, err := p.issuer(ctx)
	if err != nil {
		return nil, err
	}
	// The audience is checked here, because there may be several.
	token, err := issuer.Verifier(&oidc.Config{SkipClientIDCheck: true}).Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("ID token: %w", err)
	}
	ours := append([]string{p.opts.ClientID}, p.opts.Audiences...)
	if !slices.ContainsFunc(token.Audience, func(a string) bool { return slices.Contains(ours, a) }) {
		return nil, fmt.Errorf("ID token: it was made for %q and not for us", token.Audience)
	}
	return token, nil
}

// claims reads the name and the groups.
func (p *Provider) claims(token *oidc.IDToken) (user string, groups []string, err error) {
	var all map[string]json.RawMessage
	if err := token.Claims(&all); err != nil {
		return "", nil, fmt.Errorf("ID token: %w", err)
	}
	if json.Unmarshal(all[p.opts.NameClaim], &user) != nil || user == "" {
		return "", nil, fmt.Errorf("ID token: there is no name in the claim %q", p.opts.NameClaim)
	}
	if p.opts.NameClaim == "email" {
		var verified bool
		if json.Unmarshal(all["email_verified"], &verified) != nil || !verified {
			return "", nil, errors.New("ID token: the issuer has not verified the e-mail address")
		}
	}
	var theirs []string
	if raw := all[p.opts.GroupsClaim]; len(raw) > 0 {
		var one string
		if json.Unmarshal(raw, &one) == nil && one != "" {
			theirs = []string{one}
		} else if json.Unmarshal(raw, &theirs) != nil {
			return "", nil, fmt.Errorf("ID token: the claim %q is no list of groups", p.opts.GroupsClaim)
		}
	}
	if len(theirs) > maxGroups {
		return "", nil, fmt.Errorf("ID token: more than %d groups", maxGroups)
	}
	return user, p.translate(theirs), nil
}

func (p *Provider) translate(theirs []string) []string {
	if len(p.opts.Groups) == 0 {
		return theirs
	}
	var ours []string
	for _, g := range theirs {
		if name, known := p.opts.Groups[g]; known && !slices.Contains(ours, name) {
			ours = append(ours, name)
		}
	}
	return ours
}

// config is for the flow with a browser.
func (p *Provider) config(ctx context.Context, redirect string) (*oauth2.Config, error) {
	issuer, err := p.issuer(ctx)
	if err != nil {
		return nil, err
	}
	c := &oauth2.Config{
		ClientID: p.opts.ClientID, Endpoint: issuer.Endpoint(), RedirectURL: redirect,
		Scopes: []string{oidc.ScopeOpenID, "profile", scopeEmail},
	}
	if p.opts.Secret != nil {
		if c.ClientSecret, err = p.opts.Secret(ctx); err != nil {
			return nil, fmt.Errorf("read the secret for the issuer: %w", err)
		}
	}
	return c, nil
}
