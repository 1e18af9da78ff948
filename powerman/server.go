package powerman

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Limits bound what one client can cost. A zero field means its default.
type Limits struct {
	// Line is the longest request in bytes; default [MaxLine].
	Line int
	// Clients is how many clients of one listener are served at once; more
	// wait in the kernel's backlog. Default 8192.
	Clients int
	// LineTime is how long a started line may take to end; default one
	// minute. Waiting at the prompt is not limited.
	LineTime time.Duration
	// WriteTime is how long one write may take before the client is given up;
	// default 30 seconds.
	WriteTime time.Duration
	// Queue is how many bytes may wait for a client that does not read;
	// default 8 MiB. It counts what a command reports while it runs; the
	// final answer is queued whole.
	Queue int
}

func (l Limits) withDefaults() Limits {
	def := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	def(&l.Line, MaxLine)
	def(&l.Clients, 8192)
	def(&l.Queue, 8<<20)
	if l.LineTime <= 0 {
		l.LineTime = time.Minute
	}
	if l.WriteTime <= 0 {
		l.WriteTime = 30 * time.Second
	}
	return l
}

// Server serves the protocol. Handler is required; its fields must not change
// once it serves.
type Server struct {
	Handler Handler
	// Version is shown in the banner; empty means [DefaultVersion].
	Version string
	Limits  Limits
	// Allow, if set, decides whether a client of Serve may come in. One that
	// may not is closed without a word. It is called in the client's own
	// goroutine, so it may take its time (a reverse look-up).
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

// Serve accepts clients until the context ends, then closes the listener and
// all clients and waits for their commands to return. It returns nil then, and
// an error only if the listener fails for good. A lack of descriptors is
// waited out.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	var clients sync.WaitGroup
	defer clients.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // before waiting for the clients
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()

	seats := make(chan struct{}, s.Limits.withDefaults().Clients)
	lack := spell{log: s.log()}
	for {
		select {
		case seats <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, err := l.Accept()
		switch {
		case err == nil:
			lack.eased()
			clients.Go(func() {
				defer func() { <-seats }()
				s.serveNetConn(ctx, conn)
			})
			continue
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		}
		<-seats
		select {
		case <-time.After(lack.pause(err)):
		case <-ctx.Done():
			return nil
		}
	}
}

const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
	// acceptedWell is how long clients must have been accepted without trouble for
	// a lack to be over. At the limit each client that leaves lets one in, and
	// the next cannot be accepted again.
	acceptedWell = 10 * time.Second
)

// spell is a time in which clients cannot be accepted, or only now and then. It
// is told of once.
type spell struct {
	log  *slog.Logger
	last time.Time     // of the last failure, zero if there is no spell
	next time.Duration // how long to wait after the next failure
}

// pause takes a failure, and says how long to wait.
func (l *spell) pause(err error) time.Duration {
	l.eased()
	if l.last.IsZero() {
		l.next = acceptPauseMin
		l.log.Warn("cannot accept clients at present, trying on", "err", err)
	}
	l.last = time.Now()
	wait := l.next
	l.next = min(2*l.next, acceptPauseMax)
	return wait
}

// eased ends the spell if the last failure is long ago.
func (l *spell) eased() {
	if !l.last.IsZero() && time.Since(l.last) >= acceptedWell {
		l.last = time.Time{}
		l.log.Info("clients can be accepted again")
	}
}

func (s *Server) serveNetConn(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	addr := conn.RemoteAddr()
	if s.Allow != nil && !s.Allow(addr) {
		s.log().Info("client refused", "client", addr)
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetNoDelay(true) // Go's default, but the answers' speed hangs on it
	}
	if err := s.ServeConn(ctx, conn); err != nil && ctx.Err() == nil {
		s.log().Info("client lost", "client", addr, "err", err)
	}
}

// ServeConn serves one client and returns when it has left, nil if it left by
// quit or by ending its input. It closes rwc, also when the context ends; for
// that to work Close must unblock Read. If rwc has the deadlines and
// RemoteAddr of a [net.Conn], they are used.
func (s *Server) ServeConn(ctx context.Context, rwc io.ReadWriteCloser) error {
	if c, ok := rwc.(interface{ RemoteAddr() net.Addr }); ok {
		ctx = context.WithValue(ctx, remoteAddrKey{}, c.RemoteAddr())
	}
	return newSession(s, rwc).serve(ctx)
}
