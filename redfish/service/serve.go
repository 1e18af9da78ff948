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
	all := &seats{Listener: l, free: make(chan struct{}, maxConns), closed: make(chan struct{}), idle: make(map[net.Conn]time.Time)}
	l = all
	if config != nil {
		l = tls.NewListener(l, config)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{
		Handler: s, BaseContext: func(net.Listener) context.Context { return ctx }, // streams end with the service too
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ConnState: all.note, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
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

// seats is a listener that accepts no more while all seats are taken. Who asks nothing
// at the moment gives up their seat then: else anybody could take all of them for long.
type seats struct {
	net.Listener
	free   chan struct{}
	closed chan struct{}
	once   sync.Once

	mu    sync.Mutex
	idle  map[net.Conn]time.Time // since when
	waits bool                   // somebody may be waiting for a seat
}

// Accept implements [net.Listener].
func (l *seats) Accept() (net.Conn, error) {
	select {
	case l.free <- struct{}{}:
	default:
		l.wait(true)
		select {
		case l.free <- struct{}{}:
			l.wait(false)
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &seated{Conn: conn, leave: sync.OnceFunc(func() { <-l.free })}, nil
}

// wait notes whether a seat is waited for, and has who was idle for longest leave.
func (l *seats) wait(waits bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waits = waits
	var first net.Conn
	for conn, since := range l.idle {
		if first == nil || since.Before(l.idle[first]) {
			first = conn
		}
	}
	if waits && first != nil {
		l.dismiss(first)
	}
}

// note follows the states of connections.
func (l *seats) note(conn net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.idle, conn)
	if state != http.StateIdle {
		return
	}
	l.idle[conn] = time.Now()
	if l.waits {
		l.dismiss(conn)
	}
}

// dismiss ends an idle connection, without the farewell of TLS, which could take long.
// The caller holds the lock.
func (l *seats) dismiss(conn net.Conn) {
	delete(l.idle, conn)
	l.waits = false
	if t, is := conn.(*tls.Conn); is {
		conn = t.NetConn()
	}
	_ = conn.Close()
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
