package pki

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Source gives the certificate of a server as it is now.
type Source interface {
	Certificate() (*tls.Certificate, error)
}

// Interface guards.
var (
	_ Source = (*Authority)(nil)
	_ Source = (*Files)(nil)
)

// lookEvery is how often files are looked at for a change.
const lookEvery = 10 * time.Second

// Files is a certificate made elsewhere. It is read again when it changes; if it
// then cannot be read, the old one goes on being used.
type Files struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	stamp  [2]stamp
	looked time.Time
}

// stamp is by what a file is known to have changed.
type stamp struct {
	size int64
	time time.Time
}

// ReadFiles reads a certificate and its key.
func ReadFiles(cert, key string, log *slog.Logger) (*Files, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	f := &Files{cert: cert, key: key, log: log, stamp: stamps(cert, key), looked: time.Now()}
	var err error
	f.pair, err = readPair(cert, key)
	return f, err
}

// Certificate implements [Source].
func (f *Files) Certificate() (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if now.Sub(f.looked) < lookEvery {
		return f.pair, nil
	}
	f.looked = now
	is := stamps(f.cert, f.key)
	if is == f.stamp {
		return f.pair, nil
	}
	f.stamp = is
	pair, err := readPair(f.cert, f.key)
	if err != nil {
		f.log.Error("the new certificate cannot be used; the old one goes on", "file", f.cert, "why", err)
		return f.pair, nil
	}
	f.pair = pair
	f.log.Info("the certificate was read again", "file", f.cert, "until", pair.Leaf.NotAfter)
	return f.pair, nil
}

func stamps(files ...string) (s [2]stamp) {
	for i, name := range files {
		if info, err := os.Stat(name); err == nil {
			s[i] = stamp{info.Size(), info.ModTime()}
		}
	}
	return s
}

// maxFile bounds a file of certificates, in bytes.
const maxFile = 1 << 20

func readPair(certFile, keyFile string) (*tls.Certificate, error) {
	certPEM, err := readBounded(certFile)
	if err != nil {
		return nil, err
	}
	keyPEM, err := readBounded(keyFile)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("%s with %s: %w", certFile, keyFile, err)
	}
	if pair.Leaf == nil {
		pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0])
	}
	return &pair, err
}

func readBounded(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is no file of certificates", name)
	}
	return os.ReadFile(name)
}

// ReadPool reads a file of authorities into a pool, added to what is in it.
func ReadPool(name string, pool *x509.CertPool) error {
	text, err := readBounded(name)
	if err != nil {
		return err
	}
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("%s holds no certificate", name)
	}
	return nil
}

// Config makes the configuration of a server: TLS 1.2 at least, the certificate as
// it is at each handshake, and clients that may show a certificate of one of the
// authorities but need not. No authorities (nil) means that none is asked for.
func Config(source func() Source, clients func() *x509.CertPool) *tls.Config {
	base := &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return source().Certificate()
		},
	}
	// Authorities may change with a reload, and only a configuration of its own can
	// say that to a handshake.
	base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c := base.Clone()
		c.GetConfigForClient = nil
		if c.ClientCAs = clients(); c.ClientCAs != nil { // none would mean the system's
			c.ClientAuth = tls.VerifyClientCertIfGiven
		}
		return c, nil
	}
	return base
}
