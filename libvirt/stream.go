package libvirt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// backlog is how much of a stream is kept for a reader who is slow, in bytes.
const backlog = 1 << 20

// chunk is how much goes out at once. Daemons take up to 256 KiB; small pieces let
// others in between.
const chunk = 4 << 10

// ErrOverrun says that a stream was given up because nobody read it for more than 1 MiB.
var ErrOverrun = errors.New("nobody reads the stream")

// Stream is an open console. Read gives what the machine writes, Write types; one
// goroutine may read while another writes. It ends with the connection, with
// Close, and when the machine stops: Read gives io.EOF or what the daemon says then.
//
// A daemon that has five pieces of input which the machine does not take reads no more
// of what comes over the connection. So who types into machines that may hang has a
// connection for each console.
type Stream struct {
	conn      *Conn
	procedure uint32
	serial    uint32

	closed chan struct{} // it is over
	ready  chan struct{} // there is something new to read

	mu  sync.Mutex
	buf []byte
	err error
}

// OpenConsole opens a machine's console: the one with the given alias ("serial0"), or its
// first if that is empty. Force takes it from whoever has it; without it, such a
// console is refused with [CodeOperationFailed].
func (c *Conn) OpenConsole(ctx context.Context, d Domain, alias string, force bool) (*Stream, error) {
	const forceFlag = 1 // VIR_DOMAIN_CONSOLE_FORCE
	var flags uint32
	if force {
		flags = forceFlag
	}
	s := &Stream{conn: c, procedure: procOpenConsole, closed: make(chan struct{}), ready: make(chan struct{}, 1)}
	_, serial, err := c.begin(ctx, procOpenConsole, appendUint(appendOptional(appendDomain(nil, d), alias), flags), s)
	if err == nil {
		return s, nil
	}
	var said *Error
	if serial != 0 && !errors.As(err, &said) {
		s.Close() // it may be open after all
	}
	c.drop(serial)
	return nil, fmt.Errorf("console of %s: %w", d.Name, err)
}

// drop forgets a stream.
func (c *Conn) drop(serial uint32) {
	c.mu.Lock()
	delete(c.streams, serial)
	c.mu.Unlock()
}

// streamed takes in a piece of a stream.
func (c *Conn) streamed(h header, payload []byte) {
	c.mu.Lock()
	s := c.streams[h.serial]
	c.mu.Unlock()
	switch {
	case s == nil || s.procedure != h.procedure:
	case h.status == statusContinue && len(payload) > 0:
		s.take(payload)
	case h.status == statusError:
		s.finish(parseError(payload))
	default: // an empty piece is the end of what is to be read
		s.finish(io.EOF)
	}
}

// take keeps what came for the reader.
func (s *Stream) take(b []byte) {
	s.mu.Lock()
	over := len(s.buf)+len(b) > backlog
	if !over && s.err == nil {
		s.buf = append(s.buf, b...)
	}
	s.mu.Unlock()
	if over {
		s.finish(ErrOverrun)
		return
	}
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// end ends the stream on our side. It is false if it had ended before.
func (s *Stream) end(why error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false
	}
	s.err = why
	close(s.closed)
	return true
}

// finish ends the stream and tells the daemon.
func (s *Stream) finish(why error) {
	if !s.end(why) {
		return
	}
	s.conn.drop(s.serial)
	s.conn.hurry(appendMessage(nil, header{programRemote, programVersion, s.procedure, typeStream, s.serial, statusError}, nil))
}

// Read implements [io.Reader]. What came before the end is given first.
func (s *Stream) Read(p []byte) (int, error) {
	for {
		s.mu.Lock()
		n := copy(p, s.buf)
		s.buf = s.buf[n:]
		if len(s.buf) == 0 {
			s.buf = nil
		}
		err := s.err
		s.mu.Unlock()
		if n > 0 || len(p) == 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		select {
		case <-s.ready:
		case <-s.closed:
		}
	}
}

// Write implements [io.Writer]: it types. It returns when the connection has taken it.
func (s *Stream) Write(p []byte) (int, error) {
	h := header{programRemote, programVersion, s.procedure, typeStream, s.serial, statusContinue}
	for n := 0; n < len(p); {
		piece := p[n:min(len(p), n+chunk)]
		select {
		case <-s.closed:
			return n, s.why()
		default:
		}
		select {
		case s.conn.out <- appendMessage(nil, h, piece):
			n += len(piece)
		case <-s.closed:
			return n, s.why()
		case <-s.conn.done:
			return n, s.conn.Err()
		}
	}
	return len(p), nil
}

// why says to a writer why it is over.
func (s *Stream) why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(s.err, io.EOF) {
		return io.ErrClosedPipe
	}
	return s.err
}

// Close gives the console back. It ends a Read and a Write that wait.
func (s *Stream) Close() error {
	s.finish(io.ErrClosedPipe)
	return nil
}
