package ockle_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"millwright.dev/millwright/ockle"
)

// script is a client that has sent all it will send.
type script struct {
	io.Reader
	answer bytes.Buffer
	closed chan struct{}
	once   sync.Once
}

func (s *script) Write(b []byte) (int, error)      { return s.answer.Write(b) }
func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

func (s *script) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// Whatever is sent, the server answers with one frame that is a message, or not at
// all.
func FuzzServer(f *testing.F) {
	f.Add([]byte(request(ockle.ClientSend, "echo", ockle.Value{Key: "a", Text: "é"})))
	f.Add([]byte(request(ockle.ClientSend, "fail", ockle.Value{Key: "server", Text: "\x00<"})))
	f.Fuzz(func(t *testing.T, sent []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		l, client := make(pipes), &script{Reader: bytes.NewReader(sent), closed: make(chan struct{})}
		s := ockle.Server{Handler: ockle.HandlerFunc(echo), Limits: ockle.Limits{Message: 10_000}}
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx, l) }()
		l <- client
		<-client.closed
		cancel()
		<-done
		if client.answer.Len() > 0 {
			answer(t, client.answer.String())
		}
	})
}
