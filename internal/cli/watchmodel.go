package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/room"
)

// watched is what is known of the nodes that are watched.
type watched struct {
	states  map[string]room.State
	held    map[string]bool
	changes []change // the newest last
	gone    error    // the daemon has
	since   time.Time
}

// change is one node that has become something else.
type change struct {
	at       time.Time
	node     string
	from, to room.State
}

// mostChanges is how many changes are remembered.
const mostChanges = 500

// fresh is how long a change stands out.
const fresh = 10 * time.Second

func newWatched() *watched {
	return &watched{states: make(map[string]room.State), held: make(map[string]bool)}
}

// take takes in what has come, and gives what has changed by it.
func (m *watched) take(n news) []change {
	before := len(m.changes)
	switch {
	case n.err != nil:
		if m.gone == nil {
			m.since = time.Now()
		}
		m.gone = n.err
		return nil
	case n.All != nil:
		m.takeAll(n)
	case n.Change != nil:
		m.note(n.Change.Time, n.Change.Node, n.Change.State)
		if delete(m.held, n.Change.Node); n.Change.Held {
			m.held[n.Change.Node] = true
		}
	}
	m.gone = nil
	changed := m.changes[before:]
	if more := len(m.changes) - mostChanges; more > 0 {
		m.changes = slices.Clone(m.changes[more:])
	}
	return changed
}

// takeAll takes in a picture of all nodes. After the first, it may hold changes that
// were missed.
func (m *watched) takeAll(n news) {
	first := len(m.states) == 0
	old := m.states
	m.states, m.held = make(map[string]room.State, len(old)), make(map[string]bool)
	for word, list := range n.All.States {
		var state room.State
		_ = state.UnmarshalText([]byte(word)) // what it does not know is unknown
		for _, node := range expanded(list) {
			if from, known := old[node]; known && !first {
				m.states[node] = from
				m.note(n.All.Time, node, state)
			}
			m.states[node] = state
		}
	}
	for _, node := range expanded(n.All.Held) {
		m.held[node] = true
	}
}

func expanded(list string) []string {
	nodes, err := anyLength.Parse(list)
	if err != nil {
		return nil
	}
	return nodes.Names()
}

// note notes one node's state.
func (m *watched) note(at time.Time, node string, state room.State) {
	from := m.states[node]
	m.states[node] = state
	if from != state {
		m.changes = append(m.changes, change{at: at, node: node, from: from, to: state})
	}
}

// row is the nodes that are in one state.
type row struct {
	word  string
	mark  mark
	count int
	nodes string
}

// rows gives the nodes by state.
func (m *watched) rows() []row {
	by := make(map[string][]string)
	for node, state := range m.states {
		by[state.String()] = append(by[state.String()], node)
	}
	for node := range m.held {
		by["held"] = append(by["held"], node)
	}
	var rows []row
	for _, r := range []row{{word: "on", mark: markOn}, {word: "degraded", mark: markDegraded}, {word: "off", mark: markOff}, {word: "unknown", mark: markUnknown}, {word: "held", mark: markBad}} {
		if nodes := by[r.word]; len(nodes) > 0 {
			r.count, r.nodes = len(nodes), hostlist.Fold(nodes)
			rows = append(rows, r)
		}
	}
	return rows
}

// picture gives the lines of a screen of this size: how many are in which state,
// which they are, and below what has changed, the newest first.
func (m *watched) picture(s style, targets string, now time.Time, width, height int) []string {
	rows := m.rows()
	lines := []string{m.title(s, rows, targets, now, width), ""}
	most := max(height/2, height-len(lines)-8) - len(lines) // leave room for changes
	if len(m.changes) == 0 {
		most = height - len(lines) - 2
	}
	lines = append(lines, m.groups(s, rows, width, max(most, len(rows)))...)
	if len(m.changes) > 0 && len(lines)+2 < height {
		lines = append(lines, "", s.head("CHANGES"))
		for i := len(m.changes); i > 0 && len(lines) < height; {
			last := m.changes[i-1]
			var nodes []string
			for ; i > 0 && m.changes[i-1].like(last); i-- {
				nodes = append(nodes, m.changes[i-1].node)
			}
			last.node = hostlist.Fold(nodes)
			lines = append(lines, last.line(s, now, width))
		}
	}
	return lines[:min(len(lines), height)]
}

// title is the first line: what is watched, when, and how to leave.
func (m *watched) title(s style, rows []row, targets string, now time.Time, width int) string {
	left := cmp.Or(targets, "all nodes") + "  " + now.Format(time.TimeOnly)
	if m.gone != nil {
		return s.bad(clip("no answer since "+m.since.Format(time.TimeOnly)+"; may be old  "+left, width))
	}
	parts := make([]string, 0, len(rows))
	for _, r := range rows {
		parts = append(parts, strconv.Itoa(r.count)+" "+r.word)
	}
	left += "  " + strings.Join(parts, ", ")
	const leave = "q leaves"
	if gap := width - utf8.RuneCountInString(left) - len(leave); gap >= 2 {
		return s.head(left) + strings.Repeat(" ", gap) + s.faint(leave)
	}
	return s.head(clip(left, width))
}

// groups gives the nodes by state in at most so many lines. Nodes that have changed
// a moment ago stand among the changes.
func (m *watched) groups(s style, rows []row, width, most int) []string {
	words, counts := 0, 0
	for _, r := range rows {
		words, counts = max(words, len(r.word)), max(counts, len(strconv.Itoa(r.count)))
	}
	var lines []string
	indent := 2 + words + 2 + counts + 2
	each := max(most/max(len(rows), 1), 1)
	for i, r := range rows {
		may := each
		if i == len(rows)-1 {
			may = max(most-len(lines), 1)
		}
		parts := wrap(clean(r.nodes), max(width-indent, leastLast))
		if len(parts) > may {
			parts = parts[:may]
			parts[may-1] = clip(parts[may-1]+strings.Repeat(" ", width), max(width-indent-1, leastLast))
			parts[may-1] = strings.TrimRight(strings.TrimSuffix(parts[may-1], "…"), " ") + " …"
		}
		for n, part := range parts {
			lead := strings.Repeat(" ", indent)
			if n == 0 {
				lead = s.mark(r.mark) + " " + s.paint(r.mark.colour, fmt.Sprintf("%-*s", words, r.word)) + fmt.Sprintf("  %*d  ", counts, r.count)
			}
			lines = append(lines, lead+part)
		}
	}
	return lines
}

// like says whether two changes are the same but for the node.
func (c *change) like(o change) bool {
	return c.from == o.from && c.to == o.to && c.at.Truncate(time.Second).Equal(o.at.Truncate(time.Second))
}

// line is a change for people; what is fresh stands out.
func (c *change) line(s style, now time.Time, width int) string {
	node := clean(c.node)
	long := c.at.Local().Format(time.TimeOnly) + "  " + node + "  " + c.from.String() + " " + s.to() + " " + c.to.String()
	if utf8.RuneCountInString(long) > width {
		return clip(long, width)
	}
	colours := map[room.State]string{room.StateOn: green, room.StateDegraded: yellow, room.StateUnknown: yellow}
	to := s.paint(colours[c.to], c.to.String())
	if now.Sub(c.at) > fresh {
		return s.faint(long)
	}
	return c.at.Local().Format(time.TimeOnly) + "  " + s.head(node) + "  " + c.from.String() + " " + s.to() + " " + to
}
