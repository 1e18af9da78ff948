// Package web is what the helpers that speak HTTP to power controllers have in
// common: a transport as such devices need it, and the words for what fails.
//
// It exists because device files were written against libcurl's ways: no check of
// certificates, no following of redirects, its error texts; and because devices
// are old, slow and not to be trusted. Start with [NewTransport] and [Reason].
package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// MaxBody is how many bytes of a response's body are read: devices' pages and
// Redfish resources have a few ten thousand.
const MaxBody = 4 << 20

// Options are how connections are made.
type Options struct {
	// Dial makes network connections; nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// VerifyTLS checks certificates, against CAFile if one is given, else
	// against the system's authorities. Without it anything is accepted, as the
	// programs do that the helpers stand in for.
	VerifyTLS bool
	CAFile    string // PEM
}

// NewTransport makes a transport that keeps connections for reuse, speaks
// HTTP/1.1 only, uses no proxy, and unpacks nothing.
func NewTransport(o Options) (*http.Transport, error) {
	conf := &tls.Config{
		InsecureSkipVerify: !o.VerifyTLS, //nolint:gosec // as documented; see Options.VerifyTLS
		CipherSuites:       suites(),
		ClientSessionCache: tls.NewLRUClientSessionCache(2048),
	}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificate authorities: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM form", o.CAFile)
		}
	}
	dial := o.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return &http.Transport{
		DialContext: dial, TLSClientConfig: conf,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ReadBufferSize:         2048, WriteBufferSize: 2048,
	}, nil
}

// suites are Go's, and those with RSA key exchange that the firmware of old
// controllers has nothing better than.
func suites() []uint16 {
	var ids []uint16
	for _, s := range tls.CipherSuites() {
		ids = append(ids, s.ID)
	}
	for _, s := range tls.InsecureCipherSuites() {
		if strings.HasPrefix(s.Name, "TLS_RSA_WITH_AES_") {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// Failure is a kind of failure.
type Failure int

// The kinds of failure.
const (
	Other      Failure = iota // what the error says
	NoHost                    // the name has no address
	NoConnect                 // nobody listens there
	TimedOut                  // the time was up
	Empty                     // the connection was closed before an answer
	Broken                    // the connection was reset
	NotTrusted                // the certificate was not accepted
	NotTLS                    // no TLS could be agreed on
	NotHTTP                   // what came is no HTTP
)

// Classify says of which kind an error of an exchange is.
func Classify(err error) Failure {
	var (
		dns     *net.DNSError
		op      *net.OpError
		wait    net.Error
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		message = err.Error()
	)
	switch {
	case errors.As(err, &wait) && wait.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	case errors.As(err, &dns):
		return NoHost
	case errors.As(err, &cert):
		return NotTrusted
	case errors.As(err, &record), errors.As(err, &alert), strings.Contains(message, "tls: "):
		return NotTLS
	case errors.As(err, &op) && op.Op == "dial":
		return NoConnect
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Broken
	case strings.HasSuffix(message, ": EOF"), strings.Contains(message, "server closed idle connection"):
		return Empty
	case strings.Contains(message, "malformed HTTP"):
		return NotHTTP
	}
	return Other
}

// Reason is one line for an error of an exchange: no URL, no operation.
func Reason(err error) string {
	switch Classify(err) {
	case NoHost:
		return "Could not resolve hostname"
	case NoConnect:
		return "Could not connect to server"
	case TimedOut:
		return "Timeout was reached"
	case Empty:
		return "Server returned nothing (no headers, no data)"
	case Broken:
		return "Failure when receiving data from the peer"
	case NotTrusted:
		return "SSL peer certificate or SSH remote key was not OK"
	case NotTLS:
		return "SSL connect error"
	case NotHTTP:
		return "Weird server reply"
	default:
		return OneLine(Innermost(err).Error())
	}
}

// Innermost is what is at the bottom of an error.
func Innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// OneLine makes a text of others fit into a line: at most 200 bytes, and no
// control characters.
func OneLine(s string) string {
	if len(s) > 200 {
		s = s[:200]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// SetHeader puts a header field written "Name: value" into h, in the letters it
// is written in. "Name:" takes the field away, and text without a colon is
// passed over, as libcurl does; "Name;" is a field without a value.
func SetHeader(r *http.Request, field string) {
	name, value, found := strings.Cut(field, ":")
	if !found {
		name, found = strings.CutSuffix(field, ";")
		if found && plain(name) {
			r.Header[name] = []string{""}
		}
		return
	}
	value = strings.TrimSpace(value)
	if !plain(name) {
		return
	}
	for have := range r.Header {
		if strings.EqualFold(have, name) {
			delete(r.Header, have)
		}
	}
	switch {
	case strings.EqualFold(name, "Host") && value != "":
		r.Host = value
	case value != "":
		r.Header[name] = []string{value}
	case strings.EqualFold(name, "User-Agent"):
		r.Header["User-Agent"] = []string{""} // or Go would send one of its own
	}
}

// ShowHeader writes a header's fields in the order of their names, for a trace:
// what could be a secret is masked.
func ShowHeader(w io.Writer, mark string, h http.Header) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			switch http.CanonicalHeaderKey(name) {
			case "Authorization", "Cookie", "Set-Cookie", "X-Auth-Token", "Proxy-Authorization":
				v = "***"
			}
			if v != "" { // an empty one is not sent
				fmt.Fprintf(w, "%s %s: %s\n", mark, name, v)
			}
		}
	}
}

// plain says whether a field's name is one.
func plain(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", r) })
}
