package standing

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sort"
	"sync"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/feed"
	"millwright.dev/millwright/internal/store"
)

// keepChanges is how many changes are remembered for those who follow.
const keepChanges = 1 << 15

// The pace of writing behind.
const (
	flushEvery = 500 * time.Millisecond
	flushMost  = 2000 // in one transaction, so that others wait for none of it long
)

// Options are what a book needs from outside.
type Options struct {
	Store  *store.Store
	Events *event.Log
	Log    *slog.Logger // nil: nothing is logged
}

// Book keeps all standings and holds. Its methods may be called from any goroutine.
type Book struct {
	o    Options
	done chan struct{}
	stop context.CancelFunc
	poke chan struct{} // one token: there is something to write

	mu      sync.Mutex
	nodes   map[string]map[Subject]Standing
	dirty   map[Subject]bool
	holds   map[string]map[HoldKind]Hold
	changes feed.Feed[Change]
	told    bool // that nothing can be written
}

// Open reads the book. Close it before the store.
func Open(ctx context.Context, o Options) (*Book, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := &Book{
		o: o, done: make(chan struct{}), poke: make(chan struct{}, 1), nodes: make(map[string]map[Subject]Standing),
		dirty: make(map[Subject]bool), holds: make(map[string]map[HoldKind]Hold), changes: feed.Feed[Change]{Keep: keepChanges},
	}
	rows, err := o.Store.Standings(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		b.put(Subject{Kind(r.Kind), r.Node, r.Object}, Standing{
			State: State(r.State), Reason: r.Reason, Since: r.Since, Starts: r.Starts, Stops: r.Stops, Drift: r.Drift,
		})
	}
	holds, err := o.Store.Holds(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range holds {
		b.putHold(Hold{Node: h.Node, Kind: HoldKind(h.Kind), Author: h.Author, Reason: h.Reason, Since: h.Since, Until: h.Until})
	}
	ctx, b.stop = context.WithCancel(context.Background())
	go b.write(ctx)
	return b, nil
}

// Close writes what is not yet written.
func (b *Book) Close() {
	b.stop()
	<-b.done
}

func (b *Book) put(s Subject, now Standing) {
	of := b.nodes[s.Node]
	if of == nil {
		of = make(map[Subject]Standing)
		b.nodes[s.Node] = of
	}
	of[s] = now
}

// Get gives how a thing stands; what was never spoken of is [Initial].
func (b *Book) Get(s Subject) Standing {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.get(s)
}

func (b *Book) get(s Subject) Standing {
	now, found := b.nodes[s.Node][s]
	if !found {
		now.State = Initial
	}
	return now
}

// Node gives how a node stands.
func (b *Book) Node(name string) Standing { return b.Get(Subject{Kind: Node, Node: name}) }

// Entry is a thing and how it stands.
type Entry struct {
	Subject
	Standing
}

// Of gives a node and all of it that was ever spoken of, the node first, the others by
// kind and name.
func (b *Book) Of(node string) []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := []Entry{{Subject{Kind: Node, Node: node}, b.get(Subject{Kind: Node, Node: node})}}
	for s, now := range b.nodes[node] {
		if s.Kind != Node {
			list = append(list, Entry{s, now})
		}
	}
	rest := list[1:]
	sort.Slice(rest, func(i, j int) bool {
		return cmp.Or(cmp.Compare(rest[i].Kind, rest[j].Kind), cmp.Compare(rest[i].Object, rest[j].Object)) < 0
	})
	return list
}

// Set notes how things stand now. Since is kept where the state is as it was, and is the
// present where the change names none. It never waits for the disk.
func (b *Book) Set(changes ...Change) {
	if len(changes) == 0 {
		return
	}
	now := time.Now().UTC()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range changes {
		b.set(c, now)
	}
	b.wake()
}

func (b *Book) set(c Change, now time.Time) {
	was := b.get(c.Subject)
	if c.Since.IsZero() {
		c.Since = now
		if was.State == c.State && !was.Since.IsZero() {
			c.Since = was.Since
		}
	}
	if was == c.Standing {
		return
	}
	b.put(c.Subject, c.Standing)
	b.dirty[c.Subject] = true
	c.Was, c.N = was.State, b.changes.Last()+1
	b.changes.Add(c)
}

