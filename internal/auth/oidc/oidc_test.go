package oidc

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// issuer is a tiny issuer of identities: discovery, keys, and the two ends of the
// code flow.
type issuer struct {
	*httptest.Server
	t   *testing.T
	key *rsa.PrivateKey

	mu    sync.Mutex
	asked map[string]int // by path
	codes map[string]url.Values
	edit  func(claims map[string]any)
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{t: t, key: key, asked: make(map[string]int), codes: make(map[string]url.Values)}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.answer(w, map[string]any{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.answer(w, map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("/token", i.token)
	i.Server = newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.asked[r.URL.Path]++
		i.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

// newServer is a TLS server that does not complain of clients who hang up.
func newServer(h http.HandlerFunc) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	s.StartTLS()
	return s
}

func (i *issuer) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// authorize is what a person does with a browser: it follows the address, and
// gives the code that it is sent back with.
func (i *issuer) authorize(address string) (state, code string) {
	i.t.Helper()
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, i.URL+"/authorize?") {
		i.t.Fatalf("%s: %v", address, err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	code = fmt.Sprint("code", len(i.codes))
	i.codes[code] = u.Query()
	return u.Query().Get("state"), code
}

func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	q, found := i.codes[r.FormValue("code")]
	delete(i.codes, r.FormValue("code"))
	i.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	_, secret, _ := r.BasicAuth()
	if !found || q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || secret != "shh" || r.FormValue("redirect_uri") != q.Get("redirect_uri") {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	i.answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": i.sign(func(c map[string]any) { c["nonce"] = q.Get("nonce") })})
}

// sign makes an ID token for ann, as edited.
func (i *issuer) sign(edits ...func(map[string]any)) string {
	claims := map[string]any{
		"iss": i.URL, "aud": "millwright", "sub": "u1", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		"preferred_username": "ann", "groups": []string{"lab-admins", "staff"}, "email": "ann@example.org",
	}
	if i.edit != nil {
		edits = append(edits, i.edit)
	}
	for _, edit := range edits {
		edit(claims)
	}
	return i.signed(map[string]any{"alg": "RS256", "kid": "k1"}, claims)
}

func (i *issuer) signed(header, claims map[string]any) string {
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			i.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		i.t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func (i *issuer) provider(edit func(*Options)) *Provider {
	pool := x509.NewCertPool()
	pool.AddCert(i.Certificate())
	o := Options{
		Issuer: i.URL, ClientID: "millwright", Roots: pool, NameClaim: "preferred_username",
		Secret: func(context.Context) (string, error) { return "shh", nil },
	}
	if edit != nil {
		edit(&o)
	}
	p := New(o)
	i.t.Cleanup(p.Close)
	return p
}

func set(name string, value any) func(map[string]any) {
	return func(c map[string]any) { c[name] = value }
}

func TestVerify(t *testing.T) {
	i := newIssuer(t)
	for name, tt := range map[string]struct {
		opts   func(*Options)
		raw    string
		user   string
		groups string
		wrong  string
	}{
		"as it should be":    {nil, i.sign(), "ann", "lab-admins,staff", ""},
		"groups translated":  {func(o *Options) { o.Groups = map[string]string{"lab-admins": "ops"} }, i.sign(), "ann", "ops", ""},
		"one group":          {nil, i.sign(set("groups", "staff")), "ann", "staff", ""},
		"no groups":          {nil, i.sign(set("groups", nil)), "ann", "", ""},
		"one of ours":        {func(o *Options) { o.Audiences = []string{"cli"} }, i.sign(set("aud", []string{"x", "cli"})), "ann", "lab-admins,staff", ""},
		"sub by default":     {func(o *Options) { o.NameClaim = "" }, i.sign(), "u1", "lab-admins,staff", ""},
		"verified e-mail":    {func(o *Options) { o.NameClaim = "email" }, i.sign(set("email_verified", true)), "ann@example.org", "lab-admins,staff", ""},
		"e-mail, unverified": {func(o *Options) { o.NameClaim = "email" }, i.sign(), "", "", "not verified"},
		"for another":        {nil, i.sign(set("aud", "grafana")), "", "", "not for us"},
		"over":               {nil, i.sign(set("exp", time.Now().Add(-time.Minute).Unix())), "", "", "expired"},
		"of another issuer":  {nil, i.sign(set("iss", "https://evil.example")), "", "", "issued by"},
		"no name":            {nil, i.sign(set("preferred_username", 7)), "", "", "no name in the claim"},
		"groups are a tree":  {nil, i.sign(set("groups", map[string]any{"a": 1})), "", "", "no list of groups"},
		"without signature":  {nil, strings.TrimRight(i.signed(map[string]any{"alg": "none"}, map[string]any{"iss": i.URL, "aud": "millwright"}), "."), "", "", "ID token"},
		"another key":        {nil, i.signed(map[string]any{"alg": "RS256", "kid": "k9"}, map[string]any{"iss": i.URL, "aud": "millwright", "exp": time.Now().Add(time.Hour).Unix()})[:200] + "AAAA", "", "", "ID token"},
		"no token":           {nil, "hello", "", "", "ID token"},
	} {
		t.Run(name, func(t *testing.T) {
			user, groups, err := i.provider(tt.opts).Verify(t.Context(), tt.raw)
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) {
					t.Errorf("%v, want %s", err, tt.wrong)
				}
				return
			}
			slices.Sort(groups)
			if err != nil || user != tt.user || strings.Join(groups, ",") != tt.groups {
				t.Errorf("%s of %v: %v", user, groups, err)
			}
		})
	}
}

func TestBrowser(t *testing.T) {
	i := newIssuer(t)
	p := i.provider(nil)
	const back = "https://millwright.example/v1/session/issuer"
	begin := func() (state, code string) {
		state, address, err := p.Begin(t.Context(), back)
		if err != nil {
			t.Fatal(err)
		}
		sent, code := i.authorize(address)
		if sent != state {
			t.Fatal("the issuer does not get the state")
		}
		return state, code
	}
	state, code := begin()
	raw, err := p.Finish(t.Context(), state, state, code)
	if err != nil {
		t.Fatal(err)
	}
	if user, _, err := p.Verify(t.Context(), raw); err != nil || user != "ann" {
		t.Errorf("%s, %v", user, err)
	}
	if _, err := p.Finish(t.Context(), state, state, code); err == nil {
		t.Error("a log-in works twice")
	}
	state, code = begin()
	if _, err := p.Finish(t.Context(), "another", state, code); err == nil {
		t.Error("a log-in that another browser began works")
	}
	if _, err := p.Finish(t.Context(), "", "", code); err == nil {
		t.Error("a log-in without a state works")
	}
	_, stolen := begin()
	if _, err := p.Finish(t.Context(), state, state, stolen); err == nil {
		t.Error("a code of another log-in works: PKCE is not used")
	}
	state, code = begin()
	i.edit = set("nonce", "replayed")
	if _, err := p.Finish(t.Context(), state, state, code); err == nil || !strings.Contains(err.Error(), "nonce") {
		t.Errorf("a token of another log-in works: %v", err)
	}
}

func TestFlowsAreBounded(t *testing.T) {
	var f flows
	start := time.Now()
	for n := range maxFlows + 5 {
		f.put(fmt.Sprint(n), flow{began: start.Add(time.Duration(n) * time.Second / 10)})
	}
	if len(f.by) != maxFlows {
		t.Errorf("%d are kept", len(f.by))
	}
	if _, found := f.take("0", start); found {
		t.Error("the oldest is kept")
	}
	if _, found := f.take("500", start.Add(flowFor+time.Hour)); found {
		t.Error("one that is over is taken")
	}
}

// Strangers cannot make us ask the issuer again and again.
func TestIssuerIsLeftInPeace(t *testing.T) {
	i := newIssuer(t)
	p := i.provider(nil)
	raw := i.sign()
	if _, _, err := p.Verify(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	head := map[string]any{"alg": "RS256"}
	for n := range 100 {
		head["kid"] = fmt.Sprint("unknown", n)
		forged := i.signed(head, map[string]any{"iss": i.URL, "aud": "millwright", "exp": time.Now().Add(time.Hour).Unix()})
		if _, _, err := p.Verify(t.Context(), forged[:len(forged)-8]+"AAAAAAAA"); err == nil {
			t.Fatal("a forged token is taken")
		}
	}
	i.mu.Lock()
	asked := i.asked["/keys"]
	i.mu.Unlock()
	if asked > asksAtOnce {
		t.Errorf("the keys were asked for %d times", asked)
	}
	if _, _, err := p.Verify(t.Context(), raw); err != nil {
		t.Errorf("a good token is not taken any more: %v", err)
	}
}

func TestIssuersThatMisbehave(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"sends elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		},
		"never ends": func(w http.ResponseWriter, _ *http.Request) {
			for chunk := []byte(strings.Repeat(" ", 1<<16)); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
		"is another": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"issuer": "https://evil.example"}`))
		},
		"is broken": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(answer)
			defer s.Close()
			pool := x509.NewCertPool()
			pool.AddCert(s.Certificate())
			p := New(Options{Issuer: s.URL, ClientID: "millwright", Roots: pool})
			defer p.Close()
			for range 2 {
				if _, _, err := p.Verify(t.Context(), "a.b.c"); err == nil || !strings.Contains(err.Error(), "ask the issuer") {
					t.Error(err)
				}
			}
		})
	}
	i := newIssuer(t)
	p := i.provider(func(o *Options) { o.Roots = x509.NewCertPool() })
	if _, _, err := p.Verify(t.Context(), i.sign()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an issuer with a wrong certificate is believed: %v", err)
	}
}
