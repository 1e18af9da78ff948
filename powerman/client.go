package powerman

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// MaxReplyLine is the longest line, in bytes, that a [Client] reads from a
// server: a folded list of a very large room.
const MaxReplyLine = 16 << 20

// Errors of a [Client] about the server.
var (
	// ErrUnexpected: what came is not the protocol.
	ErrUnexpected = errors.New("unexpected response from server")
	// ErrEOF: the server closed the connection before its reply was complete.
	ErrEOF = errors.New("EOF on read")
)

// ReplyError is a 2xx reply. Its text is that of the server.
type ReplyError struct {
	Code Code
	Text string
}

func (e *ReplyError) Error() string { return fmt.Sprintf("%s (%d)", e.Text, e.Code) }

// Line is one line of a reply.
type Line struct {
	Code Code
	Text string // what follows the code and its blank, without line end
}

// Err returns nil for a 1xx line and a [*ReplyError] for a 2xx line.
func (l Line) Err() error {
	if l.Code.Success() {
		return nil
	}
	return &ReplyError{Code: l.Code, Text: l.Text}
}

// DialOptions are for [Dial]. The zero value is good.
type DialOptions struct {
	// DialContext makes the connection; default [net.Dialer.DialContext],
	// which tries all addresses of a name.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Client is a connection to a power daemon. It serves one request at a time
// and is not safe for use by several goroutines.
type Client struct {
	// Version is what the server's banner says.
	Version string

	rwc       io.ReadWriteCloser
	r         *bufio.Reader
	exprange  bool
	telemetry bool
	broken    error
}

// Dial connects to the server at addr (see [SplitAddress]) and reads its
// banner. All addresses of the name are tried. A name that cannot be resolved
// gives an error that wraps [*net.DNSError].
func Dial(ctx context.Context, addr string, opts DialOptions) (*Client, error) {
	host, port := SplitAddress(addr)
	dial := opts.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("connect to powerman server: %w", err)
	}
	return NewClient(ctx, conn)
}

// NewClient reads the banner from a stream that leads to a server, and speaks
// on it from then on. It closes rwc on failure.
func NewClient(ctx context.Context, rwc io.ReadWriteCloser) (*Client, error) {
	c := &Client{rwc: rwc, r: bufio.NewReader(rwc)}
	defer c.watch(ctx)()
	line, err := c.readLine()
	if err == nil && line.Code != CodeVersion {
		err = fmt.Errorf("%w: banner %q", ErrUnexpected, clip(line.Text))
	}
	if err == nil {
		c.Version = line.Text
		err = c.readPrompt()
	}
	if err != nil {
		_ = rwc.Close()
		return nil, because(ctx, fmt.Errorf("greeting of powerman server: %w", err))
	}
	return c, nil
}

// Close closes the connection without a word. See [Client.Quit] for manners.
func (c *Client) Close() error { return c.rwc.Close() }

// Quit says goodbye and closes.
func (c *Client) Quit(ctx context.Context) error {
	_, err := c.Do(ctx, Request{Command: CmdQuit}, nil)
	return errors.Join(err, c.Close())
}

// Do sends one request, in one write, and reads its reply to the end. Each 3xx
// line is given to each (which may be nil) as it comes; the line that ends the
// reply is returned. The error is about the connection only; see [Line.Err]
// for what the server thinks. After an error, or when the context ended before
// the reply, the client is of no more use.
func (c *Client) Do(ctx context.Context, req Request, each func(Line)) (Line, error) {
	if c.broken != nil {
		return Line{}, c.broken
	}
	text, err := req.Line()
	if err != nil {
		return Line{}, err
	}
	defer c.watch(ctx)()
	line, err := c.exchange(text, each)
	if err != nil {
		err = because(ctx, fmt.Errorf("%s on powerman server: %w", req.Command, err))
		c.broken = err
		_ = c.rwc.Close()
		return Line{}, err
	}
	switch line.Code {
	case CodeExprange:
		c.exprange = strings.HasSuffix(line.Text, " ON")
	case CodeTelemetry:
		c.telemetry = strings.HasSuffix(line.Text, " ON")
	}
	return line, nil
}

func (c *Client) exchange(request string, each func(Line)) (Line, error) {
	if _, err := io.WriteString(c.rwc, request+"\n"); err != nil {
		return Line{}, err
	}
	for {
		line, err := c.readLine()
		if err != nil {
			return Line{}, err
		}
		switch {
		case line.Code == CodeGoodbye, line.Code == CodeInProgress:
			return line, nil // no prompt follows
		case line.Code.Final():
			return line, c.readPrompt()
		case line.Code < 300 || line.Code > 399:
			return Line{}, fmt.Errorf("%w: code %03d", ErrUnexpected, line.Code)
		case each != nil:
			each(line)
		}
	}
}

// readLine reads "NNN text" with its line end, LF or CR LF.
func (c *Client) readLine() (Line, error) {
	var long []byte
	for {
		part, err := c.r.ReadSlice('\n')
		if len(long)+len(part) > MaxReplyLine {
			return Line{}, fmt.Errorf("%w: line longer than %d bytes", ErrUnexpected, MaxReplyLine)
		}
		if err == nil && long == nil {
			return parseLine(part)
		}
		long = append(long, part...)
		switch {
		case err == nil:
			return parseLine(long)
		case errors.Is(err, io.EOF):
			return Line{}, ErrEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return Line{}, err
		}
	}
}

func (c *Client) readPrompt() error {
	var got [len(Prompt)]byte
	switch _, err := io.ReadFull(c.r, got[:]); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrEOF
	case err != nil:
		return err
	case string(got[:]) != Prompt:
		return fmt.Errorf("%w: %q instead of the prompt", ErrUnexpected, got[:])
	}
	return nil
}

// watch makes the end of ctx unblock reading and writing; what it returns
// stops that.
func (c *Client) watch(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() {
		if d, ok := c.rwc.(interface{ SetDeadline(time.Time) error }); ok && d.SetDeadline(time.Unix(1, 0)) == nil {
			return
		}
		_ = c.rwc.Close()
	})
}

// because names the context's end as the cause of an error that it caused.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}
