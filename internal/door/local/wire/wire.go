// Package wire holds the messages of the local API, as the door writes and the
// client reads them: plain structs with JSON tags, and nothing that acts. It
// exists so that the two ends cannot drift apart, and neither needs the other.
//
// The API is HTTP over a unix socket, under /v0/. What ends soon is one JSON
// document. What goes on is a stream of lines, one JSON object each
// (application/x-ndjson); see [Line]. Errors are problem documents (RFC 9457);
// see [Problem]. Version 0 belongs to the command line of the same build and may
// change with it.
package wire

import (
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
	"millwright.dev/millwright/internal/state"
)

// Media types.
const (
	JSON    = "application/json"
	NDJSON  = "application/x-ndjson"
	Trouble = "application/problem+json"
)

// MaxBody bounds a request's body, in bytes: a million short names.
const MaxBody = 8 << 20

// MaxLine bounds one line of a stream, in bytes. The longest is an event with
// all its parts full, every character of them escaped.
const MaxLine = 8 << 20

// Do asks for one operation at once: POST /v0/do. The answer is a stream that
// begins with a [Begin] line and ends with an [End] line.
type Do struct {
	Op      string `json:"op"`                // as [room.Op.String] has it
	Targets string `json:"targets,omitempty"` // empty means all, which only a read may say
	Verify  bool   `json:"verify,omitempty"`  // read outcomes back
	Live    bool   `json:"live,omitempty"`    // results one by one, as early as they are known
	Fold    bool   `json:"fold,omitempty"`    // results that are alike as one line, at the end
	Trace   bool   `json:"trace,omitempty"`   // tell the conversations with devices
	NoWait  bool   `json:"nowait,omitempty"`  // answer once it is written down
	DryRun  bool   `json:"dry_run,omitempty"` // say what would be done, and do nothing
	// Timeout ends the request after so many seconds; what is not done by then is
	// not begun, or unknown. Zero means that only the devices' own limits count.
	Timeout float64 `json:"timeout_seconds,omitempty"`
	Consent
}

// Consent is what is said to veto hooks, which are asked before nodes are switched.
type Consent struct {
	Reason  string `json:"reason,omitempty"`        // why it is wanted; also for the log
	Confirm bool   `json:"confirm,omitempty"`       // what a [Problem] wants confirmed is confirmed
	Bypass  bool   `json:"bypass_vetoes,omitempty"` // do not ask the hooks, which takes the role admin
}

// Order asks for what takes steps in an order: POST /v0/plan shows the plan and
// changes nothing, POST /v0/order carries it out.
type Order struct {
	Goal    string `json:"goal"`              // "up" or "down"
	Targets string `json:"targets,omitempty"` // empty means every node
	Consent
}

// Planned answers an [Order].
type Planned struct {
	Run  string    `json:"run,omitempty"` // the id, of an order
	Text string    `json:"text"`          // the plan for people
	Plan plan.View `json:"plan"`
}

// Targets names nodes: POST /v0/clear.
type Targets struct {
	Targets string `json:"targets"`
}

// Cleared answers /v0/clear.
type Cleared struct {
	Nodes string `json:"nodes"` // those that were held, as a folded host list
}

// Kind says what a [Line] tells.
type Kind string

// The kinds of line.
const (
	KindBegin      Kind = "begin"      // first, once
	KindWork       Kind = "work"       // of a dry run: what would be done on one device
	KindResult     Kind = "result"     // what became of one node
	KindFault      Kind = "fault"      // an action failed as a whole on one device
	KindDiagnostic Kind = "diagnostic" // what a device said of one node
	KindTrace      Kind = "trace"      // a piece of conversation
	KindEnd        Kind = "end"        // last, once, if all went well with the stream itself
	KindError      Kind = "error"      // last, instead of end
)

