package roomfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright.dev/millwright/internal/room"
)

func TestHTTP(t *testing.T) {
	read, err := load(t, "room.yaml", "room.yaml", `
http:
  listen: ["127.0.0.1:8443", "[::1]:8443"]
  names: [power.example.org, 10.0.0.7]
  tls-cert: tls/cert.pem
  tls-key: tls/key.pem
  client-ca: tls/clients.pem
  client-name: uri
  oidc:
    issuer: https://id.example.org/realms/lab
    client-id: millwright
    client-secret: env:OIDC_SECRET
    groups: {lab-admins: ops}
nodes: {a: }
`)
	if err != nil {
		t.Fatal(err)
	}
	got := read.Room.Settings.HTTP
	want := room.HTTP{
		Listen: []string{"127.0.0.1:8443", "[::1]:8443"}, Names: []string{"power.example.org", "10.0.0.7"},
		Cert: "tls/cert.pem", Key: "tls/key.pem", ClientCA: "tls/clients.pem", ClientName: "uri",
		OIDC: room.OIDC{
			Issuer: "https://id.example.org/realms/lab", ClientID: "millwright", ClientSecret: "env:OIDC_SECRET",
			NameClaim: "sub", GroupsClaim: "groups", Groups: map[string]string{"lab-admins": "ops"},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestHTTPProblems(t *testing.T) {
	for part, want := range map[string]string{
		"listen: 8443":                  "1:16: \"8443\" is no address to listen on",
		"listen: [\"a b:1\"]":           "it holds  ",
		"names: [x, \"a/b\"]":           "1:19: \"a/b\" is no name of a host",
		"tls-cert: c":                   "a certificate needs its key",
		"tls-key: k":                    "a key needs its certificate",
		"oidc: {issuer: \"https://x\"}": "needs both issuer and client-id",

		"oidc: {issuer: \"http://x\", client-id: m}": "plain http is taken on this host only",
		"oidc: {issuer: \"x\", client-id: m}":        "is no issuer's address",
	} {
		_, err := load(t, "room.yaml", "room.yaml", "http: {"+part+"}\nnodes: {a: }\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", part, err, want)
		}
	}
}
