package remotewrite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// unsnappy is the other end, straight from the format's description.
func unsnappy(data []byte) ([]byte, error) {
	size, n := binary.Uvarint(data)
	if n <= 0 {
		return nil, errors.New("no size")
	}
	data = data[n:]
	var out []byte
	for len(data) > 0 {
		tag := data[0]
		data = data[1:]
		switch tag & 3 {
		case snappyLiteral:
			length := int(tag>>2) + 1
			if tag>>2 >= 60 {
				extra := int(tag>>2) - 59
				length = 0
				for i := range extra {
					length |= int(data[i]) << (8 * i)
				}
				length++
				data = data[extra:]
			}
			out = append(out, data[:length]...)
			data = data[length:]
		case snappyCopy2:
			length, back := int(tag>>2)+1, int(binary.LittleEndian.Uint16(data))
			data = data[2:]
			if back == 0 || back > len(out) {
				return nil, errors.New("a copy from before the beginning")
			}
			for range length {
				out = append(out, out[len(out)-back])
			}
		default:
			return nil, errors.New("an element that is never written")
		}
	}
	if uint64(len(out)) != size {
		return nil, errors.New("another size")
	}
	return out, nil
}

func FuzzSnappy(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("a"))
	f.Add(bytes.Repeat([]byte("label"), 30_000))
	f.Add([]byte(strings.Repeat("x", 61) + "node=web1 node=web2 node=web1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := unsnappy(snappy(data))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes came back as %d: %v", len(data), len(got), err)
		}
	})
}

func TestLabelsArePackedWell(t *testing.T) {
	data := bytes.Repeat([]byte("__name__millwright_power_wattsdevicepdu"), 100)
	if n := len(snappy(data)); n > len(data)/10 {
		t.Errorf("%d bytes became %d", len(data), n)
	}
}
