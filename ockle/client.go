package ockle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// DefaultTimeout is how long a client waits, unless another time is set.
const DefaultTimeout = 5 * time.Second

// DefaultPort is the port on which daemons usually listen.
const DefaultPort = 8088

// Client asks a daemon. Addr is required. Each call has a connection of its own,
// so a client can be used by many goroutines at once and needs no closing.
type Client struct {
	// Addr is host:port.
	Addr string
	// Timeout is how long one call may take, connecting included; default
	// [DefaultTimeout]. A call's context can end it sooner. The original answers
	// setServer, switchOutlet and switchControl only when all is switched.
	Timeout time.Duration
	// Limit is the largest answer that is taken, in bytes; default 16 MiB.
	Limit int
	// Dial makes connections, such as through TLS; nil means TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Call sends a command and gives what its answer holds. An error that the server
// told is an [*Error]; others say what failed on the way to it and back.
func (c *Client) Call(ctx context.Context, command string, params Values) (Values, error) {
	m, err := c.exchange(ctx, command, params, true)
	if err != nil {
		return nil, err
	}
	if m.Class != ServerSend {
		return nil, told(command, m)
	}
	return m.Values, nil
}

// Send sends a command and waits for no answer, only until the server has closed
// or a moment has passed, as for restart.
func (c *Client) Send(ctx context.Context, command string, params Values) error {
	_, err := c.exchange(ctx, command, params, false)
	return err
}

func (c *Client) exchange(ctx context.Context, command string, params Values, answer bool) (m Message, err error) {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = ctx.Err() // and not that its connection was closed
		}
		if err != nil {
			err = fmt.Errorf("asking Ockle at %s to %s: %w", c.Addr, command, err)
		}
	}()
	dial := c.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", c.Addr)
	if err != nil {
		return Message{}, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()

	request := Message{Class: ClientSend, Name: command, Values: params}
	if _, err := conn.Write(AppendFrame(nil, request.Encode())); err != nil {
		return Message{}, err
	}
	if !answer {
		_ = conn.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, conn, lingerBytes)
		return Message{}, nil
	}
	limit := c.Limit
	if limit <= 0 {
		limit = 16 << 20
	}
	return readAnswer(conn, limit)
}

// readAnswer reads an answer, in a frame or, as the original sends errors, without.
func readAnswer(r io.Reader, limit int) (Message, error) {
	var first [1]byte
	if _, err := io.ReadFull(r, first[:]); err != nil {
		return Message{}, gone(err)
	}
	r = io.MultiReader(bytes.NewReader(first[:]), r)
	var payload []byte
	var err error
	if c := first[0]; c >= '0' && c <= '9' {
		payload, err = ReadFrame(r, limit)
	} else {
		payload, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
		if err == nil && len(payload) > limit {
			err = fmt.Errorf("%w: it has more than %d bytes", ErrTooLarge, limit)
		}
	}
	if err != nil {
		return Message{}, gone(err)
	}
	m, err := Decode(payload)
	if err == nil && m.Class != ServerSend && m.Class != ServerError {
		err = fmt.Errorf("the answer's class %q is none of a server", short(string(m.Class)))
	}
	return m, err
}

// gone says more of a connection that ended where an answer should have been.
func gone(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the server closed the connection without an answer: %w", io.ErrUnexpectedEOF)
	}
	return err
}
