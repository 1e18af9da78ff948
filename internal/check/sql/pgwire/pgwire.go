// Package pgwire is as much of a PostgreSQL client as a check needs: it logs in, asks one
// query that is text, and takes the first value of the first row. The usual library does
// a hundred times that, and was the largest single thing that checks brought with them.
//
// It speaks version 3.0 of the protocol (PostgreSQL 7.4 and later, and what claims to be
// one), over TLS or without. Of the ways to log in it knows the password in the clear,
// over TLS only; md5; SCRAM-SHA-256, bound to the TLS connection where the server can do
// that; and none at all. A password is sent as it is: RFC 4013's preparation, which
// changes some that are not ASCII, is left out, as PostgreSQL itself leaves it out for
// passwords that are not UTF-8.
//
// The server may be hostile: what it says is bounded message by message, and each length
// is looked at before it is believed. How much it says in all, and for how long, is for
// the connection and the context to bound.
//
// Start at [Connect]. auth.go and scram.go log in, message.go frames. The source is the
// PostgreSQL 15 documentation, chapter 55, "Frontend/Backend Protocol", named below by
// section.
package pgwire

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Config says who wants in, and where to.
type Config struct {
	User, Password string
	Database       string            // the user's own if empty
	TLS            *tls.Config       // nil for none; a server that has none is an error
	Parameters     map[string]string // run-time parameters of the session
	MaxMessage     int               // of one message's body, in bytes; 1 MiB if 0
}

// Error is what a server says is wrong; 55.8, "Error and Notice Message Fields".
type Error struct {
	Code    string // SQLSTATE: five letters and digits, appendix A
	Message string
}

// Error implements error.
func (e *Error) Error() string { return e.Message + " (SQLSTATE " + e.Code + ")" }

// RefusedError is what we turn down ourselves: a way to log in that is not safe or not
// known, or words that cannot be sent.
type RefusedError struct{ Reason string }

// Error implements error.
func (e *RefusedError) Error() string { return e.Reason }

// Conn is a session of one server. It is for one goroutine.
type Conn struct {
	stream
	raw  net.Conn             // what is below TLS
	tls  *tls.ConnectionState // nil without
	done func() bool          // ends the context's hold on the connection
}

// Connect logs in over a connection, which is its own from now on, and is closed if it
// fails. When the context ends, so does the session.
func Connect(ctx context.Context, raw net.Conn, config *Config) (*Conn, error) {
	c := &Conn{stream: stream{Conn: raw, limit: config.MaxMessage}, raw: raw}
	if c.limit <= 0 {
		c.limit = 1 << 20
	}
	c.done = context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	if err := c.login(ctx, config); err != nil {
		c.done()
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

// login is section 55.2.1, "Start-up".
func (c *Conn) login(ctx context.Context, config *Config) error {
	if config.TLS != nil {
		if err := c.secure(ctx, config.TLS); err != nil {
			return err
		}
	}
	words := []string{"user", config.User}
	if config.Database != "" {
		words = append(words, "database", config.Database)
	}
	for name, value := range config.Parameters {
		words = append(words, name, value)
	}
	body, err := zeroEnded(binary.BigEndian.AppendUint32(nil, version), words...)
	if err != nil {
		return err
	}
	if err := c.send(0, append(body, 0)); err != nil {
		return err
	}
	if err := c.authenticate(config); err != nil {
		return err
	}
	for {
		switch kind, _, err := c.receive(); {
		case err != nil:
			return err
		case kind == readyForQuery:
			return nil
		case kind != backendKeyData:
			return unexpected(kind)
		}
	}
}

// secure is section 55.2.10, "SSL Session Encryption". One byte is read and no more, so
// that nothing sent in the clear is taken for what is said under TLS.
func (c *Conn) secure(ctx context.Context, config *tls.Config) error {
	if err := c.send(0, binary.BigEndian.AppendUint32(nil, requestTLS)); err != nil {
		return err
	}
	var answer [1]byte
	if _, err := io.ReadFull(c.Conn, answer[:]); err != nil {
		return hungUp(err)
	}
	if answer[0] != 'S' {
		return errors.New("it has no TLS")
	}
	secured := tls.Client(c.Conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return err
	}
	state := secured.ConnectionState()
	c.Conn, c.tls = secured, &state
	return nil
}

// First asks one query, and gives the first value of its first row: found is false where
// there is no row, and the value empty where it is NULL. It is the last that is asked of
// a session: where the query has more rows, they are left. It is section 55.2.3,
// "Extended Query", which takes one statement only.
func (c *Conn) First(query string) (value string, found bool, err error) {
	parse, err := zeroEnded(nil, "", query)
	if err != nil {
		return "", false, err
	}
	c.queue(msgParse, append(parse, 0, 0))     // no types of parameters
	c.queue(msgBind, make([]byte, 8))          // the unnamed portal and statement; no parameters; text
	c.queue(msgExecute, []byte{0, 0, 0, 0, 1}) // one row
	if err := c.send(msgSync, nil); err != nil {
		return "", false, err
	}
	for {
		switch kind, body, err := c.receive(); {
		case err != nil:
			return "", false, err
		case kind == dataRow:
			value, err := firstColumn(body)
			return value, err == nil, err
		case kind == commandComplete, kind == emptyQuery, kind == portalSuspended:
			return "", false, nil
		case kind == copyIn, kind == copyOut, kind == copyBoth:
			return "", false, &RefusedError{"COPY gives no row: it takes a query"}
		case kind != parseComplete && kind != bindComplete:
			return "", false, unexpected(kind)
		}
	}
}

// firstColumn is the first value of a DataRow; 55.7, "Message Formats".
func firstColumn(body []byte) (string, error) {
	if len(body) < 2 {
		return "", errGarbled
	}
	columns, rest := binary.BigEndian.Uint16(body), body[2:]
	if columns == 0 {
		return "", nil
	}
	if len(rest) < 4 {
		return "", errGarbled
	}
	size, rest := int32(binary.BigEndian.Uint32(rest)), rest[4:]
	switch {
	case size == -1: // NULL
		return "", nil
	case size < 0 || int(size) > len(rest):
		return "", errGarbled
	}
	return string(rest[:size]), nil
}

// Close says good-bye and hangs up.
func (c *Conn) Close() error {
	defer c.done()
	return errors.Join(c.send(msgTerminate, nil), c.raw.Close())
}

// unexpected is a message that has no place where it came.
func unexpected(kind byte) error {
	return fmt.Errorf("it sends a message %q where there is none in the protocol", kind)
}

// serverError reads an ErrorResponse.
func serverError(body []byte) error {
	e := &Error{Code: "XX000"}
	for field := range strings.SplitSeq(string(body), "\x00") {
		switch {
		case field == "":
		case field[0] == 'C':
			e.Code = field[1:]
		case field[0] == 'M':
			e.Message = field[1:]
		}
	}
	return e
}
