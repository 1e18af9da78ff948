package httpdoor

import (
	"bufio"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"millwright.dev/millwright/internal/door/http/wire"
)

const (
	// flushEvery is how long a line of a live stream may wait for others to share
	// its write with. It bounds what ten thousand results cost, and nobody sees it.
	flushEvery = 5 * time.Millisecond
	// writeFor is how long a client may take to read what is written to it. One
	// that does not read is dropped, and hurts nobody else.
	writeFor = 30 * time.Second
	// streamBuffer is written when full, live or not.
	streamBuffer = 64 << 10
)

// stream writes lines to a client. A live one sends them soon; others, when
// there are many or at the end. Once the client has left, lines go nowhere.
//
// Nothing is sent before the buffer is full or flushed, so an error that comes
// early can still be answered as such; see [stream.fail].
type stream struct {
	w    http.ResponseWriter
	ctl  *http.ResponseController
	live bool

	mu    sync.Mutex
	out   *bufio.Writer
	enc   *json.Encoder
	sent  bool // something has gone out, the status with it
	timer *time.Timer
	armed bool
	last  time.Time // when it was flushed last
	gone  error
}

func newStream(w http.ResponseWriter, live bool) *stream {
	byItself(w)
	s := &stream{w: w, ctl: http.NewResponseController(w), live: live}
	s.out = bufio.NewWriterSize(headed{s}, streamBuffer)
	s.enc = json.NewEncoder(s.out)
	s.enc.SetEscapeHTML(false)
	return s
}

// headed sends the header before the first bytes, and sets the clock for each write.
type headed struct{ s *stream }

func (h headed) Write(b []byte) (int, error) {
	s := h.s
	if !s.sent {
		s.sent = true
		s.w.Header().Set("Content-Type", wire.NDJSON)
		s.w.WriteHeader(http.StatusOK)
	}
	return s.clocked(func() (int, error) { return s.w.Write(b) })
}

// clocked bounds how long a write may take. The clock is stopped behind it: a stream
// of HTTP/2 that lets it pass is over, though nothing is being written.
func (s *stream) clocked(write func() (int, error)) (int, error) {
	// In-memory writers of tests know no deadlines; sockets do.
	_ = s.ctl.SetWriteDeadline(time.Now().Add(writeFor))
	n, err := write()
	if err == nil {
		_ = s.ctl.SetWriteDeadline(time.Time{})
	}
	return n, err
}

// line writes one line and says why it could not.
func (s *stream) line(v any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone != nil {
		return s.gone
	}
	if s.gone = s.enc.Encode(v); s.gone == nil && s.live {
		s.soon()
	}
	return s.gone
}

// bytes writes one line that is encoded already.
func (s *stream) bytes(line []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone != nil {
		return
	}
	if _, s.gone = s.out.Write(line); s.gone == nil && s.live {
		s.soon()
	}
}

// soon sends what is buffered: at once if nothing was sent lately, otherwise
// when the rest of the pause is over. The caller holds the lock.
func (s *stream) soon() {
	wait := flushEvery - time.Since(s.last)
	switch {
	case s.armed:
	case wait <= 0:
		s.flush()
	case s.timer == nil:
		s.armed, s.timer = true, time.AfterFunc(wait, s.later)
	default:
		s.armed = true
		s.timer.Reset(wait)
	}
}

func (s *stream) later() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.armed {
		s.armed = false
		s.flush()
	}
}

func (s *stream) flush() {
	if s.gone == nil {
		s.gone = s.out.Flush()
	}
	if s.gone == nil {
		_, s.gone = s.clocked(func() (int, error) { return 0, s.ctl.Flush() })
	}
	s.last = time.Now()
}

// now sends what is buffered.
func (s *stream) now() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush()
}

// end sends the rest; no line may come after it. The handler must not return
// before it is called.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.gone == nil {
		s.gone = s.out.Flush()
	}
	_ = s.ctl.SetWriteDeadline(time.Time{}) // the connection may be used again
}

// fail ends the stream with an error: as the answer itself if nothing has been
// sent yet, otherwise as the last line.
func (s *stream) fail(err error, line any) {
	s.mu.Lock()
	sent := s.sent
	if !sent {
		s.out.Reset(headed{s})
		s.gone = http.ErrHandlerTimeout // any: nothing more is taken
	}
	s.mu.Unlock()
	if !sent {
		refuse(s.w, err)
		return
	}
	_ = s.line(line)
}
