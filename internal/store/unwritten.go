package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"millwright.dev/millwright/internal/store/internal/db"
)

// metaUnwritten names the revision whose files are being written; "" or absent
// when none is.
const metaUnwritten = "unwritten_revision"

// SetUnwritten notes that a revision was accepted whose files have still to be
// written to the disk; 0 that there is none.
func (tx *Tx) SetUnwritten(number int64) error {
	value := ""
	if number != 0 {
		value = strconv.FormatInt(number, 10)
	}
	if err := tx.q.SetMeta(tx.ctx, db.SetMetaParams{Name: metaUnwritten, Value: value}); err != nil {
		return fmt.Errorf("mark revision %d as not written yet: %w", number, err)
	}
	return nil
}

// Unwritten gives the revision whose files may not all have been written; 0 if
// there is none.
func (s *Store) Unwritten(ctx context.Context) (int64, error) {
	var number int64
	err := s.read(ctx, func(q *db.Queries) error {
		value, err := q.Meta(ctx, metaUnwritten)
		if errors.Is(err, sql.ErrNoRows) || err == nil && value == "" {
			return nil
		}
		if err == nil {
			number, err = strconv.ParseInt(value, 10, 64)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("look for a revision that was not written: %w", err)
	}
	return number, nil
}
