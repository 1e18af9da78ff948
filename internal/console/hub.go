package console

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"millwright.dev/millwright/internal/console/journal"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// How many may be attached: in all, to one console, and of one person.
const (
	maxSeats, maxLineSeats, maxOwnSeats = 2048, 64, 64
	// maxOpening is how many consoles are being reached at once.
	maxOpening = 64
	// openFor is how long it may take to reach one.
	openFor = 30 * time.Second
)

// Options are what a hub stands on.
type Options struct {
	// Open reaches a node's console as the room says now. ctx bounds the reaching, not
	// the console.
	Open func(ctx context.Context, node string) (driver.Console, error)
	// Folder is where logs are that the room names no folder for, "" for nowhere; Base
	// is what the room's folders are relative to.
	Folder, Base string
	Log          *slog.Logger
}

// Hub has the consoles of a room. Its methods may be called from any goroutine.
type Hub struct {
	o       Options
	ctx     context.Context
	stop    context.CancelFunc
	wg      sync.WaitGroup
	opening chan struct{}

	mu    sync.Mutex
	room  *room.Room
	lines map[string]*line
	own   map[string]int // seats by who
	seats int
}

// New makes a hub without consoles.
func New(o Options) *Hub {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hub{
		o: o, opening: make(chan struct{}, maxOpening), room: &room.Room{},
		lines: make(map[string]*line), own: make(map[string]int),
	}
	h.ctx, h.stop = context.WithCancel(context.Background())
	return h
}

// Apply makes r the current room: consoles that are always kept are opened, those that
// are reached in another way now are opened anew, and those of nodes that are gone end.
func (h *Hub) Apply(r *room.Room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		return
	}
	h.room = r
	for name, l := range h.lines {
		if id, found := r.Node(name); found {
			c, _ := r.Console(id)
			l.adopt(c)
		} else {
			l.end("the node is no longer in the room")
		}
	}
	for i := range r.Nodes {
		if c, _ := r.Console(room.NodeID(i)); c.Keeping.Log {
			_, start := h.line(r.Nodes[i].Name, c)
			start()
		}
	}
}

// line gives the owner of a console, and makes it if need be. A new one reaches for its
// console when start is called: whoever attaches first must not miss what comes first.
// The caller holds the lock until then.
func (h *Hub) line(node string, c room.Console) (l *line, start func()) {
	if l := h.lines[node]; l != nil && !l.isOver() {
		return l, func() {}
	}
	l = newLine(h, node, c)
	h.lines[node] = l
	return l, func() { h.wg.Go(l.run) }
}

// Close ends all consoles and waits for their owners.
func (h *Hub) Close() {
	h.mu.Lock()
	for _, l := range h.lines {
		l.end("the daemon is stopping")
	}
	h.stop()
	h.mu.Unlock()
	h.wg.Wait()
}

// Wish says who wants to attach, and how.
type Wish struct {
	Who  string // for people; the bound for one person is by it
	From string // an address, or ""
	// Write asks to be the one who types. If somebody else is, it is refused unless
	// TakeOver is set, which makes them one who watches.
	Write, TakeOver bool
	// Replay is how many bytes of what came last come first; negative is all that is
	// kept for it.
	Replay int
	// Left is called once when the seat is closed. It must not block.
	Left func()
}

// Attach takes a seat at a node's console.
func (h *Hub) Attach(node string, w Wish) (*Seat, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	refuse := func(code room.Code, format string, args ...any) error {
		return &room.Error{Code: code, Op: "console", Subject: node, Said: fmt.Sprintf(format, args...)}
	}
	id, found := h.room.Node(node)
	switch {
	case h.ctx.Err() != nil:
		return nil, refuse(room.CodeBusy, "the daemon is stopping")
	case !found:
		return nil, refuse(room.CodeNotFound, "there is no such node")
	case h.seats >= maxSeats || h.own[w.Who] >= maxOwnSeats:
		return nil, refuse(room.CodeBusy, "too many consoles are attached already")
	}
	c, _ := h.room.Console(id)
	if c.ReadOnly && w.Write {
		return nil, refuse(room.CodeRefused, "this console is read-only; it can be watched")
	}
	l, start := h.line(node, c)
	s, err := l.attach(w)
	start()
	if err != nil {
		return nil, err
	}
	h.seats++
	h.own[w.Who]++
	return s, nil
}

// left gives up what a seat has counted for.
func (h *Hub) left(who string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seats--
	if h.own[who]--; h.own[who] == 0 {
		delete(h.own, who)
	}
}

// retire takes an owner off the books if nobody wants it any more.
func (h *Hub) retire(l *line) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !l.retire() {
		return false
	}
	if h.lines[l.node] == l {
		delete(h.lines, l.node)
	}
	return true
}

// forget takes an owner off the books that has ended.
func (h *Hub) forget(l *line) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lines[l.node] == l {
		delete(h.lines, l.node)
	}
}

// List tells how it stands with the consoles that are open or wanted, by name.
func (h *Hub) List() []Status {
	h.mu.Lock()
	lines := make([]*line, 0, len(h.lines))
	for _, l := range h.lines {
		lines = append(lines, l)
	}
	h.mu.Unlock()
	list := make([]Status, len(lines))
	for i, l := range lines {
		list[i] = l.status()
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Node < list[j].Node })
	return list
}

// ReadLog copies a span of a node's log to out, as package journal writes it.
func (h *Hub) ReadLog(node string, span journal.Span, out io.Writer) error {
	h.mu.Lock()
	w, l := (*journal.Writer)(nil), h.lines[node]
	if id, found := h.room.Node(node); l == nil && found {
		c, _ := h.room.Console(id)
		w = h.journal(node, c.Keeping)
	}
	h.mu.Unlock()
	if l != nil {
		w = l.log()
	}
	if w == nil {
		return &room.Error{Code: room.CodeRefused, Op: "read console log", Subject: node, Said: "no log is kept: the daemon has no state folder, and the room names none (consoles: folder:)"}
	}
	return journal.Read(w, span, out)
}

// journal gives the log of a console, nil if there is nowhere to keep one.
func (h *Hub) journal(node string, k room.Keeping) *journal.Writer {
	folder := k.Folder
	switch {
	case folder == "":
		folder = h.o.Folder
	case !filepath.IsAbs(folder):
		folder = filepath.Join(h.o.Base, folder)
	}
	if folder == "" {
		return nil
	}
	name := k.File
	if name == "" {
		name = url.PathEscape(node) + ".log"
	}
	return journal.Open(journal.Options{Path: filepath.Join(folder, name), Size: k.Size, Keep: k.Keep, Raw: k.Raw})
}
