package series

import (
	"context"
	"time"

	"millwright.dev/millwright/internal/store"
)

// After the time has jumped forwards nothing is pruned for pruneHold; a jump is when
// the time of day has got maxJump ahead of what has passed, or maxAbsence ahead of the
// newest sample while nobody was looking.
const (
	pruneHold  = day
	maxJump    = time.Hour
	maxAbsence = 30 * day
)

// clock watches the time of day, because pruning by a wrong one loses what cannot be
// had again.
type clock struct {
	seen time.Time
	hold time.Duration // no pruning until that much has passed
}

// start looks at the time for the first time; newest is of the newest sample, in
// milliseconds.
func (c *clock) start(now time.Time, newest int64) {
	c.seen = now
	if newest > 0 && now.Sub(time.UnixMilli(newest)) > maxAbsence {
		c.hold = pruneHold
	}
}

// tick looks at the time again, after that much has passed whatever the time of day.
func (c *clock) tick(now time.Time, passed time.Duration) {
	c.hold = max(0, c.hold-passed)
	if now.Round(0).Sub(c.seen.Round(0))-passed > maxJump {
		c.hold = pruneHold
	}
	c.seen = now
}

func (c *clock) mayPrune() bool { return c.hold == 0 }

// prune forgets what is too old of the series that have their turn.
func (b *Book) prune(ctx context.Context, tracks []*track, now int64) error {
	if !b.clock.mayPrune() {
		return nil
	}
	b.mu.Lock()
	keep := b.retention
	b.mu.Unlock()
	var gone int64
	for len(tracks) > 0 {
		n := min(slice, len(tracks))
		err := b.file.Forget(ctx, func(tx *store.SampleTx) error {
			for _, t := range tracks[:n] {
				for level := range levels {
					if keep.of(level) == 0 {
						continue
					}
					k, err := tx.Prune(int64(level), t.id, now-keep.of(level))
					if err != nil {
						return err
					}
					gone += k
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		tracks = tracks[n:]
	}
	if gone == 0 {
		return nil
	}
	return b.file.Shrink(ctx, 256)
}
