package pgwire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// What stands where later messages have their kind; 55.7, StartupMessage and SSLRequest.
const (
	version    = 3 << 16
	requestTLS = 80877103
)

// Kinds of messages; 55.7, "Message Formats". Those that we send have names of their own,
// as the letters are used twice.
const (
	msgPassword  = 'p' // and what SASL says
	msgParse     = 'P'
	msgBind      = 'B'
	msgExecute   = 'E'
	msgSync      = 'S'
	msgTerminate = 'X'

	authentication  = 'R'
	backendKeyData  = 'K'
	parameterStatus = 'S'
	readyForQuery   = 'Z'
	errorResponse   = 'E'
	noticeResponse  = 'N'
	notification    = 'A'
	parseComplete   = '1'
	bindComplete    = '2'
	dataRow         = 'D'
	commandComplete = 'C'
	emptyQuery      = 'I'
	portalSuspended = 's'
	copyIn          = 'G'
	copyOut         = 'H'
	copyBoth        = 'W'
)

var errGarbled = errors.New("it sends a message that is garbled")

// stream frames messages: one byte that says what it is, the length in four, the body.
type stream struct {
	net.Conn
	limit int // of a body that comes in
	out   []byte
}

// queue keeps a message until the next is sent. The kind is left out if 0, as in the first
// message of a session.
func (s *stream) queue(kind byte, body []byte) {
	if kind != 0 {
		s.out = append(s.out, kind)
	}
	s.out = binary.BigEndian.AppendUint32(s.out, uint32(len(body)+4))
	s.out = append(s.out, body...)
}

// send sends a message, after those that wait.
func (s *stream) send(kind byte, body []byte) error {
	s.queue(kind, body)
	out := s.out
	s.out = nil
	_, err := s.Write(out)
	return err
}

// receive is the next message that matters: a server may tell of its parameters, give a
// notice, or pass on a notification at any time; 55.2.7, "Asynchronous Operations". Where
// it says what is wrong, that is the error.
func (s *stream) receive() (kind byte, body []byte, err error) {
	for {
		var head [5]byte
		if _, err := io.ReadFull(s.Conn, head[:]); err != nil {
			return 0, nil, hungUp(err)
		}
		size := int64(binary.BigEndian.Uint32(head[1:])) - 4
		switch {
		case size < 0:
			return 0, nil, errGarbled
		case size > int64(s.limit):
			return 0, nil, fmt.Errorf("it sends a message of %d bytes, more than %d", size, s.limit)
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(s.Conn, body); err != nil {
			return 0, nil, hungUp(err)
		}
		switch head[0] {
		case errorResponse:
			return 0, nil, serverError(body)
		case parameterStatus, noticeResponse, notification:
		default:
			return head[0], body, nil
		}
	}
}

// hungUp words the end of a connection where there should be more.
func hungUp(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it hung up")
	}
	return err
}

// zeroEnded appends strings as the protocol has them, a zero byte after each.
func zeroEnded(to []byte, words ...string) ([]byte, error) {
	for _, word := range words {
		if strings.IndexByte(word, 0) >= 0 {
			return nil, &RefusedError{"there is a zero byte in what it should be sent"}
		}
		to = append(append(to, word...), 0)
	}
	return to, nil
}
