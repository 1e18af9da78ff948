package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"millwright.dev/millwright/internal/transport"
)

// Protocol is the version of the protocol that is spoken.
const Protocol = 1

// Times of a plugin's life.
const (
	greetTime = 15 * time.Second // for hello, and to take its settings
	pingEvery = 15 * time.Second // how often one that runs is asked whether it is well
	pingTime  = 15 * time.Second // within which it has to answer
	partTime  = 5 * time.Second  // for shutdown, before it is told by signals

	giveUpAfter  = 5               // ends in a row
	giveUpWithin = 5 * time.Minute // each of them this young
	steady       = time.Minute     // one that ran so long starts anew in all that
)

// State is how a plugin is.
type State string

// The states.
const (
	Starting State = "starting" // its process is started, and has not said hello yet
	Running  State = "running"
	Waiting  State = "waiting"  // it ended, and is started again at Status.Next
	GivenUp  State = "given up" // it ended too often; Restart or Apply tries again
	Stopping State = "stopping" // it is told to end
	Stopped  State = "stopped"
	Disabled State = "disabled"
)

// Status is what is known of one plugin.
type Status struct {
	Name     string    `json:"name"` // in the room
	State    State     `json:"state"`
	Reason   string    `json:"reason,omitempty"` // why it is waiting or given up
	Since    time.Time `json:"since"`            // when the state came about
	Next     time.Time `json:"next,omitzero"`    // when one that waits is started again
	Pid      int       `json:"pid,omitempty"`
	Restarts int       `json:"restarts,omitempty"` // starts beyond the first

	Title    string  `json:"title,omitempty"`    // what it calls itself
	Version  string  `json:"version,omitempty"`  //
	Provides []Thing `json:"provides,omitempty"` // of one that runs or ran
	Settings Schema  `json:"settings"`           // of it as a whole

	LostEvents int `json:"lost_events,omitempty"` // that it was too slow for
	TurnedAway int `json:"turned_away,omitempty"` // requests of its, beyond what it may ask
}

// hello is what a plugin says of itself.
type hello struct {
	Protocol int     `json:"protocol"`
	Name     string  `json:"name"`
	Version  string  `json:"version"`
	Settings Schema  `json:"settings"` // of the plugin as a whole
	Provides []Thing `json:"provides"`
}

// unit is the life of one plugin. One goroutine, run, owns it.
type unit struct {
	host    *Host
	spec    Spec
	journal *journal
	events  chan Event

	ctx      context.Context // ends when it is to end in peace
	cancel   context.CancelFunc
	hard     context.Context // ends when it is to end at once
	kill     context.CancelFunc
	retry    chan struct{} // has one that was given up tried again
	done     chan struct{} // closed when all of it is over
	reported sync.Mutex    // keeps Options.Changed in order

	mu      sync.Mutex
	status  Status
	link    *link         // while it runs
	changed chan struct{} // closed at the next change
	warned  time.Time     // when lost events were last told of
}

func newUnit(h *Host, s Spec) *unit {
	u := &unit{
		host: h, spec: s, journal: newJournal(h.o.Log.With("plugin", s.Name)), events: make(chan Event, maxEvents),
		retry: make(chan struct{}, 1), done: make(chan struct{}), changed: make(chan struct{}),
		status: Status{Name: s.Name, State: Starting, Since: time.Now()},
	}
	if !s.Enabled {
		u.status.State = Disabled
	}
	u.journal.hide(slices.Collect(maps.Values(s.Secrets)))
	u.ctx, u.cancel = context.WithCancel(h.ctx)
	u.hard, u.kill = context.WithCancel(context.Background())
	return u
}

// over says whether its life is over.
func (u *unit) over() bool {
	select {
	case <-u.done:
		return true
	default:
		return false
	}
}

// again has it tried again, if it was given up.
func (u *unit) again() {
	select {
	case u.retry <- struct{}{}:
	default:
	}
}

// now gives its status.
func (u *unit) now() Status {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.status
	if u.link != nil {
		s.TurnedAway += u.link.turnedAway()
	}
	return s
}

