package pki

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openAuthority(t *testing.T, dir string) *Authority {
	t.Helper()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func leaf(t *testing.T, s Source) *x509.Certificate {
	t.Helper()
	pair, err := s.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}

// shake lets a client with a configuration greet a server, and gives what each
// knows of the other.
func shake(t *testing.T, server, client *tls.Config) (s, c tls.ConnectionState, err error) {
	t.Helper()
	here, there := net.Pipe()
	in, out := tls.Server(here, server), tls.Client(there, client)
	done := make(chan error, 1)
	go func() {
		err := in.Handshake()
		if err == nil {
			_, err = io.WriteString(in, "x")
		}
		done <- err
		here.Close()
	}()
	if err = out.Handshake(); err == nil {
		_, err = io.ReadFull(out, make([]byte, 1)) // a server's refusal comes after the handshake
	}
	there.Close()
	if failed := <-done; err == nil {
		err = failed
	}
	return in.ConnectionState(), out.ConnectionState(), err
}

func TestAuthorityIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	a := openAuthority(t, dir)
	if err := a.Serve([]string{"power.example.org", "10.0.0.7", "2001:DB8:0::1"}); err != nil {
		t.Fatal(err)
	}
	first := leaf(t, a)
	if !leaf(t, a).Equal(first) {
		t.Error("each handshake makes a certificate")
	}
	for _, name := range []string{"power.example.org", "10.0.0.7", "localhost", "127.0.0.1", "::1"} {
		if err := first.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
		}
	}
	again := openAuthority(t, dir)
	if err := again.Serve([]string{"2001:db8::1", "10.0.0.7", "Power.example.org"}); err != nil {
		t.Fatal(err)
	}
	if again.Fingerprint() != a.Fingerprint() || !leaf(t, again).Equal(first) {
		t.Error("the second start made something anew")
	}
	if err := again.Serve([]string{"other.example.org"}); err != nil {
		t.Fatal(err)
	}
	if now := leaf(t, again); now.Equal(first) || now.VerifyHostname("other.example.org") != nil || now.VerifyHostname("10.0.0.7") == nil {
		t.Errorf("other names, and the certificate has %v %v", now.DNSNames, now.IPAddresses)
	}
}

func TestBrokenAuthorityIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	openAuthority(t, dir)
	if err := os.WriteFile(filepath.Join(dir, caKeyFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("it is taken")
	}
	if text, _ := os.ReadFile(filepath.Join(dir, caKeyFile)); string(text) != "x" {
		t.Error("it was written over")
	}
}

func TestServerIsRenewedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := openAuthority(t, "")
		first := leaf(t, a)
		time.Sleep(serverFor - renewBefore - 2*time.Hour)
		if !leaf(t, a).Equal(first) {
			t.Error("renewed too early")
		}
		for range 20 {
			time.Sleep(100 * 24 * time.Hour)
			c := leaf(t, a)
			left := time.Until(c.NotAfter)
			if left < renewBefore-time.Hour || c.CheckSignatureFrom(a.cert) != nil {
				t.Fatalf("%v left", left)
			}
		}
	})
}

func TestClientsByCertificate(t *testing.T) {
	a, foreign := openAuthority(t, ""), openAuthority(t, "")
	server := Config(func() Source { return a }, a.Pool)
	client := func(by *Authority) *tls.Config {
		c := &tls.Config{RootCAs: a.Pool(), ServerName: "localhost"}
		if by != nil {
			cert, key, err := by.Client("ann", time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			pair, err := tls.X509KeyPair(cert, key)
			if err != nil {
				t.Fatal(err)
			}
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		return c
	}
	if s, c, err := shake(t, server, client(nil)); err != nil || len(s.VerifiedChains) != 0 || c.Version != tls.VersionTLS13 {
		t.Errorf("without a certificate: %v, %x", err, c.Version)
	}
	s, c, err := shake(t, server, client(a))
	if err != nil || len(s.VerifiedChains) == 0 || s.VerifiedChains[0][0].Subject.CommonName != "ann" {
		t.Errorf("with one of ours: %v", err)
	}
	if last := c.PeerCertificates[len(c.PeerCertificates)-1]; Fingerprint(last) != a.Fingerprint() {
		t.Error("the authority is not sent along")
	}
	if _, _, err := shake(t, server, client(foreign)); err == nil {
		t.Error("one of another authority is taken")
	}
	// A server's certificate is none for a client.
	pair, _ := a.Certificate()
	as := client(nil)
	as.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair, nil }
	if _, _, err := shake(t, server, as); err == nil {
		t.Error("the server's own certificate is taken for a client's")
	}
	old := client(nil)
	old.MaxVersion = tls.VersionTLS11
	if _, _, err := shake(t, server, old); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	none := Config(func() Source { return a }, func() *x509.CertPool { return nil })
	if s, _, err := shake(t, none, client(a)); err != nil || len(s.PeerCertificates) != 0 {
		t.Errorf("without authorities, a certificate was asked for: %v", err)
	}
	for _, lasts := range []time.Duration{0, -time.Hour, MaxClient + 1} {
		if _, _, err := a.Client("ann", lasts); err == nil {
			t.Errorf("a certificate for %v", lasts)
		}
	}
}

func TestFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	put := func(name string, text []byte) {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := openAuthority(t, "")
	fresh := func() {
		c, k, err := a.Client("x", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		put(cert, c)
		put(key, k)
	}
	if _, err := ReadFiles(cert, key, nil); err == nil {
		t.Error("no files are taken")
	}
	fresh()
	synctest.Test(t, func(t *testing.T) {
		f, err := ReadFiles(cert, key, nil)
		if err != nil {
			t.Fatal(err)
		}
		first := leaf(t, f)
		time.Sleep(lookEvery)
		put(cert, []byte("broken"))
		if !leaf(t, f).Equal(first) {
			t.Error("a broken file took the certificate away")
		}
		fresh()
		time.Sleep(lookEvery)
		if leaf(t, f).Equal(first) {
			t.Error("the new certificate is not used")
		}
	})
	pool := x509.NewCertPool()
	if err := ReadPool(cert, pool); err != nil {
		t.Error(err)
	}
	if err := ReadPool(dir, pool); err == nil {
		t.Error("a folder is taken for a file")
	}
	put(cert, bytes.Repeat([]byte("x"), maxFile+1))
	if err := ReadPool(cert, pool); err == nil {
		t.Error("a file without an end is read")
	}
}
