package service_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"millwright.dev/millwright/redfish/service"
)

const subscriptions = root + "/EventService/Subscriptions"

// anywhere lets events go to this machine too.
func anywhere(o *service.Options) {
	o.Destination = func(netip.Addr) bool { return true }
	o.PlainEvents, o.RetryEvery = true, time.Millisecond
}

// listener takes events; refuse says how many it turns away first.
func listener(t *testing.T, refuse int) (*httptest.Server, <-chan map[string]any, <-chan http.Header) {
	t.Helper()
	got, headers := make(chan map[string]any, 64), make(chan http.Header, 64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse--; refuse >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var o map[string]any
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			t.Error(err)
		}
		headers <- r.Header
		got <- o
	}))
	t.Cleanup(server.Close)
	return server, got, headers
}

func wait[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
	}
	return v
}

// checkEvent holds an event to its schema.
func checkEvent(t *testing.T, o map[string]any) {
	t.Helper()
	c := newChecker()
	c.document("event", o)
	if len(c.faults) > 0 {
		t.Errorf("%v\n%v", c.faults, o)
	}
}

func TestSubscriptions(t *testing.T) {
	s := newStand(t, anywhere)
	server, got, headers := listener(t, 2)
	r := s.ask(ask{path: subscriptions, body: `{"Destination":"` + server.URL + `/x","Protocol":"Redfish","Context":"mine","HttpHeaders":[{"X-Key":"k"}],
		"OriginResources":[{"@odata.id":"` + m1 + `"}],"RegistryPrefixes":["Machine"]}`})
	if r.status != 201 || strings.Contains(r.text, `"k"`) {
		t.Fatalf("%d %s", r.status, r.text)
	}
	s.service.Publish(service.Event{Machine: "bare", Key: service.Notice, Args: []string{"of another"}})
	s.service.Publish(service.Event{Machine: "m1", Key: service.PowerChanged, Args: []string{"m1", "On"}, Type: service.StatusChange})
	o := wait(t, got)
	checkEvent(t, o)
	if at(o, "Context") != "mine" || at(o, "Events", 0, "MessageId") != "Machine.1.0.PowerChanged" || at(o, "Events", 0, "OriginOfCondition", "@odata.id") != m1 {
		t.Errorf("got %v", o)
	}
	if h := wait(t, headers); h.Get("X-Key") != "k" || !strings.HasPrefix(h.Get("Content-Type"), "application/json") {
		t.Errorf("headers %v", h)
	}
	if r := s.ask(ask{method: "PATCH", path: r.header.Get("Location"), body: `{"Context":"other"}`}); r.status != 200 || r.body["Context"] != "other" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := s.ask(ask{method: "DELETE", path: r.header.Get("Location")}); r.status != 204 {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := s.ask(ask{path: subscriptions}); at(r.body, "Members@odata.count") != 0.0 {
		t.Errorf("%s", r.text)
	}
}

// TestSuspended: a destination that takes nothing is left alone until somebody says so.
func TestSuspended(t *testing.T) {
	s := newStand(t, anywhere)
	server, got, _ := listener(t, 4)
	r := s.ask(ask{path: subscriptions, body: `{"Destination":"` + server.URL + `","Protocol":"Redfish","DeliveryRetryPolicy":"SuspendRetries"}`})
	path := r.header.Get("Location")
	s.ask(ask{method: "POST", path: root + "/EventService/Actions/EventService.SubmitTestEvent"})
	for deadline := time.Now().Add(30 * time.Second); at(s.get(path), "Status", "State") != "Disabled"; {
		if time.Now().After(deadline) {
			t.Fatal("it is not suspended")
		}
	}
	s.ask(ask{method: "POST", path: path + "/Actions/EventDestination.ResumeSubscription"})
	s.ask(ask{path: root + "/EventService/Actions/EventService.SubmitTestEvent", body: `{"Message":"hello"}`})
	if o := wait(t, got); !strings.Contains(at(o, "Events", 0, "Message").(string), "hello") {
		t.Errorf("got %v", o)
	}
}

// TestDestinations: events go nowhere that only this host can reach.
func TestDestinations(t *testing.T) {
	s := newStand(t, func(o *service.Options) { o.RetryEvery = time.Millisecond })
	reached := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	defer reached.Close()
	port := reached.URL[strings.LastIndexByte(reached.URL, ':'):]
	for destination, want := range map[string]int{
		"https://127.0.0.1" + port:                400,
		"https://[::1]/":                          400,
		"https://[::ffff:127.0.0.1]/":             400,
		"https://10.0.0.1/":                       400,
		"https://169.254.169.254/latest":          400,
		"https://168.63.129.16/":                  400,
		"https://[::127.0.0.1]/":                  400,
		"https://[fec0::1]/":                      400,
		"https://[fe80::1]/":                      400,
		"https://[64:ff9b::7f00:1]/":              400,
		"https://0.0.0.0/":                        400,
		"http://192.0.2.1/":                       400,
		"ftp://192.0.2.1/":                        400,
		"https://user:password@192.0.2.1/":        400,
		"no address":                              400,
		"https://localhost" + port:                201, // the name is judged by what it leads to
		"https://xn--8a" + strings.Repeat("x", 9): 201,
	} {
		r := s.ask(ask{path: subscriptions, body: `{"Destination":"` + destination + `","Protocol":"Redfish","VerifyCertificate":false}`})
		if r.status != want {
			t.Errorf("%s: %d, want %d", destination, r.status, want)
		}
	}
	// A name is judged by what it leads to.
	named := s.ask(ask{path: subscriptions, body: `{"Destination":"https://localhost` + port + `","Protocol":"Redfish","VerifyCertificate":false,"DeliveryRetryPolicy":"TerminateAfterRetries"}`})
	s.service.Publish(service.Event{Key: service.Notice, Args: []string{"x"}})
	for deadline := time.Now().Add(30 * time.Second); named.status != 201 || s.ask(ask{path: named.header.Get("Location")}).status != 404; {
		if time.Now().After(deadline) {
			t.Fatalf("it has not been given up: %d", named.status)
		}
	}
	if r := s.ask(ask{path: subscriptions, body: `{"Destination":"https://192.0.2.1/","Protocol":"Redfish"}`, user: "op"}); r.status != 403 {
		t.Errorf("an operator subscribes: %d", r.status)
	}
	if r := s.ask(ask{path: subscriptions, body: `{"Destination":"https://192.0.2.1/","Protocol":"Redfish","HttpHeaders":[{"Host":"x"}]}`}); r.status != 400 {
		t.Errorf("another host: %d", r.status)
	}
	for range 40 {
		s.ask(ask{path: subscriptions, body: `{"Destination":"https://192.0.2.1/","Protocol":"Redfish"}`})
	}
	if n := at(s.get(subscriptions), "Members@odata.count"); n != 32.0 {
		t.Errorf("%v subscriptions", n)
	}
}

// follow opens the stream of events.
func (s *stand) follow(user, filter, last string) (<-chan map[string]any, <-chan string) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req := s.request(ctx, ask{
		path: root + "/EventService/SSE?$filter=" + url.QueryEscape(filter), user: user,
		header: map[string]string{"Accept": "text/event-stream", "Last-Event-ID": last},
	})
	resp, err := s.client.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		cancel()
		s.t.Fatal(err, resp)
	}
	events, ids, over := make(chan map[string]any, 64), make(chan string, 64), make(chan struct{})
	lines := bufio.NewScanner(resp.Body)
	lines.Scan() // it is open when its first line has come
	go func() {
		defer close(over)
		for lines.Scan() {
			if id, is := strings.CutPrefix(lines.Text(), "id: "); is {
				ids <- id
			}
			if data, is := strings.CutPrefix(lines.Text(), "data: "); is {
				var o map[string]any
				if err := json.Unmarshal([]byte(data), &o); err != nil {
					s.t.Error(err)
				}
				events <- o
			}
		}
	}()
	s.t.Cleanup(func() {
		cancel()
		<-over
		resp.Body.Close()
	})
	return events, ids
}

