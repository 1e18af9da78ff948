package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/run"
)

// display shows a run as it goes.
type display interface {
	take(wire.Update)
	unknown() bool // some node's outcome is unknown
	close()        // leaves the terminal in order; may be called again
}

// progress chooses the display that fits.
func (p *program) progress(id string, total int, f orderFlags) display {
	switch {
	case f.json:
		return &jsonDisplay{p: p}
	case p.out.terminal && !f.list:
		return newLive(p, id, total)
	}
	return &plainDisplay{p: p, all: f.list}
}

// jsonDisplay writes each update as it is.
type jsonDisplay struct {
	p *program
	noted
}

func (d *jsonDisplay) take(u wire.Update) {
	d.note(u)
	if data, err := json.Marshal(u); err == nil {
		d.p.printf("%s\n", data)
	}
}

func (d *jsonDisplay) close() {}

// noted remembers what the exit status needs.
type noted struct{ some bool }

func (n *noted) note(u wire.Update) {
	n.some = n.some || u.Kind == run.Result && u.Outcome == fleet.Unknown
}

func (n *noted) unknown() bool { return n.some }

// plainDisplay writes a line for what matters, for files and pipes.
type plainDisplay struct {
	p   *program
	all bool // each node's good end too
	noted
}

func (d *plainDisplay) take(u wire.Update) {
	d.note(u)
	switch u.Kind {
	case run.Result:
		if u.Outcome.Good() && !d.all {
			return
		}
	case run.Settled, run.Ended:
		return
	default:
	}
	d.p.printf("%s\n", clean(u.Text()))
}

func (d *plainDisplay) close() {}

// live draws the last lines of a terminal anew as things change: what went wrong, and
// what is waited for, stays above.
type live struct {
	p     *program
	began time.Time
	stop  chan struct{}
	done  chan struct{}

	mu     sync.Mutex
	closed bool
	drawn  int // lines on the screen that are ours to overwrite
	told   bool
	total  int             // steps that the plan has
	open   map[string]bool // being switched
	names  []string        // of open, in the order they were begun
	good   int
	bad    int
	stands string // why nothing begins: it is paused, or waits
	settle time.Time
	failed map[failing][]string // not told of yet
	order  []failing            // of failed
	noted
}

// redraw is how often time passes on the screen.
const redraw = 100 * time.Millisecond

func newLive(p *program, id string, total int) *live {
	l := &live{
		p: p, total: total, began: time.Now(), stop: make(chan struct{}), done: make(chan struct{}),
		open: make(map[string]bool), failed: make(map[failing][]string),
	}
	p.printf("%s\n", p.out.faint("run "+id))
	go l.tick()
	return l
}

func (l *live) tick() {
	defer close(l.done)
	ticker := time.NewTicker(redraw)
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
			l.mu.Lock()
			l.tellFailures()
			l.draw()
			l.mu.Unlock()
		}
	}
}

// take notes an update; the next tick shows it. What stays on the screen is
// written at once.
func (l *live) take(u wire.Update) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(u)
	if u.N == 1 {
		l.began = u.Time
	}
	l.told = true
	switch u.Kind {
	case run.StepBegan:
		if list, err := hostlist.Expand(u.Nodes); err == nil {
			for _, name := range list {
				l.open[name] = true
				l.names = append(l.names, name)
			}
		}
	case run.Result:
		l.result(u)
	case run.Blocked:
		l.tellFailures()
		l.stay(markBad, u.Text())
	case run.Retrying, run.Disputed, run.Asking:
		l.stay(markUnknown, u.Text())
	case run.Awaiting, run.Continued:
		l.stay(markWaiting, u.Text())
	case run.Settling:
		if u.Until.After(l.settle) {
			l.settle = u.Until
		}
	case run.PausedNow, run.Waits:
		l.stands = u.Text()
	case run.Resumed, run.Begins:
		l.stands = ""
	case run.Ended:
		l.tellFailures()
	case run.Passed, run.Settled, run.Phase:
	}
}

