package libvirt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/internal/freeport"
	"millwright.dev/millwright/libvirt"
	"millwright.dev/millwright/libvirt/libvirttest"
)

// authority writes an authority's certificate, and those of a server and of a client,
// into a folder, as libvirt names them.
func authority(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var root *x509.Certificate
	var rootKey *ecdsa.PrivateKey
	for i, name := range []string{"ca", "server", "client"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
			BasicConstraintsValid: true,
		}
		if root == nil {
			root, rootKey = c, key
			c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
		}
		der, err := x509.CreateCertificate(rand.Reader, c, root, &key.PublicKey, rootKey)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		write(name+"cert.pem", "CERTIFICATE", der)
		write(name+"key.pem", "PRIVATE KEY", private)
	}
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) { // the daemon is nobody
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// All ways to a daemon: TCP, TLS with certificates of both ends, and a command at the far
// end, as SSH runs it.
func TestWays(t *testing.T) {
	pki := authority(t)
	tcp, tls := freeport.For(t, "127.0.0.1"), freeport.For(t, "127.0.0.1")
	port := func(address string) string {
		_, p, _ := net.SplitHostPort(address)
		return p
	}
	daemon := libvirttest.Start(t, "listen_tls = 1", "listen_tcp = 1", `listen_addr = "127.0.0.1"`,
		`tcp_port = "`+port(tcp)+`"`, `tls_port = "`+port(tls)+`"`, `auth_tcp = "none"`, `auth_tls = "none"`,
		`key_file = "`+pki+`/serverkey.pem"`, `cert_file = "`+pki+`/servercert.pem"`, `ca_file = "`+pki+`/cacert.pem"`)
	for _, address := range []string{tcp, tls} { // it listens there after its socket
		for deadline := time.Now().Add(30 * time.Second); ; {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
				break
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
	run := func(ctx context.Context, to libvirt.URI, command string) (io.ReadWriteCloser, error) {
		if to.Host != "far" {
			t.Errorf("to %q", to.Host)
		}
		return start(ctx, t, command)
	}
	own := t.TempDir()
	for _, name := range []string{"cacert.pem"} { // without a certificate of ours
		b, err := os.ReadFile(filepath.Join(pki, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(own, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for uri, want := range map[string]string{
		"test+tcp://" + tcp + "/default":                          "",
		"test+tls://" + tls + "/default?pkipath=" + pki:           "",
		"test+tls://" + tls + "/default?pkipath=" + own:           "TLS",
		"test+tls://" + tls + "/default":                          "unknown authority",
		"test+ssh://far/default?socket=" + daemon.Socket:          "",
		"test+tcp://" + tcp + "/nonsense":                         "",
		"test+tls://" + tcp + "/default?pkipath=" + pki:           "TLS",
		"test+unix:///default?socket=" + daemon.Socket + "-wrong": "no such file",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		reached := false
		c, err := libvirt.Dial(ctx, uri, libvirt.Options{Dialing: libvirt.Dialing{SSH: run, Reached: func() { reached = true }}})
		if strings.Contains(uri, "nonsense") { // the daemon's own error
			var said *libvirt.Error
			if !errors.As(err, &said) || !reached {
				t.Errorf("%s: %v, reached: %t", uri, err, reached)
			}
		} else if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", uri, err, want)
		}
		if err == nil {
			if list, err := c.Domains(ctx); err != nil || len(list) != 1 {
				t.Errorf("%s: %v, %v", uri, list, err)
			}
			c.Close()
		}
		cancel()
	}
}

// pipes is a program's standard input and output.
type pipes struct {
	io.Reader
	io.WriteCloser
	cmd *exec.Cmd
}

func (p pipes) Close() error {
	_ = p.WriteCloser.Close()
	return p.cmd.Wait()
}

// start runs a command where nc is socat.
func start(ctx context.Context, t *testing.T, command string) (io.ReadWriteCloser, error) {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "nc"), []byte("#!/bin/sh\nexec socat STDIO \"UNIX-CONNECT:$2\"\n"), 0o700); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "sh", "-c", command)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return pipes{out, in, cmd}, cmd.Start()
}
