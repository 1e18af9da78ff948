package ockle

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

// DefaultLimit is the largest payload of a frame, in bytes, unless another is set.
const DefaultLimit = 1 << 20

// Errors of frames. What is wrong with them in detail is in the text around.
var (
	ErrFrame    = errors.New("not a frame")
	ErrTooLarge = errors.New("the message is too large")
)

// maxCount is how long a count may be; leading zeros are allowed.
const maxCount = 32

// AppendFrame adds a frame with this payload: its size in decimal, a colon, and
// its bytes.
func AppendFrame(b, payload []byte) []byte {
	b = strconv.AppendInt(b, int64(len(payload)), 10)
	b = append(b, ':')
	return append(b, payload...)
}

// ReadFrame reads one frame, in however many pieces it comes, and not a byte of
// what follows if r is read byte by byte for the count, as it is here. The memory
// it takes grows with what has come and not with what was announced. io.EOF means
// that there was nothing at all; io.ErrUnexpectedEOF that it broke off.
func ReadFrame(r io.Reader, limit int) ([]byte, error) {
	return readFrame(r, limit, nil)
}

// readFrame is ReadFrame; grow, if set, is told of each piece of memory before it
// is taken.
func readFrame(r io.Reader, limit int, grow func(int)) ([]byte, error) {
	size, err := readCount(r, limit)
	if err != nil {
		return nil, err
	}
	return readPayload(r, size, grow)
}

// readCount reads the count and its colon.
func readCount(r io.Reader, limit int) (int, error) {
	var b [1]byte
	size := 0
	for n := 0; ; n++ {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			if n > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		switch c := b[0]; {
		case c == ':' && n > 0:
			return size, nil
		case c < '0' || c > '9' || n == maxCount:
			return 0, fmt.Errorf("%w: it does not begin with a count of bytes and a colon", ErrFrame)
		default:
			size = size*10 + int(c-'0')
		}
		if size > limit {
			return 0, fmt.Errorf("%w: it has more than %d bytes", ErrTooLarge, limit)
		}
	}
}

// readPayload reads so many bytes in pieces that double.
func readPayload(r io.Reader, size int, grow func(int)) ([]byte, error) {
	var payload []byte
	for piece := 4096; len(payload) < size; piece *= 2 {
		from := len(payload)
		more := min(piece, size-from)
		if grow != nil {
			grow(more)
		}
		payload = append(payload, make([]byte, more)...)
		if _, err := io.ReadFull(r, payload[from:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return payload, nil
}
