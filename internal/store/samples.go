package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"millwright.dev/millwright/internal/store/internal/db"
)

// samplesName is the database of samples within the state folder.
const samplesName = "samples.db"

// SampleReserve is how many bytes of the disk samples leave to everybody else, if
// [Samples.SetReserve] does not say otherwise.
const SampleReserve = 64 << 20

// ErrNoRoom is returned for samples when the disk has little more than [SampleReserve]
// left, so that what is worth more can still be written.
var ErrNoRoom = errors.New("the disk is almost full")

// Samples is the database of what was measured over time. It is a file of its own
// beside the room's, with a writer of its own: a flood of samples delays no event
// and no run, and damage to it harms nothing else. A transaction here is safe from
// the death of the process at once, and from that of the machine some seconds later
// (SQLite's synchronous=NORMAL); it is never half there. Its methods may be called
// from any goroutine.
type Samples struct {
	dir      string // "" in memory
	setAside string

	mu      sync.Mutex // holds writes; and, in memory, all
	conn    *statements
	writeDB *sql.DB
	readDB  *sql.DB // nil in memory
	reserve atomic.Int64
}

// SampleSeries is one thing that is sampled. Times are milliseconds since 1970.
type SampleSeries struct {
	ID     int64
	Labels string // of what, as internal/series writes it; unique
	Sealed int64  // number of the last journal entry whose samples are in chunks
	LastAt int64  // the newest sample in chunks
	Last   float64
}

// SampleChunk is many samples of one series.
type SampleChunk struct {
	Level, Series int64
	First, Last   int64 // what it spans, in milliseconds since 1970
	Number        int64 // tells chunks apart that begin at the same time
	Data          []byte
}

// SampleEntry is one entry of the journal.
type SampleEntry struct {
	Number int64
	Data   []byte
}

// OpenSamples opens the samples that belong to the store: in the same folder, or in
// memory if it has none. The store must stay open for longer. A file that is damaged
// is set aside under another name, see [Samples.SetAside], and a new one begun; one of
// a newer program gives a [NewerError].
func (s *Store) OpenSamples(ctx context.Context) (*Samples, error) {
	p := &Samples{}
	p.reserve.Store(SampleReserve)
	if s.lock == nil {
		return p, p.open(ctx, ":memory:?"+pragmas(false))
	}
	p.dir = filepath.Dir(s.lock.Name())
	err := p.openFile(ctx)
	if err == nil {
		if err = p.sound(ctx); err == nil {
			return p, nil
		}
		err = errors.Join(err, p.Close())
	}
	if !damaged(err) {
		return nil, err
	}
	path := filepath.Join(p.dir, samplesName)
	fresh := &Samples{dir: p.dir, setAside: fmt.Sprintf("%s.damaged-%d", path, time.Now().Unix())}
	fresh.reserve.Store(SampleReserve)
	for _, beside := range []string{"", "-wal", "-shm"} {
		if e := os.Rename(path+beside, fresh.setAside+beside); e != nil && !errors.Is(e, os.ErrNotExist) {
			return nil, fmt.Errorf("set damaged samples aside: %w", errors.Join(e, err))
		}
	}
	return fresh, fresh.openFile(ctx)
}

// condemned is the user version of a file in which writing has met damage. Whoever puts
// another in its place puts one without the mark there.
const condemned = 1

// errCondemned is damage that was met by whoever had the file open before.
var errCondemned = errors.New("damage was met when samples were written")

// sound reads all that there has to be for the samples to go on: a damaged file lets
// itself be opened, and would stop the daemon from starting each time. Chunks are not
// looked through, there may be gigabytes of them: what writing meets there is marked.
func (p *Samples) sound(ctx context.Context) error {
	mark := 0
	if err := p.conn.conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&mark); err != nil {
		return fmt.Errorf("read samples: %w", err)
	}
	if mark == condemned {
		return errCondemned
	}
	if err := p.Series(ctx, func(SampleSeries) {}); err != nil {
		return err
	}
	return p.Journal(ctx, func(SampleEntry) {})
}

