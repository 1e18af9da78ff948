package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/telnet"
)

// authority makes a certificate authority's file and a certificate that it
// signed for names.
func authority(t *testing.T, names ...string) (caFile string, cert tls.Certificate) {
	t.Helper()
	caKey, caDER := certificate(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true,
	}, nil, nil)
	ca, err := x509.ParseCertificate(caDER)
	if err != nil {
		t.Fatal(err)
	}
	key, der := certificate(t, &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: names}, ca, caKey)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	if err := os.WriteFile(caFile, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return caFile, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func certificate(t *testing.T, template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, der
}

func TestTLS(t *testing.T) {
	caFile, cert := authority(t, "pdu.example")
	otherCA, _ := authority(t, "pdu.example")
	host, port := serve(t, "127.0.0.1:0", func(c net.Conn) {
		echo(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}))
	})
	sum := sha256.Sum256(cert.Certificate[0])
	pin := hex.EncodeToString(sum[:])
	wrong := strings.Repeat("00", 32)
	for _, tc := range []struct {
		name  string
		o     TLSOptions
		fault string // part of the error, empty if it must work
	}{
		{"system authorities", TLSOptions{}, "certificate"},
		{"our authority", TLSOptions{CA: caFile, ServerName: "pdu.example"}, ""},
		{"our authority, wrong name", TLSOptions{CA: caFile}, "127.0.0.1"},
		{"another authority", TLSOptions{CA: otherCA, ServerName: "pdu.example"}, "certificate signed by unknown authority"},
		{"no such file", TLSOptions{CA: "/none"}, "certificate authorities: open /none"},
		{"a file without certificates", TLSOptions{CA: os.Args[0]}, "no PEM certificate"},
		{"pin", TLSOptions{Pins: []string{wrong, pin}}, ""},
		{"wrong pin", TLSOptions{Pins: []string{wrong}}, "its pin is sha256:" + pin},
		{"pin and authority", TLSOptions{Pins: []string{pin}, CA: caFile, ServerName: "pdu.example"}, ""},
		{"wrong pin, right authority", TLSOptions{Pins: []string{wrong}, CA: caFile, ServerName: "pdu.example"}, "not the pinned one"},
		{"right pin, wrong authority", TLSOptions{Pins: []string{pin}, CA: otherCA, ServerName: "pdu.example"}, "unknown authority"},
		{"insecure", TLSOptions{Insecure: true}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := (&Dialer{}).Dial(t.Context(), Address{Scheme: TLS, Host: host, Port: port, TLS: tc.o}, Credentials{})
			if tc.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fault) {
					t.Errorf("error %v, want one with %q", err, tc.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			exchange(t, c, "ping", "ping")
			closeEndsRead(t, c)
		})
	}
}

func TestTelnetInTLS(t *testing.T) {
	_, cert := authority(t, "pdu.example")
	host, port := serve(t, "127.0.0.1:0", func(c net.Conn) {
		s := telnet.NewServer(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}), telnet.Options{})
		_, _ = s.Write([]byte("menu\xff> "))
		_, _ = s.Read(make([]byte, 1))
	})
	c := mustDial(t, &Dialer{}, Address{Scheme: TLS, Host: host, Port: port, TLS: TLSOptions{Insecure: true, Telnet: true}}, Credentials{})
	exchange(t, c, "", "menu\xff> ")
}
