package libvirt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// The programs behind a connection, with their versions.
const (
	programRemote    = 0x20008086
	programKeepAlive = 0x6b656570
	programVersion   = 1
)

// The types of messages.
const (
	typeCall uint32 = iota
	typeReply
	typeMessage // unasked: events, signs of life
	typeStream
)

// The states of a message.
const (
	statusOK uint32 = iota
	statusError
	statusContinue // of a stream: more is to come
)

// header is in front of each message, after its length.
type header struct {
	program, version, procedure, kind, serial, status uint32
}

const headerSize = 4 + 6*4 // with the length

// appendMessage appends a whole message.
func appendMessage(b []byte, h header, payload []byte) []byte {
	b = appendUint(b, uint32(headerSize+len(payload)))
	for _, v := range []uint32{h.program, h.version, h.procedure, h.kind, h.serial, h.status} {
		b = appendUint(b, v)
	}
	return append(b, payload...)
}

// readMessage reads a whole message. Room is made for it as it comes, not as its
// length promises.
func readMessage(from io.Reader) (header, []byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(from, size[:]); err != nil {
		return header{}, nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < headerSize || n > maxMessage {
		return header{}, nil, fmt.Errorf("%w: of %d bytes", ErrMalformed, n)
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, from, int64(n)-4); err != nil {
		return header{}, nil, fmt.Errorf("in the middle of a message: %w", err)
	}
	r := reader{b: b.Bytes()}
	h := header{r.uint(), r.uint(), r.uint(), r.uint(), r.uint(), r.uint()}
	return h, r.b, nil
}

// Error is what a daemon says when it will not do a thing.
type Error struct {
	Code    Code
	Message string // in its own words; may be empty
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code.Error()
	}
	return e.Message
}

// Is finds a [Code].
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

// Code is one of libvirt's error numbers (virErrorNumber). As an error it is what
// errors.Is looks for in an [*Error].
type Code int

// The codes that callers may want to tell from others.
const (
	CodeInternal         Code = 1
	CodeNoSupport        Code = 3
	CodeNoConnect        Code = 5
	CodeInvalidArgument  Code = 8
	CodeOperationFailed  Code = 9
	CodeXML              Code = 27 // the description is not well made
	CodeNoDomain         Code = 42
	CodeAuthFailed       Code = 45
	CodeOperationInvalid Code = 55 // the machine is not in a state for it
	CodeConfig           Code = 67 // what the description asks for cannot be had
	CodeOperationTimeout Code = 68
	CodeArgument         Code = 74 // argument unsupported
	CodeAuthUnavailable  Code = 79
	CodeAccessDenied     Code = 88
)

// Error names the code.
func (c Code) Error() string {
	switch c {
	case CodeNoSupport:
		return "the hypervisor has no such function"
	case CodeNoDomain:
		return "no such machine"
	case CodeOperationInvalid:
		return "the machine is not in a state for it"
	case CodeAccessDenied, CodeAuthFailed:
		return "not allowed"
	}
	return "libvirt error " + strconv.Itoa(int(c))
}

// parseError reads the error in a reply (virNetMessageError), of which only the first
// three words are of interest.
func parseError(payload []byte) error {
	r := reader{b: payload}
	e := &Error{Code: Code(r.int())}
	r.int() // the part of libvirt that it is from
	e.Message = r.optional()
	if r.err != nil {
		return fmt.Errorf("an error that cannot be read: %w", r.err)
	}
	return e
}
