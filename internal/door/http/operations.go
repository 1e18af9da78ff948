package httpdoor

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"millwright.dev/millwright/internal/desk"
	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/room"
)

type doInput struct {
	Prefer string `header:"Prefer" doc:"With respond-async the answer comes as soon as the operation is on record." example:"respond-async" maxLength:"256"`
	Accept string `header:"Accept" hidden:"true"`
	// Key names a request that shall be carried out once.
	Key  string `header:"Idempotency-Key" doc:"Any text of yours that names this wish. The same wish with the same key within 24 hours is carried out once, and every time gets the answer to that once, also after the daemon has been restarted; another wish with the same key is refused with 422." maxLength:"255" example:"5b1c9c0e-nightly"`
	Body wire.Do
}

type operationInput struct {
	ID string `path:"id" doc:"The operation's id." maxLength:"128"`
}

type operationOutput struct{ Body wire.Operation }

type operationsInput struct {
	Limit  int    `query:"limit" doc:"At most so many on a page." minimum:"1" maximum:"1000" default:"50"`
	Before int64  `query:"before" doc:"Go on with those before: what the page before gave as next." minimum:"0"`
	Node   string `query:"node" doc:"Only those on this node." maxLength:"256"`
}

type operationsOutput struct{ Body wire.Operations }

type nothingOutput struct{ Body wire.Nothing }

func (d *Door) registerOperations() {
	register(d, route{
		method: http.MethodPost, path: "/v1/operations", id: "start-operation", tag: tagOperations,
		summary: "Switch nodes, or read them, at once",
		doc: `Carries out one operation on nodes, at once and in no order; to respect what nodes need, post a run.

How the answer comes is the asker's choice. By default it is one document when all is done. With ` + "`Accept: application/x-ndjson`" + ` it is a stream of lines, from begin over results to end, as early as the body's live asks for. With ` + "`Prefer: respond-async`" + ` it is 202 as soon as the operation is on record, with its place in Location.

A change goes on when its asker goes away, since half a change is worse than either; a read is given up. The status 200 says that the operation was carried out, and not that it went well: look at the outcomes.`,
		answers: map[int]map[string]any{
			200: {wire.JSON: wire.Operation{}, wire.NDJSON: wire.Line{}},
			202: {wire.JSON: wire.Operation{}},
		},
		errors: []int{404, 409, 422},
	}, func(_ context.Context, in *doInput) (*raw, error) {
		return written(func(w http.ResponseWriter, r *http.Request) { d.do(w, r, in) }), nil
	})
	register(d, route{
		method: http.MethodGet, path: "/v1/operations", id: "list-operations", tag: tagOperations,
		summary: "List what was switched lately", doc: "Operations and how they ended, the newest first, as the log has them. Reads leave nothing behind; runs are listed by themselves.",
	}, d.listOperations)
	register(d, route{
		method: http.MethodGet, path: "/v1/operations/{id}", id: "get-operation", tag: tagOperations, errors: []int{404},
		summary: "Show one operation", doc: "Whether it is over, and what became of the nodes, as the log has it: for as long as events are kept.",
	}, d.getOperation)
	register(d, route{
		method: http.MethodPost, path: "/v1/operations/{id}/cancel", id: "cancel-operation", tag: tagOperations, errors: []int{404},
		summary: "Stop an operation that is under way", doc: "What has not begun is not done; what is being done is brought to its end. An operation that is over is not found here.",
	}, func(ctx context.Context, in *operationInput) (*nothingOutput, error) {
		return &nothingOutput{}, d.opts.Desk.Cancel(actorOf(ctx), in.ID)
	})
}

// request reads what is asked for.
func (in *doInput) request(actor desk.Actor) (desk.Request, error) {
	ask := &in.Body
	op, ok := room.ParseOp(ask.Op)
	if !ok {
		return desk.Request{}, invalid("there is no operation \"" + shorten(ask.Op) + "\"")
	}
	if ask.Timeout < 0 || math.IsNaN(ask.Timeout) {
		return desk.Request{}, invalid("a timeout cannot be negative")
	}
	return desk.Request{
		Actor: actor, Op: op, Targets: ask.Targets, Verify: ask.Verify, Live: ask.Live, Trace: ask.Trace,
		NoWait: op.Changes() && (ask.NoWait || strings.Contains(in.Prefer, "respond-async")), DryRun: ask.DryRun, Timeout: seconds(ask.Timeout),
		Consent: desk.Consent(ask.Consent),
	}, nil
}

