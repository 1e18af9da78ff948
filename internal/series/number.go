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

// powers of ten by scale.
func power(scale uint8) float64 {
	return [maxScale + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6}[scale]
}

// whole gives v as a whole number at a scale, if that says all of it.
func whole(v float64, scale uint8) (int64, bool) {
	p := power(scale)
	n := math.RoundToEven(v * p)
	if math.Abs(n) > maxWhole || n/p != v {
		return 0, false
	}
	return int64(n), true
}

// scaleOf gives the least scale, from one on, that says all of v.
func scaleOf(v float64, from uint8) uint8 {
	for s := from; s <= maxScale; s++ {
		if _, ok := whole(v, s); ok {
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

func decode(n int64, scale uint8) float64 {
	if scale == bare {
		return math.Float64frombits(uint64(n))
	}
	return float64(n) / power(scale)
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

// reader reads numbers; after an error it gives zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) step(before int64, scale uint8) int64 {
	if scale == bare {
		return before ^ int64(bits.ReverseBytes64(r.uvarint()))
	}
	return before + r.varint()
}
