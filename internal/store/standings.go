package store

import (
	"context"
	"fmt"
	"time"

	"millwright.dev/millwright/internal/store/internal/db"
)

// Standing is how one thing of a node stands; package standing gives its words their
// meaning.
type Standing struct {
	Node, Kind, Object string
	State, Reason      string
	Since              time.Time
	Starts, Stops      int
	Drift              bool
}

// NodeHold is what somebody has decided about a node.
type NodeHold struct {
	Node, Kind     string
	Author, Reason string
	Since          time.Time
	Until          time.Time // zero: until it is taken off
}

// PutStandings writes how things stand.
func (tx *Tx) PutStandings(list ...Standing) error {
	for _, s := range list {
		err := tx.q.PutStanding(tx.ctx, db.PutStandingParams{
			Node: s.Node, Kind: s.Kind, Object: s.Object, State: s.State, Reason: s.Reason, Since: instant(s.Since),
			Starts: int64(s.Starts), Stops: int64(s.Stops), Drift: flag(s.Drift),
		})
		if err != nil {
			return fmt.Errorf("write how %s %s %s stands: %w", s.Kind, s.Node, s.Object, err)
		}
	}
	return nil
}

// flag is how the tables hold what is so or is not.
func flag(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// ForgetStandings forgets all of nodes that are gone.
func (tx *Tx) ForgetStandings(nodes ...string) error {
	for _, n := range nodes {
		if err := tx.q.DeleteStandings(tx.ctx, n); err != nil {
			return fmt.Errorf("forget how %s stands: %w", n, err)
		}
	}
	return nil
}

// Standings reads how everything stands, by node, kind and object.
func (s *Store) Standings(ctx context.Context) ([]Standing, error) {
	var list []Standing
	err := s.read(ctx, func(q *db.Queries) error {
		rows, err := q.Standings(ctx)
		list = make([]Standing, 0, len(rows))
		for _, r := range rows {
			list = append(list, Standing{
				Node: r.Node, Kind: r.Kind, Object: r.Object, State: r.State, Reason: r.Reason, Since: moment(r.Since),
				Starts: int(r.Starts), Stops: int(r.Stops), Drift: r.Drift != 0,
			})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read how things stand: %w", err)
	}
	return list, nil
}

// PutHolds writes holds; a node has at most one of a kind, the newest.
func (tx *Tx) PutHolds(list ...NodeHold) error {
	for _, h := range list {
		err := tx.q.PutHold(tx.ctx, db.PutHoldParams{
			Node: h.Node, Kind: h.Kind, Author: h.Author, Reason: h.Reason, Since: instant(h.Since), Until: instant(h.Until),
		})
		if err != nil {
			return fmt.Errorf("write the %s of %s: %w", h.Kind, h.Node, err)
		}
	}
	return nil
}

// DeleteHolds takes holds of one kind off nodes.
func (tx *Tx) DeleteHolds(kind string, nodes ...string) error {
	for _, n := range nodes {
		if _, err := tx.q.DeleteHold(tx.ctx, db.DeleteHoldParams{Node: n, Kind: kind}); err != nil {
			return fmt.Errorf("take the %s off %s: %w", kind, n, err)
		}
	}
	return nil
}

// Holds reads all holds, by node and kind.
func (s *Store) Holds(ctx context.Context) ([]NodeHold, error) {
	var list []NodeHold
	err := s.read(ctx, func(q *db.Queries) error {
		rows, err := q.Holds(ctx)
		list = make([]NodeHold, 0, len(rows))
		for _, r := range rows {
			list = append(list, NodeHold{Node: r.Node, Kind: r.Kind, Author: r.Author, Reason: r.Reason, Since: moment(r.Since), Until: moment(r.Until)})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read holds: %w", err)
	}
	return list, nil
}
