package cli

import (
	"encoding/json"
	"strings"

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
		return newLive(p, id, total, f.expect)
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

// howToAnswer follows what a run asks: it waits for that as long as it takes, in scripts too.
const howToAnswer = "; to answer: millwright questions"

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
	case run.Phase:
		if !d.all {
			return
		}
	case run.Settled, run.Ended:
		return
	case run.Asking:
		d.p.printf("%s\n", clean(u.Text())+howToAnswer)
		return
	default:
	}
	d.p.printf("%s\n", clean(u.Text()))
}

func (d *plainDisplay) close() {}

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
