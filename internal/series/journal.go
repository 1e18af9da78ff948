package series

import (
	"encoding/binary"
	"math"
)

// appendEntry appends an entry of the journal: for each sample
//
//	series  uvarint, its id
//	time    varint: milliseconds since the sample before, the first since 1970
//	value   uvarint n × 8 + scale, where n is a varint's bits; or 7, and then the
//	        eight bytes of the value, little end first
func appendEntry(b []byte, list []sample) []byte {
	var at int64
	for _, s := range list {
		b = binary.AppendUvarint(b, uint64(s.t.id))
		b = binary.AppendVarint(b, s.at-at)
		at = s.at
		scale := scaleOf(s.v, 0)
		n := int64(0)
		if scale != bare {
			n = code(s.v, scale)
		}
		if scale == bare || max(n, -n) >= 1<<50 {
			b = binary.AppendUvarint(b, 7)
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(s.v))
			continue
		}
		b = binary.AppendUvarint(b, uint64(n<<1^n>>63)<<3|uint64(scale))
	}
	return b
}

// readEntry tells the samples of an entry; with damaged bytes an error after what
// could be read.
func readEntry(data []byte, tell func(id, at int64, v float64)) error {
	r := reader{b: data}
	var at int64
	for r.left() > 0 {
		id := int64(r.uvarint())
		at += r.varint()
		head := r.uvarint()
		var v float64
		if head&7 == 7 {
			if r.left() < 8 {
				return errChunk
			}
			v = math.Float64frombits(binary.LittleEndian.Uint64(r.b[r.i:]))
			r.i += 8
		} else {
			u := head >> 3
			v = decode(int64(u>>1)^-int64(u&1), uint8(head&7))
		}
		if r.bad || !finite(v) {
			return errChunk
		}
		tell(id, at, v)
	}
	return nil
}
