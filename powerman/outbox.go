package powerman

import (
	"errors"
	"io"
	"sync"
	"time"
)

// errSlowClient ends the connection of a client that does not read.
var errSlowClient = errors.New("client does not read its answers")

// outbox is the bounded queue of bytes on their way to one client. Two
// goroutines write to a client (the reader, which must answer 208 at once, and
// the running command), and devices report from goroutines that must never
// wait for a client. So bytes are queued without blocking, and whoever flushes
// first writes for all: what queued meanwhile goes out in its next write.
type outbox struct {
	w       io.Writer
	timeout time.Duration // longest time for one write; 0 for none
	limit   int           // most bytes waiting before the client is given up
	onError func()        // called once, when writing has failed

	mu      sync.Mutex
	drained sync.Cond
	buf     []byte // waiting
	spare   []byte // the other buffer, reused
	writing bool
	err     error
}

func newOutbox(w io.Writer, timeout time.Duration, limit int, onError func()) *outbox {
	o := &outbox{w: w, timeout: timeout, limit: limit, onError: onError}
	o.drained.L = &o.mu
	return o
}

// queue adds bytes that wait for the next flush. A client for whom too much
// waits already is given up.
func (o *outbox) queue(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil && len(o.buf) > o.limit {
		o.failLocked(errSlowClient)
	}
	if o.err == nil {
		o.buf = append(o.buf, b...)
	}
}

// flush returns when all that was queued has been written, or cannot be.
func (o *outbox) flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.writing {
		o.drained.Wait()
	}
	o.drainLocked()
	return o.err
}

// flushSoon is flush in the background, for callers that must not wait. The
// goroutine ends with the queue empty; close waits for it.
func (o *outbox) flushSoon() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writing || o.err != nil || len(o.buf) == 0 {
		return
	}
	o.writing = true
	go func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.writing = false
		o.drainLocked()
	}()
}

// drainLocked writes until nothing waits. The lock is let go while writing.
func (o *outbox) drainLocked() {
	o.writing = true
	for o.err == nil && len(o.buf) > 0 {
		b := o.buf
		o.buf, o.spare = o.spare[:0], nil
		o.mu.Unlock()
		err := o.write(b)
		o.mu.Lock()
		if cap(b) <= keepBuffer {
			o.spare = b[:0]
		}
		if cap(o.buf) > keepBuffer && len(o.buf) == 0 {
			o.buf = nil
		}
		if err != nil {
			o.failLocked(err)
		}
	}
	o.writing = false
	o.drained.Broadcast()
}

// keepBuffer is the most memory that an idle client keeps per buffer.
const keepBuffer = 1024

func (o *outbox) write(b []byte) error {
	if d, ok := o.w.(interface{ SetWriteDeadline(time.Time) error }); ok && o.timeout > 0 {
		// Not every stream has deadlines (a file has none); then a client
		// that does not read is stopped by its own pipe.
		_ = d.SetWriteDeadline(time.Now().Add(o.timeout))
	}
	_, err := o.w.Write(b)
	return err
}

func (o *outbox) failLocked(err error) {
	if o.err != nil {
		return
	}
	o.err = err
	o.buf = nil
	o.onError()
}

// failure returns why writing has failed, nil if it has not.
func (o *outbox) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// close waits for a writer in the background. The connection must be closed
// already, so that it ends soon.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.writing {
		o.drained.Wait()
	}
}
