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

// Verify reads the whole database of a state folder and says whether it is sound,
// whether a daemon has it open or not. It writes nothing into it. A folder without a
// database gives [fs.ErrNotExist].
func Verify(ctx context.Context, dir string) (c Content, err error) {
	path, err := filepath.Abs(filepath.Join(dir, fileName))
	if err != nil {
		return Content{}, fmt.Errorf("check the database: %w", err)
	}
	f, err := os.Open(path) // SQLite does not say why a file cannot be opened
	if err != nil {
		return Content{}, fmt.Errorf("check the database: %w", err)
	}
	f.Close()
	if _, err := os.Stat(path + "-wal"); err != nil {
		return Inspect(ctx, path) // nobody has it open: leave nothing beside it
	}
	d, err := sql.Open("sqlite", address(path, url.Values{"mode": {"rw"}, "_pragma": {"busy_timeout(10000)", "query_only(1)"}}))
	if err != nil {
		return Content{}, err
	}
	d.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, d.Close()) }()
	return soundContent(ctx, d, path)
}
