package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"millwright.dev/millwright/internal/store/internal/db"
)

// Run is one execution of a plan, as it lies in the store.
type Run struct {
	Seq       int64 // by which they were submitted; given by the store
	ID        string
	Status    string
	Goal      string
	Actor     string
	Door      string
	Remote    string
	Note      string
	Asked     string // a folded host list
	Concerned string // another
	Plan      []byte
	Owner     string // which daemon drives it
	Epoch     int64  // and how many have, it included
	Beat      time.Time
	Control   string // what somebody wants of it
	Began     time.Time
	Ended     time.Time // zero until it has
	Report    []byte
}

// RunPart is one row of a run's log: what was written together.
type RunPart struct {
	N    int64 // of the first thing in it
	Body []byte
}

// ErrFenced is returned to who drives a run that somebody else drives by now.
var ErrFenced = errors.New("the run is driven by somebody else now, or has ended")

// AddRun keeps a new run and gives it its Seq.
func (tx *Tx) AddRun(r *Run) error {
	last, err := tx.q.LastRunSeq(tx.ctx)
	if err != nil {
		return fmt.Errorf("find the last run: %w", err)
	}
	r.Seq = last + 1
	err = tx.q.InsertRun(tx.ctx, db.InsertRunParams{
		Seq: r.Seq, ID: r.ID, Status: r.Status, Goal: r.Goal, Actor: r.Actor, Door: r.Door, Remote: r.Remote, Note: r.Note,
		Asked: r.Asked, Concerned: r.Concerned, Plan: r.Plan, Owner: r.Owner, Epoch: r.Epoch, Beat: r.Beat.UnixNano(),
		Control: r.Control, Began: r.Began.UnixNano(), Report: notNil(r.Report),
	})
	if err != nil {
		return fmt.Errorf("keep run %s: %w", r.ID, err)
	}
	return nil
}

func notNil(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

// AppendRun adds to the log of a run, as the holder of an epoch; body may be nil for a
// sign of life alone. It fails with [ErrFenced], and keeps nothing, if the epoch is over.
func (tx *Tx) AppendRun(id string, epoch int64, status string, n int64, at time.Time, body []byte) error {
	rows, err := tx.q.TouchRun(tx.ctx, db.TouchRunParams{ID: id, Epoch: epoch, Beat: at.UnixNano(), Status: status})
	if err := fenced(id, rows, err); err != nil || body == nil {
		return err
	}
	err = tx.q.AppendRunSteps(tx.ctx, db.AppendRunStepsParams{Run: id, N: n, Epoch: epoch, At: at.UnixNano(), Body: body})
	if err != nil {
		return fmt.Errorf("write on in the log of run %s: %w", id, err)
	}
	return nil
}

func fenced(id string, rows int64, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("write down run %s: %w", id, err)
	case rows == 0:
		return fmt.Errorf("run %s: %w", id, ErrFenced)
	}
	return nil
}

// PlanRun puts another plan in the place of that of a run that has not begun.
func (tx *Tx) PlanRun(id string, epoch int64, concerned string, plan []byte) error {
	rows, err := tx.q.PlanRun(tx.ctx, db.PlanRunParams{ID: id, Epoch: epoch, Concerned: concerned, Plan: plan})
	return fenced(id, rows, err)
}

// TakeRun makes somebody the owner of a run that had the given epoch; the next one is
// theirs.
func (tx *Tx) TakeRun(id string, epoch int64, owner string, at time.Time) error {
	rows, err := tx.q.TakeRun(tx.ctx, db.TakeRunParams{ID: id, Epoch: epoch, Next: epoch + 1, Owner: owner, Beat: at.UnixNano()})
	return fenced(id, rows, err)
}

// ControlRun writes down what somebody wants of a run.
func (tx *Tx) ControlRun(id, control string) error {
	rows, err := tx.q.ControlRun(tx.ctx, db.ControlRunParams{ID: id, Control: control})
	return fenced(id, rows, err)
}

