package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/door/http/wire"
	"millwright.dev/millwright/internal/event"
)

// message is one server-sent event. Its data are valid until the next one.
type message struct {
	kind string
	id   string
	data []byte
}

// messages gives the server-sent events of a stream. The last thing given may be
// an error; a stream that just ends gives none.
func (c *Client) messages(ctx context.Context, path string) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		resp, err := c.send(ctx, http.MethodGet, path, wire.SSE, nil)
		if err != nil {
			yield(message{}, err)
			return
		}
		defer resp.Body.Close()
		for m, err := range messagesIn(resp.Body) {
			if err != nil {
				yield(message{}, broken(ctx, err))
				return
			}
			if err := problemIn(&m); err != nil {
				yield(message{}, err)
				return
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}

// errLong is a message that is longer than any.
var errLong = errors.New("a message is too long")

// messagesIn reads server-sent events, as the HTML standard has them (9.2.6). A
// message without data is none; what the last line of a stream leaves unfinished
// is not told.
func messagesIn(r io.Reader) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		in := bufio.NewScanner(r)
		in.Buffer(make([]byte, 0, 64<<10), wire.MaxLine+64)
		var m message
		for in.Scan() {
			line := in.Bytes()
			name, value, _ := bytes.Cut(line, []byte(":"))
			switch {
			case len(line) > 0:
				if m.take(string(name), bytes.TrimPrefix(value, []byte(" "))); len(m.data) > wire.MaxLine {
					yield(message{}, errLong)
					return
				}
			case len(m.data) == 0: // an id alone, or a comment
				m.kind = ""
			default:
				if !yield(m, nil) {
					return
				}
				m = message{id: m.id, data: m.data[:0]}
			}
		}
		if err := in.Err(); err != nil {
			yield(message{}, err)
		}
	}
}

// take takes in one line.
func (m *message) take(name string, value []byte) {
	switch name {
	case "event":
		m.kind = string(value)
	case "id":
		m.id = string(value)
	case "data":
		if len(m.data) > 0 {
			m.data = append(m.data, '\n')
		}
		m.data = append(m.data, value...)
	}
}

// problemIn gives the error that ends a stream.
func problemIn(m *message) error {
	var failed wire.Failed
	if m.kind != "problem" || json.Unmarshal(m.data, &failed) != nil || failed.Problem == nil {
		return nil
	}
	return errorOf(failed.Problem)
}

// Updates follows a run, from behind the given update to its end.
func (c *Client) Updates(ctx context.Context, id string, after int) iter.Seq2[wire.Update, error] {
	return func(yield func(wire.Update, error) bool) {
		for {
			came := false
			for m, err := range c.messages(ctx, "/v1/runs/"+url.PathEscape(id)+"/updates?after="+strconv.Itoa(after)) {
				if err != nil {
					yield(wire.Update{}, err)
					return
				}
				var u wire.Update
				if err := json.Unmarshal(m.data, &u); err != nil {
					yield(wire.Update{}, broken(ctx, err))
					return
				}
				if after, came = u.N, true; !yield(u, nil) || u.State != "" { // the last one has it
					return
				}
			}
			if !came { // there is nothing more, or nobody who would tell
				return
			}
		}
	}
}

// Events gives the events that match, oldest first; following, it goes on with
// those to come until ctx ends. What comes while a connection is lost is not: it
// is asked for again where it broke off.
func (c *Client) Events(ctx context.Context, f event.Filter, following bool) iter.Seq2[wire.Event, error] {
	return func(yield func(wire.Event, error) bool) {
		count := 0
		last, err := c.past(ctx, f, func(e wire.Event) bool {
			count++
			return yield(e, nil)
		})
		switch {
		case errors.Is(err, errEnough):
			return
		case err != nil:
			yield(wire.Event{}, err)
			return
		case !following || !f.Newest && f.Limit > 0 && count >= f.Limit:
			return
		}
		if f.Newest {
			f.Limit = 0
		} else if f.Limit > 0 {
			f.Limit -= count
		}
		f.AfterSeq = last
		c.follow(ctx, f, yield)
	}
}

// errEnough says that the caller wants no more.
var errEnough = errors.New("enough")

