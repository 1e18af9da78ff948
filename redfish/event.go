package redfish

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"
)

// Event is something that a service tells unasked (the Event schema).
type Event struct {
	ID        string
	Type      string
	MessageID string
	Text      string
	Severity  string
	Args      []string
	Origin    string    // the path of what it is of
	Context   string    // the subscription's
	At        time.Time // by the service's clock; zero if it does not say
	Stream    string    // the id on the stream, to go on from; empty for what came by a subscription
}

// ParseEvents reads what a service sends to a subscriber, or one piece of a stream.
func ParseEvents(text []byte) ([]Event, error) {
	d, err := ParseDocument(text)
	if err != nil {
		return nil, err
	}
	var list []Event
	for _, e := range d.List("Events") {
		ev := Event{
			ID: clip(e.String("EventId")), Type: clip(e.String("EventType")), MessageID: clip(e.String("MessageId")),
			Text: clip(e.String("Message")), Severity: clip(e.String("MessageSeverity")), Args: e.Strings("MessageArgs"),
			Origin: e.Link("OriginOfCondition"), Context: clip(d.String("Context")), At: e.Time("EventTimestamp"),
		}
		if ev.Severity == "" {
			ev.Severity = clip(e.String("Severity"))
		}
		list = append(list, ev)
	}
	return list, nil
}

// EventService reads the resource by which events are told; a service without one gives
// an error of kind [Unsupported].
func (c *Client) EventService(ctx context.Context) (Document, error) {
	l := c.root.Link("EventService")
	if l == "" {
		return Document{}, &UnsupportedError{What: "events"}
	}
	return c.Get(ctx, l)
}

// Listen hears the service's stream of events until ctx ends, the stream does, or tell
// gives an error, which is then Listen's (DSP0266 "Server-sent events"). last is the id
// on the stream to go on from; it may be empty. ready is called when the stream stands;
// it may be nil. To go on after an end is the caller's affair.
func (c *Client) Listen(ctx context.Context, last string, ready func(), tell func(Event) error) error {
	service, err := c.EventService(ctx)
	if err != nil {
		return err
	}
	at := service.Link("ServerSentEventUri")
	if at == "" {
		return &UnsupportedError{What: "a stream of events"}
	}
	resp, err := c.stream(ctx, at, last)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if ready != nil {
		ready()
	}
	err = readStream(resp.Body, func(id string, data []byte) error {
		list, err := ParseEvents(data)
		if err != nil {
			return nil //nolint:nilerr // a piece that nobody understands; the next may be well
		}
		for _, e := range list {
			e.Stream = id
			if err := tell(e); err != nil {
				return err
			}
		}
		return nil
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// stream opens a stream. It logs in again if the session has ended.
func (c *Client) stream(ctx context.Context, at, last string) (*http.Response, error) {
	for try := 0; ; try++ {
		u, err := c.resolve(at)
		if err != nil {
			return nil, err
		}
		q := ask{method: http.MethodGet, path: at, patient: true, header: http.Header{"Accept": {"text/event-stream"}, "Accept-Encoding": {"identity"}}}
		if last != "" && !strings.ContainsAny(last, "\r\n\x00") {
			q.header["Last-Event-Id"] = []string{last}
		}
		var way way
		r, err := c.request(httptrace.WithClientTrace(ctx, way.trace()), q, u)
		if err != nil {
			return nil, err
		}
		count := c.authorise(r)
		resp, err := c.long.Do(r)
		if err != nil {
			return nil, c.lost(ctx, q, &way, err)
		}
		if resp.StatusCode == http.StatusOK {
			return resp, nil
		}
		a, err := c.hear(resp, maxLine)
		if err != nil {
			return nil, err
		}
		if try > 0 || !c.expired(a, q) {
			return nil, c.failure(q, a)
		}
		if err := c.newSession(ctx, count); err != nil {
			return nil, err
		}
	}
}

// maxLine bounds what belongs to one event of a stream, in bytes.
const maxLine = 1 << 20

// readStream reads a stream of events (HTML, section 9.2.6), and tells each one's id
// and data.
func readStream(in io.Reader, tell func(id string, data []byte) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	var data []byte
	id, has := "", false
	for lines.Scan() {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if line == "" {
			if has {
				if err := tell(id, data); err != nil {
					return err
				}
			}
			data, has = nil, false
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			if len(value) <= maxText && !strings.Contains(value, "\x00") {
				id = value
			}
		case "data":
			if len(data)+len(value) > maxLine {
				return fmt.Errorf("the stream of events: %w", errLong)
			}
			if has {
				data = append(data, '\n')
			}
			data, has = append(data, value...), true
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = errLong
		}
		return fmt.Errorf("the stream of events: %w", err)
	}
	return io.EOF
}

// Subscription is a wish to be sent events (the EventDestination schema).
type Subscription struct {
	Path        string // set by the service
	Destination string // a URL of the subscriber's
	Context     string // sent with each event
	Prefixes    []string
	Resources   []string // the types of resource to hear of; empty is all
	Headers     map[string]string
}

// Subscribe asks for events to be sent, and gives the subscription's path.
func (c *Client) Subscribe(ctx context.Context, s Subscription) (path string, err error) {
	service, err := c.EventService(ctx)
	if err != nil {
		return "", err
	}
	body := map[string]any{"Destination": s.Destination, "Context": s.Context, "Protocol": "Redfish", "SubscriptionType": "RedfishEvent", "EventFormatType": "Event"}
	if len(s.Prefixes) > 0 {
		body["RegistryPrefixes"] = s.Prefixes
	}
	if len(s.Resources) > 0 {
		body["ResourceTypes"] = s.Resources
	}
	if len(s.Headers) > 0 {
		body["HttpHeaders"] = []any{s.Headers}
	}
	to := service.Link("Subscriptions")
	if to == "" {
		return "", &UnsupportedError{What: "subscriptions"}
	}
	r, err := c.Post(ctx, to, body)
	if errors.Is(err, Invalid) || errors.Is(err, Unsupported) { // of before those members were
		delete(body, "SubscriptionType")
		delete(body, "EventFormatType")
		if len(s.Prefixes)+len(s.Resources) == 0 {
			body["EventTypes"] = []string{"Alert", "StatusChange", "ResourceAdded", "ResourceRemoved", "ResourceUpdated"}
		}
		r, err = c.Post(ctx, to, body)
	}
	if err != nil {
		return "", err
	}
	if r.Location == "" {
		return r.Document.Link(), nil
	}
	return r.Location, nil
}

// Subscriptions gives all that there are, also those of others.
func (c *Client) Subscriptions(ctx context.Context) ([]Subscription, error) {
	service, err := c.EventService(ctx)
	if err != nil {
		return nil, err
	}
	list, err := c.Members(ctx, service.Link("Subscriptions"))
	var out []Subscription
	for _, d := range list {
		out = append(out, Subscription{
			Path: d.Link(), Destination: d.String("Destination"), Context: d.String("Context"),
			Prefixes: d.Strings("RegistryPrefixes"), Resources: d.Strings("ResourceTypes"),
		})
	}
	return out, err
}

// Unsubscribe ends a subscription.
func (c *Client) Unsubscribe(ctx context.Context, path string) error {
	_, err := c.Delete(ctx, path)
	return err
}
