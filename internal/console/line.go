package console

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"millwright.dev/millwright/internal/console/journal"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/transport"
)

// State is how far a console is within reach.
type State string

// The states.
const (
	Opening State = "opening"
	Open    State = "open"
	Lost    State = "lost" // or could not be reached; it is tried again
)

// Attached is somebody who is attached.
type Attached struct {
	Who, From string
	Since     time.Time
	Writes    bool
}

// Status is how it stands with a console.
type Status struct {
	Node     string
	State    State
	Said     string    // why it is lost
	Since    time.Time // of the state
	Kept     bool      // open though nobody is attached, for its log
	Attached []Attached
	Read     int64  // bytes that came
	Trouble  string // of the log
}

const (
	maxKeys   = 4 << 10 // bytes that are typed at once
	waitKeys  = 16      // how many of these wait for the console
	readBytes = 8 << 10
	// steady is how long a console must have been open for its loss to count as the
	// first one.
	steady = 5 * time.Second
	// soonAgain is when a console that was open for so long is tried again.
	soonAgain = 500 * time.Millisecond
)

// key is something for the console: text, a break, or the size of a terminal.
type key struct {
	text          []byte
	brk           bool
	by            string
	columns, rows int
}

// line owns one console.
type line struct {
	hub   *Hub
	node  string
	ctx   context.Context
	stop  context.CancelFunc
	wake  chan struct{} // one token: look whether you are still wanted
	tries *transport.Backoff
	tried time.Time // the owner's own

	mu      sync.Mutex
	c       room.Console
	scroll  scroll
	seats   []*Seat
	writer  *Seat
	state   State
	said    string
	since   time.Time
	left    time.Time // when the last one left
	moved   bool      // it is reached in another way now
	over    bool
	input   chan key // of the open console, nil when it is not open
	ended   chan struct{}
	journal *journal.Writer
	more    chan struct{} // closed when there is something new
	waited  bool
}

func newLine(h *Hub, node string, c room.Console) *line {
	l := &line{
		hub: h, node: node, c: c, state: Opening, since: time.Now(), left: time.Now(),
		wake: make(chan struct{}, 1), more: make(chan struct{}), journal: h.journal(node, c.Keeping),
		tries: transport.NewBackoff(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))), //nolint:gosec // it spreads reconnects, no more
	}
	l.ctx, l.stop = context.WithCancel(h.ctx)
	return l
}

// adopt takes what the room says now.
func (l *line) adopt(c room.Console) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.c
	l.moved = l.moved || old.Via != c.Via || old.Device != c.Device || old.Plug != c.Plug || old.Credential != c.Credential
	if log, now := old.Keeping, c.Keeping; log.Folder != now.Folder || log.File != now.File || log.Size != now.Size || log.Keep != now.Keep || log.Raw != now.Raw {
		if l.journal != nil {
			l.journal.Close()
		}
		l.journal = l.hub.journal(l.node, c.Keeping)
	}
	l.c = c
	if c.ReadOnly && l.writer != nil {
		l.writer = nil
		l.tellAll(Notice{Kind: NoticeWriter, Said: "the console is read-only now"})
	}
	l.poke()
}

func (l *line) log() *journal.Writer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.journal
}

// poke has the owner look at what has changed.
func (l *line) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// changed wakes whoever waits for news. The caller holds the lock.
func (l *line) changed() {
	if l.waited {
		close(l.more)
		l.more, l.waited = make(chan struct{}), false
	}
}

// tellAll adds a notice for everybody. The caller holds the lock.
func (l *line) tellAll(n Notice) {
	for _, s := range l.seats {
		mine := n
		mine.You = n.Kind == NoticeWriter && s == l.writer
		s.tell(mine)
	}
	l.changed()
}

func (l *line) isOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

// end closes the console and all seats.
func (l *line) end(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	for _, s := range l.seats {
		s.tell(Notice{Kind: NoticeClosed, Said: why})
		s.closed = true
	}
	l.changed()
	l.stop()
}

// retire says that the owner may go, and that nobody may attach any more.
func (l *line) retire() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over && l.patience() > 0 {
		return false
	}
	l.over = true
	return true
}

// patience says how long the console is wanted: a long time for ever, zero not any
// more. The caller holds the lock.
func (l *line) patience() time.Duration {
	if len(l.seats) > 0 || l.c.Keeping.Log {
		return 1<<63 - 1
	}
	return max(0, time.Until(l.left.Add(l.c.Keeping.Linger)))
}

func (l *line) wanted() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.patience()
}

// run is the owner goroutine: it reaches the console again and again for as long as it
// is wanted.
func (l *line) run() {
	defer l.hub.forget(l)
	defer l.stop()
	defer func() {
		if w := l.log(); w != nil {
			w.Close()
		}
	}()
	for l.ctx.Err() == nil {
		if l.wanted() <= 0 && l.hub.retire(l) {
			return
		}
		console, err := l.open()
		if never(err) {
			l.end(err.Error())
			return
		}
		if err != nil {
			l.turn(Lost, err.Error())
			l.pause(l.tries.Next())
			continue
		}
		began := time.Now()
		err = l.serve(console)
		if l.ctx.Err() != nil || err == nil { // closed by us
			continue
		}
		l.turn(Lost, err.Error())
		if time.Since(began) >= steady {
			l.tries.Reset()
			l.pause(soonAgain)
			continue
		}
		l.pause(l.tries.Next())
	}
}

