package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxConns is how many connections are served at once; others wait in the kernel's
// queue.
const maxConns = 512

// Serve answers on a listener until ctx ends, by TLS unless config is nil. It closes
// the listener, and not the service.
func (s *Service) Serve(ctx context.Context, l net.Listener, config *tls.Config) error {
	l = &seats{Listener: l, free: make(chan struct{}, maxConns), closed: make(chan struct{})}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler: s, BaseContext: func(net.Listener) context.Context { return ctx }, // streams end with the service too
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan struct{})
	stopped := context.AfterFunc(ctx, func() {
		defer close(ended)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if server.Shutdown(last) != nil {
			server.Close()
		}
	})
	err := server.Serve(l)
	if !stopped() {
		<-ended
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve Redfish on %s: %w", l.Addr(), err)
}

// seats is a listener that accepts no more while all seats are taken.
type seats struct {
	net.Listener
	free   chan struct{}
	closed chan struct{}
	once   sync.Once
}

// Accept implements [net.Listener].
func (l *seats) Accept() (net.Conn, error) {
	select {
	case l.free <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &seated{Conn: conn, leave: sync.OnceFunc(func() { <-l.free })}, nil
}

// Close implements [net.Listener].
func (l *seats) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type seated struct {
	net.Conn
	leave func()
}

// Close implements [net.Conn].
func (c *seated) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
