package libvirt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The errors of a connection that is over.
var (
	// ErrClosed says that Close was called.
	ErrClosed = errors.New("the connection is closed")
	// ErrSilent says that the daemon gave no sign of life for too long.
	ErrSilent = errors.New("no sign of life")
)

// Options say how to talk. The zero value will do.
type Options struct {
	// KeepAlive is how often the daemon is asked for a sign of life; when it gives
	// none for five times as long, the connection is over. Zero is 5 s, below
	// zero never.
	KeepAlive time.Duration
	// Calls is how many calls may be under way at a time; others wait. Zero is 4: a
	// daemon serves five of a client as it comes from its makers, and beyond those
	// reads nothing more, signs of life included.
	Calls int
	// ReadOnly asks for a connection on which nothing can be changed.
	ReadOnly bool
	// Notify is told what happens to machines, one after the other, in the order in
	// which it happens. It must be quick, and make no calls: nothing else is heard
	// meanwhile. Nil: events are not asked for.
	Notify func(Event)

	Dialing
}

// Conn is a connection to a daemon. All its methods may be called from many
// goroutines; calls are under way side by side. It does not come back by itself
// when it breaks: see [Conn.Done].
type Conn struct {
	rw     io.ReadWriteCloser
	notify func(Event)

	out    chan []byte   // to the writer
	slots  chan struct{} // one for each call under way
	nudge  chan struct{} // the writer has something in urgent
	done   chan struct{}
	heard  atomic.Bool // something came since somebody looked
	owners sync.WaitGroup

	mu      sync.Mutex
	err     error // why it is over
	serial  uint32
	calls   map[uint32]chan reply
	streams map[uint32]*Stream
	urgent  [][]byte // what goes out before all else, and whose sender does not wait
}

// reply is what came back for a call.
type reply struct {
	payload []byte
	err     error
}

// New talks over a line that somebody else has made, and logs in. Name is what is
// opened, such as "qemu:///system" ([URI.Name]). The line is closed with the connection, or
// when New fails.
func New(ctx context.Context, line io.ReadWriteCloser, name string, o Options) (*Conn, error) {
	if o.Calls <= 0 {
		o.Calls = 4
	}
	if o.KeepAlive == 0 {
		o.KeepAlive = 5 * time.Second
	}
	c := &Conn{
		rw: line, notify: o.Notify,
		out: make(chan []byte), slots: make(chan struct{}, o.Calls), nudge: make(chan struct{}, 1), done: make(chan struct{}),
		calls: make(map[uint32]chan reply), streams: make(map[uint32]*Stream),
	}
	c.owners.Go(c.read)
	c.owners.Go(c.write)
	if o.KeepAlive > 0 {
		c.owners.Go(func() { c.live(o.KeepAlive) })
	}
	err := c.open(ctx, name, o)
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// open logs in.
func (c *Conn) open(ctx context.Context, name string, o Options) error {
	if err := c.authenticate(ctx); err != nil {
		return err
	}
	var flags uint32
	if o.ReadOnly {
		flags = 1
	}
	if _, err := c.call(ctx, procOpen, appendUint(appendOptional(nil, name), flags)); err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	if o.Notify != nil {
		return c.listen(ctx)
	}
	return nil
}

// The ways to log in.
const (
	authNone   = 0
	authPolkit = 2
)

// authenticate says who we are, as far as that needs no words: over a local socket
// the daemon sees it by itself, and with TLS by the certificate.
func (c *Conn) authenticate(ctx context.Context) error {
	b, err := c.call(ctx, procAuthList, nil)
	if err != nil {
		return err
	}
	r := reader{b: b}
	ways := make([]uint32, 0, 4)
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		ways = append(ways, r.uint())
	}
	switch {
	case r.err != nil:
		return fmt.Errorf("the ways to log in: %w", r.err)
	case len(ways) == 0 || slices.Contains(ways, authNone):
		return nil
	case slices.Contains(ways, authPolkit):
		_, err := c.call(ctx, procAuthPolkit, nil)
		return err
	}
	return errors.New("the daemon asks for SASL, which is not spoken here; use its local socket, SSH, or TLS with client certificates")
}

// Done is closed when the connection is over, by Close or by itself; [Conn.Err] says why.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err says why the connection is over; nil if it is not.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection, with all its calls and streams. No goroutine of it is left
// when it returns. It must not be called by Options.Notify.
func (c *Conn) Close() error {
	c.fail(ErrClosed)
	c.owners.Wait()
	return nil
}

// fail ends the connection.
func (c *Conn) fail(why error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = why
	close(c.done)
	streams := c.streams
	c.streams = nil
	c.mu.Unlock()
	_ = c.rw.Close()
	for _, s := range streams {
		s.end(why)
	}
}