// result notes what became of one node.
func (l *live) result(u wire.Update) {
	delete(l.open, u.Nodes)
	if u.Outcome.Good() {
		l.good++
		return
	}
	l.bad++
	key := failing{outcome: u.Outcome, said: u.Said}
	if l.failed[key] == nil {
		l.order = append(l.order, key)
	}
	l.failed[key] = append(l.failed[key], u.Nodes)
}

// failing is how a node ended that is not where it should be.
type failing struct {
	outcome fleet.Outcome
	said    string
}

// tellFailures writes the failures since the last time, those that are alike on
// one line.
func (l *live) tellFailures() {
	for _, key := range l.order {
		m, word := markBad, string(key.outcome)
		switch key.outcome {
		case fleet.Unknown:
			m = markUnknown
		case fleet.NotBegun:
			m, word = markWaiting, "not begun"
		case fleet.OK, fleet.Unverified, fleet.Failed:
		}
		l.stay(m, strings.TrimSuffix(hostlist.Fold(l.failed[key])+": "+word+": "+key.said, ": "))
	}
	l.order = l.order[:0]
	clear(l.failed)
}

// stay writes a line that remains, above those that are drawn anew.
func (l *live) stay(m mark, line string) {
	var b strings.Builder
	l.erase(&b)
	for i, part := range wrap(clean(line), max(l.p.out.width-4, leastLast)) {
		lead := l.p.out.mark(m) + " "
		if i > 0 {
			lead = "    "
		}
		b.WriteString(lead + part + "\n")
	}
	l.write(b.String())
	l.draw()
}

// erase goes back over what is drawn.
func (l *live) erase(b *strings.Builder) {
	if l.drawn > 0 {
		fmt.Fprintf(b, "\x1b[%dA\r\x1b[J", l.drawn)
	}
	l.drawn = 0
}

// draw draws the lines that change.
func (l *live) draw() {
	if l.closed {
		return
	}
	var b strings.Builder
	l.erase(&b)
	for _, line := range l.lines() {
		b.WriteString(line + "\n")
		l.drawn++
	}
	l.write(b.String())
}

func (l *live) lines() []string {
	style, width := l.p.out, l.p.out.width
	if !l.told {
		return []string{style.faint("reading the plan")}
	}
	ended := l.good + l.bad
	total := max(l.total, ended+len(l.open))
	tail := fmt.Sprintf(" %d of %d", ended, total)
	if l.bad > 0 {
		tail += fmt.Sprintf(", %d failed", l.bad)
	}
	tail += "  " + elapsed(time.Since(l.began))
	lines := []string{style.bar(min(30, width-len(tail)-1), ended, total) + tail}
	switch left := time.Until(l.settle); {
	case l.stands != "":
		lines = append(lines, style.faint(clip("  "+l.stands, width)))
	case len(l.open) > 0:
		names := make([]string, 0, len(l.open))
		for _, n := range l.names {
			if l.open[n] {
				names = append(names, n)
			}
		}
		l.names = names
		lines = append(lines, style.faint(clip("  switching "+hostlist.Fold(names), width)))
	case left > 0:
		lines = append(lines, style.faint(clip("  settling for another "+elapsed(left), width)))
	default:
		lines = append(lines, "")
	}
	return lines
}

// bar draws how much of something is done.
func (s style) bar(width, part, whole int) string {
	if width < 4 {
		return ""
	}
	full := 0
	if whole > 0 {
		full = min(width, width*part/whole)
	}
	if s.utf8 {
		return s.paint(green, strings.Repeat("━", full)) + s.paint(dim, strings.Repeat("─", width-full))
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "]"
}

func (l *live) write(text string) { l.p.printf("%s", text) }

func (l *live) close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	var b strings.Builder
	l.erase(&b)
	l.write(b.String())
	l.closed = true
	l.mu.Unlock()
	close(l.stop)
	<-l.done
}
