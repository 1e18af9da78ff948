package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// answer gathers what becomes of an operation and shows it.
type answer struct {
	*program
	verb *verb
	op   room.Op

	request   atomic.Pointer[string] // its id, once known
	cancelled sync.Once
	begin     wire.Line
	lines     []wire.Line // results, and work of a dry run
	others    []wire.Line // faults and diagnostics
	last      wire.Line
}

// take hears one line.
func (a *answer) take(line wire.Line) {
	switch line.Kind {
	case wire.KindBegin:
		a.begin = line
		if !a.verb.ask.Fold {
			a.lines = slices.Grow(a.lines, min(line.Count, room.MaxNodes))
		}
		if line.Request != "" {
			a.request.Store(&line.Request)
		}
	case wire.KindTrace:
		_, _ = fmt.Fprintln(a.stderr, a.err.faint(clean(line.Text)))
		return
	case wire.KindResult:
		a.lines = append(a.lines, line)
		if a.verb.ask.Live && !a.verb.json {
			a.printf("%s\n", a.listed(&line, 0))
		}
	case wire.KindWork:
		a.lines = append(a.lines, line)
	case wire.KindFault, wire.KindDiagnostic:
		a.others = append(a.others, line)
		if a.verb.ask.Live && !a.verb.json {
			a.hint(a.err.faint(aside(&line)))
		}
	case wire.KindEnd:
		a.last = line
	case wire.KindError:
	}
	if a.verb.json && a.verb.ask.Live {
		a.document(line)
	}
}

// aside is a fault or diagnostic as a line.
func aside(l *wire.Line) string {
	if l.Kind == wire.KindDiagnostic {
		return clean(l.Node + ": the device says: " + l.Said)
	}
	return clean(strings.TrimSuffix(l.Device+": "+l.Phase+": "+l.Said, ": "))
}

func (a *answer) document(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		a.errorf("%v", err)
		return
	}
	a.printf("%s\n", data)
}

// broken is an answer that did not come to its end.
func (a *answer) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = exit(ExitStopped)
	}
	if a.begin.Kind == "" {
		return err
	}
	a.show()
	if a.begin.Request != "" {
		a.hint("What became of it: millwright events --request " + a.begin.Request)
	}
	return err
}

// end shows the answer and says which exit status it makes.
func (a *answer) end(ctx context.Context) error {
	a.show()
	switch {
	case ctx.Err() != nil:
		return exit(ExitStopped)
	case a.verb.ask.DryRun, a.verb.ask.NoWait:
		return nil
	}
	return a.verdict()
}

// verdict gives the exit status as an error.
func (a *answer) verdict() error {
	worst := ExitOK
	for i := range a.lines {
		l := &a.lines[i]
		switch {
		case l.Outcome == fleet.Unknown && l.Code == "":
			// In a read of everything, its device cannot do this at all: nobody
			// was asked, so nothing went wrong.
		case l.Outcome == fleet.Unknown, l.Outcome == fleet.OK && a.reads() && l.State == room.StateUnknown.String():
			return exit(ExitUnknown)
		case !l.Outcome.Good():
			worst = ExitFailed
		}
	}
	if worst == ExitOK {
		return nil
	}
	return exit(worst)
}

// reads says whether what is asked for is a state, on or off.
func (a *answer) reads() bool {
	return a.op == room.Status || a.op == room.StatusSoft || a.op == room.Beacon
}

// show writes what was not written as it came.
func (a *answer) show() {
	switch {
	case a.verb.json && a.verb.ask.Live:
	case a.verb.json:
		a.sort()
		a.document(a.begin)
		for i := range a.lines {
			a.document(a.lines[i])
		}
		for i := range a.others {
			a.document(a.others[i])
		}
		if a.last.Kind != "" {
			a.document(a.last)
		}
	case a.verb.ask.DryRun:
		a.work()
	case a.verb.ask.NoWait:
		a.printf("%s\n", a.begin.Request)
	case a.verb.ask.Live:
		a.totals()
	case a.verb.list:
		a.sort()
		width := 0
		for i := range a.lines {
			width = max(width, len(a.lines[i].Node))
		}
		for i := range a.lines {
			a.printf("%s\n", a.listed(&a.lines[i], width))
		}
	default:
		a.folded()
	}
}

// sort puts the lines into the order of host lists, so that equal answers are
// equal bytes.
func (a *answer) sort() {
	sort.SliceStable(a.lines, func(i, j int) bool {
		x, y := &a.lines[i], &a.lines[j]
		if x.Device != y.Device {
			return hostlist.Compare(x.Device, y.Device) < 0
		}
		return hostlist.Compare(x.Node, y.Node) < 0
	})
}

// class is what a result is called, how it is marked, and where it stands.
type class struct {
	word string
	mark mark
	rank int
}

