package tls_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/check/checktest"
	checktls "millwright.dev/millwright/internal/check/tls"
)

// serve accepts connections by a listener and shakes hands with whoever comes.
func serve(t *testing.T, config *tls.Config) int {
	t.Helper()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if config == nil {
					_, _ = io.WriteString(c, "220 plain text\r\n")
					return
				}
				_ = tls.Server(c, config).HandshakeContext(t.Context())
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestDays(t *testing.T) {
	certificate, ca := checktest.Certificate(t, 20)
	port := serve(t, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	plain := serve(t, nil)
	gone, goneCA := checktest.Certificate(t, -1)
	late := serve(t, &tls.Config{Certificates: []tls.Certificate{gone}, MinVersion: tls.VersionTLS12})
	for _, tt := range []struct {
		name       string
		port, days int
		ca         string
		want       check.Verdict
		says       string
	}{
		{"good", port, 14, ca, check.OK, "the certificate ends in 20 days"},
		{"too few days", port, 30, ca, check.Bad, "in 20 days, fewer than 30"},
		{"not trusted", port, 14, "", check.Bad, "pins: [sha256:"},
		{"has ended", late, 14, goneCA, check.Bad, "expired"},
		{"no TLS", plain, 14, ca, check.Bad, "does not speak TLS"},
		{"nobody there", 1, 14, ca, check.Bad, "connection refused"},
		{"no such authority", port, 14, ca + "x", check.Unknown, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := checktls.New().New().(*checktls.Settings)
			s.Port, s.Days, s.TLS.CA = tt.port, tt.days, tt.ca
			checktest.Says(t, checktest.Look(t, s, checktest.Env()), tt.want, tt.says)
		})
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []checktls.Settings{{}, {Host: "x"}, {Host: "x", Port: 1, Days: -1}, {Host: "x", Port: 99999}} {
		if _, err := s.Prepare(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}
