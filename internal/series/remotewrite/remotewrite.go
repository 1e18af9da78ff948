// Package remotewrite sends samples on, as they come, to Prometheus or to one of the
// many that take samples as it does. It is written by hand because the message is four
// small structs, and the usual libraries are megabytes.
//
// A [Sender] never holds up who gives it samples: they wait in a queue of fixed size,
// go out in batches, are sent again when the receiver is away or overloaded, and are
// dropped, and counted, when it will not have them or the queue runs over.
//
// Start at [New]; give [Sender.Send] to the book of samples as its Tee.
//
// Source: "Prometheus Remote-Write 1.0 specification", prometheus.io.
package remotewrite

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sort"
	"sync"
	"time"

	"millwright.dev/millwright/internal/promtext"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/series"
)

// maxTargets bounds the series that a sender keeps labels for.
const maxTargets = 100_000

// Options say where to send; only URL must be given.
type Options struct {
	URL string // http or https; with credentials https, or a host of this machine

	Bearer   secret.Value // sent as a bearer token
	User     string       // with Password: basic authentication
	Password secret.Value
	// AllowPlain lets credentials go over HTTP without TLS.
	AllowPlain bool
	TLS        *tls.Config       // nil: as the system trusts
	Labels     map[string]string // for all series, such as the room

	Queue int           // samples that may wait; 0: 100,000
	Batch int           // samples in one request; 0: 2,000
	Wait  time.Duration // how long a sample waits for others; 0: 5 s
	// Keep is how long a batch is sent again before it is given up; 0: an hour.
	Keep time.Duration
	// Log gets what changes: sending fails, works again. nil: nobody does.
	Log *slog.Logger
}

// Stats is how a sender is doing.
type Stats struct {
	Sent    uint64 // samples that the receiver has
	Refused uint64 // that it will not have, or that were given up
	Dropped uint64 // that the queue had no room for
	Retries uint64 // requests that were sent again
	Waiting int
	Err     error // why the last request failed; nil: it did not
}

// Sender sends samples. Its methods may be called from any goroutine.
type Sender struct {
	o      Options
	client *http.Client

	mu      sync.Mutex
	targets map[series.Key]*target
	ring    []item // the queue: count items from head on
	head    int
	count   int
	stats   Stats
	closed  bool

	wake chan struct{} // has a token when a batch is full, or the end has come
	stop context.CancelFunc
	done chan struct{}
}

// target is a series with its labels ready for the wire.
type target struct {
	id     int
	labels []byte
}

// item is a sample in the queue.
type item struct {
	to    *target
	at    int64 // milliseconds since 1970
	value float64
}

// New makes a sender, which begins its work at once; [Sender.Close] ends it.
func New(o Options) (*Sender, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("remote-write: %w", err)
	}
	o.Queue, o.Batch = cmp.Or(o.Queue, 100_000), cmp.Or(o.Batch, 2000)
	o.Wait, o.Keep = cmp.Or(o.Wait, 5*time.Second), cmp.Or(o.Keep, time.Hour)
	o.Batch = min(o.Batch, o.Queue)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Sender{
		o: o, targets: make(map[series.Key]*target), ring: make([]item, o.Queue),
		wake: make(chan struct{}, 1), stop: stop, done: make(chan struct{}),
		client: &http.Client{
			Timeout:       30 * time.Second,
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: o.TLS, IdleConnTimeout: time.Minute, MaxIdleConns: 1},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	go s.run(ctx)
	return s, nil
}

func (o *Options) check() error {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil:
		return fmt.Errorf("the address cannot be read: %w", err)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return fmt.Errorf("the address %s is no http:// or https:// URL", u.Redacted())
	case u.User != nil:
		return errors.New("credentials do not belong into the address, where they are shown: use a token, or a user and a password")
	case !o.Bearer.IsZero() && o.User != "":
		return errors.New("there is a token, and a user and a password: only one can be sent")
	case o.Queue < 0 || o.Batch < 0 || o.Wait < 0 || o.Keep < 0:
		return errors.New("a bound is negative")
	case u.Scheme == "http" && (!o.Bearer.IsZero() || o.User != "") && !o.AllowPlain && !isLocal(u.Hostname()):
		return fmt.Errorf("credentials would go to %s unencrypted: use https://", u.Host)
	}
	for name := range o.Labels {
		if !wellNamed(name) {
			return fmt.Errorf("%q cannot be the name of a label", name)
		}
	}
	return nil
}

// isLocal says whether a host is this machine.
func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// wellNamed keeps to what Prometheus allows, and to what is not its own.
func wellNamed(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != "" && (len(name) < 2 || name[:2] != "__")
}

// Send puts a sample into the queue, in place of the oldest if there is no room.
func (s *Sender) Send(at time.Time, k series.Key, value float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		s.stats.Dropped++
		return
	}
	to := s.targets[k]
	if to == nil {
		if len(s.targets) >= maxTargets {
			s.stats.Dropped++
			return
		}
		to = &target{id: len(s.targets), labels: appendLabels(nil, k, s.o.Labels)}
		s.targets[k] = to
	}
	if s.count == len(s.ring) {
		s.head, s.count = (s.head+1)%len(s.ring), s.count-1
		s.stats.Dropped++
	}
	s.ring[(s.head+s.count)%len(s.ring)] = item{to, at.UnixMilli(), value}
	if s.count++; s.count == s.o.Batch {
		s.signal()
	}
}

func (s *Sender) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take moves up to a batch out of the queue, sorted by series and time.
func (s *Sender) take(batch []item) (items []item, last bool) {
	s.mu.Lock()
	n := min(s.count, s.o.Batch)
	for i := range n {
		batch = append(batch, s.ring[(s.head+i)%len(s.ring)])
	}
	s.head, s.count = (s.head+n)%len(s.ring), s.count-n
	last = s.closed && s.count == 0
	more := s.count >= s.o.Batch || s.closed
	s.mu.Unlock()
	if more {
		s.signal()
	}
	sort.SliceStable(batch, func(i, j int) bool {
		a, b := &batch[i], &batch[j]
		return a.to.id < b.to.id || a.to.id == b.to.id && a.at < b.at
	})
	return batch, last
}

// Stats tells how the sender is doing.
func (s *Sender) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Waiting = s.count
	return st
}

// WriteMetrics writes how the sender is doing as metrics.
func (s *Sender) WriteMetrics(w *promtext.Writer) {
	st := s.Stats()
	w.One("millwright_remote_write_sent_total", promtext.Counter, "Samples sent on.", float64(st.Sent))
	w.One("millwright_remote_write_refused_total", promtext.Counter, "Samples that the receiver did not take.", float64(st.Refused))
	w.One("millwright_remote_write_dropped_total", promtext.Counter, "Samples that the queue had no room for.", float64(st.Dropped))
	w.One("millwright_remote_write_retries_total", promtext.Counter, "Requests that were sent again.", float64(st.Retries))
	w.One("millwright_remote_write_waiting", promtext.Gauge, "Samples that wait to be sent.", float64(st.Waiting))
}

// Close sends what waits, until it is sent or ctx ends, and takes nothing more.
func (s *Sender) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.signal()
	s.mu.Unlock()
	var err error
	select {
	case <-s.done:
	case <-ctx.Done():
		err = fmt.Errorf("remote-write: %d samples were not sent: %w", s.Stats().Waiting, ctx.Err())
	}
	s.stop()
	<-s.done
	s.client.CloseIdleConnections()
	return err
}