// seconds reads a timeout; what makes no sense is no limit at all.
func seconds(n float64) time.Duration {
	const longest = 1e6 // more than eleven days
	if n <= 0 || n > longest {
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

// do carries out an operation, or answers for one that was carried out before.
func (d *Door) do(w http.ResponseWriter, r *http.Request, in *doInput) {
	req, err := in.request(actorOf(r.Context()))
	if err != nil {
		refuse(w, err)
		return
	}
	d.serving.Add(1)
	defer d.serving.Done()
	ctx := r.Context()
	if req.Timeout > 0 && !req.Op.Changes() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, req.Timeout, &room.Error{Code: room.CodeTimeout, Said: fmt.Sprintf("no answer within %v", req.Timeout)})
		defer cancel()
	}
	begun := func() {}
	if in.Key != "" && req.Op.Changes() && !req.DryRun {
		wish := in.Body // less what only says how to answer
		wish.Live, wish.Fold, wish.Trace, wish.NoWait = false, false, false, false
		turn, err := d.turn(ctx, req.Actor, in.Key, "operation", wish)
		if err != nil {
			refuse(w, err)
			return
		}
		defer turn.leave()
		if turn.before != nil {
			d.replay(ctx, w, in, req.NoWait, turn.before)
			return
		}
		req.ID, req.Mark, begun = turn.id, turn.mark, turn.leave
	}
	if lines(in.Accept) {
		d.stream(ctx, w, in, req, begun)
		return
	}
	d.collect(ctx, w, in, req, begun)
}

// lines says whether an answer shall come as lines.
func lines(accept string) bool { return strings.Contains(accept, wire.NDJSON) }

// stream carries out an operation and tells of it line by line.
func (d *Door) stream(ctx context.Context, w http.ResponseWriter, in *doInput, req desk.Request, begun func()) {
	s := newStream(w, req.Live || req.Trace)
	defer s.end()
	t := &teller{told: newTold(req.Op, in.Body.Fold), stream: s, begun: begun}
	sum, err := d.opts.Desk.Do(ctx, req, t)
	for _, line := range t.foldedLines() {
		_ = s.line(line)
	}
	if err != nil {
		s.fail(err, wire.Line{Kind: wire.KindError, Problem: problemOf(err)})
		return
	}
	_ = s.line(wire.Line{Kind: wire.KindEnd, Request: sum.ID, Counts: sum.Counts, Faults: sum.Faults})
}

// collect carries out an operation and answers with one document.
func (d *Door) collect(ctx context.Context, w http.ResponseWriter, in *doInput, req desk.Request, begun func()) {
	began := time.Now()
	c := &collector{told: newTold(req.Op, in.Body.Fold), begun: begun}
	sum, err := d.opts.Desk.Do(ctx, req, c)
	if err != nil {
		refuse(w, err)
		return
	}
	op := c.op
	op.Op, op.Actor, op.Door, op.Remote, op.Began = req.Op.String(), req.Actor.Name, req.Actor.Door, req.Actor.Remote, began.UTC()
	if req.NoWait {
		op.Status = wire.Running
		w.Header().Set("Location", "/v1/operations/"+op.ID)
		w.Header().Set("Preference-Applied", "respond-async")
		answer(w, http.StatusAccepted, op)
		return
	}
	op.Results = append(op.Results, c.foldedLines()...)
	op.Status, op.Ended, op.Counts, op.Faults = wire.Finished, time.Now().UTC(), sum.Counts, sum.Faults
	op.Outcome = outcomeOf(sum)
	if op.ID != "" {
		w.Header().Set("Location", "/v1/operations/"+op.ID)
	}
	answer(w, http.StatusOK, op)
}

// outcomeOf sums up as the log does.
func outcomeOf(sum desk.Summary) string {
	n := sum.Counts
	good, bad := n[fleet.OK]+n[fleet.Unverified]+n[fleet.Skipped], n[fleet.Failed]+n[fleet.NotBegun]+n[fleet.Unknown]
	switch {
	case bad == 0:
		return event.OK
	case bad == n[fleet.Unknown] && good == 0:
		return event.Unknown
	case bad == n[fleet.NotBegun] && good == 0:
		return event.NotBegun
	case good == 0 && n[fleet.Unknown] == 0:
		return event.Failed
	}
	return event.Partial
}

// replay answers for an operation that was carried out before: at once if that is
// wanted, otherwise when it is over.
func (d *Door) replay(ctx context.Context, w http.ResponseWriter, in *doInput, atOnce bool, intent *event.Event) {
	w.Header().Set(wire.Replayed, "true")
	w.Header().Set("Location", "/v1/operations/"+intent.Request)
	result, err := d.resultOf(ctx, intent.Request, !atOnce)
	if err != nil {
		refuse(w, err)
		return
	}
	v := d.viewOf(ctx) // which may show less than when it was asked for
	if intent = eventFor(v, intent); intent == nil {
		refuse(w, missingOperation(in.Body.Op))
		return
	}
	if result != nil {
		result = eventFor(v, result)
	}
	op := operationOf(intent, result)
	if !lines(in.Accept) {
		status := http.StatusOK
		if result == nil {
			status = http.StatusAccepted
		}
		answer(w, status, op)
		return
	}
	s := newStream(w, false)
	defer s.end()
	_ = s.line(wire.Line{Kind: wire.KindBegin, Request: op.ID, Op: op.Op, Nodes: op.Targets, Count: op.Count})
	for _, line := range op.Results {
		_ = s.line(line)
	}
	_ = s.line(wire.Line{Kind: wire.KindEnd, Request: op.ID, Counts: op.Counts})
}

