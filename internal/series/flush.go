package series

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"millwright.dev/millwright/internal/store"
)

// slice is how many series one transaction seals or prunes at most.
const slice = 128

// Flush writes what is new into the journal, and what has its turn into chunks. It is
// done every minute without being asked for.
func (b *Book) Flush(ctx context.Context) error {
	b.flushing.Lock()
	defer b.flushing.Unlock()
	now := time.Now()
	err := b.flush(ctx, now)
	b.settle(ctx, now, err)
	return err
}

// settle notes how a flush went, and says so if that is news.
func (b *Book) settle(ctx context.Context, now time.Time, err error) {
	b.mu.Lock()
	was := b.trouble
	b.trouble = err
	if err == nil {
		b.lastFlush = now
	}
	b.mu.Unlock()
	if (was == nil) == (err == nil) || ctx.Err() != nil {
		return
	}
	if err != nil {
		b.o.Log.LogAttrs(ctx, slog.LevelError, "samples cannot be written down", slog.Any("error", err))
	}
	if b.o.Trouble != nil {
		b.o.Trouble(err)
	}
}

func (b *Book) flush(ctx context.Context, now time.Time) error {
	b.clock.tick(now, now.Sub(b.clock.seen)) // times have what has passed beside the time of day
	due, pruned, err := b.writeJournal(ctx)
	if err != nil {
		return err
	}
	for len(due) > 0 {
		n := min(slice, len(due))
		if err := b.seal(ctx, due[:n], nil); err != nil {
			return err
		}
		due = due[n:]
	}
	below := b.unsealed()
	if err := b.file.Forget(ctx, func(tx *store.SampleTx) error { return tx.TrimJournal(below) }); err != nil {
		return err
	}
	return b.prune(ctx, pruned, now.UnixMilli())
}

// writeJournal writes the new series and samples, and gives the tracks that have their
// turn to be sealed and pruned.
func (b *Book) writeJournal(ctx context.Context) (due, pruned []*track, err error) {
	b.mu.Lock()
	pending, fresh, number := b.pending, b.fresh, b.batch+1
	b.pending, b.fresh, b.shadow = b.shadow[:0], nil, nil
	for _, t := range b.byID {
		if t == nil {
			continue
		}
		turn := (number + t.id) % slots
		if turn == slots/2 {
			pruned = append(pruned, t)
		}
		if turn == 0 || len(t.full) > 0 {
			if t.open.n > 0 {
				b.setAside(t)
			}
			if len(t.full) > 0 {
				due = append(due, t)
			}
		}
	}
	b.batch = number
	b.mu.Unlock()

	err = b.file.Write(ctx, func(tx *store.SampleTx) error {
		for _, t := range fresh {
			if err := tx.AddSeries(store.SampleSeries{ID: t.id, Labels: t.key.text(), Sealed: number - 1}); err != nil {
				return err
			}
		}
		return appendJournal(tx, number, pending)
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		// What came meanwhile goes behind what could not be written. The number is not
		// used again: segments begun since then count on a higher one.
		b.pending, b.fresh = append(pending, b.pending...), append(fresh, b.fresh...)
		return nil, nil, err
	}
	b.shadow = pending[:0]
	return due, pruned, nil
}

// appendJournal writes samples as one entry.
func appendJournal(tx *store.SampleTx, number int64, list []sample) error {
	if len(list) == 0 {
		return nil
	}
	if err := tx.AppendJournal(store.SampleEntry{Number: number, Data: appendEntry(nil, list)}); err != nil {
		return fmt.Errorf("write %d samples into the journal: %w", len(list), err)
	}
	return nil
}

// unsealed gives the number of the oldest journal entry that is still needed.
func (b *Book) unsealed() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	oldest := b.batch + 1
	for _, t := range b.byID {
		if t == nil {
			continue
		}
		if len(t.full) > 0 {
			oldest = min(oldest, t.full[0].batch)
		}
		if t.open.n > 0 {
			oldest = min(oldest, t.open.batch)
		}
	}
	return oldest
}

// sealing is what one series has to write.
type sealing struct {
	t        *track
	segments []*segment
	sealed   int64 // see track
	last     carry
	old      bool // an import: the track's own segments stay where they are
}

