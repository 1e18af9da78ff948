package httpdoor

import (
	"encoding/json"
	"sort"
	"unicode/utf8"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// told knows the names under which nodes are told of, and folds what is alike.
type told struct {
	op    room.Op
	room  *room.Room
	typed map[room.NodeID]string // names that are not the nodes' own
	folds map[alike]*hostlist.List
}

// alike is what results have in common that are told of together.
type alike struct {
	outcome   fleet.Outcome
	state     room.State
	code      room.Code
	raw, said string
}

func newTold(op room.Op, fold bool) told {
	t := told{op: op}
	if fold {
		t.folds = make(map[alike]*hostlist.List)
	}
	return t
}

// begin takes in what is meant, and gives the lines that say it.
func (t *told) begin(b desk.Began) (first wire.Line, work []wire.Line) {
	t.room = b.Room
	names := b.Targets.Names
	if names == nil {
		names = b.Room.Names(b.Targets.Nodes)
	} else {
		t.typed = make(map[room.NodeID]string)
		for i, id := range b.Targets.Nodes {
			if own := b.Room.Nodes[id].Name; names[i] != own {
				t.typed[id] = names[i]
			}
		}
	}
	for _, w := range b.Work {
		nodes := make([]string, len(w.Nodes))
		for i, id := range w.Nodes {
			nodes[i] = t.name(id)
		}
		work = append(work, wire.Line{
			Kind: wire.KindWork, Device: b.Room.Devices[w.Device].Name,
			Plugs: hostlist.Fold(w.Plugs), Nodes: hostlist.Fold(nodes), Count: len(nodes),
		})
	}
	return wire.Line{Kind: wire.KindBegin, Request: b.ID, Op: t.op.String(), Nodes: hostlist.Fold(names), Count: len(names)}, work
}

func (t *told) name(id room.NodeID) string {
	if alias, found := t.typed[id]; found {
		return alias
	}
	return t.room.Nodes[id].Name
}

// fold keeps a result for later, if results are folded.
func (t *told) fold(res *fleet.Result) bool {
	if t.folds == nil {
		return false
	}
	key := alike{outcome: res.Outcome, state: res.State, said: res.Said}
	if t.op == room.Temp {
		key.raw = res.Raw
	}
	if res.Err != nil {
		key.code = res.Err.Code
	}
	list := t.folds[key]
	if list == nil {
		list = &hostlist.List{}
		t.folds[key] = list
	}
	list.Append(t.name(res.Node))
	return true
}

// foldedLines gives the results that were kept, in the order of their nodes.
func (t *told) foldedLines() []wire.Line {
	lines := make([]wire.Line, 0, len(t.folds))
	for key, list := range t.folds {
		lines = append(lines, wire.Line{
			Kind: wire.KindResult, Nodes: list.Sorted().String(), Count: list.Len(), Outcome: key.outcome,
			State: key.state.String(), Raw: key.raw, Code: key.code, Said: key.said,
		})
	}
	sortLines(lines)
	return lines
}

func sortLines(lines []wire.Line) {
	sort.Slice(lines, func(i, j int) bool { return hostlist.Compare(lines[i].Nodes, lines[j].Nodes) < 0 })
}

// resultLine is a folded result, as far as the log has it.
func resultLine(op string, outcome fleet.Outcome, nodes string, count int) wire.Line {
	state := room.StateUnknown
	if parsed, ok := room.ParseOp(op); ok && outcome == fleet.OK {
		state, _ = parsed.Wants()
	}
	return wire.Line{Kind: wire.KindResult, Nodes: nodes, Count: count, Outcome: outcome, State: state.String()}
}

// namesIn counts the names of a folded host list.
func namesIn(folded string) int {
	list, err := hostlist.Limits{Range: room.MaxNodes, Items: room.MaxNodes, Names: room.MaxNodes}.Parse(folded)
	if err != nil {
		return 0
	}
	return list.Len()
}

func faultLine(f *driver.Fault) wire.Line {
	said := f.Said
	if said == "" && f.Err != nil {
		said = f.Err.Error()
	}
	return wire.Line{Kind: wire.KindFault, Device: f.Device, Phase: f.Phase.String(), Said: said}
}

func (t *told) diagnosticLine(node room.NodeID, said string) wire.Line {
	return wire.Line{Kind: wire.KindDiagnostic, Node: t.name(node), Said: said}
}

// teller puts what becomes of a request into lines. It implements [desk.Sink].
type teller struct {
	told
	*stream
	begun func() // called when the request is on record
	buf   []byte
}

var _ desk.Sink = (*teller)(nil)

// Begin implements [desk.Sink].
func (t *teller) Begin(b desk.Began) {
	t.begun()
	if b.ID != "" {
		t.w.Header().Set("Location", "/v1/operations/"+b.ID)
	}
	first, work := t.begin(b)
	_ = t.line(first)
	for _, line := range work {
		_ = t.line(line)
	}
	if b.ID != "" {
		t.now() // so that the client knows what to cancel
	}
}

// Result implements [fleet.Sink]. There may be a hundred thousand of these, so
// they are written by hand.
func (t *teller) Result(res fleet.Result) {
	if t.fold(&res) {
		return
	}
	b := append(t.buf[:0], `{"kind":"result","node":`...)
	b = appendString(b, t.name(res.Node))
	if _, alias := t.typed[res.Node]; alias {
		b = append(b, `,"own":`...)
		b = appendString(b, t.room.Nodes[res.Node].Name)
	}
	b = append(b, `,"outcome":"`...)
	b = append(b, res.Outcome...)
	b = append(b, `","state":"`...)
	b = append(b, res.State.String()...)
	b = append(b, '"')
	if res.Raw != "" {
		b = append(b, `,"raw":`...)
		b = appendString(b, res.Raw)
	}
	if res.Err != nil {
		b = append(b, `,"code":`...)
		b = appendString(b, string(res.Err.Code))
	}
	if res.Said != "" {
		b = append(b, `,"said":`...)
		b = appendString(b, res.Said)
	}
	t.buf = append(b, '}', '\n')
	t.bytes(t.buf)
}

// appendString writes a JSON text. Plain ones, which nearly all are, go fast.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, err := json.Marshal(s)
			if err != nil { // a text can always be written
				return append(b, `""`...)
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// Fault implements [fleet.Sink].
func (t *teller) Fault(f *driver.Fault) { _ = t.line(faultLine(f)) }

// Diagnostic implements [fleet.Sink].
func (t *teller) Diagnostic(node room.NodeID, said string) {
	_ = t.line(t.diagnosticLine(node, said))
}

// Trace implements [fleet.Sink].
func (t *teller) Trace(device string, tr devspec.Trace) {
	_ = t.line(wire.Line{Kind: wire.KindTrace, Device: device, Text: tr.Format(device)})
}

// maxNotes bounds the faults and diagnostics of one answer.
const maxNotes = 1000

// collector keeps what becomes of a request for one document. It implements
// [desk.Sink].
type collector struct {
	told
	begun func()
	op    wire.Operation
}

var _ desk.Sink = (*collector)(nil)

// Begin implements [desk.Sink].
func (c *collector) Begin(b desk.Began) {
	c.begun()
	first, work := c.begin(b)
	c.op.ID, c.op.Targets, c.op.Count, c.op.Results = first.Request, first.Nodes, first.Count, work
}

// Result implements [fleet.Sink].
func (c *collector) Result(res fleet.Result) {
	if c.fold(&res) {
		return
	}
	line := wire.Line{Kind: wire.KindResult, Node: c.name(res.Node), Outcome: res.Outcome, State: res.State.String(), Raw: res.Raw, Said: res.Said}
	if own := c.room.Nodes[res.Node].Name; own != line.Node {
		line.Own = own
	}
	if res.Err != nil {
		line.Code = res.Err.Code
	}
	c.op.Results = append(c.op.Results, line)
}

// Fault implements [fleet.Sink].
func (c *collector) Fault(f *driver.Fault) { c.note(faultLine(f)) }

// Diagnostic implements [fleet.Sink].
func (c *collector) Diagnostic(node room.NodeID, said string) { c.note(c.diagnosticLine(node, said)) }

func (c *collector) note(line wire.Line) {
	if len(c.op.Notes) < maxNotes {
		c.op.Notes = append(c.op.Notes, line)
	}
}

// Trace implements [fleet.Sink]; conversations are for streams.
func (c *collector) Trace(string, devspec.Trace) {}