// condemn marks the file if it is damaged, so that it is set aside at the next start.
func (p *Samples) condemn(ctx context.Context, err error) {
	if p.dir != "" && damaged(err) {
		// What is damaged so much that this fails is met again at the start.
		_, _ = p.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", condemned))
	}
}

// SetAside names the damaged file that was found in the samples' place; "" if none was.
func (p *Samples) SetAside() string { return p.setAside }

// damaged says whether SQLite could not make sense of a file.
func damaged(err error) bool {
	const corrupt, notADB = 11, 26 // SQLite's result codes
	var coded interface{ Code() int }
	return errors.Is(err, errCondemned) || errors.As(err, &coded) && (coded.Code()&0xff == corrupt || coded.Code()&0xff == notADB)
}

func (p *Samples) openFile(ctx context.Context) error {
	path := filepath.Join(p.dir, samplesName)
	if err := prepareFile(path); err != nil {
		return fmt.Errorf("open samples: %w", err)
	}
	if err := p.open(ctx, address(path, samplePragmas())); err != nil {
		return fmt.Errorf("open samples %s: %w", path, err)
	}
	readers, err := sql.Open("sqlite", dsn(path, true))
	if err != nil {
		return errors.Join(fmt.Errorf("open samples %s: %w", path, err), p.Close())
	}
	readers.SetMaxOpenConns(maxReaders)
	readers.SetMaxIdleConns(1)
	p.readDB = readers
	return nil
}

// samplePragmas let the file shrink again in slices, and leave it to the checkpoints
// to wait for the disk.
func samplePragmas() url.Values {
	return url.Values{"_pragma": {
		"busy_timeout(10000)", "auto_vacuum(2)", "journal_mode(WAL)", "synchronous(NORMAL)",
		"cache_size(-2048)", "mmap_size(0)", "journal_size_limit(8388608)",
	}}
}

func (p *Samples) open(ctx context.Context, address string) (err error) {
	if p.writeDB, err = sql.Open("sqlite", address); err != nil {
		return err
	}
	p.writeDB.SetMaxOpenConns(1)
	if err = migrateTo(ctx, p.writeDB, sampleMigrations, sampleSchema); err == nil {
		var conn *sql.Conn
		if conn, err = p.writeDB.Conn(ctx); err == nil {
			p.conn = newStatements(conn)
			return nil
		}
	}
	return errors.Join(err, p.writeDB.Close())
}

// Close closes the file. Nothing may be asked of it afterwards.
func (p *Samples) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	if p.readDB != nil {
		errs = append(errs, p.readDB.Close())
	}
	return errors.Join(append(errs, p.conn.close(), p.writeDB.Close())...)
}

// InMemory says whether the samples are gone when they are closed.
func (p *Samples) InMemory() bool { return p.dir == "" }

// Bytes gives the size of the file, with what waits beside it; 0 in memory.
func (p *Samples) Bytes() int64 {
	if p.dir == "" {
		return 0
	}
	var total int64
	for _, beside := range []string{"", "-wal"} {
		if info, err := os.Stat(filepath.Join(p.dir, samplesName+beside)); err == nil {
			total += info.Size()
		}
	}
	return total
}

// SetReserve changes how many bytes of the disk samples leave to everybody else.
func (p *Samples) SetReserve(bytes int64) { p.reserve.Store(bytes) }

// room says whether there is room on the disk for samples.
func (p *Samples) room() error {
	var fs unix.Statfs_t
	if p.dir == "" || unix.Statfs(p.dir, &fs) != nil {
		return nil
	}
	free, reserve := int64(fs.Bavail)*int64(fs.Bsize), p.reserve.Load() //nolint:unconvert // fewer bits elsewhere
	if free < reserve {
		return fmt.Errorf("%w: %d MB are left, and samples leave %d MB to everything else", ErrNoRoom, free>>20, reserve>>20)
	}
	return nil
}

// SampleTx is one change of the samples in the making; it is valid only in the
// function given to [Samples.Write].
type SampleTx struct {
	ctx context.Context
	q   *db.Queries
}