// look gives what it takes to use it, and when to look again.
func (u *unit) look() (*link, Status, <-chan struct{}) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.link, u.status, u.changed
}

// set changes the status and tells of it.
func (u *unit) set(change func(*Status)) {
	u.reported.Lock()
	defer u.reported.Unlock()
	u.mu.Lock()
	was := u.status.State
	u.status.Reason, u.status.Next = "", time.Time{}
	change(&u.status)
	if u.status.State != was {
		u.status.Since = time.Now()
	}
	close(u.changed)
	u.changed = make(chan struct{})
	now := u.status
	u.mu.Unlock()
	if u.host.o.Changed != nil && now.State != was {
		u.host.o.Changed(now)
	}
}

// run lives, after others of the same name have ended.
func (u *unit) run(before []*unit) {
	defer close(u.done)
	defer u.kill()
	defer u.cancel()
	for _, other := range before {
		<-other.done
	}
	if !u.spec.Enabled {
		return
	}
	defer u.set(func(s *Status) { s.State, s.Pid = Stopped, 0 })
	backoff := transport.NewBackoff(nil)
	var ends []time.Time
	for first := true; u.ctx.Err() == nil; first = false {
		u.set(func(s *Status) {
			if s.State = Starting; !first {
				s.Restarts++
			}
		})
		started := time.Now()
		why := u.live()
		if u.ctx.Err() != nil {
			return
		}
		now := time.Now()
		if now.Sub(started) >= steady {
			backoff.Reset()
			ends = nil
		}
		ends = slices.DeleteFunc(append(ends, now), func(t time.Time) bool { return now.Sub(t) > giveUpWithin })
		reason := clean(why.Error(), maxSaid)
		u.journal.say(reason)
		if len(ends) < giveUpAfter && u.spec.Broken == "" {
			u.wait(reason, backoff.Next())
			continue
		}
		u.set(func(s *Status) { s.State, s.Reason, s.Pid = GivenUp, reason, 0 })
		u.drain()
		select {
		case <-u.retry:
		case <-u.ctx.Done():
		}
		backoff.Reset()
		ends = nil
	}
}

// wait waits until it is time for the next start.
func (u *unit) wait(reason string, d time.Duration) {
	u.set(func(s *Status) { s.State, s.Reason, s.Next, s.Pid = Waiting, reason, time.Now().Add(d), 0 })
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-u.ctx.Done():
	}
}

// drain forgets a wish to be tried again that came before it was given up.
func (u *unit) drain() {
	select {
	case <-u.retry:
	default:
	}
}

// live is one process from its start to its end, and gives the reason for that.
func (u *unit) live() error {
	u.journal.begin()
	if u.spec.Broken != "" {
		return errors.New(u.spec.Broken)
	}
	process, err := u.host.o.Start(u.ctx, u.spec, u.journal)
	if err != nil {
		return fmt.Errorf("it cannot be started: %w", err)
	}
	l := newLink(process, process.Exited(), u.serve, u.journal.say)
	stop := context.AfterFunc(u.hard, func() { l.end(errClosed) })
	defer stop()
	said, err := u.greet(l)
	if err == nil {
		u.mu.Lock()
		u.link = l
		u.mu.Unlock()
		u.set(func(s *Status) {
			s.State, s.Pid, s.Provides = Running, process.Pid(), said.Provides
			s.Title, s.Version, s.Settings = said.Name, said.Version, said.Settings
		})
		err = u.attend(l)
	}
	if u.ctx.Err() != nil {
		u.set(func(s *Status) { s.State = Stopping })
		u.part(l)
	}
	u.mu.Lock()
	u.link = nil
	u.status.TurnedAway += l.turnedAway()
	u.mu.Unlock()
	l.close()
	_ = process.Close()
	if errors.Is(err, ErrGone) {
		err = u.obituary(process.State())
	}
	return err
}

// obituary words the end of a process that ended by itself.
func (u *unit) obituary(state string) error {
	if state == "" {
		state = "nobody knows how"
	}
	if last := u.journal.last(); last != "" {
		return fmt.Errorf("it ended: %s; its last words: %s", state, last)
	}
	return fmt.Errorf("it ended: %s", state)
}

