// Package tls checks the certificate at any port that begins with TLS: whether it is
// trusted, and how many days it is still good for.
//
// A certificate that nobody trusts, or that ends too soon, is bad, as is a peer with
// which there is no handshake.
//
// Start at [Settings].
package tls

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/driver/web"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "tls",
		Summary: "has a certificate that is trusted and good for some days",
		New: func() check.Settings {
			return &Settings{Host: "{address}", Port: 443, Days: 14, TLS: web.TLS{Min: "1.2"}}
		},
	}
}

// Settings of one check.
type Settings struct {
	Host string  `yaml:"host" default:"{address}" doc:"where to connect to, without the port"`
	Port int     `yaml:"port" default:"443" doc:"the TCP port"`
	Days int     `yaml:"days" default:"14" doc:"bad if the certificate ends in fewer days"`
	TLS  web.TLS `yaml:"tls" doc:"whom to trust"`
}

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	switch {
	case s.Host == "":
		return nil, check.Field("host", "it is empty")
	case s.Port < 1 || s.Port > 65535:
		return nil, check.Field("port", "1 to 65535")
	case s.Days < 0 || s.Days > 10_000:
		return nil, check.Field("days", "0 to 10000")
	}
	if err := s.TLS.Check(); err != nil {
		return nil, check.Field("tls", "%w", err)
	}
	return &shaker{*s}, nil
}

// shaker is the check: it shakes hands.
type shaker struct{ Settings }

// Run implements [check.Check].
func (c *shaker) Run(ctx context.Context, env check.Env) check.Result {
	host := env.Fill(c.Host)
	config, err := c.TLS.Config(host)
	if err != nil {
		return check.Unclear(err.Error())
	}
	to := net.JoinHostPort(host, strconv.Itoa(c.Port))
	start := time.Now()
	raw, err := env.DialContext(ctx, "tcp", to)
	if err != nil {
		return check.Unreached(ctx, "connect to "+to, err)
	}
	defer raw.Close()
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		if ctx.Err() == nil {
			err = web.TLSError(err)
		}
		return check.Unreached(ctx, to, err)
	}
	took := time.Since(start)
	certificates := conn.ConnectionState().PeerCertificates
	if len(certificates) == 0 {
		return check.Wrong(to + " shows no certificate")
	}
	days := time.Until(certificates[0].NotAfter).Hours() / 24
	r := check.Result{
		Verdict: check.OK, Took: took, Values: []check.Value{{Quantity: check.Days, Value: days}},
		Said: fmt.Sprintf("%s: the certificate ends in %.0f days", to, days),
	}
	if days < float64(c.Days) {
		r.Verdict = check.Bad
		r.Said += fmt.Sprintf(", fewer than %d", c.Days)
	}
	return r
}
