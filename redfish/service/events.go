package service

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	maxStreams, maxUserStreams = 64, 8
	// stillHere is how often a stream shows that it lives, and looks whether its user
	// may still follow it.
	stillHere = 15 * time.Second
	// writeFor is how long a client may take to take an event.
	writeFor = 20 * time.Second
	// deliverAttempts is how often an event is tried to be delivered.
	deliverAttempts = 3
)

func (s *Service) eventRoutes(at func(string, *resource)) {
	at("/EventService", &resource{get: (*call).eventService})
	at("/EventService/SSE", &resource{raw: (*call).stream})
	at("/EventService/Actions/EventService.SubmitTestEvent", &resource{post: (*call).submitTest, write: configureManager})
	at("/EventService/Subscriptions", &resource{get: (*call).subscriptionList, post: (*call).subscribe, write: configureManager, collection: true})
	at("/EventService/Subscriptions/{}", &resource{
		get: (*call).oneSubscription, patch: (*call).changeSubscription, del: (*call).unsubscribe, read: configureManager, write: configureManager,
	})
	at("/EventService/Subscriptions/{}/Actions/EventDestination.ResumeSubscription", &resource{post: (*call).resume, write: configureManager})
}

const subscriptionsPath = root + "/EventService/Subscriptions"

func (c *call) eventService() (object, error) {
	return object{
		"@odata.id": c.path, "@odata.type": "#EventService.v1_12_0.EventService", "Id": "EventService", "Name": "Events",
		"Description": "Tells what happens, to those who listen or have subscribed.", "ServiceEnabled": true, "Status": enabled(),
		"DeliveryRetryAttempts": deliverAttempts, "DeliveryRetryIntervalSeconds": seconds(c.opts.RetryEvery),
		"EventFormatTypes": []string{"Event"}, "RegistryPrefixes": []string{machinePrefix}, "ResourceTypes": []string{"ComputerSystem", "ServiceRoot"},
		"Severities": []string{"OK", "Warning", "Critical"}, "SubordinateResourcesSupported": true,
		"ServerSentEventUri": root + "/EventService/SSE", "Subscriptions": link(subscriptionsPath),
		"SSEFilterPropertiesSupported": object{
			"EventFormatType": true, "EventType": true, "MessageId": true, "MetricReportDefinition": false, "OriginResource": true,
			"RegistryPrefix": true, "ResourceType": true, "SubordinateResources": true,
		},
		"Actions": object{"#EventService.SubmitTestEvent": object{"target": c.path + "/Actions/EventService.SubmitTestEvent"}},
	}, nil
}

// submitTest is the action that makes an event for trying out.
func (c *call) submitTest() error {
	body := object{}
	if c.r.ContentLength != 0 && c.r.Body != http.NoBody {
		var err error
		if body, err = c.body(maxBody); err != nil {
			return err
		}
	}
	f := fieldsOf(body, "#EventService.SubmitTestEvent")
	text, _ := f.text("Message", false)
	severity, _ := f.choice("MessageSeverity", false, "OK", "Warning", "Critical")
	for _, name := range []string{"EventGroupId", "EventId", "EventTimestamp", "EventType", "MessageArgs", "MessageId", "OriginOfCondition", "Severity"} {
		f.take(name, false) // the test event has its own
	}
	f.rest(nil)
	if err := f.err(); err != nil {
		return err
	}
	setDefault(&text, "no text was given")
	c.Publish(Event{Key: TestEvent, Args: []string{text}, Severity: Health(severity)})
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// streams counts those who listen.
type streams struct {
	mu   sync.Mutex
	all  int
	user map[string]int
}

func (l *streams) enter(user string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.user == nil {
		l.user = make(map[string]int)
	}
	if l.all >= maxStreams || l.user[user] >= maxUserStreams {
		return false
	}
	l.all++
	l.user[user]++
	return true
}

func (l *streams) leave(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.user[user]--; l.user[user] <= 0 {
		delete(l.user, user)
	}
}

// stream answers with events as they happen, for as long as the client listens
// (DSP0266, section "Server-sent events").
func (c *call) stream() error {
	if err := c.wants("text/event-stream"); err != nil {
		return err
	}
	wanted, err := parseFilter(c.r.URL.Query().Get("$filter"))
	if err != nil {
		return failed(http.StatusBadRequest, say("QueryParameterValueFormatError", c.r.URL.Query().Get("$filter"), "$filter"))
	}
	if !c.hooks.streams.enter(c.user.Name) {
		return &fault{status: http.StatusServiceUnavailable, after: 30, messages: []message{say("EventSubscriptionLimitExceeded")}}
	}
	defer c.hooks.streams.leave(c.user.Name)
	after := c.events.now()
	if n, err := strconv.ParseInt(c.r.Header.Get("Last-Event-ID"), 10, 64); err == nil && n >= 0 {
		after = n
	}
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	defer context.AfterFunc(c.Service.ctx, cancel)()
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead || c.send(":") != nil {
		return nil
	}
	c.follow(ctx, after, wanted)
	return nil
}

// follow sends events until ctx ends, the client is gone, or may not listen any more.
func (c *call) follow(ctx context.Context, after int64, wanted expression) {
	alive := time.NewTicker(stillHere)
	defer alive.Stop()
	for ctx.Err() == nil && c.stillIn() {
		list, more := c.events.since(after)
		for _, h := range list {
			after = h.n
			if !wanted(h) || !c.mayHear(ctx, c.user, h) {
				continue
			}
			if c.send("id: "+strconv.FormatInt(h.n, 10)+"\ndata: "+string(encode(h.document("")))) != nil {
				return
			}
		}
		if len(list) > 0 {
			continue
		}
		select {
		case <-more:
		case <-alive.C:
			if c.send(":") != nil {
				return
			}
		case <-ctx.Done():
		}
	}
}

// stillIn says whether who listens would still be let in.
func (c *call) stillIn() bool {
	return c.opts.Backend.Valid(c.user) == nil && (c.session == nil || c.sessions.touch(c.session))
}

// send writes one message of a stream, and lets it go.
func (c *call) send(text string) error {
	ctl := http.NewResponseController(c.w)
	_ = ctl.SetWriteDeadline(time.Now().Add(writeFor)) // writers of tests know none
	if text[len(text)-1] != '\n' {
		text += "\n"
	}
	if _, err := c.w.Write([]byte(text + "\n")); err != nil {
		return err
	}
	return ctl.Flush()
}