// read hears what comes. It is the one goroutine that does.
func (c *Conn) read() {
	for {
		h, payload, err := readMessage(c.rw)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the daemon hung up")
			}
			c.fail(err)
			return
		}
		c.heard.Store(true)
		if h.version != programVersion {
			continue
		}
		switch {
		case h.program == programKeepAlive:
			if h.procedure == procPing {
				c.hurry(appendMessage(nil, header{programKeepAlive, programVersion, procPong, typeMessage, 0, statusOK}, nil))
			}
		case h.program != programRemote:
		case h.kind == typeReply:
			c.replied(h, payload)
		case h.kind == typeStream:
			c.streamed(h, payload)
		case h.kind == typeMessage:
			c.happened(h.procedure, payload)
		}
	}
}

// replied hands a reply to whoever waits for it.
func (c *Conn) replied(h header, payload []byte) {
	c.mu.Lock()
	waits := c.calls[h.serial]
	delete(c.calls, h.serial)
	c.mu.Unlock()
	if waits == nil {
		return
	}
	<-c.slots
	if h.status == statusOK {
		waits <- reply{payload: payload}
		return
	}
	waits <- reply{err: parseError(payload)}
}

// write says what is to be said. It is the one goroutine that does.
func (c *Conn) write() {
	for {
		c.mu.Lock()
		urgent := c.urgent
		c.urgent = nil
		c.mu.Unlock()
		for _, b := range urgent {
			if !c.put(b) {
				return
			}
		}
		select {
		case b := <-c.out:
			if !c.put(b) {
				return
			}
		case <-c.nudge:
		case <-c.done:
			return
		}
	}
}

func (c *Conn) put(b []byte) bool {
	_, err := c.rw.Write(b)
	if err != nil {
		c.fail(err)
	}
	return err == nil
}

// maxUrgent bounds what waits to go out first: who asks for more signs of life without
// reading them gets no more.
const maxUrgent = 1024

// hurry has something said that nobody waits for.
func (c *Conn) hurry(b []byte) {
	c.mu.Lock()
	if len(c.urgent) < maxUrgent {
		c.urgent = append(c.urgent, b)
	}
	c.mu.Unlock()
	select {
	case c.nudge <- struct{}{}:
	default:
	}
}

// silences is how many signs of life may stay away.
const silences = 5

// live asks for signs of life, and ends the connection when there are none.
func (c *Conn) live(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for missed := 0; ; missed++ {
		select {
		case <-tick.C:
		case <-c.done:
			return
		}
		if c.heard.Swap(false) {
			missed = 0
		}
		if missed >= silences {
			c.fail(fmt.Errorf("%w for %v", ErrSilent, silences*every))
			return
		}
		c.hurry(appendMessage(nil, header{programKeepAlive, programVersion, procPing, typeMessage, 0, statusOK}, nil))
	}
}

// call makes a call and waits for its reply. When ctx ends before that, nobody knows
// whether the daemon did it.
func (c *Conn) call(ctx context.Context, procedure uint32, args []byte) ([]byte, error) {
	payload, _, err := c.begin(ctx, procedure, args, nil)
	return payload, err
}

// begin makes a call; if there is a stream, it gets the call's number.
func (c *Conn) begin(ctx context.Context, procedure uint32, args []byte, s *Stream) ([]byte, uint32, error) {
	if len(args) > maxMessage-headerSize {
		return nil, 0, errors.New("too long for one message")
	}
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, 0, context.Cause(ctx)
	case <-c.done:
		return nil, 0, c.Err()
	}
	waits := make(chan reply, 1)
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return nil, 0, c.err
	}
	c.serial++
	serial := c.serial
	c.calls[serial] = waits
	if s != nil {
		s.serial = serial
		c.streams[serial] = s
	}
	c.mu.Unlock()
	select {
	case c.out <- appendMessage(nil, header{programRemote, programVersion, procedure, typeCall, serial, statusOK}, args):
	case <-ctx.Done():
		c.forget(serial)
		return nil, serial, context.Cause(ctx)
	case <-c.done:
		return nil, serial, c.Err()
	}
	select {
	case r := <-waits:
		return r.payload, serial, r.err
	case <-ctx.Done():
		return nil, serial, context.Cause(ctx)
	case <-c.done:
		select {
		case r := <-waits: // it came with the last breath
			return r.payload, serial, r.err
		default:
			return nil, serial, c.Err()
		}
	}
}

// forget takes back a call that never went out.
func (c *Conn) forget(serial uint32) {
	c.mu.Lock()
	_, waits := c.calls[serial]
	delete(c.calls, serial)
	c.mu.Unlock()
	if waits { // else somebody has replied to what was never said
		<-c.slots
	}
}