// never says that a console cannot be had however often it is tried: the node has none.
func never(err error) bool {
	var why *room.Error
	return errors.As(err, &why) && (why.Code == room.CodeRefused || why.Code == room.CodeNotFound)
}

// leastPause lies between any two tries, however many people come and go.
const leastPause = 250 * time.Millisecond

// open reaches the console.
func (l *line) open() (driver.Console, error) {
	if wait := time.Until(l.tried.Add(leastPause)); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.ctx.Done():
			return nil, l.ctx.Err()
		}
	}
	l.tried = time.Now()
	l.mu.Lock()
	l.moved = false
	l.mu.Unlock()
	l.turn(Opening, "")
	select {
	case l.hub.opening <- struct{}{}:
		defer func() { <-l.hub.opening }()
	case <-l.ctx.Done():
		return nil, l.ctx.Err()
	}
	ctx, cancel := context.WithTimeout(l.ctx, openFor)
	defer cancel()
	return l.hub.o.Open(ctx, l.node)
}

// turn notes a new state and tells it.
func (l *line) turn(s State, said string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s == Opening && l.state != Open { // tried again: that it was lost, and why, is still the news
		return
	}
	if l.state == s && l.said == said {
		return
	}
	if s == Lost && l.state == Open || s == Open {
		if l.journal != nil {
			text := "open"
			if s == Lost {
				text = "lost: " + said
			}
			l.journal.Note(text, time.Now())
		}
		l.hub.o.Log.Info("console "+string(s), "node", l.node, "why", said)
	}
	l.state, l.said, l.since = s, said, time.Now()
	l.tellAll(Notice{Kind: NoticeState, State: s, Said: said})
}

// pause waits before the next try; somebody who attaches ends it.
func (l *line) pause(d time.Duration) {
	timer := time.NewTimer(min(d, l.wanted()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.wake:
	case <-l.ctx.Done():
	}
}

// serve has the console's bytes go both ways until it is lost, or until we close it,
// which gives no error.
func (l *line) serve(c driver.Console) error {
	input, over := make(chan key, waitKeys), make(chan struct{})
	ended := make(chan error, 2)
	l.mu.Lock()
	l.input, l.ended = input, over
	l.mu.Unlock()
	l.turn(Open, "")
	var wg sync.WaitGroup
	wg.Go(func() { ended <- l.read(c) })
	wg.Go(func() { ended <- l.keys(c, input, over) })
	defer func() {
		l.mu.Lock()
		l.input = nil
		l.mu.Unlock()
		close(over)
		_ = c.Close()
		wg.Wait()
	}()
	for {
		l.mu.Lock()
		left, moved := l.patience(), l.moved
		l.mu.Unlock()
		if left <= 0 || moved {
			return nil
		}
		timer := time.NewTimer(left)
		select {
		case err := <-ended:
			timer.Stop()
			return err
		case <-l.ctx.Done():
		case <-l.wake:
		case <-timer.C:
		}
		timer.Stop()
		if l.ctx.Err() != nil {
			return nil
		}
	}
}

var errHungUp = errors.New("the other end has hung up")

// read takes in what the console writes.
func (l *line) read(c driver.Console) error {
	buf := make([]byte, readBytes)
	for {
		n, err := c.Read(buf)
		if n > 0 {
			l.say(buf[:n])
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errHungUp
			}
			return err
		}
	}
}

// say passes on what the console wrote: to the log first, so that nothing is seen that
// is not in it.
func (l *line) say(p []byte) {
	if w := l.log(); w != nil {
		w.Write(p, time.Now())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scroll.add(p, l.c.Keeping.Scrollback, func() int {
		slowest := l.scroll.end()
		for _, s := range l.seats {
			slowest = min(slowest, s.pos)
		}
		return int(min(maxBehind, l.scroll.end()-slowest))
	})
	l.changed()
}

// keys passes on what is typed.
func (l *line) keys(c driver.Console, input <-chan key, over <-chan struct{}) error {
	for {
		select {
		case <-over:
			return nil
		case k := <-input:
			if err := l.press(c, k); err != nil {
				return err
			}
		}
	}
}

func (l *line) press(c driver.Console, k key) error {
	switch {
	case k.brk:
		n := Notice{Kind: NoticeBreak, By: k.by}
		if err := c.Break(); err != nil {
			n = Notice{Kind: NoticeDropped, By: k.by, Said: "no break was sent: " + err.Error()}
		} else if w := l.log(); w != nil {
			w.Note("break by "+k.by, time.Now())
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.tellAll(n)
		return nil
	case k.columns > 0:
		if r, ok := c.(transport.Resizer); ok {
			_ = r.Resize(k.columns, k.rows)
		}
		return nil
	}
	_, err := c.Write(k.text)
	return err
}

// put has something typed, for a seat that may.
func (l *line) put(ctx context.Context, s *Seat, k key) error {
	l.mu.Lock()
	input, ended, mine, state := l.input, l.ended, l.writer == s, l.state
	l.mu.Unlock()
	refuse := func(code room.Code, said string) error {
		return &room.Error{Code: code, Op: "type", Subject: l.node, Said: said}
	}
	switch {
	case !mine:
		return refuse(room.CodeRefused, "you only watch")
	case input == nil:
		return refuse(room.CodeDevice, "the console is not open ("+string(state)+")")
	}
	select {
	case input <- k:
		return nil
	case <-ended:
		return refuse(room.CodeDevice, "the console was lost")
	case <-ctx.Done():
		return ctx.Err()
	}
}
