package series

import (
	"encoding/binary"
	"math"
)

// maxPoints bounds the samples in one chunk.
const maxPoints = 1 << 14

// points is a chunk of samples in the making. As bytes a chunk is
//
//	scale   one byte, see number.go
//	count   uvarint
//	then for each sample
//	  time    varint: milliseconds, as the difference to what the difference of the
//	          two samples before would have made it; the first as it is
//	  value   as its step from the value before, the first from 0
//
// so a meter that is read every ten seconds takes two or three bytes each time.
type points struct {
	body        []byte
	n           int
	scale       uint8
	at, gap     int64 // time of the last sample, and its distance from the one before
	code        int64 // of the last sample
	first, last int64 // the earliest and the latest time
}

// add appends a sample; the value must be finite.
func (p *points) add(at int64, v float64) {
	if p.scale != bare && !whole(v, p.scale) {
		p.rescale(scaleOf(v, p.scale))
	}
	gap := at - p.at
	p.body = binary.AppendVarint(p.body, gap-p.gap)
	c := code(v, p.scale)
	p.body = appendStep(p.body, c, p.code, p.scale)
	if p.n == 0 {
		gap = 0 // the first sample's is its time
		p.first, p.last = at, at
	}
	p.n, p.at, p.gap, p.code = p.n+1, at, gap, c
	p.first, p.last = min(p.first, at), max(p.last, at)
}

// rescale writes what there is anew, for a value that needs more places.
func (p *points) rescale(scale uint8) {
	var again points
	again.scale = scale
	if again.scale != bare && !p.fits(scale) {
		again.scale = bare
	}
	_ = readPoints(p.bytes(nil), func(at int64, v float64) { again.add(at, v) })
	*p = again
}

// fits says whether all there is can be had at a scale.
func (p *points) fits(scale uint8) bool {
	fits := true
	_ = readPoints(p.bytes(nil), func(_ int64, v float64) {
		fits = fits && whole(v, scale)
	})
	return fits
}

// bytes appends the chunk to b.
func (p *points) bytes(b []byte) []byte {
	b = append(b, p.scale)
	b = binary.AppendUvarint(b, uint64(p.n))
	return append(b, p.body...)
}

// readPoints tells the samples of a chunk in the order in which they came. When the
// bytes are damaged it gives an error after what could be read.
func readPoints(data []byte, tell func(at int64, v float64)) error {
	r := reader{b: data}
	scale, n := r.byte(), r.uvarint()
	if r.bad || scale > maxScale && scale != bare || n > maxPoints || n > uint64(r.left())/2 {
		return errChunk
	}
	d := decoderOf(scale)
	var at, gap, c int64
	for i := range n {
		gap += r.varint()
		at += gap
		c = r.step(c, scale)
		if i == 0 {
			gap = 0
		}
		if r.bad {
			return errChunk
		}
		v := d.value(c)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errChunk
		}
		tell(at, v)
	}
	if r.left() > 0 {
		return errChunk
	}
	return nil
}
