package plan

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"millwright.dev/millwright/internal/room"
)

// Text writes the plan for people, the same bytes for the same plan:
//
//	up: 41 to switch in 2 layers, 2 of them not asked for but needed, 1 skipped
//	layer 1
//	  on    db[1-2]  needed by web1
//	  settle 30s     db[1-2]
//	layer 2
//	  on    web[1-39]
//	skipped
//	  web40          on already
//
// The steps of one layer do not wait for each other; each step begins as soon as what it
// waits for itself is done.
func (p *Plan) Text(r *room.Room) string {
	var t table
	t.line(p.Summary())
	for i, layer := range p.Layers() {
		t.line(fmt.Sprintf("layer %d", i+1))
		p.layerText(&t, r, layer)
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
	blockText(&t, r, "blocked", "because ", p.Blocked)
	blockText(&t, r, "passed over", "although ", p.Over)
	if p.Forecast != nil {
		p.Forecast.text(&t, r)
	}
	return t.String()
}

type blockKey struct {
	by     room.NodeID
	reason string
}

func blockText(t *table, r *room.Room, head, lead string, blocks []Block) {
	if len(blocks) == 0 {
		return
	}
	t.line(head)
	var groups folds[blockKey]
	for _, b := range blocks {
		groups.add(blockKey{b.By, b.Reason}, b.Node)
	}
	for _, g := range groups.list {
		t.row(r.Fold(g.nodes), lead+r.Nodes[g.key.by].Name+" "+g.key.reason)
	}
}

type skipKey struct {
	state    room.State
	cordless bool
}

// stepKey is what steps have in common that stand on one line.
type stepKey struct {
	do    Goal
	acts  Acts
	state room.State
	cause Cause
}

func (p *Plan) layerText(t *table, r *room.Room, layer []int32) {
	var lines folds[stepKey]
	var settle folds[time.Duration]
	step := make(map[room.NodeID]int32, len(layer))
	ordered := make([]room.NodeID, len(layer))
	for n, i := range layer {
		ordered[n] = p.Steps[i].Node
		step[ordered[n]] = i
	}
	r.Sort(ordered)
	for _, id := range ordered {
		i := step[id]
		s := &p.Steps[i]
		key := stepKey{do: s.Do, acts: s.Acts, cause: s.Why.Cause}
		if s.State == room.StateDegraded || s.Acts == 0 {
			key.state = s.State
		}
		if p.again(int(i)) {
			key.cause = Asked // said on the way down
		}
		g := lines.add(key, s.Node)
		if key.cause != Asked {
			g.others = append(g.others, s.Why.Node)
		}
		if s.Settle > 0 {
			settle.add(s.Settle, s.Node)
		}
	}
	sort.SliceStable(lines.list, func(i, j int) bool {
		x, y := lines.list[i].key, lines.list[j].key
		if acts := x.acts != 0; acts != (y.acts != 0) {
			return acts
		}
		return x.do > y.do
	})
	for _, g := range lines.list {
		verb := g.key.do.Op().String()
		if g.key.acts == 0 {
			verb = "pass"
		}
		t.row(fmt.Sprintf("%-5s %s", verb, r.Fold(g.nodes)), p.note(r, g.key, g.others))
	}
	for _, g := range settle.list {
		t.row("settle "+g.key.String(), r.Fold(g.nodes))
	}
}

// note says what is to be said about steps on one line.
func (p *Plan) note(r *room.Room, key stepKey, others []room.NodeID) string {
	var notes []string
	switch {
	case key.acts == 0 && (key.do == Up && key.state == room.StateOn || key.do == Down && key.state == room.StateOff):
		notes = append(notes, key.do.word()+" already")
	case key.state == room.StateDegraded && key.do == Up:
		notes = append(notes, "on, but not through all its cords")
	}
	switch key.cause {
	case NeededBy:
		notes = append(notes, "needed by "+r.Fold(once(others)))
	case Needs:
		notes = append(notes, "dragged along: needs "+r.Fold(once(others)))
	case Asked:
	}
	if key.acts&(ControlsOff|ControlsOn|Checks) != 0 {
		notes = append(notes, key.acts.String())
	}
	return strings.Join(notes, "; ")
}

// Summary gives the plan in one line: "down: 3 to switch in 2 layers, 1 of them
// dragged along".
func (p *Plan) Summary() string {
	t := p.Totals()
	var b strings.Builder
	if t.Switched == 0 {
		fmt.Fprintf(&b, "%s: nothing to switch", p.Goal)
	} else {
		fmt.Fprintf(&b, "%s: %d to switch in %d %s", p.Goal, t.Switched, t.Layers, plural(t.Layers, "layer", "layers"))
	}
	if t.Dragged > 0 {
		what := "not asked for but needed"
		if p.Goal != Up {
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

// text writes how long it will take and what it draws.
func (f *Forecast) text(t *table, r *room.Room) {
	t.line("forecast")
	took := "about " + f.Total.Round(100*time.Millisecond).String()
	if sd := f.Sd.Round(100 * time.Millisecond); sd > 0 {
		took += ", give or take " + sd.String()
	}
	if f.Guessed > 0 {
		took += fmt.Sprintf("; %d of %d steps were never timed", f.Guessed, len(f.Begin))
	}
	t.row(took, "")
	if len(f.Critical) > 0 {
		t.row("critical path: "+pathText(r.Names(f.Critical)), "")
	}
	if f.Watts != 0 {
		t.row(fmt.Sprintf("%+.0f W in the end", f.Watts), "")
	}
	for _, u := range f.Feeds {
		if u.Before == u.After && !u.Bounds {
			continue
		}
		note := fmt.Sprintf("%.0f W to %.0f W, at most %.0f W", u.Before, u.After, u.Peak)
		if u.Limit > 0 {
			note += fmt.Sprintf(" of %.0f W", u.Limit)
		}
		if u.Bounds {
			note += "; steps wait for it"
		}
		t.row("feed "+u.Feed, note)
	}
	for _, b := range f.Stranded {
		t.row(r.Nodes[b.Node].Name, b.Reason)
	}
}

func pathText(names []string) string {
	const most = 16
	if n := len(names); n > most {
		names = append(append(names[:most/2:most/2], fmt.Sprintf("… %d more …", n-most)), names[n-most/2:]...)
	}
	return strings.Join(names, " → ")
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
