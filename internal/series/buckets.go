package series

import (
	"encoding/binary"
	"math"
	"slices"
)

// The levels: samples as they came, and what they are rolled up to.
const (
	levelRaw = iota
	levelMinutes
	levelHours
	levelDays
	levels
)

// levelName is what people call a level.
func levelName(level int) string { return [levels]string{"raw", "minutes", "hours", "days"}[level] }

// resolution of a level in milliseconds; that of samples as they come is not known.
func resolution(level int) int64 {
	return [levels]int64{1, 60_000, 3_600_000, 86_400_000}[level]
}

// window is how many milliseconds the chunks of a level span at most. Those of hours
// and days begin at its multiples and are written anew as they grow.
func window(level int) int64 {
	const hour, day = 3_600_000, 86_400_000
	return [levels]int64{6 * hour, 6*hour + 60_000, 4 * day, 128 * day}[level]
}

// bucket is what became of the samples of one minute, hour or day. There may be several
// of the same one, which are merged when they are read.
type bucket struct {
	at       int64 // its beginning, milliseconds since 1970
	count    int64
	min, max float64
	sum      float64
	last     float64
	// inc is by what a counter grew, and for power the energy in Wh.
	inc float64
}

// merge takes in what came later in the same span.
func (b *bucket) merge(o bucket) {
	if b.count == 0 {
		at := b.at
		*b = o
		b.at = at
		return
	}
	b.min, b.max = min(b.min, o.min), max(b.max, o.max)
	b.count, b.sum, b.last, b.inc = b.count+o.count, b.sum+o.sum, o.last, b.inc+o.inc
}

// floor gives the beginning of the span of a length that a time is in.
func floor(at, length int64) int64 {
	n := at / length
	if at%length < 0 {
		n--
	}
	return n * length
}

// coarser puts buckets together to those of a level, ordered by time.
func coarser(list []bucket, level int) []bucket {
	var out []bucket
	for _, b := range list {
		b.at = floor(b.at, resolution(level))
		if n := len(out); n > 0 && out[n-1].at == b.at {
			out[n-1].merge(b)
			continue
		}
		out = append(out, b)
	}
	return tidy(out)
}

// tidy sorts buckets by time and merges those of the same.
func tidy(list []bucket) []bucket {
	slices.SortStableFunc(list, func(a, b bucket) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	out := list[:0]
	for _, b := range list {
		if n := len(out); n > 0 && out[n-1].at == b.at {
			out[n-1].merge(b)
			continue
		}
		out = append(out, b)
	}
	return out
}

// maxBuckets bounds those in one chunk, and maxCount the samples in one of them.
const (
	maxBuckets = maxPoints
	maxCount   = 1 << 40
)

// incUnit is the precision of what a counter grew by: a thousandth.
const incUnit = 1000

// packBuckets makes a chunk of roll-ups:
//
//	scale   one byte, see number.go
//	count   uvarint
//	then for each bucket
//	  time    varint: the difference to the one before, in spans of the level
//	  samples uvarint: their number × 2, + 1 if there is an increase
//	  min     as its step from the smallest value of the bucket before
//	  max, last, sum  unless there is one sample only: as steps from min (and, the
//	          sum of a chunk of whole numbers, from min times their number)
//	  increase  uvarint in thousandths, if there is one
func packBuckets(list []bucket, level int) []byte {
	scale := uint8(0)
	for _, k := range list {
		for _, v := range [3]float64{k.min, k.max, k.last} {
			if scale != bare {
				scale = scaleOf(v, scale)
			}
		}
	}
	for _, k := range list { // a larger scale may have made another value too large
		for _, v := range [4]float64{k.min, k.max, k.last, k.sum} {
			if scale != bare && math.Abs(v)*power(scale) > maxWhole/16 {
				scale = bare
			}
		}
	}
	b := append(make([]byte, 0, 12*len(list)+4), scale)
	b = binary.AppendUvarint(b, uint64(len(list)))
	var at, low int64
	for _, k := range list {
		n := floor(k.at, resolution(level)) / resolution(level)
		b = binary.AppendVarint(b, n-at)
		at = n
		inc := uint64(min(max(0, math.Round(k.inc*incUnit)), 1<<62))
		head := uint64(k.count) << 1
		if inc > 0 {
			head |= 1
		}
		b = binary.AppendUvarint(b, head)
		c := code(k.min, scale)
		b = appendStep(b, c, low, scale)
		low = c
		if k.count > 1 {
			b = appendStep(b, code(k.max, scale), c, scale)
			b = appendStep(b, code(k.last, scale), c, scale)
			b = appendStep(b, code(k.sum, scale), base(c, k.count, scale), scale)
		}
		if inc > 0 {
			b = binary.AppendUvarint(b, inc)
		}
	}
	return b
}

// base is what a sum is told from.
func base(low, count int64, scale uint8) int64 {
	if scale == bare {
		return low
	}
	return low * count
}

// readBuckets tells the buckets of a chunk. When the bytes are damaged it gives an
// error after what could be read.
func readBuckets(data []byte, level int, tell func(bucket)) error {
	r := reader{b: data}
	scale, n := r.byte(), r.uvarint()
	if r.bad || scale > maxScale && scale != bare || n > maxBuckets || n > uint64(r.left())/3 {
		return errChunk
	}
	var at, low int64
	d, res := decoderOf(scale), resolution(level)
	for range n {
		at += r.varint()
		head := r.uvarint()
		low = r.step(low, scale)
		k := bucket{at: at * res, count: int64(head >> 1), min: d.value(low)}
		if k.count < 1 || k.count > maxCount {
			return errChunk
		}
		k.max, k.last, k.sum = k.min, k.min, k.min
		if k.count > 1 {
			k.max = d.value(r.step(low, scale))
			k.last = d.value(r.step(low, scale))
			k.sum = d.value(r.step(base(low, k.count, scale), scale))
		}
		if head&1 != 0 {
			k.inc = float64(r.uvarint()) / incUnit
		}
		if r.bad || !finite(k.min) || !finite(k.max) || !finite(k.sum) || !finite(k.last) {
			return errChunk
		}
		tell(k)
	}
	if r.left() > 0 {
		return errChunk
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
