package service

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Options are what a service stands on. The zero values of all but Backend will do.
type Options struct {
	Backend Backend
	// Name, Vendor and Product say what the service is called; UUID which one it is. It
	// should stay the same over restarts; empty makes a random one.
	Name, Vendor, Product, UUID string
	// PlainLoopback lets clients on the loopback ask without TLS. Without it, and for
	// all others, requests that did not come by TLS are refused.
	PlainLoopback bool
	// Tokens says that the backend takes bearer tokens.
	Tokens bool
	// OwnThrottle says that the backend itself slows down who guesses passwords, so
	// that the service does not.
	OwnThrottle bool

	// Idle is how long a session lasts that is not used; zero is 30 minutes. Sessions
	// bounds how many there are (zero is 256), UserSessions how many a user has
	// (zero is 32): a user's next one ends the one that was idle longest.
	Idle                   time.Duration
	Sessions, UserSessions int

	// Patience is how long a reset may take before it is answered with a task; zero is
	// 5 seconds.
	Patience time.Duration

	// Destination says whether events may be sent to an address. Nil lets them go to
	// public addresses only: not to loopback, private, link-local or multicast ones.
	Destination func(netip.Addr) bool
	// PlainEvents lets events go to destinations without TLS.
	PlainEvents bool
	// RetryEvery is the time between two attempts to deliver events; zero is 30
	// seconds.
	RetryEvery time.Duration

	Log *slog.Logger
}

// Service answers Redfish. It is an [http.Handler], for the paths from /redfish on.
type Service struct {
	opts     Options
	log      *slog.Logger
	routes   *place
	sessions sessions
	throttle throttle
	tasks    tasks
	events   journal
	hooks    subscriptions
	memo     memo
	locks    locks

	ctx  context.Context //nolint:containedctx // it ends with the service: resets and deliveries live as long
	stop context.CancelFunc
	wg   sync.WaitGroup
	mu   sync.Mutex // guards the start of work against Close
}

// New makes a service. Close ends it.
func New(o Options) *Service {
	setDefault(&o.Name, "Redfish service")
	setDefault(&o.Idle, 30*time.Minute)
	setDefault(&o.Sessions, 256)
	setDefault(&o.UserSessions, 32)
	setDefault(&o.Patience, 5*time.Second)
	setDefault(&o.RetryEvery, 30*time.Second)
	setDefault(&o.UUID, randomUUID())
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Destination == nil {
		o.Destination = Public
	}
	s := &Service{opts: o, log: o.Log}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.sessions.byDigest = make(map[digest]*session)
	s.events.init()
	s.routes = s.allRoutes()
	return s
}

// Close ends sessions, streams, deliveries and tasks, and waits until they are over.
// Requests after it are refused.
func (s *Service) Close() {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.wg.Wait()
}

// begin starts work that lives as long as the service; false when that is closing.
func (s *Service) begin(work func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.wg.Go(work)
	return true
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// randomUUID makes a UUID of version 4.
func randomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	t := hex.EncodeToString(b[:])
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}

// randomID names something that only has to be unlike all others.
func randomID() string { return rand.Text()[:16] }

// locks let one change of a resource through at a time, so that what an If-Match was
// compared with is what is changed.
type locks struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when it is let go
}

// take waits until nobody else changes a path.
func (l *locks) take(ctx context.Context, path string) (leave func(), err error) {
	for {
		l.mu.Lock()
		other, held := l.held[path]
		if !held {
			mine := make(chan struct{})
			if l.held == nil {
				l.held = make(map[string]chan struct{})
			}
			l.held[path] = mine
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.held, path)
				l.mu.Unlock()
				close(mine)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

var _ http.Handler = (*Service)(nil)
