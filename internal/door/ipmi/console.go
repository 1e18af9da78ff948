package ipmidoor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"millwright.dev/millwright/internal/auth"
	"millwright.dev/millwright/internal/console"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/ipmi"
	"millwright.dev/millwright/ipmi/bmc"
)

// What Activate Payload answers (section 24.1).
const (
	codeActive   ipmi.Code = 0x80 // somebody else has it
	codeDisabled ipmi.Code = 0x81
)

// forceFor is how long a client that has deactivated somebody's console may take it over,
// as clients do who are told to use force.
const forceFor = time.Minute

// Console implements [bmc.Consoler] by the node's console in the room.
func (n *node) Console(ctx context.Context, who bmc.Caller) (io.ReadWriteCloser, error) {
	actor, _, _, err := n.see(who)
	if err != nil {
		return nil, err
	}
	if who.Privilege < bmc.Operator { // who only looks does not type
		return nil, ipmi.CodePrivilege
	}
	n.mu.Lock()
	force := n.forced.User == who.User && n.forced.From == who.From && time.Since(n.forceAt) < forceFor
	n.forced = bmc.Caller{}
	n.mu.Unlock()
	seat, err := n.door.opts.Desk.Attach(actor, n.name, console.Wish{Write: true, TakeOver: force})
	if err != nil {
		return nil, consoleCode(err)
	}
	s := &stream{node: n, actor: actor, seat: seat}
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	return s, nil
}

// consoleCode says why there is no console.
func consoleCode(err error) ipmi.Code {
	var missing *auth.Missing
	switch {
	case errors.As(err, &missing):
		return ipmi.CodePrivilege
	case room.CodeOf(err) == room.CodeBusy:
		return codeActive
	}
	return codeDisabled
}

// stream is a seat at a console as bytes. It ends when somebody else takes the console over, or
// the client's rights end.
type stream struct {
	node  *node
	actor desk.Actor
	seat  *console.Seat
	ctx   context.Context
	stop  context.CancelFunc
	rest  []byte // that Read has still to give
}

// Read gives what the console writes, and a line about it when it cannot be reached.
func (s *stream) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		u, err := s.seat.Next(s.ctx)
		if err != nil {
			return 0, err
		}
		if err := s.node.door.opts.Desk.MayConsole(s.actor, s.node.name); err != nil {
			return 0, err
		}
		s.rest = u.Data
		if u.Notice == nil {
			continue
		}
		switch u.Notice.Kind {
		case console.NoticeWriter, console.NoticeClosed:
			if !s.seat.Writes() {
				return 0, io.EOF
			}
		case console.NoticeState:
			if u.Notice.Said != "" {
				s.rest = fmt.Appendf(nil, "\r\n[console of %s: %s]\r\n", s.node.name, u.Notice.Said)
			}
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Write types. What is typed while the console is out of reach is lost, as on any line.
func (s *stream) Write(p []byte) (int, error) {
	if err := s.node.door.opts.Desk.MayConsole(s.actor, s.node.name); err != nil {
		return 0, err
	}
	if err := s.seat.Write(s.ctx, p); err != nil && (!s.seat.Writes() || s.ctx.Err() != nil) {
		return 0, err
	}
	return len(p), nil
}

// SendBreak sends the line's break signal.
func (s *stream) SendBreak() error { return s.seat.Break(s.ctx) }

// Close leaves the console.
func (s *stream) Close() error {
	s.stop()
	s.seat.Close()
	return nil
}
