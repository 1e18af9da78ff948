package nut

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Options are for [Dial]. The zero value is an anonymous client without TLS,
// which may read all that a server shows.
type Options struct {
	// TLS, if set, asks for TLS before anything else is said, and a server that
	// will not have it is left: there is no going on in clear. The host's name
	// is put in where ServerName is empty.
	TLS *tls.Config
	// Username and Password log in. Without TLS they cross the wire in clear.
	Username, Password string
	// DialContext makes the connection; default [net.Dialer.DialContext].
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Client is a connection to a server. It serves one request at a time and is
// not safe for use by several goroutines.
type Client struct {
	conn   net.Conn
	r      *bufio.Reader
	broken error
}

// Address puts the usual port behind a host that has none.
func Address(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	return net.JoinHostPort(strings.Trim(addr, "[]"), fmt.Sprint(Port))
}

// Dial connects to the server at "host" or "host:port", starts TLS and says who
// we are, as the options have it. A server checks a user and a password only
// when they are needed: a wrong one shows itself at [Client.Login] and others.
func Dial(ctx context.Context, addr string, opts Options) (*Client, error) {
	dial := opts.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	addr = Address(addr)
	conn, err := dial(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to the UPS server: %w", err)
	}
	c := NewClient(conn)
	if err := c.open(ctx, addr, opts); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// NewClient speaks on a connection that leads to a server.
func NewClient(conn net.Conn) *Client {
	return &Client{conn: conn, r: bufio.NewReaderSize(conn, MaxLine)}
}

func (c *Client) open(ctx context.Context, addr string, opts Options) error {
	if opts.TLS != nil {
		config := opts.TLS.Clone()
		if host, _, err := net.SplitHostPort(addr); err == nil && config.ServerName == "" {
			config.ServerName = host
		}
		if err := c.StartTLS(ctx, config); err != nil {
			return err
		}
	}
	if opts.Username == "" && opts.Password == "" {
		return nil
	}
	return c.Identify(ctx, opts.Username, opts.Password)
}

// Close closes the connection without a word. See [Client.Logout] for manners.
func (c *Client) Close() error { return c.conn.Close() }

// StartTLS turns the connection into TLS (RFC 9271, section 4.2.11). After a
// failure the client is of no more use.
func (c *Client) StartTLS(ctx context.Context, config *tls.Config) error {
	if _, err := c.ask(ctx, "STARTTLS", "OK"); err != nil {
		return c.breakOff(err)
	}
	if c.r.Buffered() > 0 {
		return c.breakOff(fmt.Errorf("STARTTLS: %w: something was said in clear before the TLS handshake", ErrUnexpected))
	}
	secured := tls.Client(c.conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return c.breakOff(fmt.Errorf("STARTTLS: %w", err))
	}
	c.conn, c.r = secured, bufio.NewReaderSize(secured, MaxLine)
	return nil
}

// ask sends words in one write and returns the words of an answer of one line,
// which must begin with these.
func (c *Client) ask(ctx context.Context, request string, begin ...string) (rest []string, err error) {
	if c.broken != nil {
		return nil, c.broken
	}
	defer c.watch(ctx)()
	if err := c.send(request); err != nil {
		return nil, c.failed(ctx, request, err)
	}
	words, err := c.answer(request)
	var refusal *Error
	switch {
	case errors.As(err, &refusal):
		return nil, err
	case err == nil && !begins(words, begin):
		err = fmt.Errorf("%w: %s", ErrUnexpected, clip(strings.Join(words, " ")))
	}
	if err != nil {
		return nil, c.failed(ctx, request, err)
	}
	return words[len(begin):], nil
}

// list asks for a list and gives what follows the begin words in each row.
func (c *Client) list(ctx context.Context, what string, begin ...string) (rows [][]string, err error) {
	request := "LIST " + what
	if _, err := c.ask(ctx, request, append([]string{"BEGIN", "LIST"}, begin...)...); err != nil {
		return nil, err
	}
	defer c.watch(ctx)()
	size, end := 0, append([]string{"END", "LIST"}, begin...)
	for {
		line, err := c.line()
		if size += len(line); err == nil && size > MaxList {
			err = fmt.Errorf("%w: a list of more than %d KiB", ErrUnexpected, MaxList>>10)
		}
		var words []string
		if err == nil {
			words, err = Split(line)
		}
		switch {
		case err != nil:
		case begins(words, end):
			return rows, nil
		case begins(words, begin):
			rows = append(rows, words[len(begin):])
			continue
		default:
			err = fmt.Errorf("%w: %s in a list", ErrUnexpected, clip(line))
		}
		return nil, c.failed(ctx, request, err)
	}
}

func (c *Client) send(request string) error {
	if len(request)+1 > MaxRequest {
		return fmt.Errorf("a request has at most %d bytes", MaxRequest)
	}
	_, err := io.WriteString(c.conn, request+"\n")
	return err
}

// answer reads one line; a refusal is an *Error.
func (c *Client) answer(request string) ([]string, error) {
	line, err := c.line()
	if err != nil {
		return nil, err
	}
	words, err := Split(line)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnexpected, err)
	case len(words) >= 2 && words[0] == "ERR":
		return nil, &Error{Request: told(request), Code: Code(clip(words[1])), Detail: clip(strings.Join(words[2:], " "))}
	}
	return words, nil
}

// line reads one line without its end.
func (c *Client) line() (string, error) {
	part, err := c.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", fmt.Errorf("%w: a line of more than %d KiB", ErrUnexpected, MaxLine>>10)
	case errors.Is(err, io.EOF):
		return "", fmt.Errorf("the server closed the connection: %w", io.ErrUnexpectedEOF)
	case err != nil:
		return "", err
	}
	return strings.TrimRight(string(part), "\r\n"), nil
}

// failed ends a client whose connection does no longer say what it should.
func (c *Client) failed(ctx context.Context, request string, err error) error {
	err = fmt.Errorf("%s: %w", told(request), err)
	if ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return c.breakOff(err)
}

func (c *Client) breakOff(err error) error {
	c.broken = err
	c.conn.Close()
	return err
}

// watch makes the end of ctx unblock reading and writing; what it returns
// stops that.
func (c *Client) watch(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
}

// told is a request without what must not be told: passwords and values.
func told(request string) string {
	if strings.HasPrefix(request, "PASSWORD") {
		return "PASSWORD"
	}
	if words := strings.SplitN(request, " ", 5); words[0] == "SET" && len(words) > 4 {
		return strings.Join(words[:4], " ")
	}
	return request
}

func begins(words, with []string) bool {
	if len(words) < len(with) {
		return false
	}
	for i, w := range with {
		if words[i] != w {
			return false
		}
	}
	return true
}

// clip bounds what is repeated of a server's words.
func clip(text string) string {
	const most = 200
	if len(text) > most {
		text = text[:most] + "..."
	}
	return printable(text)
}
