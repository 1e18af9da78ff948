package httpdoor

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
)

type eventsInput struct {
	Since   time.Time `query:"since" doc:"Only those at this time or later (RFC 3339)."`
	Until   time.Time `query:"until" doc:"Only those before this time."`
	Node    string    `query:"node" doc:"Only those about this node." maxLength:"256"`
	Kind    []string  `query:"kind" doc:"Only these kinds." enum:"intent,result,state,refusal,revision,daemon,veto,device,access,console,machine,ups,check,battery,schedule,plugin" maxItems:"20"`
	Request string    `query:"request" doc:"Only those of this operation or run." maxLength:"128"`
	Newest  bool      `query:"newest" doc:"Begin at the end: the page holds the last ones that match, and next leads to those before."`
	Limit   int       `query:"limit" doc:"At most so many on a page." minimum:"1" maximum:"10000" default:"1000"`
	After   int64     `query:"after" doc:"Only those behind this position." minimum:"0"`
	Before  int64     `query:"before" doc:"Only those before this position." minimum:"0"`
}

type eventsOutput struct{ Body wire.Events }

type streamInput struct {
	Last   string   `header:"Last-Event-ID" doc:"Go on behind this position. Nothing is missed and nothing comes twice." maxLength:"32"`
	After  int64    `query:"after" doc:"As Last-Event-ID, for the first time; by default only what happens from now on comes." minimum:"-1" default:"-1"`
	Newest int      `query:"newest" doc:"Begin with so many of the last ones that match." minimum:"0" maximum:"10000"`
	Node   string   `query:"node" doc:"Only those about this node." maxLength:"256"`
	Kind   []string `query:"kind" doc:"Only these kinds." enum:"intent,result,state,refusal,revision,daemon,veto,device,access,console,machine,ups,check,battery,schedule,plugin" maxItems:"20"`
	// Request narrows to one operation or run.
	Request string `query:"request" doc:"Only those of this operation or run." maxLength:"128"`
}

func (d *Door) registerEvents() {
	register(d, route{
		method: http.MethodGet, path: "/v1/events", id: "list-events", tag: tagEvents,
		summary: "Read the log", doc: "What happened: who asked for what, on which nodes, through which door, and what came of it. The oldest first.",
	}, d.listEvents)
	register(d, route{
		method: http.MethodGet, path: "/v1/events/stream", id: "follow-events", tag: tagEvents, errors: []int{503},
		summary: "Follow the log",
		doc: `A stream of server-sent events without an end: ` + "`event`" + ` for each line of the log, with its position as id. When the connection breaks, an EventSource comes back by itself with Last-Event-ID and goes on there. A comment shows every 15 seconds that the stream is alive.

Who does not read is dropped, and resumes in the same way. ` + "`reset`" + ` says that the log has no such position (it was restored from an older copy) and that the stream goes on at its present end. ` + "`problem`" + ` says why the stream ends.`,
		answers: map[int]map[string]any{200: {wire.SSE: wire.Event{}}},
	}, func(_ context.Context, in *streamInput) (*raw, error) {
		return written(func(w http.ResponseWriter, r *http.Request) { d.followEvents(w, r, in) }), nil
	})
}

func kindsOf(names []string) []event.Kind {
	kinds := make([]event.Kind, len(names))
	for i, name := range names {
		kinds[i] = event.Kind(name)
	}
	return kinds
}

func (d *Door) listEvents(ctx context.Context, in *eventsInput) (*eventsOutput, error) {
	f := event.Filter{
		Since: in.Since, Until: in.Until, Node: in.Node, Kinds: kindsOf(in.Kind), Request: in.Request,
		Newest: in.Newest, Limit: in.Limit + 1, AfterSeq: in.After, BeforeSeq: in.Before,
	}
	out := wire.Events{Items: []wire.Event{}, Last: d.opts.Desk.Events().Last()}
	if err := d.stillAllowed(ctx); err != nil {
		return nil, err
	}
	v := d.viewOf(ctx)
	found, err := d.opts.Desk.Events().Read(ctx, f)
	if err != nil {
		return nil, err
	}
	if len(found) > in.Limit { // there is another page
		if in.Newest {
			found = found[1:]
			out.Next = found[0].Seq
		} else {
			found = found[:in.Limit]
			out.Next = found[in.Limit-1].Seq
		}
	}
	for i := range found {
		if e := eventFor(v, &found[i]); e != nil {
			out.Items = append(out.Items, *e)
		}
	}
	return &eventsOutput{out}, nil
}