// seal writes the full segments of tracks as chunks, in one transaction.
func (b *Book) seal(ctx context.Context, tracks []*track, also func(*store.SampleTx) error) error {
	list := make([]sealing, 0, len(tracks))
	b.mu.Lock()
	for _, t := range tracks {
		s := sealing{t: t, segments: t.full[:len(t.full):len(t.full)], sealed: b.batch, last: t.last}
		if t.open.n > 0 {
			s.sealed = min(s.sealed, t.open.batch-1)
		}
		if n := len(s.segments); n > 0 {
			s.last = s.segments[n-1].end()
		}
		list = append(list, s)
	}
	b.mu.Unlock()
	return b.rest(ctx, list, also)
}

// end gives the last sample of a segment.
func (s *segment) end() carry { return carry{at: s.at, v: decode(s.code, s.scale), has: s.n > 0} }

// rest brings segments to rest in the file. Readers wait meanwhile, so that they see
// each sample once.
func (b *Book) rest(ctx context.Context, list []sealing, also func(*store.SampleTx) error) error {
	b.mu.Lock()
	number, keep := b.batch, b.retention
	b.mu.Unlock()
	now := time.Now().UnixMilli()
	b.resting.Lock()
	defer b.resting.Unlock()
	err := b.file.Write(ctx, func(tx *store.SampleTx) error {
		for _, s := range list {
			if err := s.write(tx, number, func(level int, last int64) bool { return s.old && keep.of(level) > 0 && last < now-keep.of(level) }); err != nil {
				return fmt.Errorf("write %s: %w", s.t.key, err)
			}
		}
		if also != nil {
			return also(tx)
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range list {
		s.t.written += int64(len(s.segments))
		if s.old {
			continue
		}
		s.t.full = s.t.full[len(s.segments):]
		if len(s.t.full) == 0 {
			s.t.full = nil
		}
		s.t.sealed = s.sealed
		for _, seg := range s.segments {
			if len(b.spare) < spareBodies && cap(seg.body) <= 2048 {
				b.spare = append(b.spare, seg.body[:0])
			}
		}
	}
	return nil
}

// write writes one series: the samples, their minutes, and into the chunks that are
// there the hours and days. What is past keeping is not written at all.
func (s *sealing) write(tx *store.SampleTx, batch int64, past func(level int, last int64) bool) error {
	minutes := make([]bucket, 0, 64)
	for i, seg := range s.segments {
		r := roll{q: s.t.key.Quantity, c: seg.before}
		data := seg.bytes(nil)
		if err := readPoints(data, r.add); err != nil {
			return err
		}
		// Numbers only tell apart what begins at the same time.
		number := batch<<20 | (s.t.written+int64(i))&(1<<20-1)
		chunk := store.SampleChunk{Level: levelRaw, Series: s.t.id, First: seg.first, Last: seg.last, Number: number, Data: data}
		if !past(levelRaw, seg.last) {
			if err := tx.PutChunk(chunk); err != nil {
				return err
			}
		}
		list := tidy(r.list)
		minutes = append(minutes, list...)
		if past(levelMinutes, seg.last) {
			continue
		}
		chunk.Level, chunk.Data = levelMinutes, packBuckets(list, levelMinutes)
		chunk.First, chunk.Last = list[0].at, list[len(list)-1].at+resolution(levelMinutes)-1
		if err := tx.PutChunk(chunk); err != nil {
			return err
		}
	}
	hours := coarser(minutes, levelHours)
	if err := mergeInto(tx, s.t.id, levelHours, hours); err != nil {
		return err
	}
	if err := mergeInto(tx, s.t.id, levelDays, coarser(hours, levelDays)); err != nil {
		return err
	}
	if s.old {
		return nil
	}
	return tx.Seal(store.SampleSeries{ID: s.t.id, Sealed: s.sealed, LastAt: s.last.at, Last: s.last.v})
}

// mergeInto merges buckets into the chunks of their windows.
func mergeInto(tx *store.SampleTx, id int64, level int, list []bucket) error {
	for len(list) > 0 {
		begin := floor(list[0].at, window(level))
		n := 0
		for n < len(list) && list[n].at < begin+window(level) {
			n++
		}
		data, err := tx.Chunk(int64(level), id, begin, 0)
		if err != nil {
			return err
		}
		var all []bucket
		if data != nil {
			// What is damaged is lost; what can be read of it stays.
			_ = readBuckets(data, level, func(k bucket) { all = append(all, k) })
		}
		all = tidy(append(all, list[:n]...))
		err = tx.PutChunk(store.SampleChunk{
			Level: int64(level), Series: id, First: begin, Last: begin + window(level) - 1, Data: packBuckets(all, level),
		})
		if err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}
