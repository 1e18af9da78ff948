package app_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

// issuer is an issuer of identities: it says where its key is, and signs.
type issuer struct {
	*httptest.Server
	key *rsa.PrivateKey
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key}
	b64 := base64.RawURLEncoding.EncodeToString
	i.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/keys" {
			fmt.Fprintf(w, `{"keys":[{"kty":"RSA","kid":"1","alg":"RS256","use":"sig","n":%q,"e":%q}]}`, b64(key.N.Bytes()), b64(big.NewInt(int64(key.E)).Bytes()))
			return
		}
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"authorization_endpoint":%q,"token_endpoint":%q,"id_token_signing_alg_values_supported":["RS256"]}`,
			i.URL, i.URL+"/keys", i.URL+"/a", i.URL+"/t")
	}))
	i.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	i.StartTLS()
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) token(t *testing.T, audience, name string, groups ...string) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{
		"iss": i.URL, "aud": audience, "sub": "1", "preferred_username": name, "groups": groups, "exp": time.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(`{"alg":"RS256","kid":"1"}`)) + "." + b64(claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + b64(sig)
}

// Whom the room's issuer knows has what was granted to their name and their
// groups, as the room translates these; and loses it when the room names no
// issuer any more.
func TestIssuer(t *testing.T) {
	i := newIssuer(t)
	s := newSite(t)
	s.socket = filepath.Join(t.TempDir(), "s")
	s.write("issuer.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Certificate().Raw})))
	plain := s.room("web[1-4]") + "http:\n  listen: \"127.0.0.1:0\"\n"
	s.write("room.yaml", plain+fmt.Sprintf("  oidc: {issuer: %q, client-id: millwright, ca: issuer.pem, name-claim: preferred_username, groups: {lab-admins: ops}}\n", i.URL))
	s.start()
	for _, g := range []wire.Grant{
		{Principal: "group:ops", Role: "operate", Nodes: "web1"},
		{Principal: "group:lab-staff", Role: "admin", Nodes: "@all"},
		{Principal: "user:ann", Role: "view", Nodes: "web2"},
	} {
		if err := s.local().AddGrant(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	ann := s.remote(i.token(t, "millwright", "ann", "lab-admins", "lab-staff"))
	self, err := ann.WhoAmI(t.Context())
	if err != nil || self.User != "ann" || self.Role != "none" || self.View != "web[1-2]" || self.Operate != "web1" {
		t.Errorf("%+v, %v", self, err)
	}
	if err := run(t.Context(), ann, "on", "web1"); err != nil {
		t.Error(err)
	}
	if err := run(t.Context(), ann, "on", "web2"); room.CodeOf(err) != room.CodeRefused {
		t.Error(err)
	}
	if _, err := s.remote(i.token(t, "grafana", "ann", "lab-admins")).WhoAmI(t.Context()); err == nil {
		t.Error("a token for another client is taken")
	}
	s.write("room.yaml", plain)
	if err := s.reloaded(); err != nil {
		t.Fatal(err)
	}
	if _, err := ann.WhoAmI(t.Context()); err == nil {
		t.Error("the issuer is still believed")
	}
}
