package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed migrations/samples/*.sql
var sampleMigrations embed.FS

// The folders of the schemas: the room's, and that of its samples.
const (
	roomSchema   = "migrations"
	sampleSchema = "migrations/samples"
)

// versionTable is where it is noted what has been applied, in the form of goose.
const versionTable = "schema_versions"

// NewerError says that a newer Millwright has written the database; going back
// needs a backup from before.
type NewerError struct {
	Has, Knows int64  // versions of the schema
	By         string // version of the program that wrote it, if it said so
}

func (e *NewerError) Error() string {
	by := "a newer Millwright"
	if e.By != "" {
		by = "Millwright " + e.By
	}
	return fmt.Sprintf("%s has written this database: its schema has version %d and this program knows only up to %d; nothing was changed. "+
		"Run that program or a newer one, or go back to a backup from before the upgrade (millwright restore FILE --force)", by, e.Has, e.Knows)
}

// migrate brings the schema up to date. An up-to-date database costs one query.
func migrate(ctx context.Context, d *sql.DB) error {
	return migrateTo(ctx, d, migrations, roomSchema)
}

// migrateTo does so by the files of one folder.
func migrateTo(ctx context.Context, d *sql.DB, all embed.FS, folder string) error {
	has, err := schemaVersion(ctx, d)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	knows, err := newestIn(all, folder)
	if err != nil {
		return err
	}
	switch {
	case has == knows:
		return nil
	case has > knows:
		by, err := fact(ctx, d, metaProgram)
		if err != nil {
			by = "" // that far from what we know, it may not be there
		}
		return &NewerError{Has: has, Knows: knows, By: by}
	}
	if err := upgrade(ctx, d, all, folder); err != nil {
		return fmt.Errorf("bring schema from version %d to %d: %w", has, knows, err)
	}
	return nil
}

// schemaVersion returns the newest applied version, 0 for an empty database.
func schemaVersion(ctx context.Context, d *sql.DB) (int64, error) {
	is, err := hasVersions(ctx, d)
	if err != nil || !is {
		return 0, err
	}
	var version int64
	err = d.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+versionTable).Scan(&version)
	return version, err
}

// hasVersions tells whether the database has had any migration.
func hasVersions(ctx context.Context, d *sql.DB) (bool, error) {
	var tables int
	// The catalogue is the one thing that is asked in SQLite's own words; goose
	// speaks the dialect of the database in its bookkeeping as well.
	err := d.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '"+versionTable+"'").Scan(&tables)
	return tables > 0, err
}

// newestMigration returns the highest number among the files of the room's schema.
func newestMigration() (int64, error) { return newestIn(migrations, roomSchema) }

func newestIn(all embed.FS, folder string) (int64, error) {
	entries, err := all.ReadDir(folder)
	if err != nil {
		return 0, err
	}
	var newest int64
	for _, e := range entries {
		n, err := numberOf(e.Name())
		if err != nil {
			return 0, err
		}
		newest = max(newest, n)
	}
	return newest, nil
}

// numberOf gives the version that a file makes, from its name.
func numberOf(file string) (int64, error) {
	number, _, _ := strings.Cut(file, "_")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("migration %s has no number: %w", file, err)
	}
	return n, nil
}
