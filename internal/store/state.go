package store

import (
	"context"
	"fmt"
	"time"

	"millwright.dev/millwright/internal/store/internal/db"
)

// Interruption says that a node's cycle or reset was cut off in the act, so
// that its outcome is unknown. It stays until it is cleared.
type Interruption struct {
	Node    string
	Op      string // "cycle", "reset"
	Request string // whose request it was; see the events
	Time    time.Time
}

// SetInterruptions records interruptions; a node has at most one, the newest.
func (tx *Tx) SetInterruptions(list ...Interruption) error {
	for _, i := range list {
		err := tx.q.SetInterruption(tx.ctx, db.SetInterruptionParams{
			Node: i.Node, Op: i.Op, Request: i.Request, Time: i.Time.UnixNano(),
		})
		if err != nil {
			return fmt.Errorf("record interrupted %s of %s: %w", i.Op, i.Node, err)
		}
	}
	return nil
}

// ClearInterruptions forgets the interruptions of the nodes and returns how
// many there were.
func (tx *Tx) ClearInterruptions(nodes ...string) (int, error) {
	total := 0
	for _, node := range nodes {
		n, err := tx.q.ClearInterruption(tx.ctx, node)
		if err != nil {
			return 0, fmt.Errorf("clear interruption of %s: %w", node, err)
		}
		total += int(n)
	}
	return total, nil
}

// Interruptions returns all that stand, sorted by node.
func (s *Store) Interruptions(ctx context.Context) ([]Interruption, error) {
	var list []Interruption
	err := s.read(ctx, func(q *db.Queries) error {
		rows, err := q.Interruptions(ctx)
		for _, r := range rows {
			list = append(list, Interruption{Node: r.Node, Op: r.Op, Request: r.Request, Time: time.Unix(0, r.Time).UTC()})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read interruptions: %w", err)
	}
	return list, nil
}
