package local

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/hostlist"
	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/local/wire"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

// do answers POST /v0/do.
func (d *Door) do(w http.ResponseWriter, r *http.Request) {
	var ask wire.Do
	if err := read(w, r, &ask); err != nil {
		refuse(w, err)
		return
	}
	op, err := opOf(ask.Op)
	if err != nil {
		refuse(w, err)
		return
	}
	if ask.Timeout < 0 || math.IsNaN(ask.Timeout) {
		refuse(w, invalid("a timeout cannot be negative"))
		return
	}
	d.serving.Add(1)
	defer d.serving.Done()
	ctx, timeout := r.Context(), seconds(ask.Timeout)
	if timeout > 0 && !op.Changes() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, &room.Error{Code: room.CodeTimeout, Said: fmt.Sprintf("no answer within %v", timeout)})
		defer cancel()
	}
	s := newStream(w, ask.Live || ask.Trace)
	defer s.end()
	t := &teller{stream: s, op: op}
	if ask.Fold {
		t.folds = make(map[alike]*hostlist.List)
	}
	sum, err := d.opts.Desk.Do(ctx, desk.Request{
		Actor: actorOf(r.Context()), Op: op, Targets: ask.Targets,
		Verify: ask.Verify, Live: ask.Live, Trace: ask.Trace, NoWait: ask.NoWait, DryRun: ask.DryRun, Timeout: timeout,
		Consent: desk.Consent(ask.Consent),
	}, t)
	t.tellFolds()
	if err != nil {
		s.fail(err, wire.Line{Kind: wire.KindError, Problem: problemOf(err)})
		return
	}
	_ = s.line(wire.Line{Kind: wire.KindEnd, Request: sum.ID, Counts: sum.Counts, Faults: sum.Faults})
}

// opOf reads an operation's name.
func opOf(name string) (room.Op, error) {
	if op, ok := room.ParseOp(name); ok {
		return op, nil
	}
	return 0, invalid("there is no operation \"" + shorten(name) + "\"")
}

func shorten(s string) string {
	const most = 40
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// seconds reads a timeout; what makes no sense is no limit at all.
func seconds(n float64) time.Duration {
	const longest = 1e6 // more than eleven days
	if n <= 0 || n > longest {
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

// cancelRequest answers POST /v0/requests/{id}/cancel.
func (d *Door) cancelRequest(w http.ResponseWriter, r *http.Request) {
	if err := d.opts.Desk.Cancel(actorOf(r.Context()), shorten(r.PathValue("id"))); err != nil {
		refuse(w, err)
		return
	}
	answer(w, struct{}{})
}

// teller puts what becomes of a request into lines. It implements [desk.Sink].
type teller struct {
	*stream
	op room.Op

	id    string
	room  *room.Room
	typed map[room.NodeID]string // names that are not the nodes' own
	buf   []byte
	folds map[alike]*hostlist.List // results so far, if they are to be folded
}

// alike is what results have in common that are told of together.
type alike struct {
	outcome   fleet.Outcome
	state     room.State
	code      room.Code
	raw, said string
}

var _ desk.Sink = (*teller)(nil)

// Begin implements [desk.Sink].
func (t *teller) Begin(b desk.Began) {
	t.id, t.room = b.ID, b.Room
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
	_ = t.line(wire.Line{Kind: wire.KindBegin, Request: b.ID, Op: t.op.String(), Nodes: hostlist.Fold(names), Count: len(names)})
	for _, work := range b.Work {
		nodes := make([]string, len(work.Nodes))
		for i, id := range work.Nodes {
			nodes[i] = t.name(id)
		}
		_ = t.line(wire.Line{
			Kind: wire.KindWork, Device: b.Room.Devices[work.Device].Name,
			Plugs: hostlist.Fold(work.Plugs), Nodes: hostlist.Fold(nodes), Count: len(nodes),
		})
	}
	if b.ID != "" {
		t.now() // so that the client knows what to cancel
	}
}

func (t *teller) name(id room.NodeID) string {
	if alias, found := t.typed[id]; found {
		return alias
	}
	return t.room.Nodes[id].Name
}

// Result implements [fleet.Sink]. There may be a hundred thousand of these, so
// they are written by hand.
func (t *teller) Result(res fleet.Result) {
	if t.folds != nil {
		t.fold(&res)
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

// fold keeps a result for later.
func (t *teller) fold(res *fleet.Result) {
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
}

// tellFolds tells of the results that were kept, in the order of their nodes.
func (t *teller) tellFolds() {
	lines := make([]wire.Line, 0, len(t.folds))
	for key, list := range t.folds {
		lines = append(lines, wire.Line{
			Kind: wire.KindResult, Nodes: list.Sorted().String(), Count: list.Len(), Outcome: key.outcome,
			State: key.state.String(), Raw: key.raw, Code: key.code, Said: key.said,
		})
	}
	slices.SortFunc(lines, func(x, y wire.Line) int { return hostlist.Compare(x.Nodes, y.Nodes) })
	for i := range lines {
		_ = t.line(lines[i])
	}
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
func (t *teller) Fault(f *driver.Fault) {
	said := f.Said
	if said == "" && f.Err != nil {
		said = f.Err.Error()
	}
	_ = t.line(wire.Line{Kind: wire.KindFault, Device: f.Device, Phase: f.Phase.String(), Said: said})
}

// Diagnostic implements [fleet.Sink].
func (t *teller) Diagnostic(node room.NodeID, said string) {
	_ = t.line(wire.Line{Kind: wire.KindDiagnostic, Node: t.name(node), Said: said})
}

// Trace implements [fleet.Sink].
func (t *teller) Trace(device string, tr devspec.Trace) {
	_ = t.line(wire.Line{Kind: wire.KindTrace, Device: device, Text: tr.Format(device)})
}