// greet says hello, and hands the settings over.
func (u *unit) greet(l *link) (hello, error) {
	ctx, cancel := context.WithTimeoutCause(u.ctx, greetTime, fmt.Errorf("it does not answer within %v of its start", greetTime))
	defer cancel()
	var said hello
	err := l.call(ctx, "hello", map[string]any{"protocol": Protocol, "daemon": "millwright", "version": u.host.o.Version, "plugin": u.spec.Name}, &said)
	if err != nil {
		return said, greeting(err)
	}
	if err := said.check(); err != nil {
		return said, fmt.Errorf("its greeting: %w", err)
	}
	settings, err := said.Settings.Check(u.spec.Settings)
	if err != nil {
		return said, fmt.Errorf("its settings: %w", err)
	}
	if len(settings) == 0 {
		return said, nil
	}
	return said, greeting(l.call(ctx, "configure", map[string]any{"settings": settings}, nil))
}

func greeting(err error) error {
	if err == nil || errors.Is(err, ErrGone) {
		return err
	}
	return fmt.Errorf("its greeting: %w", err)
}

// Bounds of a greeting.
const (
	maxThings = 200
	maxWord   = 100
)

func (h *hello) check() error {
	h.Name, h.Version = clean(h.Name, maxWord), clean(h.Version, maxWord)
	switch {
	case h.Protocol != Protocol:
		return fmt.Errorf("it speaks version %d of the protocol, and this daemon %d", h.Protocol, Protocol)
	case h.Name == "":
		return errors.New("it has no name")
	case len(h.Provides) > maxThings:
		return fmt.Errorf("it provides more than %d things", maxThings)
	}
	seen := make(map[[2]string]bool)
	for i := range h.Provides {
		t := &h.Provides[i]
		id := [2]string{string(t.Kind), t.Name}
		if t.Name == "" || len(t.Name) > maxName || clean(t.Name, maxName) != t.Name || seen[id] {
			return fmt.Errorf("a thing has no name of its own: %.64q", t.Name)
		}
		if !slices.Contains(kinds(), t.Kind) {
			return fmt.Errorf("%s: there is no kind %.64q", t.Name, t.Kind)
		}
		if len(t.Can) > maxWord {
			return fmt.Errorf("%s: it can do too much", t.Name)
		}
		seen[id], t.Summary = true, clean(t.Summary, maxSaid)
	}
	return nil
}

// attend stays with a process while it runs: it asks now and then whether it is well,
// and tells it of events.
func (u *unit) attend(l *link) error {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	asking := false
	well := make(chan error, 1)
	reacts := slices.ContainsFunc(u.now().Provides, func(t Thing) bool { return t.Kind == Reaction })
	for {
		select {
		case <-l.done():
			return l.why()
		case <-u.ctx.Done():
			return context.Cause(u.ctx)
		case e := <-u.events:
			if text, err := json.Marshal(map[string]any{"event": e}); err == nil && reacts {
				_ = l.send(u.ctx, message{Method: "event", Params: text})
			}
		case <-tick.C:
			if asking {
				continue
			}
			asking = true
			l.work.Go(func() { well <- u.ping(l) })
		case err := <-well:
			if asking = false; err != nil {
				return err
			}
		}
	}
}

func (u *unit) ping(l *link) error {
	ctx, cancel := context.WithTimeoutCause(u.ctx, pingTime, fmt.Errorf("it does not answer a ping within %v", pingTime))
	defer cancel()
	err := l.call(ctx, "ping", struct{}{}, nil)
	var odd *Error
	if errors.As(err, &odd) || errors.Is(err, ErrBusy) {
		return nil // it answers, or others will find out that it does not
	}
	return err
}

// part tells a plugin to end, and gives it time to.
func (u *unit) part(l *link) {
	ctx, cancel := context.WithTimeout(u.hard, partTime)
	defer cancel()
	if err := l.call(ctx, "shutdown", struct{}{}, nil); err != nil {
		return
	}
	select {
	case <-l.done():
	case <-ctx.Done():
	}
}
