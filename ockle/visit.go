package ockle

import (
	"container/list"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// visit is one client's connection, with its one request.
type visit struct {
	server *Server
	limits Limits
	seats  *seats
	conn   net.Conn

	// Guarded by the seats.
	seated bool
	place  *list.Element // among those that wait
	held   int           // bytes of memory
}

func (v *visit) serve(ctx context.Context) {
	defer v.seats.leave(v)
	defer v.conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = v.conn.Close() })
	defer stop()
	if v.server.Allow != nil && !v.server.Allow(v.conn.RemoteAddr()) {
		v.server.log().Info("client refused", "client", v.conn.RemoteAddr())
		return
	}
	answer, send := v.answer(ctx)
	if send {
		v.send(answer)
	}
}

// answer reads the request and has it carried out. There is nothing to send to a
// client that has left, or that is to get no answer.
func (v *visit) answer(ctx context.Context) (answer Message, send bool) {
	_ = v.conn.SetReadDeadline(time.Now().Add(v.limits.ReadTime))
	payload, err := readFrame(v.conn, v.limits.Message, func(more int) { v.seats.hold(v, more) })
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errorMessage(Errorf(CodeTimeout, "the request has not come to its end in %v", v.limits.ReadTime)), true
	case errors.Is(err, ErrFrame), errors.Is(err, ErrTooLarge):
		return errorMessage(&Error{Code: CodeInvalid, Message: err.Error()}), true
	case err != nil:
		return Message{}, false
	}
	// From here on the client is not evicted, whatever it costs.
	if !v.seats.work(v) {
		return Message{}, false
	}
	defer v.seats.wait(v)
	m, err := Decode(payload)
	switch {
	case err != nil:
		return errorMessage(&Error{Code: CodeInvalid, Message: err.Error()}), true
	case m.Class != ClientSend:
		return errorMessage(ErrUnknownCommand), true
	}
	ctx, cancel := context.WithTimeout(ctx, v.limits.HandleTime)
	defer cancel()
	values, err := v.server.Handler.ServeOckle(ctx, Request{Command: m.Name, Values: m.Values, Remote: v.conn.RemoteAddr()})
	switch {
	case errors.Is(err, ErrNoAnswer):
		return Message{}, false
	case err != nil:
		return errorMessage(err), true
	}
	return Message{Class: ServerSend, Name: m.Name, Values: values}, true
}

// How long, and for how many bytes, a client that has its answer is listened to.
const (
	lingerTime  = time.Second
	lingerBytes = 64 << 10
)

// send sends the answer. What the client has sent beyond its request is taken and
// dropped for a moment: to close on it would reset the connection, and could take
// the answer back out of the client's hands.
func (v *visit) send(answer Message) {
	_ = v.conn.SetWriteDeadline(time.Now().Add(v.limits.WriteTime))
	if _, err := v.conn.Write(AppendFrame(nil, answer.Encode())); err != nil {
		return
	}
	if half, ok := v.conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	_ = v.conn.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, v.conn, lingerBytes)
}

// refuse tells a client that there is no seat.
func (v *visit) refuse(ctx context.Context) {
	defer v.conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = v.conn.Close() })
	defer stop()
	v.limits.WriteTime = lingerTime
	v.send(errorMessage(Errorf(CodeBusy, "too many clients are being served, try again")))
}
