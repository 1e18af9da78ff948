package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// Options say how to reach a daemon.
type Options struct {
	// Server is where it is: https://host:port, or the path of its unix socket.
	Server string
	// Token is what it knows us by; none at a socket, where the kernel tells.
	Token secret.Value
	// CA is a file with the authorities whose word on the daemon's certificate is
	// taken, instead of the system's; or the fingerprint, "sha256:HEX", of its
	// certificate or of its own authority's, which is then all that counts.
	CA string
}

// Open makes a client. Nothing is connected before the first request.
func Open(o Options) (*Client, error) {
	if !strings.Contains(o.Server, "://") {
		c := New(o.Server)
		c.login = bearer(o.Token)
		return c, nil
	}
	at, err := url.Parse(o.Server)
	if err != nil || at.Host == "" || at.Scheme != "https" || at.User != nil || strings.Trim(at.Path, "/") != "" || at.RawQuery != "" {
		return nil, &room.Error{Code: room.CodeInvalid, Op: "reach the daemon", Subject: o.Server, Said: "a server is written https://host:port, or as the path of a socket"}
	}
	config, err := trust(o.CA)
	if err != nil {
		return nil, err
	}
	c := &Client{base: "https://" + at.Host, login: bearer(o.Token)}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	c.use(&http.Transport{
		TLSClientConfig: config, TLSHandshakeTimeout: 10 * time.Second, Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			return conn, unanswered(o.Server, err)
		},
	})
	return c, nil
}

func bearer(token secret.Value) func(*http.Request) {
	return func(r *http.Request) {
		if !token.IsZero() {
			r.Header.Set("Authorization", "Bearer "+token.Reveal())
		}
	}
}

// trust says whose word is taken on who the daemon is.
func trust(ca string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca == "" {
		return config, nil
	}
	if pin, is := strings.CutPrefix(ca, "sha256:"); is {
		want, err := hex.DecodeString(strings.ReplaceAll(pin, ":", ""))
		if err != nil || len(want) != sha256.Size {
			return nil, &room.Error{Code: room.CodeInvalid, Op: "reach the daemon", Said: "a fingerprint is sha256: with 64 hexadecimal digits behind it"}
		}
		config.InsecureSkipVerify = true // the fingerprint is verified instead
		config.VerifyConnection = func(s tls.ConnectionState) error { return pinned(want, s.PeerCertificates) }
		return config, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, &room.Error{Code: room.CodeInvalid, Op: "reach the daemon", Said: "the authorities cannot be read", Err: err}
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, &room.Error{Code: room.CodeInvalid, Op: "reach the daemon", Subject: ca, Said: "there is no certificate in this file"}
	}
	return config, nil
}

// pinned holds the daemon's certificate against a fingerprint.
func pinned(want []byte, chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return errors.New("the daemon shows no certificate")
	}
	for i, c := range chain {
		got := sha256.Sum256(c.Raw)
		if subtle.ConstantTimeCompare(got[:], want) != 1 {
			continue
		}
		if i == 0 {
			return nil
		}
		if !bytes.Equal(c.RawIssuer, c.RawSubject) {
			break // an authority that others have too; only one of the daemon's own signs for nobody else
		}
		roots := x509.NewCertPool()
		roots.AddCert(c)
		_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots})
		return err
	}
	last := sha256.Sum256(chain[len(chain)-1].Raw)
	return fmt.Errorf("the daemon's certificate is another one: its authority's fingerprint is sha256:%s", hex.EncodeToString(last[:]))
}
