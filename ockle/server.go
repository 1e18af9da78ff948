package ockle

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Request is one command of one client.
type Request struct {
	Command string
	Values  Values
	Remote  net.Addr
}

// Handler does what clients ask. It is called by many goroutines at once. Its
// context ends with the server or with the time that [Limits] give, and not when
// the client leaves: Ockle's client waits for five seconds and goes, and what it
// has asked for is to be done all the same.
//
// An error is told to the client; see [Errorf], [ErrUnknownCommand] and
// [ErrNoAnswer].
type Handler interface {
	ServeOckle(ctx context.Context, r Request) (Values, error)
}

// HandlerFunc makes a Handler of a function.
type HandlerFunc func(ctx context.Context, r Request) (Values, error)

// ServeOckle calls f.
func (f HandlerFunc) ServeOckle(ctx context.Context, r Request) (Values, error) { return f(ctx, r) }

// Limits bound what clients can cost. A zero field means its default.
type Limits struct {
	// Message is the largest request in bytes; default [DefaultLimit].
	Message int
	// Clients is how many are connected at once; default 512. One more takes the
	// place of the one that has waited longest for the rest of its request or for
	// its answer to be taken; if all of them are being served, it is told to come
	// again.
	Clients int
	// Memory is how many bytes of unfinished requests are held, all together;
	// default 64 MiB. The one that has waited longest makes room for others.
	Memory int
	// ReadTime is how long a request may take to come, default 10 seconds, and
	// WriteTime how long its answer may take to go, default 30 seconds.
	ReadTime, WriteTime time.Duration
	// HandleTime is how long the Handler may take; default 10 minutes.
	HandleTime time.Duration
}

func (l Limits) withDefaults() Limits {
	number := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	span := func(t *time.Duration, d time.Duration) {
		if *t <= 0 {
			*t = d
		}
	}
	number(&l.Message, DefaultLimit)
	number(&l.Clients, 512)
	number(&l.Memory, 64<<20)
	span(&l.ReadTime, 10*time.Second)
	span(&l.WriteTime, 30*time.Second)
	span(&l.HandleTime, 10*time.Minute)
	return l
}

// Server serves the protocol. Handler is required; its fields must not change
// once it serves.
type Server struct {
	Handler Handler
	Limits  Limits
	// Allow, if set, decides whether a client may come in. One that may not is
	// closed without a word.
	Allow func(net.Addr) bool
	// Log takes what an operator should know; nil for nothing.
	Log *slog.Logger
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

// maxRefusing is how many clients at once are told that there is no seat; more are
// closed without a word.
const maxRefusing = 64

// Serve accepts clients until the context ends, then closes the listener and all
// clients and waits for their commands to return. It returns nil then, and an
// error only if the listener fails for good. A lack of descriptors is waited out.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	var clients sync.WaitGroup
	defer clients.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // before waiting for the clients
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()

	limits := s.Limits.withDefaults()
	seats := newSeats(limits)
	var pause time.Duration
	var refusing atomic.Int32
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			v := &visit{server: s, limits: limits, seats: seats, conn: conn}
			switch {
			case seats.take(v):
				clients.Go(func() { v.serve(ctx) })
			case refusing.Add(1) <= maxRefusing:
				clients.Go(func() {
					defer refusing.Add(-1)
					v.refuse(ctx)
				})
			default:
				refusing.Add(-1)
				_ = conn.Close()
			}
			continue
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		}
		if pause == 0 {
			s.log().Warn("cannot accept clients at present, trying on", "err", err)
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}
