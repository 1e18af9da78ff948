package httpdoor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millwright.dev/millwright/internal/door/http/wire"
)

// issuer vouches for ann, to whoever comes with the code "good".
type issuer struct {
	*httptest.Server
	key   *ecdsa.PrivateKey
	nonce atomic.Value // of the log-in under way
}

func newIssuer(t *testing.T) *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key}
	b64 := base64.RawURLEncoding.EncodeToString
	mux := http.NewServeMux()
	serve := func(path string, answer func() any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", wire.JSON)
			_ = json.NewEncoder(w).Encode(answer())
		})
	}
	serve("/.well-known/openid-configuration", func() any {
		return map[string]any{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token",
			"jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"},
		}
	})
	serve("/keys", func() any {
		point, err := key.PublicKey.Bytes()
		if err != nil {
			t.Error(err)
		}
		return map[string]any{"keys": []any{map[string]any{
			"kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", "use": "sig", "x": b64(point[1:33]), "y": b64(point[33:]),
		}}}
	})
	serve("/token", func() any {
		claims, _ := json.Marshal(map[string]any{
			"iss": i.URL, "aud": "millwright", "sub": "ann", "nonce": i.nonce.Load(), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		})
		text := b64([]byte(`{"alg":"ES256","kid":"k"}`)) + "." + b64(claims)
		sum := sha256.Sum256([]byte(text))
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			t.Error(err)
		}
		sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		return map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": text + "." + b64(sig)}
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// A browser is sent to the issuer and comes back with a session; who comes back
// with a log-in that they did not begin does not.
func TestIssuer(t *testing.T) {
	i := newIssuer(t)
	s := &stand{t: t, dir: t.TempDir(), relays: &relays{}, nodes: 2, tokens: make(map[string]string), issuer: i.URL}
	s.addUsers(secretOf(""))
	s.start(true)
	s.remote.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	begin := func() (state, cookie string) {
		r := s.ask(call{path: "/v1/session/oidc", user: "nobody"})
		at, err := url.Parse(r.header.Get("Location"))
		if r.status != http.StatusSeeOther || err != nil || !strings.HasPrefix(at.String(), i.URL+"/authorize?") {
			t.Fatalf("%d %v %s", r.status, r.header, r.body)
		}
		if back := at.Query().Get("redirect_uri"); back != "https://"+s.addr+"/v1/session/oidc/callback" {
			t.Errorf("sent back to %s", back)
		}
		i.nonce.Store(at.Query().Get("nonce"))
		cookie, _, _ = strings.Cut(r.header.Get("Set-Cookie"), ";")
		return at.Query().Get("state"), cookie
	}
	finish := func(state, cookie string) reply {
		header := map[string]string{"Sec-Fetch-Site": "cross-site"} // as a browser has it, coming from the issuer
		if cookie != "" {
			header["Cookie"] = cookie
		}
		return s.ask(call{path: "/v1/session/oidc/callback?code=good&state=" + state + "&iss=" + url.QueryEscape(i.URL), user: "nobody", header: header})
	}
	state, cookie := begin()
	if r := finish(state, ""); r.status != http.StatusUnauthorized {
		t.Errorf("somebody else's log-in: %d %s", r.status, r.body)
	}
	r := finish(state, cookie)
	session := ""
	for _, c := range r.header.Values("Set-Cookie") {
		if strings.HasPrefix(c, wire.SessionCookie+"=") {
			session, _, _ = strings.Cut(c, ";")
		}
	}
	if r.status != http.StatusOK || session == "" {
		t.Fatalf("%d %v %s", r.status, r.header, r.body)
	}
	if who := read[wire.Who](s, call{path: "/v1/session", user: "nobody", header: map[string]string{"Cookie": session}}); who.User != "ann" {
		t.Errorf("%+v", who)
	}
	if r := finish(state, cookie); r.status != http.StatusUnauthorized {
		t.Errorf("the same once more: %d %s", r.status, r.body)
	}
	if r := s.ask(call{path: "/v1/session/oidc/callback?error=access_denied&error_description=no", user: "nobody"}); r.status != http.StatusUnauthorized || !strings.Contains(r.problem().Said, "access_denied") {
		t.Errorf("%d %s", r.status, r.body)
	}
}
