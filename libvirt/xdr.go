package libvirt

import (
	"encoding/binary"
	"errors"
	"math"
)

// The bounds of what is sent and taken, in bytes.
const (
	maxString  = 4 << 20  // REMOTE_STRING_MAX
	maxMessage = 16 << 20 // header and payload
	maxDomains = 65536    // in one list
)

// ErrMalformed says that a server sent what is no message of the protocol.
var ErrMalformed = errors.New("malformed message")

// What follows appends words as XDR has them (RFC 4506): four bytes each, big-endian.

func appendUint(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }

func appendString(b []byte, s string) []byte {
	b = append(appendUint(b, uint32(min(len(s), math.MaxInt32))), s...)
	for range -len(s) & 3 {
		b = append(b, 0)
	}
	return b
}

// appendOptional appends a string that may be absent; the empty one is.
func appendOptional(b []byte, s string) []byte {
	if s == "" {
		return appendUint(b, 0)
	}
	return appendString(appendUint(b, 1), s)
}

func appendDomain(b []byte, d Domain) []byte {
	b = append(appendString(b, d.Name), d.UUID[:]...)
	return appendUint(b, uint32(d.ID))
}

// reader takes words off a message. Once something was missing, all that follows is
// zero, and err says so.
type reader struct {
	b   []byte
	err error
}

func (r *reader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b) {
		r.b, r.err = nil, ErrMalformed
		return nil
	}
	head := r.b[:n]
	r.b = r.b[n:]
	return head
}

func (r *reader) uint() uint32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func (r *reader) int() int { return int(int32(r.uint())) }

func (r *reader) hyper() uint64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

func (r *reader) string() string {
	n := r.uint()
	if n > maxString {
		r.b, r.err = nil, ErrMalformed
		return ""
	}
	s := string(r.take(int(n)))
	r.take(-int(n) & 3)
	return s
}

// optional gives "" for a string that is absent.
func (r *reader) optional() string {
	if r.uint() == 0 {
		return ""
	}
	return r.string()
}

func (r *reader) domain() Domain {
	d := Domain{Name: r.string()}
	copy(d.UUID[:], r.take(len(d.UUID)))
	d.ID = r.int()
	return d
}
