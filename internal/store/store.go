package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"

	"millwright.dev/millwright/internal/store/internal/db"
)

var (
	// ErrNotFound is returned for a thing that the store does not have.
	ErrNotFound = errors.New("not found")
	// ErrClosed is returned for writes after [Store.Close].
	ErrClosed = errors.New("store is closed")
)

// fileName is the database within the state folder.
const fileName = "millwright.db"

// maxReaders bounds the connections that read at the same time.
const maxReaders = 4

// memoryEvents is how many events a store without a folder keeps, so that a
// program that runs for a year does not grow for a year.
const memoryEvents = 10_000

// Options adjust [Open] and [OpenMemory]; the zero value is right for both.
type Options struct {
	// NewID makes the room's id when the database is new; nil: 130 random bits.
	NewID func() string
	// Program is the version of the program; it is kept in the database, for
	// older programs to name it when they refuse a newer schema.
	Program string
}

// Store is an open database. Its methods may be called from any goroutine.
type Store struct {
	roomID string
	clean  bool

	lock    *os.File // holds the state folder; nil in memory
	writeDB *sql.DB  // exactly one connection, which conn holds
	readDB  *sql.DB  // opened when first used; nil in memory

	connMu  sync.Mutex // holds conn, stained
	conn    *statements
	stained bool // the clean mark is gone from the database
	w       writer

	recent recent

	closeOnce sync.Once
	closeErr  error
}

// Open opens the database in a state folder, making both when they are missing
// (folder 0700, file 0600) and bringing the schema up to date. The folder is
// then held until [Store.Close]: a second Open, from this or any other process,
// fails with a [LockedError]. A database of a newer program fails with a
// [NewerError] and is left as it is.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := prepareDir(abs); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	lock, err := lockDir(abs)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{lock: lock}
	path := filepath.Join(abs, fileName)
	if err := prepareFile(path); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), lock.Close())
	}
	if err := s.open(ctx, dsn(path, false), o); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.release())
	}
	s.readDB, err = sql.Open("sqlite", dsn(path, true))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.release())
	}
	s.readDB.SetMaxOpenConns(maxReaders)
	s.readDB.SetMaxIdleConns(1)
	s.start()
	return s, nil
}

// OpenMemory opens an empty store that is gone when it is closed, for programs
// that have no state folder. It keeps the newest 10,000 events.
func OpenMemory(ctx context.Context, o Options) (*Store, error) {
	s := &Store{}
	if err := s.open(ctx, ":memory:?"+pragmas(false), o); err != nil {
		return nil, errors.Join(fmt.Errorf("open store in memory: %w", err), s.release())
	}
	s.start()
	return s, nil
}

// open connects the writer and reads what the store needs to know of itself.
func (s *Store) open(ctx context.Context, dsn string, o Options) (err error) {
	if s.writeDB, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	s.writeDB.SetMaxOpenConns(1)
	s.writeDB.SetMaxIdleConns(1)
	if err := migrate(ctx, s.writeDB); err != nil {
		return err
	}
	conn, err := s.writeDB.Conn(ctx)
	if err != nil {
		return err
	}
	s.conn = newStatements(conn)
	s.recent.grown = make(chan struct{})
	q := db.New(s.conn)
	if s.recent.last, err = q.LastSeq(ctx); err != nil {
		return fmt.Errorf("find the end of the event log: %w", err)
	}
	return s.readMeta(ctx, q, o)
}

// start begins to accept writes.
func (s *Store) start() {
	s.w.wake, s.w.gone = make(chan struct{}, 1), make(chan struct{})
	go s.writeLoop()
}

// RoomID returns the id that the room got when its database was made.
func (s *Store) RoomID() string { return s.roomID }

// WasClean says whether the store was closed properly the last time; true also
// for a new one. If not, intents may be open: see [Store.OpenIntents].
func (s *Store) WasClean() bool { return s.clean }

// Close commits what is queued, refuses what comes later, marks the database as
// cleanly closed and gives the folder back. A second call does nothing.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.w.close()
		s.connMu.Lock()
		defer s.connMu.Unlock()
		s.closeErr = errors.Join(s.markClean(), s.release())
	})
	return s.closeErr
}

// release closes what is open, the lock last.
func (s *Store) release() error {
	var errs []error
	if s.readDB != nil {
		errs = append(errs, s.readDB.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.close())
	}
	if s.writeDB != nil {
		errs = append(errs, s.writeDB.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// read runs queries on a reader's connection; a store in memory has only the
// writer's, and takes turns with it.
func (s *Store) read(ctx context.Context, fn func(*db.Queries) error) error {
	if s.readDB != nil {
		return fn(db.New(s.readDB))
	}
	s.connMu.Lock()
	defer s.connMu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn(db.New(s.conn))
}

// prepareDir makes the folder, or refuses one that others may write to: they
// could put another database in its place.
func prepareDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make state folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if mode := info.Mode(); mode&0o002 != 0 && mode&os.ModeSticky == 0 {
		return fmt.Errorf("state folder %s may be written by everyone (mode %04o): run chmod o-w on it", dir, mode.Perm())
	}
	return nil
}

// prepareFile makes the database file for its owner alone; SQLite gives the
// files beside it the same mode.
func prepareFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return f.Chmod(0o600)
	}
	return nil
}

// dsn is the database's address in the driver's form.
func dsn(path string, reader bool) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: pragmas(reader)}
	return u.String()
}

// pragmas are SQLite's settings for a connection. The small page cache and the
// missing memory map keep an idle daemon small; what it reads again and again
// it keeps itself.
func pragmas(reader bool) string {
	q := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"cache_size(-1024)", "mmap_size(0)", "journal_size_limit(8388608)",
	}}
	if reader {
		q["_pragma"] = []string{"busy_timeout(10000)", "query_only(1)", "cache_size(-512)", "mmap_size(0)"}
	}
	return q.Encode()
}

func newID() string { return rand.Text() }
