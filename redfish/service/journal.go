package service

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// keepEvents is how many events are held for those who come back or are slow.
const keepEvents = 1024

// Event is something that happened.
type Event struct {
	Machine  string // its id; "" is about the room, and told to administrators only
	Key      string // of a message of the Machine registry: PowerChanged, Switched, Notice
	Args     []string
	Severity Health    // HealthUnknown is OK
	At       time.Time // zero is now
	Type     EventType // "" is Alert
}

// EventType is the deprecated kind of an event, by which old clients still choose.
type EventType string

// The types.
const (
	Alert           EventType = "Alert"
	StatusChange    EventType = "StatusChange"
	ResourceUpdated EventType = "ResourceUpdated"
)

// happened is an event in the journal.
type happened struct {
	Event
	n      int64
	id     string // of the message, with its registry
	origin string // the path of what it happened to
	record object // as it is sent
}

// journal holds the last events.
type journal struct {
	mu   sync.Mutex
	last int64
	held []happened
	more chan struct{} // closed when there is one more
}

// init starts the count where no earlier life of the service has been, so that ids of
// then are not mistaken for ones of now.
func (j *journal) init() {
	j.last, j.more = time.Now().UnixMicro(), make(chan struct{})
}

// Publish tells of an event. It does not wait for anybody.
func (s *Service) Publish(e Event) {
	setDefault(&e.Type, Alert)
	setDefault(&e.Severity, OK)
	if e.At.IsZero() {
		e.At = time.Now()
	}
	i := slices.IndexFunc(machineMessages(), func(d definition) bool { return d.key == e.Key })
	if i < 0 {
		i, e.Args = 2, []string{strings.Join(append([]string{e.Key}, e.Args...), " ")}
	}
	def := machineMessages()[i]
	h := happened{Event: e, id: messageID(machinePrefix, machineVersion, def.key), origin: root + "/"}
	if e.Machine != "" {
		h.origin = join(root+"/Systems", e.Machine)
	}
	j := &s.events
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	h.n = j.last
	h.record = object{
		"MemberId": "0", "EventId": strconv.FormatInt(h.n, 10), "EventType": string(e.Type), "EventTimestamp": clock(e.At),
		"Message": fill(def.text, e.Args), "MessageId": h.id, "MessageArgs": append([]string{}, e.Args...),
		"MessageSeverity": string(e.Severity), "Severity": string(e.Severity), "OriginOfCondition": link(h.origin),
	}
	if len(j.held) >= keepEvents {
		j.held = append(j.held[:0:0], j.held[len(j.held)-keepEvents/2:]...)
	}
	j.held = append(j.held, h)
	close(j.more)
	j.more = make(chan struct{})
}

// since gives the events behind the n-th that are still held, and what is closed when
// there are more.
func (j *journal) since(n int64) ([]happened, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n > j.last {
		n = j.last
	}
	i, _ := slices.BinarySearchFunc(j.held, n+1, func(h happened, n int64) int { return int(h.n - n) })
	return slices.Clone(j.held[i:]), j.more
}

func (j *journal) now() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// document is an event as it is sent to one listener (Event).
func (h happened) document(about string) object {
	o := object{
		"@odata.type": "#Event.v1_13_0.Event", "Id": strconv.FormatInt(h.n, 10), "Name": "Events",
		"Events": []object{h.record}, "Events@odata.count": 1,
	}
	put(o, "Context", about)
	return o
}

// mayHear says whether a user may hear of an event: of machines that they see.
func (s *Service) mayHear(ctx context.Context, u User, h happened) bool {
	if h.Machine == "" {
		return may(u.Role, configureManager)
	}
	if seer, is := s.opts.Backend.(Seer); is {
		return seer.Sees(u, h.Machine)
	}
	_, err := s.opts.Backend.Machine(ctx, u, h.Machine)
	return err == nil
}
