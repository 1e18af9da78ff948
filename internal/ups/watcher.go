package ups

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sort"
	"sync"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
	"millwright.dev/millwright/nut"
)

// Options are what a [Watcher] needs of others. All may be left out.
type Options struct {
	// Credential fetches a credential of the room by its name.
	Credential func(ctx context.Context, name string) (secret.Resolved, error)
	// Changed is told whenever a state, the contact or the settling changes, by
	// one goroutine for each source. It should return soon. What changes with
	// every answer (charge, runtime) is in [Watcher.List].
	Changed func(Standing)
	// Events takes what has changed; an *event.Log.
	Events interface{ AppendLater(e event.Event) }
	// DialContext makes connections; default [net.Dialer.DialContext].
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	Log         *slog.Logger
}

// Watcher watches UPSes. Make one with [New], say what to watch by
// [Watcher.Apply], and let [Watcher.Run] do it.
type Watcher struct {
	opts    Options
	applied chan struct{} // has one element while there is something new to watch

	mu    sync.Mutex
	want  []Source
	units map[string]*unit
}

// unit is one UPS that is watched.
type unit struct {
	source Source
	stop   context.CancelFunc

	mu      sync.Mutex // guards tracker
	tracker *tracker
	states  allowance
	contact allowance
}

// New makes a watcher that watches nothing yet.
func New(opts Options) *Watcher {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Watcher{opts: opts, applied: make(chan struct{}, 1), units: map[string]*unit{}}
}

// Apply says what to watch from now on. What was watched already, with the same
// settings, goes on undisturbed.
func (w *Watcher) Apply(sources []Source) {
	w.mu.Lock()
	w.want = slices.Clone(sources)
	w.mu.Unlock()
	select {
	case w.applied <- struct{}{}:
	default:
	}
}

// Run watches until the context ends, and returns when nothing of it goes on. It
// is called once.
func (w *Watcher) Run(ctx context.Context) {
	var watching sync.WaitGroup
	defer watching.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.applied:
			w.turnOver(ctx, &watching)
		}
	}
}

// turnOver stops what is no longer wanted and begins what is new.
func (w *Watcher) turnOver(ctx context.Context, watching *sync.WaitGroup) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wanted := map[string]bool{}
	for _, s := range w.want {
		s = s.withDefaults()
		wanted[s.Name] = true
		old := w.units[s.Name]
		if old != nil && old.source.same(s) {
			continue
		}
		u := &unit{source: s, tracker: newTracker(s, time.Now())}
		if old != nil {
			old.stop()
			u.inherit(old)
		}
		var own context.Context
		own, u.stop = context.WithCancel(ctx)
		w.units[s.Name] = u
		watching.Go(func() { w.watch(own, u) })
	}
	for name, u := range w.units {
		if !wanted[name] {
			u.stop()
			delete(w.units, name)
		}
	}
}

// inherit takes over what was known of the same UPS under other settings: a
// change of the room on battery must not forget that it is.
func (u *unit) inherit(old *unit) {
	if u.source.Address != old.source.Address || u.source.UPS != old.source.UPS {
		return
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	known := *old.tracker
	known.source = u.source
	u.tracker, u.states, u.contact = &known, old.states, old.contact
}

// List gives how all stand now, in the order of their names.
func (w *Watcher) List() []Standing {
	w.mu.Lock()
	units := make([]*unit, 0, len(w.units))
	for _, u := range w.units {
		units = append(units, u)
	}
	w.mu.Unlock()
	now := time.Now()
	list := make([]Standing, 0, len(units))
	for _, u := range units {
		u.mu.Lock()
		list = append(list, u.tracker.standing(now))
		u.mu.Unlock()
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Source < list[j].Source })
	return list
}

const (
	answerTime = 5 * time.Second  // how long connecting, and one answer, may take
	urgent     = 10 * time.Second // the longest pause between attempts while on battery
)

// watch asks one UPS again and again.
func (w *Watcher) watch(ctx context.Context, u *unit) {
	defer u.stop()
	var client *nut.Client
	defer func() {
		if client != nil {
			client.Close()
		}
	}()
	backoff := transport.NewBackoff(nil)
	next := time.Now()
	for {
		if !time.Now().Before(next) {
			var reading nut.Reading
			var trouble string
			var err error
			client, reading, trouble, err = w.ask(ctx, u.source, client)
			if ctx.Err() != nil {
				return
			}
			now := time.Now()
			out := w.note(u, now, func(t *tracker) {
				if err != nil {
					t.miss(now, err.Error())
					return
				}
				t.see(now, reading, trouble)
			})
			next = now.Add(pause(u.source.Poll, backoff, client != nil, out))
		}
		wake := next
		u.mu.Lock()
		if due := u.tracker.due(); !due.IsZero() && due.Before(wake) {
			wake = due
		}
		u.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(wake)):
		}
		if ctx.Err() != nil { // another has taken over what is known
			return
		}
		w.note(u, time.Now(), func(t *tracker) { t.count(time.Now()) })
	}
}

// pause is how long to wait until the next attempt.
func pause(poll time.Duration, backoff *transport.Backoff, connected, out bool) time.Duration {
	if connected {
		backoff.Reset()
		return poll
	}
	d := max(poll, backoff.Next())
	if out {
		d = min(d, urgent)
	}
	return d
}

// ask asks once, over the connection there is or a new one. It gives back the
// connection while it is good for more.
func (w *Watcher) ask(ctx context.Context, s Source, client *nut.Client) (_ *nut.Client, r nut.Reading, trouble string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if client == nil {
		if client, trouble, err = w.connect(ctx, s); err != nil {
			return nil, r, "", fmt.Errorf("%s: %w", s.Address, err)
		}
	}
	vars, err := client.Vars(ctx, s.UPS)
	if err != nil {
		var refusal *nut.Error
		if !errors.As(err, &refusal) {
			client.Close()
			client = nil
		}
		return client, r, "", fmt.Errorf("%s: %w", s.Address, err)
	}
	return client, vars.Reading(), trouble, nil
}

// connect connects and logs in. Who may not log in may still read: that is
// trouble to be told, and no reason to be blind.
func (w *Watcher) connect(ctx context.Context, s Source) (client *nut.Client, trouble string, err error) {
	opts := nut.Options{DialContext: w.opts.DialContext}
	if s.TLS != nil {
		host, _, err := net.SplitHostPort(s.Address)
		if err != nil {
			return nil, "", err
		}
		if opts.TLS, err = s.TLS.Config(host); err != nil {
			return nil, "", err
		}
	}
	if s.Credential != "" && w.opts.Credential != nil {
		c, err := w.opts.Credential(ctx, s.Credential)
		if err != nil {
			trouble = fmt.Sprintf("credential %s: %v", s.Credential, err)
		}
		opts.Username, opts.Password = c.User, c.Get(secret.Password).Reveal()
	}
	if client, err = nut.Dial(ctx, s.Address, opts); err != nil {
		return nil, "", err
	}
	if opts.Username == "" {
		return client, trouble, nil
	}
	err = client.Login(ctx, s.UPS)
	var refusal *nut.Error
	switch {
	case err == nil, errors.Is(err, nut.UnknownUPS): // the reading will tell that
	case errors.As(err, &refusal):
		trouble = "it is read, but we are not logged in: " + err.Error()
	default:
		client.Close()
		return nil, "", err
	}
	return client, trouble, nil
}
