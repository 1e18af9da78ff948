package app

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plugin"
	"millwright.dev/millwright/internal/room"
)

// Bounds of what plugins are told of an event, and of how notices are sent.
const (
	maxToldTargets = 256 << 10
	maxToldData    = 256 << 10

	noticeTries = 3           // how often a notifier is asked to send one
	noticePause = time.Second // before it is asked again, longer each time
	noticeLate  = time.Hour   // a notice that is older helps nobody
	followPause = time.Second // before the log is read again that could not be read
)

// tellPlugins tells plugins of events, when they are on the disk: reactions all that there
// are, as fast as they come, and notifiers one by one. It ends with ctx; the returned
// function waits.
func (a *App) tellPlugins(ctx context.Context) (wait func()) {
	var wg sync.WaitGroup
	from := a.events.Last()
	wg.Go(func() {
		a.follow(ctx, event.Filter{AfterSeq: from}, func(e *event.Event) { a.plugins.host.Publish(told(e)) })
	})
	wg.Go(func() { a.plugins.notices.run(ctx, a) })
	return wg.Wait
}

// follow hands on events until ctx ends, also past a log that cannot be read for a while.
func (a *App) follow(ctx context.Context, f event.Filter, hand func(*event.Event)) {
	for ctx.Err() == nil {
		for e, err := range a.events.Follow(ctx, f) {
			if err == nil {
				hand(&e)
				f.AfterSeq = e.Seq
				continue
			}
			if ctx.Err() == nil {
				a.log.Error("plugins are not told of events", "why", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(followPause):
		}
	}
}

// told is an event as plugins are told of it. What is too long for a line is left out.
func told(e *event.Event) plugin.Event {
	out := plugin.Event{
		Seq: e.Seq, Time: e.Time, Kind: string(e.Kind), Actor: e.Actor, Op: e.Op, Targets: e.Targets, Outcome: e.Outcome, Detail: e.Detail, Data: e.Data,
	}
	if len(out.Targets) > maxToldTargets {
		out.Targets = ""
	}
	if len(out.Data) > maxToldData {
		out.Data = nil
	}
	return out
}

// kindsLike gives the kinds of events that patterns stand for; no pattern is all, and nil.
func kindsLike(patterns []string) (kinds []event.Kind) {
	for _, k := range event.Kinds() {
		if slices.ContainsFunc(patterns, func(p string) bool {
			begin, open := strings.CutSuffix(p, "*")
			return p == string(k) || open && strings.HasPrefix(string(k), begin)
		}) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// notice is one use of a notifier.
type notice struct {
	use     plugin.Use
	events  []string
	timeout time.Duration
}

// notices are the uses of notifiers that the room has now.
type notices struct {
	mu      sync.Mutex
	wanted  []notice
	from    int64         // events behind this are for new ones
	changed chan struct{} // closed at the next change; nil while nobody looks
}

// apply takes what a room wants of those plugins that are enabled. Each notice begins with
// the events that come then.
func (n *notices) apply(r *room.Room, specs []plugin.Spec, from int64) {
	var list []notice
	for i := range r.Plugins {
		p := &r.Plugins[i]
		for _, u := range p.Notify {
			if !specs[i].Enabled {
				continue
			}
			list = append(list, notice{
				use: plugin.Use{Plugin: p.Name, Provides: u.Provides, Settings: u.Settings}, events: u.Events, timeout: u.Timeout,
			})
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wanted, n.from = list, from
	if n.changed != nil {
		close(n.changed)
		n.changed = nil
	}
}

func (n *notices) look() (list []notice, from int64, changed <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changed == nil {
		n.changed = make(chan struct{})
	}
	return n.wanted, n.from, n.changed
}

// sender sends one kind of notice.
type sender struct {
	of   notice
	stop context.CancelFunc
}

// run has notices sent until ctx ends. Those that stay as they are go on where they are
// when the room changes.
func (n *notices) run(ctx context.Context, a *App) {
	var at []sender
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, end := context.WithCancel(ctx)
	defer end()
	for {
		list, from, changed := n.look()
		var stay []sender
		for _, s := range at {
			i := slices.IndexFunc(list, func(w notice) bool { return reflect.DeepEqual(w, s.of) })
			if i < 0 {
				s.stop()
				continue
			}
			list = slices.Delete(slices.Clone(list), i, i+1)
			stay = append(stay, s)
		}
		at = stay
		for _, w := range list {
			mine, stop := context.WithCancel(ctx)
			at = append(at, sender{w, stop})
			wg.Go(func() { a.sendNotices(mine, w, from) })
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// sendNotices sends the events that a notice is for, one after the other.
func (a *App) sendNotices(ctx context.Context, w notice, from int64) {
	log := a.log.With(slog.String("plugin", w.use.Plugin), slog.String("notifier", w.use.Provides))
	f := event.Filter{AfterSeq: from, Kinds: kindsLike(w.events)}
	if len(w.events) > 0 && len(f.Kinds) == 0 {
		log.Warn("there are no such kinds of events, so it sends nothing", "events", w.events)
		return
	}
	a.follow(ctx, f, func(e *event.Event) {
		if err := a.send(ctx, w, e); err != nil && ctx.Err() == nil {
			log.Warn("a notice was not sent", "event", e.Seq, "why", err)
		}
	})
}

// send sends one event. A plugin that does not run just then is waited for; one that is
// there and fails is asked again a few times.
func (a *App) send(ctx context.Context, w notice, e *event.Event) error {
	for tries := 1; ; tries++ {
		if time.Since(e.Time) > noticeLate {
			return errors.New("it was too late to be of use")
		}
		within, cancel := context.WithTimeout(ctx, w.timeout)
		err := a.plugins.host.Notify(within, w.use, told(e))
		cancel()
		var away *plugin.NotThereError
		if err == nil || ctx.Err() != nil || tries >= noticeTries && !errors.As(err, &away) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(noticePause * time.Duration(min(tries, 10))):
		}
	}
}
