package sql

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/check/sql/pgwire"
)

// askPostgres asks a PostgreSQL server.
func askPostgres(ctx context.Context, t *target) (value string, found bool, err error) {
	config := &pgwire.Config{
		User: t.user, Password: t.password, Database: t.database, TLS: t.tls, MaxMessage: maxMessage,
		Parameters: map[string]string{"default_transaction_read_only": "on", "application_name": "millwright"},
	}
	if end, ends := ctx.Deadline(); ends { // who has left leaves nothing running
		config.Parameters["statement_timeout"] = strconv.FormatInt(max(1, time.Until(end).Milliseconds()), 10)
	}
	raw, err := t.dial(ctx, "tcp", net.JoinHostPort(t.host, strconv.Itoa(t.port)))
	if err != nil {
		return "", false, err
	}
	conn, err := pgwire.Connect(ctx, raw, config)
	if err != nil {
		return "", false, postgresError(err)
	}
	defer func() { _ = conn.Close() }()
	if t.query == "" {
		return "", false, nil
	}
	value, found, err = conn.First(t.query)
	return value, found, postgresError(err)
}

// postgresError tells what the server turns down from what it cannot do at the moment.
func postgresError(err error) error {
	var said *pgwire.Error
	var ours *pgwire.RefusedError
	switch {
	case errors.Is(err, pgwire.ErrClear):
		return &refusal{err.Error() + ": set encryption to tls, or have it ask for scram-sha-256"}
	case errors.As(err, &ours):
		return &refusal{ours.Reason}
	case !errors.As(err, &said):
		return err
	}
	// PostgreSQL, appendix A: authorisation, no such database, syntax and access,
	// wrong data, a transaction that only reads.
	if slices.Contains([]string{"28", "3D", "42", "22", "25", "0A"}, said.Code[:min(2, len(said.Code))]) {
		return &refusal{said.Error()}
	}
	return said
}
