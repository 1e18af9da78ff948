package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// Bounds of a foreign log: longer texts are cut off by the database before they get
// here, and told as too long.
const (
	maxOckleName = 256
	maxOckleData = 256 << 10
)

// OckleLog is the log of measurements that an Ockle daemon kept: an SQLite file with
// one table, log, of id, server, dataDict (JSON) and time (seconds since 1970, as
// text).
type OckleLog struct {
	db   *sql.DB
	path string
}

// OckleRow is one row of it, as it is there: texts that somebody else wrote.
type OckleRow struct {
	ID      int64
	Server  string
	Time    string
	Data    string
	TooLong bool // a text was longer than it may be, and is left out
}

// OpenOckleLog opens such a file for reading. Nothing is changed in it, and nothing
// left beside it.
func OpenOckleLog(ctx context.Context, path string) (*OckleLog, error) {
	abs, err := filepath.Abs(path)
	if err == nil {
		var f *os.File
		if f, err = os.Open(abs); err == nil { // SQLite does not say why it cannot
			f.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open Ockle's log: %w", err)
	}
	d, err := sql.Open("sqlite", address(abs, url.Values{"mode": {"ro"}, "_pragma": {
		"query_only(1)", "trusted_schema(0)", "busy_timeout(10000)", "cache_size(-1024)", "mmap_size(0)",
	}}))
	if err != nil {
		return nil, fmt.Errorf("open Ockle's log %s: %w", path, err)
	}
	d.SetMaxOpenConns(1)
	l := &OckleLog{db: d, path: path}
	var kind string
	err = d.QueryRowContext(ctx, "SELECT type FROM sqlite_master WHERE name = 'log'").Scan(&kind)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = errors.New("it has no table named log")
	case err == nil && kind != "table":
		err = fmt.Errorf("log is a %s there, not a table", kind)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open Ockle's log %s: %w", path, err), d.Close())
	}
	return l, nil
}

// Close closes the file.
func (l *OckleLog) Close() error { return l.db.Close() }

// Rows gives up to n rows after one, by id. What is no number or no text where there
// should be one is converted as SQLite does.
func (l *OckleLog) Rows(ctx context.Context, after int64, n int) (list []OckleRow, err error) {
	const short = "CASE WHEN length(%[1]s) <= %[2]d THEN CAST(%[1]s AS TEXT) END"
	query := fmt.Sprintf("SELECT id, "+short+", "+"CASE WHEN length(time) <= 64 THEN CAST(time AS TEXT) END, "+
		"CASE WHEN length(dataDict) <= %[3]d THEN CAST(dataDict AS TEXT) END FROM log WHERE id > ? ORDER BY id LIMIT ?", "server", maxOckleName, maxOckleData)
	rows, err := l.db.QueryContext(ctx, query, after, n)
	if err != nil {
		return nil, fmt.Errorf("read Ockle's log %s: %w", l.path, err)
	}
	defer rows.Close()
	for rows.Next() {
		var r OckleRow
		var server, at, data sql.NullString
		if err := rows.Scan(&r.ID, &server, &at, &data); err != nil {
			return list, fmt.Errorf("read Ockle's log %s: %w", l.path, err)
		}
		r.Server, r.Time, r.Data = server.String, at.String, data.String
		r.TooLong = !server.Valid || !at.Valid || !data.Valid
		list = append(list, r)
	}
	if err := rows.Err(); err != nil {
		return list, fmt.Errorf("read Ockle's log %s: %w", l.path, err)
	}
	return list, nil
}
