package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/run"
)

// live draws the last lines of a terminal anew as things change: how far it is, what is
// under way, what is tried again and what waits for it. What went wrong stays above.
type live struct {
	p      *program
	expect time.Duration // by the forecast; zero if it is a guess
	stop   chan struct{}
	done   chan struct{}

	mu     sync.Mutex
	began  time.Time
	closed bool
	drawn  int // lines on the screen that are ours to overwrite
	told   bool
	total  int // steps that the plan has
	good   int
	bad    int
	stands string // why nothing begins: it is paused, or waits

	doing  map[string]*doing    // by node, those that are under way
	order  []string             // of doing, as they began; some have ended
	waits  map[string]string    // by node: for whom, who is tried again
	failed map[failing][]string // not told of yet
	fails  []failing            // of failed, in order
	noted
}

// doing is what goes on with a node.
type doing struct {
	stage   stage
	until   time.Time // of again and settling
	attempt int
}

// stage is a line of the display.
type stage uint8

const (
	switchingOn stage = iota
	starting
	checking
	settling
	asked
	halting
	switchingOff
	asking
	again
	stages
)

func (s stage) String() string {
	return [stages]string{
		"switching on", "starting", "checking", "settling", "asked to halt", "halting", "switching off", "people are asked", "tried again",
	}[s]
}

// stageOf gives the stage of a phase that a run tells of.
func stageOf(act string, was stage) stage {
	switch act {
	case "cords on":
		return switchingOn
	case "controls on":
		return starting
	case "checks":
		return checking
	case "controls off":
		return asked
	case "wait for halt":
		return halting
	case "cords off", "halted", "cut":
		return switchingOff
	}
	return was
}

// redraw is how often time passes on the screen.
const redraw = 100 * time.Millisecond

func newLive(p *program, id string, total int, expect time.Duration) *live {
	l := &live{
		p: p, total: total, expect: expect, began: time.Now(), stop: make(chan struct{}), done: make(chan struct{}),
		doing: make(map[string]*doing), waits: make(map[string]string), failed: make(map[failing][]string),
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
		l.enter(u, func(d *doing) { d.stage = map[string]stage{"on": switchingOn, "off": switchingOff}[u.Op] })
	case run.Phase:
		l.enter(u, func(d *doing) { d.stage = stageOf(u.Act, d.stage) })
	case run.Settling:
		l.enter(u, func(d *doing) { d.stage, d.until = settling, u.Until })
	case run.Settled:
		l.leave(u)
	case run.Retrying:
		l.enter(u, func(d *doing) { d.stage, d.until, d.attempt = again, u.Until, u.Attempt })
		l.stay(markAgain, u.Text())
	case run.Awaiting:
		l.await(u)
	case run.Result:
		l.leave(u)
		maps.DeleteFunc(l.waits, func(_, by string) bool { return by == u.Nodes })
		l.result(u)
	case run.Blocked:
		l.leave(u)
		l.tellFailures()
		l.stay(markBad, u.Text())
	case run.Asking:
		l.enter(u, func(d *doing) { d.stage = asking })
		l.stay(markUnknown, u.Text()+howToAnswer)
	case run.Disputed:
		l.stay(markUnknown, u.Text())
	case run.Continued: // what was under way is told of anew
		clear(l.doing)
		l.order = l.order[:0]
		l.stay(markAgain, u.Text())
	case run.PausedNow, run.Waits:
		l.stands = u.Text()
	case run.Resumed, run.Begins:
		l.stands = ""
	case run.Ended:
		l.tellFailures()
	case run.Passed:
	}
}

// enter notes what goes on with nodes. Who does something waits no more.
func (l *live) enter(u wire.Update, now func(*doing)) {
	for _, name := range named(u) {
		delete(l.waits, name)
		d := l.doing[name]
		if d == nil {
			d = &doing{}
			l.doing[name] = d
			l.order = append(l.order, name)
		}
		now(d)
	}
}

func (l *live) leave(u wire.Update) {
	for _, name := range named(u) {
		delete(l.doing, name)
		delete(l.waits, name)
	}
}

func (l *live) await(u wire.Update) {
	news := false
	for _, name := range named(u) {
		news = news || l.waits[name] != u.By
		l.waits[name] = u.By
	}
	if news {
		l.stay(markWaiting, u.Text())
	}
}

func named(u wire.Update) []string {
	list, err := hostlist.Expand(u.Nodes)
	if err != nil {
		return nil
	}
	return list
}