// EndRun writes down that a run has ended, as the holder of an epoch.
func (tx *Tx) EndRun(id string, epoch int64, status string, at time.Time, report []byte) error {
	rows, err := tx.q.EndRun(tx.ctx, db.EndRunParams{ID: id, Epoch: epoch, Status: status, Ended: at.UnixNano(), Report: notNil(report)})
	return fenced(id, rows, err)
}

// OpenRuns returns the runs that have not ended, in the order of their submission.
func (s *Store) OpenRuns(ctx context.Context) ([]Run, error) {
	var list []Run
	err := s.read(ctx, func(q *db.Queries) error {
		rows, err := q.OpenRuns(ctx)
		for i := range rows {
			list = append(list, runOf(&rows[i]))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the runs that have not ended: %w", err)
	}
	return list, nil
}

// Run returns one run, or [ErrNotFound].
func (s *Store) Run(ctx context.Context, id string) (Run, error) {
	var run Run
	err := s.read(ctx, func(q *db.Queries) error {
		row, err := q.RunByID(ctx, id)
		run = runOf(&row)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return Run{}, fmt.Errorf("read run %s: %w", id, err)
	}
	return run, nil
}

// EndedRuns returns a page of the runs that have ended, the newest first, that were
// submitted before the given one (zero: all). Only Seq, ID, Ended, Concerned and Report
// are filled in.
func (s *Store) EndedRuns(ctx context.Context, before int64, page int) ([]Run, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	var list []Run
	err := s.read(ctx, func(q *db.Queries) error {
		rows, err := q.RunsDown(ctx, db.RunsDownParams{Before: before, Page: int64(page)})
		for _, r := range rows {
			list = append(list, Run{Seq: r.Seq, ID: r.ID, Ended: time.Unix(0, r.Ended).UTC(), Concerned: r.Concerned, Report: r.Report})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	return list, nil
}

// RunLog returns the log of a run.
func (s *Store) RunLog(ctx context.Context, id string) ([]RunPart, error) {
	var list []RunPart
	err := s.read(ctx, func(q *db.Queries) error {
		rows, err := q.RunSteps(ctx, id)
		for _, r := range rows {
			list = append(list, RunPart{r.N, r.Body})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the log of run %s: %w", id, err)
	}
	return list, nil
}

// PruneRuns deletes the runs that ended before the given time, and those submitted up to
// through; it returns how many. The newest always stays.
func (s *Store) PruneRuns(ctx context.Context, before time.Time, through int64) (int64, error) {
	var n int64
	at := before.UnixNano()
	if before.IsZero() {
		at = 0
	}
	err := s.Write(ctx, func(tx *Tx) error {
		err := tx.q.PruneRunSteps(tx.ctx, db.PruneRunStepsParams{Before: at, Through: through})
		if err == nil {
			n, err = tx.q.PruneRuns(tx.ctx, db.PruneRunsParams{Before: at, Through: through})
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("prune runs: %w", err)
	}
	return n, nil
}

// forgetRuns holds a store in memory to a bound of runs.
func (tx *Tx) forgetRuns() error {
	const memoryRuns = 200
	last, err := tx.q.LastRunSeq(tx.ctx)
	if err == nil && last > memoryRuns {
		if err = tx.q.PruneRunSteps(tx.ctx, db.PruneRunStepsParams{Through: last - memoryRuns}); err == nil {
			_, err = tx.q.PruneRuns(tx.ctx, db.PruneRunsParams{Through: last - memoryRuns})
		}
	}
	if err != nil {
		return fmt.Errorf("forget the oldest runs: %w", err)
	}
	return nil
}

func runOf(r *db.Run) Run {
	run := Run{
		Seq: r.Seq, ID: r.ID, Status: r.Status, Goal: r.Goal, Actor: r.Actor, Door: r.Door, Remote: r.Remote, Note: r.Note,
		Asked: r.Asked, Concerned: r.Concerned, Plan: r.Plan, Owner: r.Owner, Epoch: r.Epoch, Beat: time.Unix(0, r.Beat).UTC(),
		Control: r.Control, Began: time.Unix(0, r.Began).UTC(), Report: r.Report,
	}
	if r.Ended > 0 {
		run.Ended = time.Unix(0, r.Ended).UTC()
	}
	return run
}
