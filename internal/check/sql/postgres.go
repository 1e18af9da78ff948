package sql

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// askPostgres asks a PostgreSQL server. What the library would take from the daemon's
// environment and from its user's files is put aside.
func askPostgres(ctx context.Context, t *target) (value string, found bool, err error) {
	config, err := pgconn.ParseConfig("host=localhost sslmode=disable user=nobody passfile=/dev/null")
	if err != nil {
		return "", false, &refusal{err.Error()}
	}
	var raw net.Conn
	config.Host, config.Port, config.Database = t.host, uint16(t.port), t.database
	config.User, config.Password, config.TLSConfig = t.user, t.password, t.tls
	config.Fallbacks, config.ValidateConnect = nil, nil
	config.MaxProtocolMessageBodyLen = maxMessage
	config.RuntimeParams = map[string]string{"default_transaction_read_only": "on", "application_name": "millwright"}
	if end, ends := ctx.Deadline(); ends { // who has left leaves nothing running
		config.RuntimeParams["statement_timeout"] = strconv.FormatInt(max(1, time.Until(end).Milliseconds()), 10)
	}
	if t.tls == nil {
		config.RequireAuth = "!password"
	}
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // dial does
	var dialled atomic.Bool
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dialled.Swap(true) { // to cancel what has hung, while nobody waits any more
			return nil, errors.New("one connection is enough")
		}
		conn, err := t.dial(ctx, network, address)
		raw = conn
		return conn, err
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		if raw != nil {
			_ = raw.Close()
		}
		return "", false, postgresError(err)
	}
	if t.query == "" {
		_ = conn.Close(ctx)
		return "", false, nil
	}
	// One row is enough, and there may be millions: so nothing is read to its end.
	defer func() { _ = raw.Close() }()
	rows := conn.ExecParams(ctx, t.query, nil, nil, nil, nil)
	if !rows.NextRow() {
		_, err := rows.Close()
		return "", false, postgresError(err)
	}
	if values := rows.Values(); len(values) > 0 {
		value = string(values[0])
	}
	return value, true, nil
}

// postgresError tells what the server turns down from what it cannot do at the moment.
func postgresError(err error) error {
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		if err != nil && strings.Contains(err.Error(), "require_auth") {
			return &refusal{"it wants the password in the clear: set encryption to tls, or have it ask for scram-sha-256"}
		}
		return err
	}
	// PostgreSQL, appendix A: authorisation, no such database, syntax and access,
	// wrong data, a transaction that only reads.
	text := said.Message + " (SQLSTATE " + said.Code + ")"
	if slices.Contains([]string{"28", "3D", "42", "22", "25", "0A"}, said.Code[:min(2, len(said.Code))]) {
		return &refusal{text}
	}
	return errors.New(text)
}