// result notes what became of one node.
func (l *live) result(u wire.Update) {
	if u.Outcome.Good() {
		l.good++
		return
	}
	l.bad++
	key := failing{outcome: u.Outcome, said: u.Said}
	if l.failed[key] == nil {
		l.fails = append(l.fails, key)
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
	for _, key := range l.fails {
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
	l.fails = l.fails[:0]
	clear(l.failed)
}

// stay writes a line that remains, above those that are drawn anew.
func (l *live) stay(m mark, line string) {
	var lines []string
	for i, part := range wrap(clean(line), max(l.width()-4, leastLast)) {
		lead := l.p.out.mark(m) + " "
		if i > 0 {
			lead = "    "
		}
		lines = append(lines, lead+part)
	}
	l.show(lines)
}

// draw draws the lines that change.
func (l *live) draw() { l.show(nil) }

// show writes lines that stay over those that are drawn, and these below. Each line is
// written over the former one, so that nothing flickers.
func (l *live) show(above []string) {
	if l.closed {
		return
	}
	var b strings.Builder
	if l.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", l.drawn)
	}
	below := l.lines()
	for _, line := range slices.Concat(above, below) {
		b.WriteString(line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	l.drawn = len(below)
	l.p.printf("%s", b.String())
}

// width is that of the terminal now.
func (l *live) width() int { return l.p.styleOf(l.p.stdout).width }

func (l *live) lines() []string {
	style, width := l.p.out, l.width()
	if !l.told {
		return []string{style.faint("reading the plan")}
	}
	ended := l.good + l.bad
	total := max(l.total, ended+len(l.doing))
	tail := fmt.Sprintf(" %d of %d", ended, total)
	if l.bad > 0 {
		tail += fmt.Sprintf(", %d failed", l.bad)
	}
	took := time.Since(l.began)
	tail += "  " + elapsed(took)
	if left := l.expect - took; left > 0 {
		tail += ", about " + elapsed(left.Round(time.Second)) + " to go"
	}
	lines := []string{style.bar(min(30, width-len(tail)-1), ended, total) + clip(tail, width)}
	if l.stands != "" {
		lines = append(lines, style.paint(yellow, clip("  "+clean(l.stands), width)))
	}
	for _, row := range l.rows() {
		lines = append(lines, style.faint(clip(fmt.Sprintf("  %-13s  ", row[0]), width))+clip(row[1], max(0, width-17)))
	}
	return lines
}

// rows gives what goes on, by stage, and who waits for whom.
func (l *live) rows() [][2]string {
	var by [stages][]string
	l.order = slices.DeleteFunc(l.order, func(name string) bool { return l.doing[name] == nil })
	for _, name := range l.order {
		d := l.doing[name]
		by[d.stage] = append(by[d.stage], name)
	}
	var rows [][2]string
	for s, names := range by {
		if len(names) == 0 {
			continue
		}
		text := folded(names)
		if stage(s) == again || stage(s) == settling {
			text += l.soonest(names)
		}
		rows = append(rows, [2]string{stage(s).String(), text})
	}
	waiting := make(map[string][]string)
	var whom []string
	for name, by := range l.waits {
		if waiting[by] == nil {
			whom = append(whom, by)
		}
		waiting[by] = append(waiting[by], name)
	}
	slices.Sort(whom)
	for _, by := range whom {
		rows = append(rows, [2]string{"waiting", folded(waiting[by]) + " for " + by})
	}
	const most = 10
	if len(rows) > most {
		rows = append(rows[:most-1], [2]string{"…", counted(len(rows)-most+1, "more line")})
	}
	return rows
}

// soonest says when the first of nodes that wait for a time goes on.
func (l *live) soonest(names []string) string {
	first := l.doing[names[0]]
	for _, name := range names[1:] {
		if d := l.doing[name]; d.until.Before(first.until) {
			first = d
		}
	}
	text := ""
	if first.attempt > 0 && len(names) == 1 {
		text = fmt.Sprintf(", attempt %d", first.attempt)
	}
	if left := time.Until(first.until); left > 0 {
		text += " in " + elapsed(left)
		if first.stage == settling {
			text = ", for another " + elapsed(left)
		}
	}
	return text
}

// folded gives a host list that can be read, however many there are.
func folded(names []string) string {
	const most = 2000
	if len(names) > most {
		return counted(len(names), "node")
	}
	return hostlist.Fold(names)
}

func (l *live) close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	if l.drawn > 0 {
		l.p.printf("\x1b[%dA\r\x1b[J", l.drawn)
	}
	l.closed = true
	l.mu.Unlock()
	close(l.stop)
	<-l.done
}
