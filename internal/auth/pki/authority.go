package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/internal/durable"
)

// How long certificates last. Browsers take no server's certificate of more than
// 398 days; a third of its time before the end it is made anew.
const (
	authorityFor = 20 * 365 * 24 * time.Hour
	serverFor    = 300 * 24 * time.Hour
	renewBefore  = serverFor / 3
	// Clocks of clients may be behind.
	backdated = time.Hour
	// MaxClient is the longest that a client's certificate can be made for.
	MaxClient = 5 * 365 * 24 * time.Hour
)

// The files of an authority within its folder.
const (
	caCertFile     = "ca.pem"
	caKeyFile      = "ca-key.pem"
	serverCertFile = "server.pem"
	serverKeyFile  = "server-key.pem"
)

// Authority is our own certificate authority, with the server's certificate that
// it makes. Its methods may be called from any goroutine.
type Authority struct {
	dir  string // "" keeps nothing
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte

	mu     sync.Mutex
	names  []string
	server *tls.Certificate
}

// Open reads the authority that a folder keeps, or makes one there: files that
// their owner alone may read. With no folder it lives as long as the process.
func Open(dir string) (*Authority, error) {
	a := &Authority{dir: dir}
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("open the certificate authority: %w", err)
		}
		err := a.read()
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return a, err
		}
	}
	return a, a.create()
}

// read takes the authority from its files.
func (a *Authority) read() error {
	certPEM, err := os.ReadFile(filepath.Join(a.dir, caCertFile))
	if err != nil {
		return fmt.Errorf("read the certificate authority: %w", err)
	}
	pair, err := readPair(filepath.Join(a.dir, caCertFile), filepath.Join(a.dir, caKeyFile))
	if err != nil {
		return fmt.Errorf("read the certificate authority: %w", err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return fmt.Errorf("read the certificate authority: %s is none of ours; move it away to have one made anew", filepath.Join(a.dir, caCertFile))
	}
	a.cert, a.key, a.pem = pair.Leaf, key, certPEM
	return nil
}

// create makes a new authority and keeps it.
func (a *Authority) create() error {
	host, _ := os.Hostname()
	now := time.Now()
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: strings.TrimSpace("Millwright of " + host)},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(authorityFor),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	pair, certPEM, keyPEM, err := issue(template, nil, nil)
	if err != nil {
		return fmt.Errorf("make a certificate authority: %w", err)
	}
	a.cert, a.key, a.pem = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey), certPEM
	return a.keep(caCertFile, certPEM, caKeyFile, keyPEM)
}

// keep writes a certificate with its key. The key goes first, so that a
// certificate that is there has one.
func (a *Authority) keep(certName string, certPEM []byte, keyName string, keyPEM []byte) error {
	if a.dir == "" {
		return nil
	}
	err := durable.Replace(filepath.Join(a.dir, keyName), keyPEM, 0o600)
	if err == nil {
		err = durable.Replace(filepath.Join(a.dir, certName), certPEM, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep a certificate: %w", err)
	}
	return nil
}

// issue makes a key and a certificate for it, signed by an authority or, for
// none, by itself.
func issue(template, by *x509.Certificate, byKey *ecdsa.PrivateKey) (pair tls.Certificate, certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, nil, err
	}
	if by == nil {
		by, byKey = template, key
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return tls.Certificate{}, nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, key.Public(), byKey)
	if err != nil {
		return tls.Certificate{}, nil, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, nil, nil, err
	}
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, certPEM, keyPEM, nil
}

// Serve says under which names the server is reached; the next handshake has a
// certificate with all of them, besides this host's own name, localhost and the
// loopback addresses.
func (a *Authority) Serve(names []string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.names = allNames(names)
	_, err := a.current(time.Now())
	return err
}

func allNames(more []string) []string {
	names := append([]string{"localhost", "127.0.0.1", "::1"}, more...)
	if host, err := os.Hostname(); err == nil && host != "" && !strings.ContainsFunc(host, func(c rune) bool { return c <= ' ' || c > '~' }) {
		names = append(names, host)
	}
	for i, name := range names {
		names[i] = strings.ToLower(name)
		if ip := net.ParseIP(name); ip != nil {
			names[i] = ip.String() // as a certificate gives it back
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Certificate implements [Source].
func (a *Authority) Certificate() (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current(time.Now())
}

// current gives the server's certificate, from memory, from its files, or made
// anew. The caller holds mu.
func (a *Authority) current(now time.Time) (*tls.Certificate, error) {
	if a.names == nil {
		a.names = allNames(nil)
	}
	if a.fit(a.server, now) {
		return a.server, nil
	}
	if a.dir != "" && a.server == nil {
		pair, err := readPair(filepath.Join(a.dir, serverCertFile), filepath.Join(a.dir, serverKeyFile))
		if err == nil && a.fit(pair, now) {
			a.server = pair
			return pair, nil
		}
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "Millwright"},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(serverFor),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range a.names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	pair, certPEM, keyPEM, err := issue(template, a.cert, a.key)
	if err != nil {
		return nil, fmt.Errorf("make the server's certificate: %w", err)
	}
	// The authority is sent along, so that clients can know it by its fingerprint.
	pair.Certificate = append(pair.Certificate, a.cert.Raw)
	certPEM = append(certPEM, a.pem...)
	a.server = &pair
	return a.server, a.keep(serverCertFile, certPEM, serverKeyFile, keyPEM)
}

// fit says whether a certificate can go on being used: it is of this authority,
// has all names and just these, and time enough left.
func (a *Authority) fit(pair *tls.Certificate, now time.Time) bool {
	if pair == nil || now.After(pair.Leaf.NotAfter.Add(-renewBefore)) || now.Before(pair.Leaf.NotBefore) {
		return false
	}
	has := slices.Clone(pair.Leaf.DNSNames)
	for _, ip := range pair.Leaf.IPAddresses {
		has = append(has, ip.String())
	}
	slices.Sort(has)
	return slices.Equal(has, a.names) && pair.Leaf.CheckSignatureFrom(a.cert) == nil
}

// PEM gives the authority's certificate, for clients to trust.
func (a *Authority) PEM() []byte { return bytes.Clone(a.pem) }

// Pool gives the authority's certificate for verifying clients.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Fingerprint gives the SHA-256 of the authority's certificate in hexadecimal, for
// people to compare.
func (a *Authority) Fingerprint() string { return Fingerprint(a.cert) }

// Fingerprint gives the SHA-256 of a certificate in hexadecimal.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// Client makes a certificate with which a user can log in, and its key, both in
// PEM. They are not kept.
func (a *Authority) Client(user string, lasts time.Duration) (certPEM, keyPEM []byte, err error) {
	if user == "" || lasts <= 0 || lasts > MaxClient {
		return nil, nil, fmt.Errorf("make a certificate for %q: it lasts for some time, at most %v", user, MaxClient)
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: user},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(lasts),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	_, certPEM, keyPEM, err = issue(template, a.cert, a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate for %q: %w", user, err)
	}
	return certPEM, keyPEM, nil
}
