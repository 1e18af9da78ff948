package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
)

// Content is what a database says of itself.
type Content struct {
	Schema  int64  // version of the schema
	RoomID  string // see [Store.RoomID]
	Program string // version of the program that had it open last; "" if it did not say
}

// Files are the names, within a state folder, of the databases, of what SQLite
// keeps beside them, and of the lock. All else there belongs to somebody else.
func Files() []string {
	list := []string{lockName}
	for _, name := range []string{fileName, samplesName} {
		list = append(list, name, name+"-wal", name+"-shm", name+"-journal")
	}
	return list
}

// Snapshot copies the database of a state folder to a new file, as it is at one
// moment, whether a daemon has it open or not; writers need not wait for it. The
// copy holds what had been acknowledged when it began, and is for its owner alone.
// A folder without a database gives [fs.ErrNotExist].
func Snapshot(ctx context.Context, dir, to string) (Content, error) {
	from, err := filepath.Abs(filepath.Join(dir, fileName))
	if err != nil {
		return Content{}, fmt.Errorf("copy the database: %w", err)
	}
	if _, err := os.Stat(from); err != nil {
		return Content{}, fmt.Errorf("copy the database: %w", err)
	}
	// SQLite fills an empty file, so this one has its rights from the start.
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Content{}, fmt.Errorf("copy the database: %w", err)
	}
	f.Close()
	if err := vacuumInto(ctx, from, to); err != nil {
		return Content{}, errors.Join(fmt.Errorf("copy the database %s: %w", from, err), os.Remove(to))
	}
	return Inspect(ctx, to)
}

func vacuumInto(ctx context.Context, from, to string) (err error) {
	// mode=rw: never make a database. Not mode=ro: what a dead daemon left in the
	// log beside the database has to be taken in.
	d, err := sql.Open("sqlite", address(from, url.Values{"mode": {"rw"}, "_pragma": {"busy_timeout(10000)", "synchronous(FULL)"}}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	_, err = d.ExecContext(ctx, "VACUUM INTO ?", to)
	return err
}

// Inspect looks at a database file that nobody has open, and changes nothing. A
// file that is damaged, or is no database of ours, is an error.
func Inspect(ctx context.Context, path string) (c Content, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Content{}, err
	}
	if _, err := os.Stat(abs); err != nil {
		return Content{}, fmt.Errorf("look at the database: %w", err)
	}
	d, err := sql.Open("sqlite", address(abs, url.Values{"mode": {"ro"}, "immutable": {"1"}, "_pragma": {"query_only(1)"}}))
	if err != nil {
		return Content{}, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return soundContent(ctx, d, path)
}

// soundContent says what a database holds that is not damaged.
func soundContent(ctx context.Context, d *sql.DB, path string) (Content, error) {
	c, err := contentOf(ctx, d)
	if err != nil {
		return Content{}, fmt.Errorf("look at the database %s: %w", path, err)
	}
	var sound string
	if err := d.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&sound); err != nil {
		return Content{}, fmt.Errorf("check the database %s: %w", path, err)
	}
	if sound != "ok" {
		return Content{}, fmt.Errorf("the database %s is damaged: %s", path, sound)
	}
	return c, nil
}

func contentOf(ctx context.Context, d *sql.DB) (c Content, err error) {
	if c.Schema, err = schemaVersion(ctx, d); err != nil {
		return c, err
	}
	if c.Schema == 0 {
		return c, errors.New("it is no database of Millwright")
	}
	if c.RoomID, err = fact(ctx, d, metaRoomID); err != nil {
		return c, err
	}
	c.Program, err = fact(ctx, d, metaProgram)
	return c, err
}

// fact reads one row of the meta table, which every schema has; "" without it.
func fact(ctx context.Context, d *sql.DB, name string) (string, error) {
	var value string
	err := d.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = ?", name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

func address(path string, q url.Values) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return u.String()
}

// Check says why this program could not use a database of that schema; nil if it
// can, bringing it up to date.
func (c Content) Check() error {
	knows, err := newestMigration()
	if err != nil {
		return err
	}
	if c.Schema > knows {
		return &NewerError{Has: c.Schema, Knows: knows, By: c.Program}
	}
	return nil
}

// Hold takes a state folder so that no daemon can start on it until release is
// called; a folder that is in use gives a [LockedError]. It makes nothing but the
// lock, which then belongs to the folder's owner. A missing folder is
// [fs.ErrNotExist].
func Hold(dir string) (release func(), err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("hold state folder: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	if err := sameOwner(lock, info); err != nil {
		lock.Close()
		return nil, fmt.Errorf("hold state folder: %w", err)
	}
	return func() { lock.Close() }, nil
}

// IsEmpty says whether a folder holds nothing that is worth keeping: it is
// missing, or has at most a lock in it.
func IsEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != lockName }), err
}
