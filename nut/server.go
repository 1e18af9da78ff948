package nut

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits bound what one client can cost. A zero field means its default.
type Limits struct {
	Clients   int           // how many are served at once, more wait; default 256
	Idle      time.Duration // how long one may be silent; default 10 minutes
	WriteTime time.Duration // how long one write may take; default 30 seconds
}

func (l Limits) withDefaults() Limits {
	if l.Clients <= 0 {
		l.Clients = 256
	}
	if l.Idle <= 0 {
		l.Idle = 10 * time.Minute
	}
	if l.WriteTime <= 0 {
		l.WriteTime = 30 * time.Second
	}
	return l
}

// Server serves the protocol. Handler is required; the fields must not change
// once it serves. Debian's upsc, upsrw, upscmd and upsmon talk to it.
type Server struct {
	Handler Handler
	TLS     *tls.Config // for STARTTLS; without, it is not offered
	Version string      // what VER answers; default "Millwright nut"
	Limits  Limits
	Log     *slog.Logger // what an operator should know; nil for nothing

	mu     sync.Mutex
	logins []login
}

type login struct{ ups, remote string }

// Serve accepts clients until the context ends, then closes the listener and
// all clients and waits for them. It returns nil then, and an error only if the
// listener fails for good.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	var clients sync.WaitGroup
	defer clients.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // before waiting for the clients
	defer context.AfterFunc(ctx, func() { l.Close() })()
	limits := s.Limits.withDefaults()
	seats := make(chan struct{}, limits.Clients)
	for {
		select {
		case seats <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, err := l.Accept()
		switch {
		case err == nil:
			clients.Go(func() {
				defer func() { <-seats }()
				defer conn.Close()
				defer context.AfterFunc(ctx, func() { conn.Close() })()
				newSession(s, conn, limits).serve(ctx)
			})
			continue
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		}
		<-seats
		s.log().Warn("cannot accept a client of the UPS server", "error", err)
		select {
		case <-time.After(time.Second): // a lack of descriptors passes
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Server) version() string { return cmp.Or(s.Version, "Millwright nut") }

// enter counts a client as logged in at a UPS; what it returns counts it out.
func (s *Server) enter(l login) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins = append(s.logins, l)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if i := slices.Index(s.logins, l); i >= 0 {
			s.logins = slices.Delete(s.logins, i, i+1)
		}
	}
}

// loggedIn gives the addresses of those logged in at a UPS, in order.
func (s *Server) loggedIn(ups string) (remotes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.logins {
		if l.ups == ups {
			remotes = append(remotes, l.remote)
		}
	}
	slices.SortFunc(remotes, strings.Compare)
	return remotes
}
