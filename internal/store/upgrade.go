package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/pressly/goose/v3/database"
)

// The marks that part a migration's file into the way there and the way back.
const (
	markUp   = "-- +goose Up"
	markDown = "-- +goose Down"
)

// upgrade applies the migrations of a folder that the database has not had, lowest
// number first. Each is a transaction, with the note that it has been.
//
// The notes are goose's, so that its command can read them, and so that they are
// there in the dialect of another database. Its runner is not used: that links the
// language of templates, 400 kB, for a command that writes empty migrations.
func upgrade(ctx context.Context, d *sql.DB, all fs.FS, folder string) error {
	notes, err := database.NewStore(database.DialectSQLite3, versionTable)
	if err != nil {
		return fmt.Errorf("load migrations: %w", err)
	}
	had, newest, err := applied(ctx, d, notes)
	if err != nil {
		return err
	}
	files, err := fs.ReadDir(all, folder) // by name, and so by number
	if err != nil {
		return err
	}
	for _, f := range files {
		n, err := numberOf(f.Name())
		switch {
		case err != nil:
			return err
		case had[n]:
			continue
		case n < newest:
			return fmt.Errorf("the database has had migration %d, and not %s before it", newest, f.Name())
		}
		text, err := fs.ReadFile(all, path.Join(folder, f.Name()))
		if err != nil {
			return err
		}
		if err := apply(ctx, d, notes, n, string(text)); err != nil {
			return fmt.Errorf("migration %s: %w", f.Name(), err)
		}
	}
	return nil
}

// applied gives the versions that the database has had, and the highest. It begins
// the notes where there are none.
func applied(ctx context.Context, d *sql.DB, notes database.Store) (map[int64]bool, int64, error) {
	begun, err := hasVersions(ctx, d)
	if err != nil {
		return nil, 0, err
	}
	if !begun {
		err := within(ctx, d, func(tx *sql.Tx) error {
			if err := notes.CreateVersionTable(ctx, tx); err != nil {
				return err
			}
			return notes.Insert(ctx, tx, database.InsertRequest{Version: 0}) // as goose begins
		})
		return nil, 0, err
	}
	list, err := notes.ListMigrations(ctx, d)
	if err != nil {
		return nil, 0, err
	}
	had := make(map[int64]bool, len(list))
	var newest int64
	for _, m := range list {
		had[m.Version] = m.IsApplied
		newest = max(newest, m.Version)
	}
	return had, newest, nil
}

// apply carries out one migration and notes it.
func apply(ctx context.Context, d *sql.DB, notes database.Store, version int64, text string) error {
	_, up, found := strings.Cut(text, markUp)
	if !found {
		return fmt.Errorf("it has no line %q", markUp)
	}
	up, _, _ = strings.Cut(up, markDown)
	return within(ctx, d, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, up); err != nil {
			return err
		}
		return notes.Insert(ctx, tx, database.InsertRequest{Version: version})
	})
}

// within does something in a transaction.
func within(ctx context.Context, d *sql.DB, do func(*sql.Tx) error) error {
	tx, err := d.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // err says what went wrong
		return err
	}
	return tx.Commit()
}