// Write runs fn in a transaction; any error means that nothing of it was kept.
func (p *Samples) Write(ctx context.Context, fn func(*SampleTx) error) error {
	if err := p.room(); err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	return p.write(ctx, fn)
}

// Forget is [Samples.Write] for what makes room: it is not refused when there is little.
func (p *Samples) Forget(ctx context.Context, fn func(*SampleTx) error) error {
	return p.write(ctx, fn)
}

func (p *Samples) write(ctx context.Context, fn func(*SampleTx) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	// Once begun it goes to its end: a statement that is cut off would leave the
	// connection in an unknown state.
	ctx = context.WithoutCancel(ctx)
	if _, err := p.conn.ExecContext(ctx, "BEGIN"); err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	err := fn(&SampleTx{ctx: ctx, q: db.New(p.conn)})
	if err == nil {
		if _, err = p.conn.ExecContext(ctx, "COMMIT"); err == nil {
			return nil
		}
	}
	// SQLite may have rolled back by itself; then this one only says so.
	_, _ = p.conn.ExecContext(ctx, "ROLLBACK")
	p.condemn(ctx, err)
	return fmt.Errorf("write samples: %w", err)
}

// Shrink gives up to that many free pages of the file back to the disk.
func (p *Samples) Shrink(ctx context.Context, pages int) error {
	if p.dir == "" {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	rows, err := p.conn.conn.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", pages))
	if err != nil {
		return fmt.Errorf("shrink samples: %w", err)
	}
	for rows.Next() { // each step frees one page
	}
	return errors.Join(rows.Err(), rows.Close())
}

// AddSeries adds a series that is new.
func (tx *SampleTx) AddSeries(s SampleSeries) error {
	err := tx.q.AddSampleSeries(tx.ctx, db.AddSampleSeriesParams{
		ID: s.ID, Labels: s.Labels, Sealed: s.Sealed, LastAt: s.LastAt, LastValue: s.Last,
	})
	if err != nil {
		return fmt.Errorf("add series %d: %w", s.ID, err)
	}
	return nil
}

// Seal notes how far the samples of a series are in chunks.
func (tx *SampleTx) Seal(s SampleSeries) error {
	return tx.q.SealSampleSeries(tx.ctx, db.SealSampleSeriesParams{ID: s.ID, Sealed: s.Sealed, LastAt: s.LastAt, LastValue: s.Last})
}

// PutChunk writes a chunk, in place of the one with the same level, series, beginning
// and number if there is one.
func (tx *SampleTx) PutChunk(c SampleChunk) error {
	err := tx.q.PutSampleChunk(tx.ctx, db.PutSampleChunkParams{
		Level: c.Level, Series: c.Series, FirstAt: c.First, Number: c.Number, LastAt: c.Last, Data: c.Data,
	})
	if err != nil {
		return fmt.Errorf("write a chunk of series %d: %w", c.Series, err)
	}
	return nil
}

// Chunk gives the bytes of a chunk, nil if there is none.
func (tx *SampleTx) Chunk(level, series, first, number int64) ([]byte, error) {
	data, err := tx.q.SampleChunk(tx.ctx, db.SampleChunkParams{Level: level, Series: series, FirstAt: first, Number: number})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return data, err
}

// Prune forgets the chunks of a series that end before a time, and says how many.
func (tx *SampleTx) Prune(level, series, before int64) (int64, error) {
	return tx.q.PruneSampleChunks(tx.ctx, db.PruneSampleChunksParams{Level: level, Series: series, Before: before})
}

// AppendJournal adds an entry to the journal.
func (tx *SampleTx) AppendJournal(e SampleEntry) error {
	return tx.q.AppendSampleJournal(tx.ctx, db.AppendSampleJournalParams{Number: e.Number, Data: e.Data})
}

// TrimJournal forgets the entries with lower numbers.
func (tx *SampleTx) TrimJournal(below int64) error {
	return tx.q.TrimSampleJournal(tx.ctx, below)
}

// SetImported notes how far a foreign source has been taken over.
func (tx *SampleTx) SetImported(source string, upto int64) error {
	return tx.q.SetSampleImport(tx.ctx, db.SetSampleImportParams{Source: source, Upto: upto})
}
