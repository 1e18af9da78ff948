package ups_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/internal/transport"
	"millwright.dev/millwright/internal/ups"
	"millwright.dev/millwright/nut"
)

// A daemon with a certificate of its own is known by its pin, and another is not read.
func TestPinnedDaemon(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bank := nut.NewBank("", "")
	bank.Put("rack", "", nut.Vars{"ups.status": "OL BYPASS"})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
		(&nut.Server{Handler: bank, TLS: config}).Serve(ctx, l)
	})
	changed := make(chan ups.Standing, 16)
	w := ups.New(ups.Options{Changed: func(s ups.Standing) { changed <- s }})
	running.Go(func() { w.Run(ctx) })
	sum := sha256.Sum256(der)
	w.Apply([]ups.Source{
		{Name: "other", UPS: "rack", Address: l.Addr().String(), TLS: &transport.TLSOptions{Pins: []string{strings.Repeat("0", 64)}}},
		{Name: "rack", Address: l.Addr().String(), TLS: &transport.TLSOptions{Pins: []string{hex.EncodeToString(sum[:])}}},
	})
	if s := <-changed; s.Source != "rack" || s.State != ups.Online || !strings.Contains(s.Said, "not protected") {
		t.Errorf("%+v", s)
	}
	deadline := time.After(30 * time.Second)
	for !strings.Contains(w.List()[0].Said, "the server's certificate is not the pinned one") {
		select {
		case <-deadline:
			t.Fatalf("%+v", w.List()[0])
		case <-time.After(10 * time.Millisecond):
		}
	}
}
