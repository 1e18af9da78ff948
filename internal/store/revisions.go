package store

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"time"

	"millwright.dev/millwright/internal/store/internal/db"
)

// Bounds on one revision.
const (
	MaxRevisionFiles = 10_000
	MaxRevisionBytes = 256 << 20 // of all files together, before compression
	maxFileName      = 4 << 10
)

// Revision is one accepted set of configuration files.
type Revision struct {
	Number int64     // from 1, without gaps; given by the store
	Parent int64     // the revision this one was made from; 0: none
	Time   time.Time // when it was accepted
	Author string
	Note   string
	Origin string            // path of the folder or file it was read from
	Files  map[string][]byte // content by name, relative to Origin; nil in listings

	packed []packedFile
}

type packedFile struct {
	name, digest string
	size         int64
	packed       []byte
}

// Pack checks the files' bounds and compresses them. [Tx.AddRevision] does it
// if need be; call it before [Store.Write] so that other writers need not wait
// for it. Files must not change afterwards.
func (r *Revision) Pack() error {
	if r.packed != nil || len(r.Files) == 0 {
		return nil
	}
	if len(r.Files) > MaxRevisionFiles {
		return fmt.Errorf("revision has %d files, at most %d are kept", len(r.Files), MaxRevisionFiles)
	}
	var total int64
	packed := make([]packedFile, 0, len(r.Files))
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		content := r.Files[name]
		total += int64(len(content))
		if total > MaxRevisionBytes {
			return fmt.Errorf("revision is larger than %d MiB", MaxRevisionBytes>>20)
		}
		if name == "" || len(name) > maxFileName {
			return fmt.Errorf("revision has a file name of %d bytes, 1 to %d are allowed", len(name), maxFileName)
		}
		squeezed, err := deflate(content)
		if err != nil {
			return fmt.Errorf("compress %s: %w", name, err)
		}
		sum := sha256.Sum256(content)
		packed = append(packed, packedFile{name, hex.EncodeToString(sum[:]), int64(len(content)), squeezed})
	}
	r.packed = packed
	return nil
}

// AddRevision writes a revision and fills in its Number.
func (tx *Tx) AddRevision(r *Revision) error {
	if err := r.Pack(); err != nil {
		return err
	}
	last, err := tx.q.LastRevisionNumber(tx.ctx)
	if err != nil {
		return fmt.Errorf("number a new revision: %w", err)
	}
	r.Number = last + 1
	err = tx.q.InsertRevision(tx.ctx, db.InsertRevisionParams{
		Number: r.Number, Parent: sql.NullInt64{Int64: r.Parent, Valid: r.Parent != 0},
		Time: r.Time.UnixNano(), Author: r.Author, Note: r.Note, Origin: r.Origin,
	})
	if err != nil {
		return fmt.Errorf("add revision %d (parent %d): %w", r.Number, r.Parent, err)
	}
	for _, f := range r.packed {
		if err := tx.addFile(r.Number, f); err != nil {
			return fmt.Errorf("add %s to revision %d: %w", f.name, r.Number, err)
		}
	}
	return nil
}

func (tx *Tx) addFile(revision int64, f packedFile) error {
	err := tx.q.InsertContent(tx.ctx, db.InsertContentParams{Digest: f.digest, Size: f.size, Packed: f.packed})
	if err != nil {
		return err
	}
	return tx.q.InsertRevisionFile(tx.ctx, db.InsertRevisionFileParams{Revision: revision, Name: f.name, Digest: f.digest})
}

// Revision returns one revision with its files, or [ErrNotFound].
func (s *Store) Revision(ctx context.Context, number int64) (*Revision, error) {
	var rev *Revision
	err := s.read(ctx, func(q *db.Queries) error {
		row, err := q.Revision(ctx, number)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		files, err := q.RevisionFiles(ctx, number)
		if err != nil {
			return err
		}
		rev = revisionOf(row)
		rev.Files, err = unpack(files)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read revision %d: %w", number, err)
	}
	return rev, nil
}

// LatestRevision returns the newest revision with its files, or [ErrNotFound]
// when there is none yet.
func (s *Store) LatestRevision(ctx context.Context) (*Revision, error) {
	newest, err := s.Revisions(ctx, 0, 1)
	if err != nil {
		return nil, err
	}
	if len(newest) == 0 {
		return nil, fmt.Errorf("read the latest revision: %w", ErrNotFound)
	}
	return s.Revision(ctx, newest[0].Number)
}

// Revisions lists revisions without their files, newest first: at most limit
// of those numbered below before, or of all when before is 0.
func (s *Store) Revisions(ctx context.Context, before int64, limit int) ([]Revision, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	var list []Revision
	err := s.read(ctx, func(q *db.Queries) error {
		rows, err := q.RevisionsDown(ctx, db.RevisionsDownParams{Before: before, Page: int64(limit)})
		for _, row := range rows {
			list = append(list, *revisionOf(row))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list revisions: %w", err)
	}
	return list, nil
}

func revisionOf(row db.Revision) *Revision {
	return &Revision{
		Number: row.Number, Parent: row.Parent.Int64, Time: time.Unix(0, row.Time).UTC(),
		Author: row.Author, Note: row.Note, Origin: row.Origin,
	}
}

func unpack(rows []db.RevisionFilesRow) (map[string][]byte, error) {
	files := make(map[string][]byte, len(rows))
	for _, row := range rows {
		content, err := inflate(row.Packed, row.Size)
		if err != nil {
			return nil, fmt.Errorf("unpack %s: %w", row.Name, err)
		}
		files[row.Name] = content
	}
	return files, nil
}

func deflate(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// inflate undoes deflate, and reads no further than the size that was recorded.
func inflate(packed []byte, size int64) ([]byte, error) {
	if size < 0 || size > MaxRevisionBytes {
		return nil, fmt.Errorf("recorded size %d is out of bounds", size)
	}
	content, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), size+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) != size {
		return nil, fmt.Errorf("content is not %d bytes long as recorded", size)
	}
	return content, nil
}