func (b *Book) wake() {
	select {
	case b.poke <- struct{}{}:
	default:
	}
}

// Changes gives the changes behind the n-th, the number of the newest, and a channel that
// is closed when there are more. If known is false, look at everything anew, and go on
// behind last.
func (b *Book) Changes(after int64) (list []Change, last int64, more <-chan struct{}, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list, more, known = b.changes.Behind(after)
	return list, b.changes.Last(), more, known
}

// Last gives the number of the newest change.
func (b *Book) Last() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changes.Last()
}

// Anew wakes those who follow, since what they follow may be another: there is a new room.
func (b *Book) Anew() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changes.Add(Change{N: b.changes.Last() + 1})
}

// Forget forgets nodes that are not in the room any more, as known says.
func (b *Book) Forget(ctx context.Context, known func(node string) bool) error {
	b.mu.Lock()
	var gone []string
	for n := range b.nodes {
		if !known(n) {
			gone = append(gone, n)
		}
	}
	b.mu.Unlock()
	if len(gone) == 0 {
		return nil
	}
	if err := b.o.Store.Write(ctx, func(tx *store.Tx) error { return tx.ForgetStandings(gone...) }); err != nil {
		return fmt.Errorf("forget nodes that are gone: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range gone {
		for s := range b.nodes[n] {
			delete(b.dirty, s)
		}
		delete(b.nodes, n)
	}
	return nil
}

// Clear takes nodes out of what they have failed at: they and all of them stand as if
// nothing had been asked of them, with no attempts counted. It gives the names of those
// for which that changed something, and writes down who did it.
func (b *Book) Clear(ctx context.Context, nodes []string, e event.Event) ([]string, error) {
	var cleared []string
	var changes []Change
	b.mu.Lock()
	for _, n := range nodes {
		before := len(changes)
		for s, now := range b.nodes[n] {
			if now.State.Bad() || now.Starts > 0 || now.Stops > 0 || now.Drift {
				fresh := Standing{State: now.State}
				if now.State.Bad() {
					fresh.State = Initial
				}
				changes = append(changes, Change{Subject: s, Standing: fresh})
			}
		}
		if len(changes) > before {
			cleared = append(cleared, n)
		}
	}
	b.mu.Unlock()
	if len(cleared) == 0 {
		return nil, nil
	}
	if err := b.say(ctx, cleared, e, nil); err != nil {
		return nil, err
	}
	b.Set(changes...)
	return cleared, nil
}

// write is the goroutine that writes behind, and ends maintenance that is over.
func (b *Book) write(ctx context.Context) {
	defer close(b.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			b.flush(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			b.expire(ctx)
			b.flush(ctx)
		}
		if b.quiet() {
			select {
			case <-ctx.Done():
			case <-b.poke:
			}
		}
	}
}

// quiet says whether there is nothing to be done until somebody pokes.
func (b *Book) quiet() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.dirty) > 0 {
		return false
	}
	for _, of := range b.holds {
		for _, h := range of {
			if !h.Until.IsZero() {
				return false
			}
		}
	}
	return true
}

// flush writes what has changed. What cannot be written is tried again at the next turn.
func (b *Book) flush(ctx context.Context) {
	for {
		rows := b.take()
		if len(rows) == 0 {
			return
		}
		err := b.o.Store.Write(ctx, func(tx *store.Tx) error { return tx.PutStandings(rows...) })
		b.mu.Lock()
		if err != nil {
			for _, r := range rows {
				b.dirty[Subject{Kind(r.Kind), r.Node, r.Object}] = true
			}
			if !b.told && ctx.Err() == nil {
				b.o.Log.Error("how things stand cannot be written down; it is tried again", "why", err)
			}
			b.told = true
			b.mu.Unlock()
			return
		}
		b.told = false
		b.mu.Unlock()
	}
}

// take gives some of what is to be written.
func (b *Book) take() []store.Standing {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rows []store.Standing
	for s := range b.dirty {
		if len(rows) == flushMost {
			break
		}
		now := b.get(s)
		rows = append(rows, store.Standing{
			Node: s.Node, Kind: string(s.Kind), Object: s.Object, State: string(now.State), Reason: now.Reason,
			Since: now.Since, Starts: now.Starts, Stops: now.Stops, Drift: now.Drift,
		})
		delete(b.dirty, s)
	}
	return rows
}