func TestStream(t *testing.T) {
	s := newStand(t, nil)
	all, ids := s.follow("root", "", "")
	some, _ := s.follow("ro", "(OriginResource eq '"+m1+"' or MessageId eq 'Machine.Notice') and EventType eq 'Alert'", "")
	s.service.Publish(service.Event{Machine: "m1", Key: service.PowerChanged, Args: []string{"m1", "On"}, Type: service.StatusChange})
	s.service.Publish(service.Event{Key: service.Notice, Args: []string{"of the room"}})
	s.service.Publish(service.Event{Machine: "m1", Key: service.Switched, Args: []string{"on", "m1", "ok"}, Severity: service.Warning})
	for _, want := range []string{"PowerChanged", "Notice", "Switched"} {
		o := wait(t, all)
		checkEvent(t, o)
		if id, _ := at(o, "Events", 0, "MessageId").(string); !strings.HasSuffix(id, want) {
			t.Errorf("got %v, want %s", o, want)
		}
	}
	if o := wait(t, some); at(o, "Events", 0, "MessageSeverity") != "Warning" {
		t.Errorf("what was chosen: %v", o)
	}
	// Whoever comes back gets what they have missed.
	again, _ := s.follow("root", "", wait(t, ids))
	if o := wait(t, again); at(o, "Events", 0, "MessageId") != "Machine.1.0.Notice" {
		t.Errorf("behind the first: %v", o)
	}
	for _, filter := range []string{"x", "EventType eq", "(EventType eq 'x'", "EventType lt 'x'", "Colour eq 'x'", strings.Repeat("(", 50), "EventType eq 'x", "EventType eq 'x' and"} {
		if r := s.ask(ask{path: root + "/EventService/SSE?$filter=" + url.QueryEscape(filter)}); r.status != 400 {
			t.Errorf("filter %q: %d", filter, r.status)
		}
	}
}

// TestStreamEndsWithItsUser: who may not listen any more hears nothing more.
func TestStreamEndsWithItsUser(t *testing.T) {
	s := newStand(t, nil)
	events, _ := s.follow("op", "", "")
	s.ask(ask{method: "PATCH", path: accounts + "/op", body: `{"Enabled":false}`})
	s.service.Publish(service.Event{Machine: "m1", Key: service.Notice, Args: []string{"secret"}})
	s.service.Publish(service.Event{Machine: "m1", Key: service.Notice, Args: []string{"secret"}})
	still, _ := s.follow("root", "", "1")
	wait(t, still)
	wait(t, still)
	select {
	case o := <-events:
		// One that was on its way before the look is fine; the second is not.
		t.Logf("got %v", o)
		select {
		case o := <-events:
			t.Errorf("and %v", o)
		default:
		}
	default:
	}
}