// resultOf gives the result of an operation, and waits for it if that is wanted;
// nil when there is none yet.
func (d *Door) resultOf(ctx context.Context, id string, wait bool) (*event.Event, error) {
	f := event.Filter{Request: id, Kinds: []event.Kind{event.Result}, Limit: 1}
	if wait {
		for e, err := range d.opts.Desk.Events().Follow(ctx, f) {
			return &e, err
		}
		return nil, ctx.Err()
	}
	found, err := d.opts.Desk.Events().Read(ctx, f)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// operationOf makes an operation of what the log has of it; result may be nil.
func operationOf(intent, result *event.Event) wire.Operation {
	op := wire.Operation{
		ID: intent.Request, Op: intent.Op, Status: wire.Running, Targets: intent.Targets, Count: intent.Count,
		Actor: intent.Actor, Door: intent.Door, Remote: intent.Remote, Began: intent.Time, Detail: intent.Detail,
	}
	if result == nil {
		return op
	}
	op.Status, op.Outcome, op.Ended, op.Detail = wire.Finished, result.Outcome, result.Time, result.Detail
	var by map[fleet.Outcome]json.RawMessage
	if json.Unmarshal(result.Data, &by) != nil {
		return op
	}
	op.Outcomes, op.Counts = make(map[string]string), make(map[fleet.Outcome]int)
	for outcome, data := range by {
		var nodes string
		var count int
		if json.Unmarshal(data, &nodes) == nil {
			count = namesIn(nodes)
			op.Outcomes[string(outcome)] = nodes
			op.Results = append(op.Results, resultLine(intent.Op, outcome, nodes, count))
		} else if json.Unmarshal(data, &count) != nil {
			continue
		}
		op.Counts[outcome] = count
	}
	sortLines(op.Results)
	return op
}

func missingOperation(what string) error {
	return &room.Error{Code: room.CodeNotFound, Op: "get operation", Subject: shorten(what), Said: "there is no such operation (or it is too long ago; see the events)"}
}

func (d *Door) getOperation(ctx context.Context, in *operationInput) (*operationOutput, error) {
	missing := missingOperation(in.ID)
	found, err := d.opts.Desk.Events().Read(ctx, event.Filter{Request: in.ID, Kinds: []event.Kind{event.Intent, event.Result}, Limit: 2})
	if err != nil {
		return nil, err
	}
	if in.ID == "" || len(found) == 0 || found[0].Kind != event.Intent || !isOperation(&found[0]) {
		return nil, missing
	}
	v := d.viewOf(ctx)
	intent := eventFor(v, &found[0])
	if intent == nil {
		return nil, missing
	}
	var result *event.Event
	if len(found) > 1 {
		result = eventFor(v, &found[1])
	}
	return &operationOutput{operationOf(intent, result)}, nil
}

// isOperation says whether an intent is one of an operation, and not of a run.
func isOperation(e *event.Event) bool {
	_, is := room.ParseOp(e.Op)
	return is
}

func (d *Door) listOperations(ctx context.Context, in *operationsInput) (*operationsOutput, error) {
	if err := d.stillAllowed(ctx); err != nil {
		return nil, err
	}
	v := d.viewOf(ctx)
	out := wire.Operations{Items: []wire.Operation{}}
	before := in.Before
	for {
		intents, err := d.opts.Desk.Events().Read(ctx, event.Filter{
			Kinds: []event.Kind{event.Intent}, Node: in.Node, BeforeSeq: before, Newest: true, Limit: in.Limit + 1,
		})
		if err != nil {
			return nil, err
		}
		for i := len(intents) - 1; i >= 0; i-- {
			e := eventFor(v, &intents[i])
			if e == nil || !isOperation(e) {
				continue
			}
			if len(out.Items) == in.Limit {
				out.Next = before
				return &operationsOutput{out}, nil
			}
			result, err := d.resultOf(ctx, e.Request, false)
			if err != nil {
				return nil, err
			}
			if result != nil {
				result = eventFor(v, result)
			}
			before = e.Seq
			out.Items = append(out.Items, operationOf(e, result))
		}
		if len(intents) <= in.Limit {
			return &operationsOutput{out}, nil
		}
		before = intents[0].Seq
	}
}
