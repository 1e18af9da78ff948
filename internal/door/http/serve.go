package httpdoor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// stopFor is how long clients may take to leave when the daemon stops.
const stopFor = 2 * time.Second

// Serve answers on a listener until ctx ends, and then lets the requests under
// way come to their end. It closes the listener. At most 1,024 connections are
// served at once; others wait in the kernel's queue.
//
// A unix socket is trusted to say who connects; who comes otherwise has to log
// in.
func (d *Door) Serve(ctx context.Context, l net.Listener) error {
	return d.serve(ctx, newLimited(l, maxConns, maxOwnConns))
}

// ServeTLS is Serve with TLS on top of the listener, and HTTP/2 for who can speak it:
// a browser may then follow more streams than it would open connections.
func (d *Door) ServeTLS(ctx context.Context, l net.Listener, config *tls.Config) error {
	config = config.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	if choose := config.GetConfigForClient; choose != nil {
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hello)
			if chosen != nil {
				chosen = chosen.Clone()
				chosen.NextProtos = config.NextProtos
			}
			return chosen, err
		}
	}
	return d.serve(ctx, tls.NewListener(newLimited(l, maxConns, maxOwnConns), config))
}

func (d *Door) serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: d.handler, ConnContext: d.greet,
		// Streams of events end with the daemon too.
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(d.opts.Log.Handler(), slog.LevelDebug),
	}
	ended := make(chan struct{})
	stopped := context.AfterFunc(ctx, func() {
		defer close(ended)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopFor)
		defer cancel()
		if server.Shutdown(last) != nil {
			server.Close()
		}
	})
	err := server.Serve(l)
	if !stopped() {
		<-ended
	}
	d.serving.Wait() // their results are to be written down
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the API on %s: %w", l.Addr(), err)
}

// greet puts what is known of a connection into its context.
func (d *Door) greet(ctx context.Context, c net.Conn) context.Context {
	ctx = context.WithValue(ctx, connKey{}, c)
	return d.people.greet(ctx, c)
}
