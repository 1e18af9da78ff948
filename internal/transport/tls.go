package transport

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
)

func (d *Dialer) dialTLS(ctx context.Context, a Address) (Conn, error) {
	config, err := a.TLS.Config(a.Host)
	if err != nil {
		return nil, err
	}
	raw, err := d.dialTCP(ctx, a)
	if err != nil {
		return nil, err
	}
	c := tls.Client(raw, config)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	if a.TLS.Telnet {
		return d.telnet(c, a), nil
	}
	return c, nil
}

// Config turns the trust that was asked for into a TLS configuration. With pins
// and no authority, the pin is the whole trust: power strips sign themselves.
func (o TLSOptions) Config(host string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if o.ServerName != "" {
		c.ServerName = o.ServerName
	}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("certificate authorities: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificate authorities: no PEM certificate in %s", o.CA)
		}
	}
	if len(o.Pins) > 0 {
		c.VerifyConnection = o.checkPins
	}
	c.InsecureSkipVerify = o.Insecure || len(o.Pins) > 0 && o.CA == ""
	return c, nil
}

// checkPins compares the server's own certificate with the pins.
func (o TLSOptions) checkPins(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server showed no certificate to compare with the pin")
	}
	sum := sha256.Sum256(state.PeerCertificates[0].Raw)
	got := hex.EncodeToString(sum[:])
	if !contains(o.Pins, got) {
		return fmt.Errorf("the server's certificate is not the pinned one: its pin is sha256:%s", got)
	}
	return nil
}

// contains looks for got among pins in constant time for each.
func contains(pins []string, got string) bool {
	found := 0
	for _, pin := range pins {
		found |= subtle.ConstantTimeCompare([]byte(pin), []byte(got))
	}
	return found == 1
}
