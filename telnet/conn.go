package telnet

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// MaxPendingReplies is how many bytes of answers to the peer's option requests
// wait for a peer that does not take them. A peer that asks on and on without
// reading ends the connection with [ErrFlood].
const MaxPendingReplies = 4096

// MaxSubnegotiation is how many bytes a sub-negotiation may have. A longer one
// ends the connection with [ErrSubnegotiation]: its end may never come, and all
// that follows would be swallowed in silence.
const MaxSubnegotiation = 4096

var (
	// ErrFlood is returned by Read when the peer asks for options without
	// reading the answers.
	ErrFlood = errors.New("telnet: peer sends option requests but does not read the answers")
	// ErrSubnegotiation is returned by Read when a sub-negotiation is too long.
	ErrSubnegotiation = errors.New("telnet: sub-negotiation without an end")
)

// Dialect chooses how option requests are answered.
type Dialect int

const (
	// Standard answers each request once, as RFC 1143 asks: what
	// [Options.Perform] and [Options.Accept] allow is agreed to, all else is
	// refused.
	Standard Dialect = iota
	// PowerManDialect answers as powermand does: DO is answered from a fixed
	// table every time it is asked, or ignored; WILL, WONT and DONT are taken
	// in silence (PowerMan 2.4 behaviour).
	PowerManDialect
)

// Options say how one end behaves. The zero value is a client that agrees to
// SUPPRESS-GO-AHEAD both ways and to the peer's ECHO, and refuses the rest.
type Options struct {
	Dialect Dialect

	// NoEscape sends data bytes of value 255 as they are. RFC 854 wants them
	// doubled, which is the default; powermand never does it.
	NoEscape bool

	// Perform lists the options which this end performs if the peer asks (DO),
	// above SUPPRESS-GO-AHEAD and TIMING-MARK, which it always does. Standard
	// dialect only.
	Perform []Option
	// Accept lists the options which the peer may perform if it offers (WILL),
	// above SUPPRESS-GO-AHEAD and ECHO. Standard dialect only.
	Accept []Option

	// Offer and Ask are sent at once, as WILL and DO; a client normally sends
	// none and lets the server speak first.
	Offer, Ask []Option

	// Terminal, if not empty, is given to a peer that asks for the
	// TERMINAL-TYPE (RFC 1091), for example "VT100". Standard dialect only.
	Terminal string
	// Columns and Rows, if not zero, are given to a peer that asks for the
	// window size (RFC 1073), in characters. Standard dialect only.
	Columns, Rows uint16

	// Ignored, if set, is called from Read for each request which is neither
	// agreed to nor refused but dropped. Leave it nil to be quiet.
	Ignored func(Command, Option)
}

// PowerMan returns the options with which a [Conn] treats its peer as powermand
// treats a device. ignored is called for each DO that powermand would ignore and
// log; nil for a device with the flag "quiet".
func PowerMan(ignored func(Command, Option)) Options {
	return Options{Dialect: PowerManDialect, NoEscape: true, Ignored: ignored}
}

// Conn is one end of a telnet connection. One goroutine may read while another
// writes. It keeps no buffer: an idle Conn costs only itself.
//
// Read never writes: answers to the peer are sent by a goroutine of the Conn
// that lives only as long as answers wait, so that two ends which both write
// first do not block each other. Answers always go out before data written
// later, and Close waits for that goroutine.
type Conn struct {
	rwc   io.ReadWriteCloser
	input filter // owned by the reading goroutine

	noEscape bool
	writing  sync.Mutex // held while rwc.Write runs

	mu       sync.Mutex
	pending  []byte // answers not yet written
	flushing bool   // a goroutine is at work on pending
	closed   bool
	flusher  sync.WaitGroup
}

// NewConn puts a telnet client on rwc, usually a net.Conn. Closing the Conn
// closes rwc, which must make a Write in progress return.
func NewConn(rwc io.ReadWriteCloser, o Options) *Conn {
	c := &Conn{rwc: rwc, noEscape: o.NoEscape}
	c.input = newFilter(o, c.queue)
	c.input.open(o)
	c.kick()
	return c
}

// NewServer puts a telnet server on rwc. It opens as a power strip's menu does:
// it offers ECHO and SUPPRESS-GO-AHEAD, then whatever o.Offer and o.Ask add.
func NewServer(rwc io.ReadWriteCloser, o Options) *Conn {
	o.Offer = append([]Option{Echo, SuppressGoAhead}, o.Offer...)
	return NewConn(rwc, o)
}

// Read reads plain data into p. It returns at least one byte or an error,
// unless p is empty.
func (c *Conn) Read(p []byte) (int, error) {
	for {
		n, err := c.rwc.Read(p)
		if n > 0 {
			var bad error
			if n, bad = c.input.apply(p[:n]); bad != nil {
				return n, bad
			}
			c.kick()
		}
		// A read that held only commands is not worth waking the caller.
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// Write sends p as data. The count is in bytes of p.
func (c *Conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	head := c.takePending()
	if c.noEscape || bytes.IndexByte(p, IAC) < 0 {
		if len(head) == 0 {
			return c.rwc.Write(p)
		}
		n, err := c.rwc.Write(append(head, p...))
		return max(n-len(head), 0), err
	}
	out := head
	for _, b := range p {
		if b == IAC {
			out = append(out, IAC)
		}
		out = append(out, b)
	}
	n, err := c.rwc.Write(out)
	if err != nil {
		return sentData(p, n-len(head)), err
	}
	return len(p), nil
}

// sentData converts a count of escaped bytes into a count of whole bytes of p.
func sentData(p []byte, escaped int) int {
	for i, b := range p {
		escaped--
		if b == IAC {
			escaped--
		}
		if escaped < 0 {
			return i
		}
	}
	return len(p)
}

// Close closes the connection beneath and waits for answers in flight to end.
func (c *Conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.pending = nil
	c.mu.Unlock()
	err := c.rwc.Close()
	c.flusher.Wait()
	return err
}

// SetReadDeadline passes on to the connection beneath; it returns
// os.ErrNoDeadline if that has none.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if d, ok := c.rwc.(interface{ SetReadDeadline(time.Time) error }); ok {
		return d.SetReadDeadline(t)
	}
	return os.ErrNoDeadline
}

// SetWriteDeadline passes on to the connection beneath; it returns
// os.ErrNoDeadline if that has none.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if d, ok := c.rwc.(interface{ SetWriteDeadline(time.Time) error }); ok {
		return d.SetWriteDeadline(t)
	}
	return os.ErrNoDeadline
}

// queue adds an answer. It reports false if too many wait already.
func (c *Conn) queue(answer ...byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending)+len(answer) > MaxPendingReplies {
		return false
	}
	if !c.closed {
		c.pending = append(c.pending, answer...)
	}
	return true
}

func (c *Conn) takePending() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pending
	c.pending = nil
	return p
}

// kick has the answers that wait sent, without waiting for it.
func (c *Conn) kick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) == 0 || c.flushing || c.closed {
		return
	}
	c.flushing = true
	c.flusher.Go(c.flush)
}

// flush writes the answers that wait, until none do. An error is left for the
// next Write to meet: the reader learns of a broken connection by itself.
func (c *Conn) flush() {
	for {
		c.writing.Lock()
		if p := c.takePending(); len(p) > 0 {
			_, _ = c.rwc.Write(p)
		}
		c.writing.Unlock()

		c.mu.Lock()
		if len(c.pending) == 0 || c.closed {
			c.flushing = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
}
