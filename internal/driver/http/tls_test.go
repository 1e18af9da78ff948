package httpdriver_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millwright.dev/millwright/internal/driver"
	httpdriver "millwright.dev/millwright/internal/driver/http"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
)

// TestTLS: whom a box is trusted to be, and what it is told when it is not.
func TestTLS(t *testing.T) {
	serve := func(most uint16) *httptest.Server {
		s := httptest.NewUnstartedServer(newBox(t, "openbmc", plugNames(4)))
		s.TLS = &tls.Config{MaxVersion: most, MinVersion: tls.VersionTLS10}
		s.Config.ErrorLog = log.New(new(bytes.Buffer), "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	today, old := serve(tls.VersionTLS13), serve(tls.VersionTLS10)
	pin := fmt.Sprintf("sha256:%x", sha256.Sum256(today.Certificate().Raw))
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: today.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		at    *httptest.Server
		trust web.TLS
		plain bool   // http:// instead
		want  string // in the error; none is wanted if empty
	}{
		"nothing said":           {at: today, want: "if it is the device's own, set tls: pins: [" + pin + "]"},
		"pinned":                 {at: today, trust: web.TLS{Pins: []string{pin}}},
		"another pinned":         {at: today, trust: web.TLS{Pins: []string{"sha256:" + strings.Repeat("ab", 32)}}, want: "is not the pinned one: its pin is " + pin},
		"own authority":          {at: today, trust: web.TLS{CA: ca}},
		"for another name":       {at: today, trust: web.TLS{CA: ca, ServerName: "elsewhere.test"}, want: "elsewhere.test"},
		"insecure":               {at: today, trust: web.TLS{Insecure: true}},
		"too old":                {at: old, trust: web.TLS{Insecure: true}, want: `set tls: min: "1.0"`},
		"old and allowed":        {at: old, trust: web.TLS{Insecure: true, Min: "1.0"}},
		"old, allowed, unpinned": {at: old, trust: web.TLS{Min: "1.0"}, want: "not trusted"},
		"http at its port":       {at: today, plain: true, want: "HTTP 400"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &httpdriver.Settings{Address: c.at.URL, Profile: "openbmc", Plugs: plugNames(4), TLS: c.trust}
			if c.plain {
				s.Address = strings.Replace(s.Address, "https", "http", 1)
			}
			session, err := open(t.Context(), s, env(plugNames(4), credential()))
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("error %v, want one with %q", err, c.want)
				}
				if phase(err) != driver.Connecting && !c.plain {
					t.Errorf("%v has phase %v", err, phase(err))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			if s, err := do(t, session, room.On, 0); err != nil || s.String() != "0 done" && s.String() != "0 on\n0 done" {
				t.Errorf("%s, %v", s, err)
			}
		})
	}
	t.Run("https at a port for http", func(t *testing.T) {
		b := newBox(t, "shelly-gen1", plugNames(4))
		_, err := open(t.Context(), &httpdriver.Settings{Address: strings.Replace(listening(t, b), "http", "https", 1), Profile: "shelly-gen1"}, env(nil, credential()))
		if err == nil || !strings.Contains(err.Error(), "is it http://?") {
			t.Errorf("error %v", err)
		}
	})
}
