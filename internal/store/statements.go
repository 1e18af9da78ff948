package store

import (
	"context"
	"database/sql"

	"millwright.dev/millwright/internal/store/internal/db"
)

var _ db.DBTX = (*statements)(nil)

// statements runs queries on one connection and keeps them prepared: the same
// few run for as long as the daemon does. It is not safe for concurrent use.
type statements struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
}

func newStatements(conn *sql.Conn) *statements {
	return &statements{conn: conn, prepared: make(map[string]*sql.Stmt)}
}

func (s *statements) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := s.prepared[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.prepared[query] = stmt
	return stmt, nil
}

func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := s.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (s *statements) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := s.PrepareContext(ctx, query)
	if err != nil {
		return s.conn.QueryRowContext(ctx, query, args...) // a Row that carries the error
	}
	return stmt.QueryRowContext(ctx, args...)
}

// close gives the statements and the connection back.
func (s *statements) close() error {
	for _, stmt := range s.prepared {
		_ = stmt.Close()
	}
	return s.conn.Close()
}
