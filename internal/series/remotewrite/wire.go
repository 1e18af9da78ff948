package remotewrite

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"millwright.dev/millwright/internal/series"
)

// The fields of the messages, as tags: number × 8 + wire type (0 varint, 1 eight
// bytes, 2 bytes with their length). From remote.proto and types.proto, as the
// specification of remote-write 1.0 gives them under "Protobuf Definitions":
//
//	WriteRequest { repeated TimeSeries timeseries = 1 }
//	TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2 }
//	Label        { string name = 1; string value = 2 }
//	Sample       { double value = 1; int64 timestamp = 2 }
const (
	tagSeries      = 1<<3 | 2
	tagLabel       = 1<<3 | 2
	tagSample      = 2<<3 | 2
	tagName        = 1<<3 | 2
	tagValue       = 2<<3 | 2
	tagSampleValue = 1<<3 | 1
	tagTimestamp   = 2 << 3
)

func appendBytes(b []byte, tag byte, text string) []byte {
	b = append(b, tag)
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// appendLabels appends the labels of a series, sorted by name and without empty ones,
// as the specification wants them. Where both have a label, the key's counts.
func appendLabels(b []byte, k series.Key, also map[string]string) []byte {
	all := maps.Clone(also)
	if all == nil {
		all = make(map[string]string)
	}
	for name, value := range k.Map() {
		if name != series.LabelQuantity {
			all[string(name)] = value
		}
	}
	all["__name__"] = k.Quantity.Metric()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] == "" {
			continue
		}
		label := appendBytes(nil, tagName, name)
		label = appendBytes(label, tagValue, all[name])
		b = appendBytes(b, tagLabel, string(label))
	}
	return b
}

// appendRequest appends a WriteRequest of items that are sorted by series and time.
func appendRequest(b []byte, items []item) []byte {
	var one []byte
	for len(items) > 0 {
		n := 1
		for n < len(items) && items[n].to == items[0].to {
			n++
		}
		one = append(one[:0], items[0].to.labels...)
		for _, it := range items[:n] {
			var sample [32]byte
			s := append(sample[:0], tagSampleValue)
			s = binary.LittleEndian.AppendUint64(s, math.Float64bits(it.value))
			s = append(s, tagTimestamp)
			s = binary.AppendUvarint(s, uint64(it.at))
			one = append(one, tagSample, byte(len(s))) // at most 20
			one = append(one, s...)
		}
		b = append(b, tagSeries)
		b = binary.AppendUvarint(b, uint64(len(one)))
		b = append(b, one...)
		items = items[n:]
	}
	return b
}
