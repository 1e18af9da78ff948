package httpdoor

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/room"
)

const (
	// beat is how often a stream on which nothing happens shows that it is alive,
	// and whether its reader may still read is looked at.
	beat = 15 * time.Second
	// pace is the least time between two writes to one reader: what comes meanwhile
	// shares the next one. Nobody sees it, and five hundred readers of a busy room
	// cost a tenth of what they would.
	pace = 20 * time.Millisecond
	// runPace is that of who follows a run: few do, and scripts wait for its end.
	runPace = 2 * time.Millisecond
	// stallFor is how long a write to a reader may take before it is dropped.
	stallFor = 5 * time.Second
	// maxReaders is how many streams are read at once, by all: fewer than there are
	// connections, so that there is always room to ask for something else. One asker
	// alone does not get all of them.
	maxReaders, maxOwnReaders = 768, 600
	// readerBuffer is how much the kernel may keep for a reader that does not read.
	readerBuffer = 64 << 10
)

// sse writes server-sent events to one reader.
type sse struct {
	ctl   *http.ResponseController
	out   *bufio.Writer
	wrote bool // since the last flush
	last  time.Time
	asked time.Time // when it was last looked at whether the reader may read
	pace  time.Duration

	d   *Door
	who string
}

// readers counts who reads how many streams. The zero value is ready.
type readers struct {
	mu  sync.Mutex
	all int
	by  map[string]int
}

// enter counts one more, unless there are too many.
func (r *readers) enter(who string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all >= maxReaders || r.by[who] >= maxOwnReaders {
		return false
	}
	if r.by == nil {
		r.by = make(map[string]int)
	}
	r.all++
	r.by[who]++
	return true
}

func (r *readers) leave(who string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all--
	if r.by[who]--; r.by[who] == 0 {
		delete(r.by, who)
	}
}

// count gives how many there are.
func (r *readers) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

// openSSE begins a stream, or says why there can be none. The caller must call
// close.
func (d *Door) openSSE(w http.ResponseWriter, r *http.Request) (*sse, error) {
	who := whose(actorOf(r.Context()))
	if !d.readers.enter(who) {
		return nil, &room.Error{Code: room.CodeBusy, Op: "open a stream", Said: "too many streams are being read already"}
	}
	boundBuffer(r.Context())
	byItself(w)
	s := &sse{ctl: http.NewResponseController(w), out: bufio.NewWriterSize(w, 4<<10), d: d, who: who, asked: time.Now(), pace: pace}
	w.Header().Set("Content-Type", wire.SSE)
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in between shall pass things on
	w.WriteHeader(http.StatusOK)
	s.put([]byte("retry: 2000\n\n"))
	return s, nil
}

// close ends the stream. The connection is not used again: something may be stuck
// half-way in it.
func (s *sse) close() {
	_ = s.flush()
	s.d.readers.leave(s.who)
}

func (s *sse) put(frame []byte) {
	s.deadline() // a large frame is written at once
	_, _ = s.out.Write(frame)
	s.wrote = true
}

func (s *sse) deadline() { _ = s.ctl.SetWriteDeadline(time.Now().Add(stallFor)) }

// written stops the clock of the last write: a stream of HTTP/2 that lets it pass
// is over, though nothing is being written.
func (s *sse) written() { _ = s.ctl.SetWriteDeadline(time.Time{}) }

// flush sends what was put, and says whether the reader is still there.
func (s *sse) flush() error {
	if !s.wrote {
		return nil
	}
	s.deadline()
	s.wrote, s.last = false, time.Now()
	err := s.out.Flush()
	if err == nil {
		err = s.ctl.Flush()
	}
	if err == nil {
		s.written()
	}
	return err
}

// problem tells why the stream ends.
func (s *sse) problem(err error) {
	if data, failed := sseFrame("problem", "", wire.Failed{Problem: problemOf(err)}); failed == nil {
		s.put(data)
	}
}

// wait sends what was put and waits until there is more, telling the reader now
// and then that the stream is alive. It fails when the stream is over: the
// reader has left, or may no longer read.
func (s *sse) wait(ctx context.Context, more <-chan struct{}, at func() string) error {
	alive := time.NewTimer(beat)
	defer alive.Stop()
	for {
		if err := s.flush(); err != nil {
			return err
		}
		if time.Since(s.asked) >= beat {
			s.asked = time.Now()
			if err := s.d.stillAllowed(ctx); err != nil {
				s.problem(err)
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-more:
			return s.rest(ctx)
		case <-alive.C:
			// An id without data is remembered by the reader and seen by nobody.
			s.put([]byte(": alive\nid: " + at() + "\n\n"))
			alive.Reset(beat)
		}
	}
}

// rest keeps the pace.
func (s *sse) rest(ctx context.Context) error {
	wait := s.pace - time.Since(s.last)
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// connKey is the place of a request's connection in its context.
type connKey struct{}

// boundBuffer keeps the kernel from holding megabytes for a reader that does not
// read.
func boundBuffer(ctx context.Context) {
	conn, _ := ctx.Value(connKey{}).(net.Conn)
	for range 3 {
		switch c := conn.(type) {
		case *tls.Conn:
			conn = c.NetConn()
		case *seated:
			conn = c.Conn
		case interface{ SetWriteBuffer(bytes int) error }:
			_ = c.SetWriteBuffer(readerBuffer)
			return
		default:
			return
		}
	}
}
