package remotewrite

import "encoding/binary"

// Elements of a Snappy block have their kind in the two lowest bits of their first
// byte: "Snappy compressed format description", google/snappy, section 2.
const (
	snappyLiteral = 0
	snappyCopy2   = 2 // 1 to 64 bytes from up to 65,535 bytes before
	maxLiteral    = 1 << 16
	maxCopy       = 64
	maxDistance   = 1<<16 - 1
	shortest      = 4 // what is repeated is worth a copy from here on
)

// snappy packs bytes as one Snappy block, without its framing. It looks for what was
// there before in the plainest way, which halves labels several times over, and leaves
// the rest as it is.
func snappy(data []byte) []byte {
	out := binary.AppendUvarint(make([]byte, 0, len(data)/2+16), uint64(len(data)))
	var seen [1 << 12]int32 // by hash of four bytes: where they were, + 1
	start := 0              // of what has not been written
	for i := 0; i+shortest <= len(data); {
		four := binary.LittleEndian.Uint32(data[i:])
		slot := four * 0x9e3779b1 >> 20
		before := int(seen[slot]) - 1
		seen[slot] = int32(i + 1)
		if before < 0 || i-before > maxDistance || binary.LittleEndian.Uint32(data[before:]) != four {
			i++
			continue
		}
		n := shortest
		for i+n < len(data) && data[before+n] == data[i+n] {
			n++
		}
		out = appendLiteral(out, data[start:i])
		for left := n; left > 0; {
			k := min(left, maxCopy)
			out = append(out, byte(k-1)<<2|snappyCopy2)
			out = binary.LittleEndian.AppendUint16(out, uint16(i-before))
			left -= k
		}
		i += n
		start = i
	}
	return appendLiteral(out, data[start:])
}

// appendLiteral appends bytes as they are, in pieces that every decoder takes.
func appendLiteral(out, data []byte) []byte {
	for len(data) > 0 {
		n := min(len(data), maxLiteral)
		if n <= 60 {
			out = append(out, byte(n-1)<<2|snappyLiteral)
		} else {
			out = append(out, 61<<2|snappyLiteral)
			out = binary.LittleEndian.AppendUint16(out, uint16(n-1))
		}
		out = append(out, data[:n]...)
		data = data[n:]
	}
	return out
}
