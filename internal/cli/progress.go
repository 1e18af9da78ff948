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
func (p *program) progress(id string, f orderFlags) display {
	switch {
	case f.json:
		return &jsonDisplay{p: p}
	case p.out.terminal && !f.list:
		return newLive(p, id)
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
	good int
}

func (d *plainDisplay) take(u wire.Update) {
	d.note(u)
	switch u.Kind {
	case run.WaveBegan:
		d.good = 0
	case run.Result:
		if u.Outcome.Good() {
			d.good++
		}
		if u.Outcome.Good() && !d.all {
			return
		}
	case run.WaveEnded:
		d.p.printf("wave %d of %d ended: %d %s\n", u.Wave, u.Waves, d.good, "switched")
		return
	case run.StepBegan, run.Settled, run.Ended:
		return
	case run.Passed, run.Blocked, run.Settling:
	}
	d.p.printf("%s\n", clean(u.Text()))
}

func (d *plainDisplay) close() {}

// live draws the last lines of a terminal anew as things change: the waves that
// are over stay above, one line each.
type live struct {
	p     *program
	began time.Time
	stop  chan struct{}
	done  chan struct{}

	mu      sync.Mutex
	closed  bool
	drawn   int // lines on the screen that are ours to overwrite
	wave    int
	waves   int
	members string
	waveAt  time.Time
	size    int             // nodes that are switched in this wave
	open    map[string]bool // being switched
	names   []string        // of open, in the order they were begun
	good    int
	bad     int
	settle  time.Time
	failed  map[failing][]string // not told of yet
	order   []failing            // of failed
	noted
}

// redraw is how often time passes on the screen.
const redraw = 100 * time.Millisecond

func newLive(p *program, id string) *live {
	l := &live{
		p: p, began: time.Now(), stop: make(chan struct{}), done: make(chan struct{}),
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
	switch u.Kind {
	case run.WaveBegan:
		l.wave, l.waves, l.members, l.waveAt = u.Wave, u.Waves, u.Nodes, u.Time
		l.size, l.good, l.bad, l.settle = 0, 0, 0, time.Time{}
	case run.StepBegan:
		l.size += u.Count
		if list, err := hostlist.Expand(u.Nodes); err == nil {
			for _, name := range list {
				l.open[name] = true
				l.names = append(l.names, name)
			}
		}
	case run.Result:
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
	case run.Blocked:
		l.tellFailures()
		l.stay(markBad, u.Text())
	case run.WaveEnded:
		l.tellFailures()
		l.waveOver(u)
	case run.Settling:
		l.settle = u.Until
	case run.Settled:
		l.settle = time.Time{}
	case run.Passed, run.Ended:
	}
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

func (l *live) waveOver(u wire.Update) {
	m := markGood
	if l.bad > 0 {
		m = markBad
	}
	took := elapsed(u.Time.Sub(l.waveAt))
	head := fmt.Sprintf("wave %*d of %d", len(fmt.Sprint(l.waves)), u.Wave, u.Waves)
	l.stay(m, fmt.Sprintf("%s  %5s  %s", head, took, l.members))
	l.names = l.names[:0]
	l.members = ""
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
	if l.wave == 0 {
		return []string{style.faint("reading the plan")}
	}
	if l.members == "" && l.settle.IsZero() {
		return nil
	}
	ended := l.good + l.bad
	head := fmt.Sprintf("wave %d of %d ", l.wave, l.waves)
	tail := fmt.Sprintf(" %d of %d", ended, l.size)
	if l.bad > 0 {
		tail += fmt.Sprintf(", %d failed", l.bad)
	}
	tail += "  " + elapsed(time.Since(l.began))
	bar := style.bar(min(30, width-len(head)-len(tail)-1), ended, l.size)
	lines := []string{head + bar + tail}
	switch left := time.Until(l.settle); {
	case left > 0:
		lines = append(lines, style.faint(clip("  settling for another "+elapsed(left), width)))
	case len(l.open) > 0:
		names := make([]string, 0, len(l.open))
		for _, n := range l.names {
			if l.open[n] {
				names = append(names, n)
			}
		}
		lines = append(lines, style.faint(clip("  switching "+hostlist.Fold(names), width)))
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
