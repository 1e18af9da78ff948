package redfish

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Trust says which certificates of services are believed. The zero value believes the
// authorities that the system does.
type Trust struct {
	CA         *x509.CertPool // authorities, instead of the system's
	Pins       []string       // certificates, as "sha256:" and 64 hexadecimal digits each; with no CA a pin is the whole trust
	ServerName string         // the name that the certificate is for, if not the address's host

	// Check decides on each certificate, and takes precedence over pins. wrong is what
	// is wrong with it by the authorities, nil if nothing is. What it returns is the
	// decision; nil believes.
	Check func(cert *x509.Certificate, wrong error) error

	// Insecure believes anybody: who can get between reads the password.
	Insecure bool

	// Config is a configuration of the caller's own, in place of all the rest.
	Config *tls.Config
}

// CertificateError is a certificate that is not believed. It holds the certificate, so
// that somebody can be asked and its fingerprint pinned.
type CertificateError struct {
	Certificate *x509.Certificate
	Err         error
}

func (e *CertificateError) Error() string {
	return fmt.Sprintf("the certificate of %q (%s) is not trusted: %v", e.Certificate.Subject.CommonName, e.Fingerprint(), e.Err)
}

// Unwrap gives the cause.
func (e *CertificateError) Unwrap() error { return e.Err }

// Fingerprint gives the certificate as one of [Trust.Pins].
func (e *CertificateError) Fingerprint() string { return Fingerprint(e.Certificate) }

// Fingerprint gives a certificate as one of [Trust.Pins].
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// config makes crypto/tls's configuration for a host.
func (t Trust) config(host string) (*tls.Config, error) {
	if t.Config != nil {
		return t.Config.Clone(), nil
	}
	var pins [][]byte
	for _, text := range t.Pins {
		digits, is := strings.CutPrefix(strings.ToLower(strings.TrimSpace(text)), "sha256:")
		sum, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
		if !is || err != nil || len(sum) != sha256.Size {
			return nil, fmt.Errorf("a pin is sha256: and 64 hexadecimal digits, and not %.80q", text)
		}
		pins = append(pins, sum)
	}
	if t.Insecure && (t.CA != nil || len(pins) > 0 || t.Check != nil) {
		return nil, errors.New("insecure believes anybody: leave it out, or all other trust")
	}
	if t.ServerName != "" {
		host = t.ServerName
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: host,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does it, and keeps the certificate for the error
		VerifyConnection:   func(state tls.ConnectionState) error { return t.verify(state, host, pins) },
	}, nil
}

// verify decides on the certificate of a connection.
func (t Trust) verify(state tls.ConnectionState, host string, pins [][]byte) error {
	if t.Insecure {
		return nil
	}
	if len(state.PeerCertificates) == 0 {
		return errors.New("it showed no certificate")
	}
	cert := state.PeerCertificates[0]
	more := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		more.AddCert(c)
	}
	_, wrong := cert.Verify(x509.VerifyOptions{Roots: t.CA, Intermediates: more, DNSName: host, CurrentTime: time.Now()})
	switch {
	case t.Check != nil:
		wrong = t.Check(cert, wrong)
	case len(pins) > 0 && (t.CA == nil || wrong == nil):
		wrong = pinned(cert, pins)
	}
	if wrong != nil {
		return &CertificateError{Certificate: cert, Err: wrong}
	}
	return nil
}

func pinned(cert *x509.Certificate, pins [][]byte) error {
	sum := sha256.Sum256(cert.Raw)
	for _, p := range pins {
		if subtle.ConstantTimeCompare(sum[:], p) == 1 {
			return nil
		}
	}
	return errors.New("it is none of those that are pinned")
}
