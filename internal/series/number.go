package series

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
)

// errChunk is returned for bytes that are no chunk of ours.
var errChunk = errors.New("the chunk is damaged")

// Most meters measure in steps of a watt, or of a hundredth of a degree. So a chunk
// holds its values as whole numbers, times ten to the power of its scale, if that gives
// them back to the bit; and as they are in memory if not.
const (
	maxScale = 6
	bare     = 15        // the scale of a chunk whose values are as they are in memory
	maxWhole = 1<<53 - 1 // to here a float64 holds every whole number
)

// powers are those of ten, by scale.
var powers = [maxScale + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6}

func power(scale uint8) float64 { return powers[scale] }

// whole says whether v is, at a scale, a whole number that says all of it.
func whole(v float64, scale uint8) bool {
	p := power(scale)
	n := math.RoundToEven(v * p)
	return math.Abs(n) <= maxWhole && n/p == v
}

// scaleOf gives the least scale, from one on, that says all of v.
func scaleOf(v float64, from uint8) uint8 {
	for s := from; s <= maxScale; s++ {
		if whole(v, s) {
			return s
		}
	}
	return bare
}

// code turns a value into the number that stands for it at a scale that fits.
func code(v float64, scale uint8) int64 {
	if scale == bare {
		return int64(math.Float64bits(v))
	}
	return int64(math.RoundToEven(v * power(scale)))
}

func decode(n int64, scale uint8) float64 { return decoderOf(scale).value(n) }

// decoder turns the numbers of a chunk back into values.
type decoder struct{ divisor float64 } // 0: they are bare

func decoderOf(scale uint8) decoder {
	if scale == bare {
		return decoder{}
	}
	return decoder{power(scale)}
}

func (d decoder) value(n int64) float64 {
	if d.divisor == 0 {
		return math.Float64frombits(uint64(n))
	}
	return float64(n) / d.divisor
}

// appendStep appends how a number differs from the one before it. What differs little
// is short: as a difference, and of bare values as the bits that differ, mirrored,
// because it is the last bits of values of the same size that do.
func appendStep(b []byte, n, before int64, scale uint8) []byte {
	if scale == bare {
		return binary.AppendUvarint(b, bits.ReverseBytes64(uint64(n^before)))
	}
	return binary.AppendVarint(b, n-before)
}

// reader reads numbers; after an error it gives zeros. It counts on instead of cutting
// off what was read: the collector of garbage has to be told of each new slice.
type reader struct {
	b   []byte
	i   int
	bad bool
}

// left is how many bytes there are still.
func (r *reader) left() int { return len(r.b) - r.i }

func (r *reader) uvarint() uint64 {
	if r.i < len(r.b) && r.b[r.i] < 0x80 { // many are this short
		r.i++
		return uint64(r.b[r.i-1])
	}
	return r.long()
}

func (r *reader) long() uint64 {
	v, n := binary.Uvarint(r.b[r.i:])
	if n <= 0 {
		r.i, r.bad = len(r.b), true
		return 0
	}
	r.i += n
	return v
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) byte() byte {
	if r.left() == 0 {
		r.bad = true
		return 0
	}
	r.i++
	return r.b[r.i-1]
}

func (r *reader) step(before int64, scale uint8) int64 {
	if scale == bare {
		return before ^ int64(bits.ReverseBytes64(r.uvarint()))
	}
	return before + r.varint()
}
