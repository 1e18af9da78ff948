package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Event is what happened, as plugins are told of it.
type Event struct {
	Seq     int64           `json:"seq"`
	Time    time.Time       `json:"time"`
	Kind    string          `json:"kind"`
	Actor   string          `json:"actor,omitempty"`
	Op      string          `json:"op,omitempty"`
	Targets string          `json:"targets,omitempty"` // a folded host list
	Outcome string          `json:"outcome,omitempty"`
	Detail  string          `json:"detail,omitempty"` // a sentence for people
	Data    json.RawMessage `json:"data,omitempty"`
}

const (
	maxEvents = 256              // that wait for a plugin; newer ones are lost
	warnEvery = 30 * time.Second // lost events are told of no more often
)

// Actor is who an event names for what a plugin did.
func Actor(name string) string { return "plugin " + name }

// Publish hands an event to all plugins with reactions that want to hear of it, but for
// the one that it tells of, which is its [Actor]: nobody answers to their own echo. It
// never waits: what a plugin is too slow for, it does not hear, and that is counted.
func (h *Host) Publish(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, u := range h.units {
		if u.spec.Enabled && u.hears(e.Kind) && e.Actor != Actor(u.spec.Name) {
			u.offer(e)
		}
	}
}

// hears says whether a plugin wants to hear of a kind of events.
func (u *unit) hears(kind string) bool {
	for _, k := range u.spec.Events {
		if k == kind || strings.HasSuffix(k, "*") && strings.HasPrefix(kind, k[:len(k)-1]) {
			return true
		}
	}
	return len(u.spec.Events) == 0
}

// offer queues an event.
func (u *unit) offer(e Event) {
	select {
	case u.events <- e:
		return
	default:
	}
	u.mu.Lock()
	u.status.LostEvents++
	quiet := time.Since(u.warned) < warnEvery
	if !quiet {
		u.warned = time.Now()
	}
	u.mu.Unlock()
	if !quiet {
		u.journal.say("it is too slow for the events there are; some are lost")
	}
}

// Wish is what a reaction asks for: an operation on nodes.
type Wish struct {
	Plugin string `json:"-"`
	As     string `json:"-"` // the principal whose rights count
	Op     string `json:"op"`
	Nodes  string `json:"nodes"` // a folded host list
	Reason string `json:"reason"`
}

// Look is what a reaction asks for: a check of a node, run now.
type Look struct {
	Plugin string `json:"-"`
	As     string `json:"-"`
	Node   string `json:"node"`
	Check  string `json:"check"`
}

// Outcome is what became of a wish.
type Outcome struct {
	Request string `json:"request,omitempty"` // under which it stands in the events
	Said    string `json:"said,omitempty"`    // a sentence for people
}

// Desk answers what reactions ask for. It asks whether the principal may, and writes
// down what was asked, by which plugin, and what came of it.
type Desk interface {
	Do(ctx context.Context, w Wish) (Outcome, error)
	RunCheck(ctx context.Context, l Look) (CheckResult, error)
}

// askTime bounds what a reaction asks for.
const askTime = 10 * time.Minute

// serve answers a request of the plugin's.
func (u *unit) serve(ctx context.Context, method string, params json.RawMessage) (any, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askTime, errors.New("it took too long"))
	defer cancel()
	if method != "do" && method != "run_check" {
		return nil, &Error{Code: codeMethod, Message: "a plugin may ask for do and run_check"}
	}
	u.host.mu.Lock()
	desk := u.host.desk
	u.host.mu.Unlock()
	switch {
	case u.spec.As == "":
		return nil, &Error{Code: Refused, Message: "this plugin has no rights: the room names no principal for it (as)"}
	case desk == nil:
		return nil, &Error{Code: Refused, Message: "nobody answers yet"}
	}
	if method == "do" {
		w := Wish{}
		if err := decode(params, &w); err != nil {
			return nil, err
		}
		w.Plugin, w.As, w.Reason = u.spec.Name, u.spec.As, clean(w.Reason, maxSaid)
		if w.Op == "" || w.Nodes == "" || len(w.Op) > maxName || len(w.Nodes) > maxValue {
			return nil, &Error{Code: codeParams, Message: "op and nodes are needed"}
		}
		u.journal.say("it asks for " + w.Op + " of " + w.Nodes + ": " + w.Reason)
		return desk.Do(ctx, w)
	}
	l := Look{}
	if err := decode(params, &l); err != nil {
		return nil, err
	}
	l.Plugin, l.As = u.spec.Name, u.spec.As
	if l.Node == "" || l.Check == "" || len(l.Node) > maxSaid || len(l.Check) > maxSaid {
		return nil, &Error{Code: codeParams, Message: "node and check are needed"}
	}
	return desk.RunCheck(ctx, l)
}

func decode(params json.RawMessage, into any) error {
	if err := json.Unmarshal(params, into); err != nil {
		return &Error{Code: codeParams, Message: clean(err.Error(), maxSaid)}
	}
	return nil
}
