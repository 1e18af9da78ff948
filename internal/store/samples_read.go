package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"millwright.dev/millwright/internal/store/internal/db"
)

// samplePage is how many rows are read at once where all of them are.
const samplePage = 1000

// read runs queries as [Store.read] does.
func (p *Samples) read(ctx context.Context, fn func(*db.Queries) error) error {
	if p.readDB != nil {
		return fn(db.New(p.readDB))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn(db.New(p.conn))
}

// Series tells all series, by id.
func (p *Samples) Series(ctx context.Context, tell func(SampleSeries)) error {
	for after := int64(0); ; {
		var rows []db.SampleSeries
		err := p.read(ctx, func(q *db.Queries) (err error) {
			rows, err = q.SampleSeries(ctx, db.SampleSeriesParams{After: after, Page: samplePage})
			return err
		})
		if err != nil {
			return fmt.Errorf("read the series of samples: %w", err)
		}
		for _, r := range rows {
			tell(SampleSeries{ID: r.ID, Labels: r.Labels, Sealed: r.Sealed, LastAt: r.LastAt, Last: r.LastValue})
			after = r.ID
		}
		if len(rows) < samplePage {
			return nil
		}
	}
}

// Journal tells the entries of the journal, oldest first.
func (p *Samples) Journal(ctx context.Context, tell func(SampleEntry)) error {
	const page = 4 // entries are large
	for after := int64(-1); ; {
		var rows []db.SampleJournal
		err := p.read(ctx, func(q *db.Queries) (err error) {
			rows, err = q.SampleJournal(ctx, db.SampleJournalParams{After: after, Page: page})
			return err
		})
		if err != nil {
			return fmt.Errorf("read the journal of samples: %w", err)
		}
		for _, r := range rows {
			tell(SampleEntry(r))
			after = r.Number
		}
		if len(rows) < page {
			return nil
		}
	}
}

// SampleRange says which chunks are wanted: of one level, of some series, with
// anything between two times, both included. No chunk of the level spans more than
// Span milliseconds.
type SampleRange struct {
	Level  int64
	Series []int64 // a few hundred at most
	From   int64
	To     int64
	Span   int64
}

// Chunks gives the chunks of a range by series and time.
func (p *Samples) Chunks(ctx context.Context, r SampleRange) ([]SampleChunk, error) {
	var list []SampleChunk
	err := p.read(ctx, func(q *db.Queries) error {
		rows, err := q.SampleChunks(ctx, db.SampleChunksParams{
			Level: r.Level, Ids: r.Series, Lowest: r.From - r.Span, Until: r.To, Since: r.From,
		})
		list = make([]SampleChunk, len(rows))
		for i, row := range rows {
			list[i] = SampleChunk{Level: r.Level, Series: row.Series, First: row.FirstAt, Last: row.LastAt, Data: row.Data}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	return list, nil
}

// ChunkPage gives up to n chunks of one series that begin after a chunk, or from the
// beginning for the zero value, and no later than until.
func (p *Samples) ChunkPage(ctx context.Context, level, series int64, after SampleChunk, until int64, n int) ([]SampleChunk, error) {
	var list []SampleChunk
	err := p.read(ctx, func(q *db.Queries) error {
		rows, err := q.SampleChunkPage(ctx, db.SampleChunkPageParams{
			Level: level, Series: series, After: after.First, AfterNumber: after.Number, Until: until, Page: int64(n),
		})
		for _, row := range rows {
			list = append(list, SampleChunk{Level: level, Series: series, First: row.FirstAt, Number: row.Number, Last: row.LastAt, Data: row.Data})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	return list, nil
}

// SnapshotSamples copies the samples of a state folder to a new file as [Snapshot]
// does the room's database. A folder without samples gives [os.ErrNotExist].
func SnapshotSamples(ctx context.Context, dir, to string) error {
	from, err := filepath.Abs(filepath.Join(dir, samplesName))
	if err == nil {
		_, err = os.Stat(from)
	}
	if err != nil {
		return fmt.Errorf("copy the samples: %w", err)
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("copy the samples: %w", err)
	}
	f.Close()
	if err := vacuumInto(ctx, from, to); err != nil {
		return errors.Join(fmt.Errorf("copy the samples %s: %w", from, err), os.Remove(to))
	}
	return nil
}

// Imported tells how far a foreign source has been taken over; 0 if never.
func (p *Samples) Imported(ctx context.Context, source string) (int64, error) {
	var upto int64
	err := p.read(ctx, func(q *db.Queries) (err error) {
		if upto, err = q.SampleImport(ctx, source); errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("look how far %s was imported: %w", source, err)
	}
	return upto, nil
}
