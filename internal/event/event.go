// Package event is the only way to say that something happened: who asked for
// what, on which nodes, through which door, and what came of it.
//
// A [Log] appends events durably (a request that changes something leaves one
// intent and one result, and both are on the disk before it is answered), reads
// them back by [Filter], and follows them live. An event and the thing it tells
// of can be written in one transaction: [Log.AppendWith].
//
// Start at [Event], [New] and [Log.Append].
package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"millwright.dev/millwright/internal/store"
)

// Kind says what sort of thing an event tells of.
type Kind string

// The kinds of event.
const (
	Intent   Kind = store.KindIntent // a request that changes something is about to act
	Result   Kind = store.KindResult // what came of the intent with the same Request
	State    Kind = "state"          // a node's or plug's state is seen to have changed
	Refusal  Kind = "refusal"        // a request was turned away
	Revision Kind = "revision"       // a configuration was accepted, or not
	Daemon   Kind = "daemon"         // the daemon started, stopped, found something
	Veto     Kind = "veto"           // veto hooks were passed over, or gave no answer where that does not count
	Device   Kind = "device"         // a device was lost, came back, misbehaved
	Access   Kind = "access"         // users, tokens or grants were changed
	Machine  Kind = "machine"        // a machine wrote something into its own log
	Console  Kind = "console"        // somebody attached to a console, left it, took it over
	UPS      Kind = "ups"            // a UPS went on battery or came back, was lost or found
	Check    Kind = "check"          // what a check says of nodes has become something else
	Battery  Kind = "battery"        // stages go down on battery, or come back
	Schedule Kind = "schedule"       // a schedule was due, or somebody has changed whether it counts
	Plugin   Kind = "plugin"         // a plugin runs, has ended, or is to run no more
)

// Kinds gives every kind of event.
func Kinds() []Kind {
	return []Kind{Intent, Result, State, Refusal, Revision, Daemon, Veto, Device, Access, Console, Machine, UPS, Check, Battery, Schedule, Plugin}
}

// Outcomes of a result; a refusal's is always Refused. Other words may appear.
const (
	OK       = "ok"
	Failed   = "failed"
	Partial  = "partial"   // some targets ok, some not; Data says which
	Unknown  = "unknown"   // cut off in the act, or the devices cannot say
	NotBegun = "not-begun" // nothing was touched: out of reach, cancelled
	Refused  = "refused"
)

// Bounds on an event, in bytes. Longer text is cut at a character's edge and
// ends in [CutMark]; longer Targets or Data are refused by [Log.Append], because
// half a host list or half a JSON value would say something untrue.
const (
	MaxTargets = 2 << 20
	MaxDetail  = 16 << 10
	MaxData    = 4 << 20
	MaxField   = 512 // each of the other text fields
)

// CutMark ends a text that was too long.
const CutMark = "…[cut]"

// Event is one immutable line of what happened. Unused fields are empty.
type Event struct {
	Seq     int64           `json:"seq"`               // position in the log, from 1, without gaps; given by the log
	Time    time.Time       `json:"time"`              // when it happened (UTC); given by the log when zero
	Kind    Kind            `json:"kind"`              //
	Request string          `json:"request,omitempty"` // id shared by an intent and its result; used once
	Actor   string          `json:"actor,omitempty"`   // who: a user, "uid 1000", "watch"
	Door    string          `json:"door,omitempty"`    // through which door: "powerman", "http"
	Remote  string          `json:"remote,omitempty"`  // from where: an address
	Op      string          `json:"op,omitempty"`      // the verb: "on", "cycle", "reload"
	Targets string          `json:"targets,omitempty"` // the nodes, as a folded host list
	Count   int             `json:"count,omitempty"`   // how many nodes Targets names
	Outcome string          `json:"outcome,omitempty"` // one of the outcomes above
	Detail  string          `json:"detail,omitempty"`  // a sentence for people
	Data    json.RawMessage `json:"data,omitempty"`    // small structured extras
}

// Marked is what the Data of an intent say of who asked for it: a text by which
// a door knows again what it was asked, when it is asked a second time.
type Marked struct {
	Mark string `json:"mark,omitempty"`
}

// check says what makes the event unfit to be kept.
func (e *Event) check() error {
	switch {
	case e.Kind == "":
		return fmt.Errorf("event %q has no kind", e.Op)
	case e.Kind == Intent && e.Request == "":
		return fmt.Errorf("intent event %q has no request id", e.Op)
	case len(e.Request) > MaxField:
		return fmt.Errorf("%s event %q: request id is longer than %d bytes", e.Kind, e.Op, MaxField)
	case len(e.Targets) > MaxTargets:
		return fmt.Errorf("%s event %q: targets are longer than %d KiB", e.Kind, e.Op, MaxTargets>>10)
	case len(e.Data) > MaxData:
		return fmt.Errorf("%s event %q: data are longer than %d KiB", e.Kind, e.Op, MaxData>>10)
	case len(e.Data) > 0 && !json.Valid(e.Data):
		return fmt.Errorf("%s event %q: data are not JSON", e.Kind, e.Op)
	}
	return nil
}

// row returns the event as the store keeps it: bounded, in valid UTF-8.
func (e *Event) row() *store.Event {
	data := bytes.Clone(e.Data)
	if len(data) == 0 {
		data = nil
	}
	return &store.Event{
		Time: e.Time, Kind: cut(string(e.Kind), MaxField), Request: clean(e.Request),
		Actor: cut(e.Actor, MaxField), Door: cut(e.Door, MaxField), Remote: cut(e.Remote, MaxField),
		Op: cut(e.Op, MaxField), Targets: clean(e.Targets), Count: e.Count,
		Outcome: cut(e.Outcome, MaxField), Detail: cut(e.Detail, MaxDetail), Data: data,
	}
}

// fromRow is the reverse of row.
func fromRow(r store.Event) Event {
	return Event{
		Seq: r.Seq, Time: r.Time, Kind: Kind(r.Kind), Request: r.Request, Actor: r.Actor, Door: r.Door,
		Remote: r.Remote, Op: r.Op, Targets: r.Targets, Count: r.Count, Outcome: r.Outcome,
		Detail: r.Detail, Data: r.Data,
	}
}

// clean makes text storable everywhere: valid UTF-8 without NUL.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// cut bounds a text to limit bytes, the mark included.
func cut(s string, limit int) string {
	whole := len(s) <= 2*limit
	if !whole { // cleaning shall cost no more than what may be kept
		s = s[:2*limit]
	}
	s = clean(s)
	if whole && len(s) <= limit {
		return s
	}
	end := min(len(s), limit-len(CutMark))
	for end > 0 && end < len(s) && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + CutMark
}
