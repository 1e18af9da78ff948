package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"millwright.dev/millwright/internal/store/internal/db"
)

// Names of the facts kept in the meta table.
const (
	metaRoomID  = "room_id"
	metaClean   = "clean_shutdown" // "yes" or "no"
	metaProgram = "program"        // version that had the database open last
)

// readMeta reads the facts about the room, or writes them down when it is new.
func (s *Store) readMeta(ctx context.Context, q *db.Queries, o Options) (err error) {
	s.roomID, err = q.Meta(ctx, metaRoomID)
	if errors.Is(err, sql.ErrNoRows) {
		id := o.NewID
		if id == nil {
			id = newID
		}
		s.roomID, s.clean, s.stained = id(), true, false
		if err := s.setMeta(ctx, q, metaRoomID, s.roomID); err != nil {
			return err
		}
		return s.sign(ctx, q, o.Program)
	}
	if err != nil {
		return fmt.Errorf("read room id: %w", err)
	}
	mark, err := q.Meta(ctx, metaClean)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read shutdown mark: %w", err)
	}
	s.clean, s.stained = mark != "no", mark == "no"
	return s.sign(ctx, q, o.Program)
}

// sign writes down which program works on the database, if that was another one so
// far, so that an older one that is started on it later can say who did it.
func (s *Store) sign(ctx context.Context, q *db.Queries, program string) error {
	if program == "" {
		return nil
	}
	was, err := q.Meta(ctx, metaProgram)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read which program was here: %w", err)
	}
	if was == program {
		return nil
	}
	return s.setMeta(ctx, q, metaProgram, program)
}

func (s *Store) setMeta(ctx context.Context, q *db.Queries, name, value string) error {
	if err := q.SetMeta(ctx, db.SetMetaParams{Name: name, Value: value}); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// markPrefix keeps the marks of others apart from the facts above.
const markPrefix = "mark:"

// Mark gives what was last set under a name by [Tx.SetMark]; "" if nothing was. It is
// for those who follow something outside and must know after a restart how far they
// had got.
func (s *Store) Mark(ctx context.Context, name string) (value string, err error) {
	err = s.read(ctx, func(q *db.Queries) error {
		value, err = q.Meta(ctx, markPrefix+name)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read mark %s: %w", name, err)
	}
	return value, nil
}

// SetMark sets a mark.
func (tx *Tx) SetMark(name, value string) error {
	if err := tx.q.SetMeta(tx.ctx, db.SetMetaParams{Name: markPrefix + name, Value: value}); err != nil {
		return fmt.Errorf("set mark %s: %w", name, err)
	}
	return nil
}

// stain takes the clean mark away with the first write after opening, in the
// same transaction: a daemon that wrote nothing has left nothing unclean, and
// opening costs no commit.
func (s *Store) stain(tx *Tx) error {
	if s.stained {
		return nil
	}
	return s.setMeta(tx.ctx, tx.q, metaClean, "no")
}

// markClean sets the mark when the store is closed. The caller holds connMu.
func (s *Store) markClean() error {
	if !s.stained {
		return nil
	}
	return s.setMeta(context.Background(), db.New(s.conn), metaClean, "yes")
}
