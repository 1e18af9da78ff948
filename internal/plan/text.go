package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"millwright.dev/millwright/internal/room"
)

// Text writes the plan for people, the same bytes for the same plan:
//
//	up: 41 to switch in 2 waves, 2 of them not asked for but needed, 1 skipped
//	wave 1
//	  on    db[1-2]  needed by web1
//	  settle 30s     db[1-2]
//	wave 2
//	  on    web[1-39]
//	skipped
//	  web40          on already
func (p Plan) Text(r *room.Room) string {
	var t table
	t.line(p.Summary())
	for i, wave := range p.Waves {
		t.line(fmt.Sprintf("wave %d", i+1))
		p.waveText(&t, r, wave)
	}
	if len(p.Skipped) > 0 {
		t.line("skipped")
		var groups folds[skipKey]
		for _, s := range p.Skipped {
			groups.add(skipKey{s.State, len(r.Nodes[s.Node].Cords) == 0}, s.Node)
		}
		for _, g := range groups.list {
			note := p.Goal.word() + " already"
			if g.key.cordless {
				note = "has no cords, and nothing to wait for"
			}
			t.row(r.Fold(g.nodes), note)
		}
	}
	if len(p.Blocked) > 0 {
		t.line("blocked")
		var groups folds[room.NodeID]
		reasons := make(map[room.NodeID]string)
		for _, b := range p.Blocked {
			groups.add(b.By, b.Node)
			reasons[b.By] = b.Reason
		}
		for _, g := range groups.list {
			t.row(r.Fold(g.nodes), "because "+r.Nodes[g.key].Name+" is held: "+reasons[g.key])
		}
	}
	return t.String()
}

type skipKey struct {
	state    room.State
	cordless bool
}

// stepKey is what steps have in common that stand on one line.
type stepKey struct {
	op    room.Op
	state room.State
	cause Cause
}

func (p Plan) waveText(t *table, r *room.Room, wave []Step) {
	var lines folds[stepKey]
	var settle folds[time.Duration]
	for _, s := range wave {
		key := stepKey{op: s.Op, cause: s.Why.Cause}
		if s.State == room.StateDegraded || s.Op == 0 {
			key.state = s.State
		}
		g := lines.add(key, s.Node)
		if s.Why.Cause != Asked {
			g.others = append(g.others, s.Why.Node)
		}
		if s.Settle > 0 {
			settle.add(s.Settle, s.Node)
		}
	}
	slices.SortStableFunc(lines.list, func(x, y fold[stepKey]) int { return cmp.Compare(y.key.op, x.key.op) })
	for _, g := range lines.list {
		verb := g.key.op.String()
		if g.key.op == 0 {
			verb = "pass"
		}
		t.row(fmt.Sprintf("%-5s %s", verb, r.Fold(g.nodes)), p.note(r, g.key, g.others))
	}
	for _, g := range settle.list {
		t.row("settle "+g.key.String(), r.Fold(g.nodes))
	}
}

// note says what is to be said about steps on one line.
func (p Plan) note(r *room.Room, key stepKey, others []room.NodeID) string {
	var notes []string
	switch {
	case key.op == 0 && p.Goal.reached(key.state):
		notes = append(notes, p.Goal.word()+" already")
	case key.state == room.StateDegraded && p.Goal == Up:
		notes = append(notes, "on, but not through all its cords")
	}
	switch key.cause {
	case NeededBy:
		notes = append(notes, "needed by "+r.Fold(once(others)))
	case Needs:
		notes = append(notes, "dragged along: needs "+r.Fold(once(others)))
	case Asked:
	}
	return strings.Join(notes, "; ")
}

// Summary gives the plan in one line: "down: 3 to switch in 2 waves, 1 of them
// dragged along".
func (p Plan) Summary() string {
	t := p.Totals()
	var b strings.Builder
	if t.Switched == 0 {
		fmt.Fprintf(&b, "%s: nothing to switch", p.Goal)
	} else {
		fmt.Fprintf(&b, "%s: %d to switch in %d %s", p.Goal, t.Switched, t.Waves, plural(t.Waves, "wave", "waves"))
	}
	if t.Dragged > 0 {
		what := "not asked for but needed"
		if p.Goal == Down {
			what = "dragged along"
		}
		fmt.Fprintf(&b, ", %d of them %s", t.Dragged, what)
	}
	if t.Skipped > 0 {
		fmt.Fprintf(&b, ", %d skipped", t.Skipped)
	}
	if t.Blocked > 0 {
		fmt.Fprintf(&b, ", %d blocked", t.Blocked)
	}
	return b.String()
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// folds gathers nodes by a key, the keys in the order in which they first came.
type folds[K comparable] struct {
	list []fold[K]
	at   map[K]int
}

type fold[K comparable] struct {
	key    K
	nodes  []room.NodeID
	others []room.NodeID // what else the key's line names
}

// add puts a node to its key and gives the key's place.
func (f *folds[K]) add(key K, id room.NodeID) *fold[K] {
	i, found := f.at[key]
	if !found {
		if f.at == nil {
			f.at = make(map[K]int)
		}
		i = len(f.list)
		f.at[key] = i
		f.list = append(f.list, fold[K]{key: key})
	}
	g := &f.list[i]
	g.nodes = append(g.nodes, id)
	return g
}

// once takes repeats away.
func once(ids []room.NodeID) []room.NodeID {
	seen := make(map[room.NodeID]bool, len(ids))
	var list []room.NodeID
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			list = append(list, id)
		}
	}
	return list
}

// table lines up the second column of the rows, as far as the first is not too
// wide for it.
type table struct {
	rows []tableRow
}

type tableRow struct {
	left, right string
	head        bool
}

func (t *table) line(text string) { t.rows = append(t.rows, tableRow{left: text, head: true}) }

func (t *table) row(left, right string) { t.rows = append(t.rows, tableRow{left: left, right: right}) }

// String writes the table, a newline after each row.
func (t *table) String() string {
	const widest = 40
	width := 0
	for _, row := range t.rows {
		if !row.head && row.right != "" && len(row.left) <= widest {
			width = max(width, len(row.left))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		switch {
		case row.head:
			b.WriteString(row.left)
		case row.right == "":
			b.WriteString("  " + row.left)
		default:
			fmt.Fprintf(&b, "  %-*s  %s", width, row.left, row.right)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