// past visits the events that there are, and gives the position up to which it has
// looked.
func (c *Client) past(ctx context.Context, f event.Filter, visit func(wire.Event) bool) (last int64, err error) {
	if f.Newest {
		return c.newest(ctx, f, visit)
	}
	left := f.Limit
	for first := true; ; first = false {
		page, err := c.page(ctx, f, left)
		if err != nil {
			return 0, err
		}
		if first { // what came later may be told now, or by the stream
			last = page.Last
		}
		for _, e := range page.Items {
			if !visit(e) {
				return 0, errEnough
			}
			last = max(last, e.Seq)
		}
		if left > 0 {
			if left -= len(page.Items); left <= 0 {
				return last, nil
			}
		}
		if f.AfterSeq = page.Next; page.Next == 0 {
			return last, nil
		}
	}
}

// newest visits the last events that match.
func (c *Client) newest(ctx context.Context, f event.Filter, visit func(wire.Event) bool) (last int64, err error) {
	var found []wire.Event
	for first := true; ; first = false {
		page, err := c.page(ctx, f, f.Limit-len(found))
		if err != nil {
			return 0, err
		}
		if first {
			last = page.Last
		}
		found = slices.Concat(page.Items, found)
		if f.BeforeSeq = page.Next; page.Next == 0 || f.Limit > 0 && len(found) >= f.Limit {
			break
		}
	}
	for _, e := range found {
		if !visit(e) {
			return 0, errEnough
		}
		last = max(last, e.Seq)
	}
	return last, nil
}

func (c *Client) page(ctx context.Context, f event.Filter, limit int) (wire.Events, error) {
	if limit <= 0 || limit > wire.MaxPage {
		limit = wire.MaxPage
	}
	q := queryOf(f)
	q.Set("limit", strconv.Itoa(limit))
	if f.BeforeSeq > 0 {
		q.Set("before", strconv.FormatInt(f.BeforeSeq, 10))
	}
	if f.Newest {
		q.Set("newest", "true")
	}
	if !f.Since.IsZero() {
		q.Set("since", f.Since.Format(time.RFC3339Nano))
	}
	if !f.Until.IsZero() {
		q.Set("until", f.Until.Format(time.RFC3339Nano))
	}
	var page wire.Events
	err := c.get(ctx, "/v1/events?"+q.Encode(), &page)
	return page, err
}

// queryOf puts into words what pages and streams can be narrowed by.
func queryOf(f event.Filter) url.Values {
	q := make(url.Values)
	if f.AfterSeq > 0 {
		q.Set("after", strconv.FormatInt(f.AfterSeq, 10))
	}
	if f.Node != "" {
		q.Set("node", f.Node)
	}
	if f.Request != "" {
		q.Set("request", f.Request)
	}
	if len(f.Kinds) > 0 {
		text := ""
		for _, k := range f.Kinds {
			text += "," + string(k)
		}
		q.Set("kind", text[1:])
	}
	return q
}

// follow passes on what comes, up to the filter's end.
func (c *Client) follow(ctx context.Context, f event.Filter, yield func(wire.Event, error) bool) {
	ended := func() bool { return !f.Until.IsZero() && !time.Now().Before(f.Until) }
	reading := ctx
	if !f.Until.IsZero() {
		var stop context.CancelFunc
		reading, stop = context.WithDeadline(ctx, f.Until)
		defer stop()
	}
	for left := f.Limit; ; {
		came := false
		q := queryOf(f)
		q.Set("after", strconv.FormatInt(f.AfterSeq, 10))
		for m, err := range c.messages(reading, "/v1/events/stream?"+q.Encode()) {
			if err != nil {
				if ctx.Err() == nil && ended() {
					return
				}
				yield(wire.Event{}, err)
				return
			}
			if m.kind != "event" {
				continue
			}
			var e wire.Event
			if err := json.Unmarshal(m.data, &e); err != nil {
				yield(wire.Event{}, broken(ctx, err))
				return
			}
			f.AfterSeq, came = e.Seq, true
			if !f.Until.IsZero() && !e.Time.Before(f.Until) || !yield(e, nil) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
		if !came { // asking again and again would lead to nothing
			yield(wire.Event{}, broken(ctx, io.ErrUnexpectedEOF))
			return
		}
	}
}