func (a *answer) class(l *wire.Line) class {
	switch l.Outcome {
	case fleet.Failed:
		return class{"failed", markBad, 20}
	case fleet.NotBegun:
		return class{"not begun", markWaiting, 21}
	case fleet.Unknown:
		return class{"unknown", markUnknown, 22}
	case fleet.Unverified:
		return class{done[a.op] + ", not verified", markSoft, 11}
	case fleet.Skipped:
		return class{"skipped", markWaiting, 30}
	case fleet.OK:
	}
	switch {
	case a.op.Changes():
		return class{done[a.op], markGood, 10}
	case a.op == room.Temp && l.Raw != "":
		return class{l.Raw, markPlain, 12}
	}
	switch l.State {
	case "on":
		return class{"on", markOn, 1}
	case "degraded":
		return class{"degraded", markDegraded, 2}
	case "off":
		return class{"off", markOff, 3}
	}
	return class{"unknown", markUnknown, 22}
}

// done is what a node is when an operation has gone well.
var done = map[room.Op]string{
	room.On: "on", room.Off: "off", room.Cycle: "cycled", room.Reset: "reset",
	room.BeaconOn: "beacon on", room.BeaconOff: "beacon off", room.SoftOff: "asked to shut down", room.Diag: "interrupted",
}

// listed is one result as a line.
func (a *answer) listed(l *wire.Line, width int) string {
	c := a.class(l)
	text := fmt.Sprintf("%s %-*s  %s", a.out.mark(c.mark), width, clean(l.Node), a.out.paint(c.mark.colour, c.word))
	if explained(l) {
		text += ": " + clean(l.Said)
	}
	return text
}

// explained says whether a result comes with words: why it is not as asked, or not
// quite (one cord of two).
func explained(l *wire.Line) bool {
	return l.Said != ""
}

// folded writes a line for each class of result, and then why some are not as
// they should be.
func (a *answer) folded() {
	byClass := make(map[class]*hostlist.List)
	why := make(map[string]*hostlist.List)
	for i := range a.lines {
		l := &a.lines[i]
		gather(byClass, a.class(l), l)
		if explained(l) {
			gather(why, l.Said, l)
		}
	}
	t := table{style: a.out}
	order := slices.Collect(maps.Keys(byClass))
	sort.Slice(order, func(i, j int) bool {
		return cmp.Or(cmp.Compare(order[i].rank, order[j].rank), hostlist.Compare(order[i].word, order[j].word)) < 0
	})
	for _, c := range order {
		nodes := byClass[c]
		t.row(a.out.sign(c.mark), painted(c.mark.colour, c.word), number(strconv.Itoa(nodes.Len())), text(nodes.Sorted().String()))
	}
	_ = t.write(a.stdout)
	reasons := make(map[string]string, len(why)) // by nodes and reason, to have an order
	for said, nodes := range why {
		folded := nodes.Sorted().String()
		reasons[folded+"\x00"+said] = folded
	}
	for _, key := range slices.Sorted(maps.Keys(reasons)) {
		a.because(reasons[key], key[len(reasons[key])+1:])
	}
}

// gather puts a result's nodes to its key.
func gather[K comparable](to map[K]*hostlist.List, key K, l *wire.Line) {
	list := to[key]
	if list == nil {
		list = &hostlist.List{}
		to[key] = list
	}
	if l.Node != "" {
		list.Append(l.Node)
		return
	}
	if nodes, err := anyLength.Parse(l.Nodes); err == nil {
		list.Extend(nodes)
	}
}

// anyLength reads host lists that the daemon wrote.
var anyLength = hostlist.Limits{Range: room.MaxNodes, Items: room.MaxNodes, Names: room.MaxNodes}

// because writes why some nodes are not as they should be.
func (a *answer) because(nodes, reason string) {
	const indent = 2
	width := a.out.width
	if width > 0 {
		width = max(width-indent, leastLast)
	}
	for i, part := range wrap(clean(nodes+": "+reason), width) {
		pad := indent
		if i > 0 {
			pad += 2
		}
		a.printf("%s%s\n", strings.Repeat(" ", pad), part)
	}
}

// totals ends a list that was shown as it came.
func (a *answer) totals() {
	counts := make(map[class]int)
	var order []class
	for i := range a.lines {
		c := a.class(&a.lines[i])
		if counts[c]++; counts[c] == 1 {
			order = append(order, c)
		}
	}
	if len(a.lines) < 2 || a.op == room.Temp {
		return
	}
	sort.Slice(order, func(i, j int) bool {
		return cmp.Or(cmp.Compare(order[i].rank, order[j].rank), cmp.Compare(order[i].word, order[j].word)) < 0
	})
	parts := make([]string, len(order))
	for i, c := range order {
		parts[i] = fmt.Sprintf("%d %s", counts[c], c.word)
	}
	a.hint(a.err.faint(strings.Join(parts, ", ")))
}

// work writes what a dry run has found.
func (a *answer) work() {
	a.sort()
	plugs := 0
	for i := range a.lines {
		plugs += a.lines[i].Count
	}
	a.printf("%s of %s would switch %s on %s; nothing was done\n", a.op,
		counted(a.begin.Count, "node"), counted(plugs, "plug"), counted(len(a.lines), "device"))
	t := table{style: a.out, head: []string{"DEVICE", "PLUGS", "NODES"}}
	for i := range a.lines {
		l := &a.lines[i]
		t.row(text(l.Device), text(l.Plugs), text(l.Nodes))
	}
	_ = t.write(a.stdout)
}

// counted gives "1 node", "2 nodes".
//
//go:noinline // see clean
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}