// Line is one line of the answer to a [Do]. Unused fields are empty.
type Line struct {
	Kind Kind `json:"kind"`

	// Begin.
	Request string `json:"request,omitempty"` // its id; none for reads
	Op      string `json:"op,omitempty"`
	Nodes   string `json:"nodes,omitempty"` // as typed, as a folded host list; of work: the nodes behind Plugs
	Count   int    `json:"count,omitempty"` // of Nodes

	// Result and diagnostic. Node is its name as it was typed; a folded result has
	// Nodes instead, and Raw for temperatures only.
	Node    string        `json:"node,omitempty"`
	Own     string        `json:"own,omitempty"` // its own name, if it was typed as an alias
	Outcome fleet.Outcome `json:"outcome,omitempty"`
	State   string        `json:"state,omitempty"`
	Raw     string        `json:"raw,omitempty"`
	Code    room.Code     `json:"code,omitempty"` // of what went wrong
	Said    string        `json:"said,omitempty"`

	// Fault, trace and work.
	Device string `json:"device,omitempty"`
	Phase  string `json:"phase,omitempty"`
	Text   string `json:"text,omitempty"`  // of a trace, masked
	Plugs  string `json:"plugs,omitempty"` // of work: as a folded host list

	// End.
	Counts map[fleet.Outcome]int `json:"counts,omitempty"`
	Faults int                   `json:"faults,omitempty"`

	// Error.
	Problem *Problem `json:"problem,omitempty"`
}

// Problem is an error document. Its code is that of [room.Error].
type Problem struct {
	Type    string    `json:"type"` // "about:blank"
	Title   string    `json:"title"`
	Status  int       `json:"status"`
	Detail  string    `json:"detail,omitempty"` // one line, for people
	Code    room.Code `json:"code"`
	Op      string    `json:"op,omitempty"`
	Subject string    `json:"subject,omitempty"`
	Said    string    `json:"said,omitempty"`
	Tried   string    `json:"tried,omitempty"`
	Confirm string    `json:"confirm,omitempty"` // what is to be confirmed for it to be done all the same
}

// Version answers GET /v0/version.
type Version struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Room    string    `json:"room"`
	Config  string    `json:"config"`
	Nodes   int       `json:"nodes"`
	Devices int       `json:"devices"`
	Held    int       `json:"held"` // nodes held back until somebody decides
}

// Node is one node as the daemon remembers it: GET /v0/nodes.
type Node struct {
	Name   string     `json:"name"`
	State  room.State `json:"state"`           // as last seen; not read anew
	Since  time.Time  `json:"since,omitzero"`  // when that state was first seen
	Seen   time.Time  `json:"seen,omitzero"`   // when it was last seen
	Cords  []string   `json:"cords,omitempty"` // "pdu1:3"
	Needs  string     `json:"needs,omitempty"` // a folded host list
	Groups []string   `json:"groups,omitempty"`
	Held   string     `json:"held,omitempty"` // why it is held
}

// NodeOf puts a node into words.
func NodeOf(r *room.Room, id room.NodeID, b state.Belief) Node {
	n := &r.Nodes[id]
	out := Node{Name: n.Name, State: b.State, Since: b.Since, Seen: b.Seen, Needs: r.Fold(n.Needs)}
	for i, p := range r.PlugsOf(id) {
		out.Cords = append(out.Cords, r.Devices[n.Cords[i].Device].Name+":"+p.Name)
	}
	if b.Held != nil {
		out.Held = b.Held.String()
	}
	return out
}

// Device is one device: GET /v0/devices.
type Device struct {
	fleet.DeviceStatus
	Driver string `json:"driver"`
	Feed   string `json:"feed,omitempty"`
	Plugs  int    `json:"plugs"`
	Nodes  string `json:"nodes,omitempty"` // those that hang on it, as a folded host list
}

// Revision is one accepted configuration, without its files: GET /v0/revisions.
type Revision struct {
	Number int64     `json:"number"`
	Time   time.Time `json:"time"`
	Author string    `json:"author"`
	Note   string    `json:"note,omitempty"`
	Origin string    `json:"origin"`
}

// The events of GET /v0/events and the updates of GET /v0/runs/{id}/updates come
// as lines of these types. A stream that breaks off ends in a line of [Failed].
type (
	// Event is one line of the log.
	Event = event.Event
	// Update is one thing that a run tells.
	Update = run.Update
	// Run tells how it stands with a run.
	Run = run.Info
)

// Failed is the last line of a stream of events or updates that broke off.
type Failed struct {
	Problem *Problem `json:"problem"`
}
