// Package sql checks databases: PostgreSQL, MySQL and MariaDB. That one lets us in is the
// least; with a query it can be asked for one value: how far a replica is behind, how
// long a queue is, whether there is anything in a table.
//
// The query is the user's own, in a session that can only read; the value is the first
// column of the first row. Of a database that cannot be reached, that is not ready, or
// whose value is not as it should be, the verdict is bad. Where it answers, but does not
// let us in, or turns the query down as wrong or not permitted, it is unknown: that is
// for people to put right, and no restart would.
//
// Start at [Settings]; postgres.go and mysql.go ask by the two protocols.
package sql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/secret"
)

// New makes the kind.
func New() check.Kind {
	return check.Kind{
		Name:    "sql",
		Summary: "a database lets us in, and perhaps answers a query as it should",
		New: func() check.Settings {
			return &Settings{Host: "{address}", Encryption: "tls", TLS: web.TLS{Min: "1.2"}}
		},
	}
}

// Settings of one check.
type Settings struct {
	Server     string  `yaml:"server" required:"true" enum:"postgresql,mysql,mariadb" doc:"what kind of database it is"`
	Host       string  `yaml:"host" default:"{address}" doc:"where it is"`
	Port       int     `yaml:"port" doc:"the TCP port; 5432 or 3306 if none is given"`
	Database   string  `yaml:"database" doc:"the database to use; for PostgreSQL the user's own if none is given"`
	Query      string  `yaml:"query" doc:"one query that only reads; is, like, min and max are about the first column of its first row. Without it logging in is all"`
	Encryption string  `yaml:"encryption" enum:"tls,off" default:"tls" doc:"off sends query and answer in the clear, but never the password"`
	TLS        web.TLS `yaml:"tls" doc:"whom to trust"`

	check.Want `yaml:",inline"`
}

// maxQuery bounds the query, maxMessage what the server may send in one message, and
// maxHeard all that is heard of it, in bytes.
const (
	maxQuery   = 16 << 10
	maxMessage = 1 << 20
	maxHeard   = 4 << 20
)

// bounded is a connection by which so much comes in and no more: a library may believe
// what a server says of the length of a value.
type bounded struct {
	net.Conn
	left int
}

var errTooMuch = fmt.Errorf("it sends more than %d MiB", maxHeard>>20)

// Read implements [net.Conn].
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooMuch
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// ask connects to a database, asks it one thing, and hangs up. found is false where there
// is no row.
type ask func(ctx context.Context, t *target) (value string, found bool, err error)

// target is a database for one run.
type target struct {
	host           string
	port           int
	database       string
	user, password string
	query          string
	tls            *tls.Config // nil for none
	dial           func(ctx context.Context, network, address string) (net.Conn, error)
}

// Prepare implements [check.Settings].
func (s *Settings) Prepare() (check.Check, error) {
	c := &asker{Settings: *s}
	usual := 3306
	switch s.Server {
	case "postgresql":
		c.ask, usual = askPostgres, 5432
	case "mysql", "mariadb":
		c.ask = askMySQL
	default:
		return nil, check.Field("server", "it is postgresql, mysql or mariadb")
	}
	if c.Port == 0 {
		c.Port = usual
	}
	switch {
	case s.Host == "":
		return nil, check.Field("host", "it is empty")
	case c.Port < 1 || c.Port > 65535:
		return nil, check.Field("port", "1 to 65535")
	case len(s.Query) > maxQuery:
		return nil, check.Field("query", "at most %d bytes", maxQuery)
	case s.Query == "" && !s.Empty():
		return nil, check.Field("query", "there is none, so there is no value")
	case s.Encryption != "tls" && s.Encryption != "off" && s.Encryption != "":
		return nil, check.Field("encryption", "it is tls or off")
	}
	if err := s.TLS.Check(); err != nil {
		return nil, check.Field("tls", "%w", err)
	}
	var err error
	c.judge, err = s.Judge()
	return c, err
}

// asker is the check.
type asker struct {
	Settings
	ask   ask
	judge *check.Judge
}

// Run implements [check.Check].
func (c *asker) Run(ctx context.Context, env check.Env) check.Result {
	t := &target{
		host: env.Fill(c.Host), port: c.Port, database: env.Fill(c.Database), query: c.Query,
		user: env.Credential.User, password: env.Credential.Get(secret.Password).Reveal(),
	}
	to := c.Server + " at " + net.JoinHostPort(t.host, strconv.Itoa(t.port))
	if t.user == "" {
		return check.Unclear(to + ": the credential has no user")
	}
	if c.Encryption != "off" {
		var err error
		if t.tls, err = c.TLS.Config(t.host); err != nil {
			return check.Unclear(err.Error())
		}
	}
	t.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := env.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &bounded{conn, maxHeard}, nil
	}
	start := time.Now()
	value, found, err := c.ask(ctx, t)
	took := time.Since(start)
	if err != nil {
		return failed(ctx, to, err)
	}
	if c.Query == "" {
		return check.Good(fmt.Sprintf("%s let us in, in %s", to, check.Took(took)), took)
	}
	return c.verdict(&env, value, found, took)
}

// refusal is what a server says that is there and works.
type refusal struct{ said string }

func (r *refusal) Error() string { return r.said }

// failed is the result where there is no value.
func failed(ctx context.Context, to string, err error) check.Result {
	var refused *refusal
	var untrusted *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &refused):
		return check.Unclear(to + ": " + refused.said)
	case errors.As(err, &untrusted), errors.As(err, &record):
		err = web.TLSError(err)
	}
	return check.Unreached(ctx, to, err)
}

// verdict judges a value.
func (c *asker) verdict(env *check.Env, value string, found bool, took time.Duration) check.Result {
	r := check.Result{Verdict: check.OK, Took: took, Said: fmt.Sprintf("%q in %s", env.Line(value, 80), check.Took(took))}
	if !found {
		r.Said = "the query gives no row"
		if !c.Empty() {
			r.Verdict = check.Bad
		}
		return r
	}
	if n, err := strconv.ParseFloat(value, 64); err == nil && n-n == 0 {
		r.Values = []check.Value{{Quantity: check.Count, Value: n}}
	}
	if err := c.judge.Look(env, value); err != nil {
		r.Verdict = check.Bad
		r.Said = "the query gives " + err.Error()
	}
	return r
}