// followEvents answers with the stream of events.
func (d *Door) followEvents(w http.ResponseWriter, r *http.Request, in *streamInput) {
	if err := d.stillAllowed(r.Context()); err != nil {
		refuse(w, err)
		return
	}
	f := event.Filter{Node: in.Node, Kinds: kindsOf(in.Kind), Request: in.Request}
	after, reset, err := d.startOf(r.Context(), in, f)
	if err != nil {
		refuse(w, err)
		return
	}
	s, err := d.openSSE(w, r)
	if err != nil {
		refuse(w, err)
		return
	}
	defer s.close()
	if reset {
		if data, err := sseFrame("reset", strconv.FormatInt(after, 10), wire.Reset{Seq: after}); err == nil {
			s.put(data)
		}
	}
	s.events(r.Context(), after, &f)
}

// startOf says behind which position a stream begins; reset tells that the asker
// knows of positions that there have never been.
func (d *Door) startOf(ctx context.Context, in *streamInput, f event.Filter) (after int64, reset bool, err error) {
	last := d.opts.Desk.Events().Last()
	after = in.After
	if in.Last != "" {
		if after, err = strconv.ParseInt(in.Last, 10, 64); err != nil || after < 0 {
			return 0, false, invalid("Last-Event-ID is not a position of the log")
		}
	}
	switch {
	case after > last:
		return last, true, nil
	case after >= 0:
		return after, false, nil
	case in.Newest > 0:
		f.Newest, f.Limit, f.BeforeSeq = true, in.Newest, last+1
		found, err := d.opts.Desk.Events().Read(ctx, f)
		if err != nil || len(found) == 0 {
			return last, false, err
		}
		return found[0].Seq - 1, false, nil
	}
	return last, false, nil
}

// catchUp is how many events are read from the log at once for a reader who is
// behind what the feed keeps.
const catchUp = 256

// events passes on events behind a position: from the log until the reader has
// come up to the feed, and from the feed from then on. Who has been there once
// and falls out of it is dropped.
func (s *sse) events(ctx context.Context, after int64, f *event.Filter) {
	at := func() string { return strconv.FormatInt(after, 10) }
	live := false
	for {
		frames, more, held := s.d.events.since(after)
		switch {
		case held:
			live = true
		case live:
			s.d.metrics.dropped.Add(1)
			return
		default:
			var err error
			if frames, err = s.d.past(ctx, after); err != nil {
				s.problem(err)
				return
			}
			if len(frames) == 0 { // the oldest have been deleted
				after = s.d.events.oldest()
				continue
			}
		}
		v := s.d.viewOf(ctx)
		if err := s.d.stillAllowed(ctx); err != nil { // a token was taken away, say, or a password changed, which is an event too
			s.problem(err)
			return
		}
		for _, fr := range frames {
			after = fr.seq
			if !f.Match(fr.event) {
				continue
			}
			switch e := eventFor(v, fr.event); {
			case e == fr.event:
				s.put(fr.data)
			case e != nil: // a part of it, for this reader alone
				s.put(eventFrame(e).data)
			}
		}
		if !live {
			if s.flush() != nil || ctx.Err() != nil {
				return
			}
			continue
		}
		if s.wait(ctx, more, at) != nil {
			return
		}
	}
}

// past reads from the log what the feed no longer keeps.
func (d *Door) past(ctx context.Context, after int64) ([]*frame, error) {
	found, err := d.opts.Desk.Events().Read(ctx, event.Filter{AfterSeq: after, Limit: catchUp})
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	frames := make([]*frame, len(found))
	for i := range found {
		frames[i] = eventFrame(&found[i])
	}
	return frames, nil
}

// followLog adds what the log gets to the feed, until ctx ends or the log cannot
// be read.
func (d *Door) followLog(ctx context.Context) (int64, error) {
	after := d.events.newest()
	for e, err := range d.opts.Desk.Events().Follow(ctx, event.Filter{AfterSeq: after}) {
		if err != nil {
			return after, err
		}
		d.metrics.event(&e)
		if e.Seq != after+1 { // it should not be, and would mislead the readers
			d.events.skipTo(e.Seq - 1)
		}
		after = e.Seq
		d.events.add(eventFrame(&e))
	}
	return after, ctx.Err()
}
