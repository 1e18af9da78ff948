// Package wire holds the messages of the HTTP API, as the door writes and the
// client reads them: plain structs with JSON tags, and nothing that acts. It
// exists so that the two ends cannot drift apart, and neither needs the other.
//
// The tags doc, example, enum and the like are what the published description
// (OpenAPI) says of a field. They are plain text here; the door reads them.
//
// What ends soon is one JSON document. What goes on is a stream: lines of JSON
// for one operation (see [Line]), server-sent events for all else. Errors are
// problem documents (RFC 9457); see [Problem].
//
// Start at [Do] and [Operation].
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
	SSE     = "text/event-stream"
	Trouble = "application/problem+json"
)

// Headers of ours.
const (
	IdempotencyKey = "Idempotency-Key"     // of a request: see [MaxKey]
	Replayed       = "Idempotent-Replayed" // of an answer: "true" if nothing was done for it
)

// SessionCookie is the name of the cookie that a browser's log-in sets. Its prefix
// has browsers take it by TLS only, and from no other host.
const SessionCookie = "__Host-millwright_session"

// MaxBody bounds a request's body, in bytes: a million short names.
const MaxBody = 8 << 20

// MaxLine bounds one line of a stream, in bytes. The longest is an event with
// all its parts full, every character of them escaped.
const MaxLine = 8 << 20

// MaxPage is the most items of one page of a listing.
const MaxPage = 10_000

// MaxKey is how long an idempotency key may be, in bytes.
const MaxKey = 255

// Do asks for one operation at once: POST /v1/operations.
type Do struct {
	Op      string `json:"op" doc:"What to do. The word is one of those that the command line has." enum:"on,off,cycle,reset,status,status-soft,temp,beacon,beacon-on,beacon-off,soft-off,diag" example:"on"`
	Targets string `json:"targets,omitempty" doc:"Which nodes: a host list with names, ranges, aliases and @groups, less what has a minus before it. Empty means all, which only an operation that reads may say." example:"web[1-40],-web7"`
	Verify  bool   `json:"verify,omitempty" doc:"Read the outcome back from the devices before it counts as ok."`
	Live    bool   `json:"live,omitempty" doc:"In a stream: results one by one, as early as they are known."`
	Fold    bool   `json:"fold,omitempty" doc:"Results that are alike as one, with a host list, when all are in."`
	Trace   bool   `json:"trace,omitempty" doc:"In a stream: tell the conversations with the devices, with secrets masked."`
	NoWait  bool   `json:"nowait,omitempty" doc:"Answer as soon as the operation is on record; the same as the header Prefer: respond-async. Operations that only read are always waited for."`
	DryRun  bool   `json:"dry_run,omitempty" doc:"Say what would be done on which device, and do nothing."`
	// Timeout ends the request after so many seconds; what is not done by then is
	// not begun, or unknown. Zero means that only the devices' own limits count.
	Timeout float64 `json:"timeout_seconds,omitempty" doc:"Give up after so many seconds: what is not done by then is not begun, or unknown. Zero: only the devices' own limits count." minimum:"0" example:"60"`
	Consent
}

// Consent is what is said to veto hooks, which are asked before nodes are switched.
type Consent struct {
	Reason  string `json:"reason,omitempty" doc:"Why it is wanted: for veto hooks, and for the log." maxLength:"1000" example:"new memory"`
	Confirm bool   `json:"confirm,omitempty" doc:"What a problem wanted confirmed is confirmed."`
	Bypass  bool   `json:"bypass_vetoes,omitempty" doc:"Do not ask the veto hooks, which takes the role admin."`
}

// Order asks for what takes steps in an order: POST /v1/plans shows the plan and
// changes nothing, POST /v1/runs carries it out.
type Order struct {
	Goal    string `json:"goal" doc:"Where the nodes shall be in the end: up, down, or up again after they were down. A cycle does that whatever it takes; a restart cuts nothing off that does not halt." enum:"up,down,cycle,restart" example:"up"`
	Targets string `json:"targets,omitempty" doc:"Which nodes, as a host list; empty means every node. What they need, or what needs them, joins in." example:"@compute"`
	// How far it reaches.
	Dependents   bool   `json:"dependents,omitempty" doc:"Take along all that needs the nodes. On the way down that is always so."`
	Dependencies bool   `json:"dependencies,omitempty" doc:"Take along all that the nodes need. On the way up that is always so."`
	Only         bool   `json:"only,omitempty" doc:"Touch nothing but these nodes. What stands in the way blocks them."`
	Force        bool   `json:"force,omitempty" doc:"Pass over what stands in the way, and over attempts that are used up. A held node is never touched."`
	Conflict     string `json:"conflict,omitempty" doc:"What is done if another run is at work there: refuse, begin when-free, or take-over: the other run is cancelled." enum:"refuse,when-free,take-over"`
	Shown        string `json:"shown,omitempty" doc:"The digest of the plan that was shown and agreed to. If there is another plan by now, it is not carried out." maxLength:"64"`
	Consent
}

// Planned answers an [Order].
type Planned struct {
	Run  string `json:"run,omitempty" doc:"The run that carries the plan out; empty for a plan alone."`
	Text string `json:"text" doc:"The plan in words, for people."`
	// Digest is absent where the plan is not kept.
	Digest string    `json:"digest,omitempty" doc:"Tells plans apart that do something else: send it as shown, to have just this one carried out."`
	Plan   plan.View `json:"plan" doc:"The plan: steps, each with those that it waits for."`
}

// RunReport is all that is known of a run.
type RunReport struct {
	Run     Run      `json:"run" doc:"How it stands, or how it ended."`
	Updates []Update `json:"updates" doc:"All that it has told." nullable:"false"`
}

// Targets names nodes: POST /v1/holds/clear.
type Targets struct {
	Targets string `json:"targets" doc:"Which nodes, as a host list." example:"web7" minLength:"1"`
}

// Cleared answers POST /v1/holds/clear.
type Cleared struct {
	Nodes string `json:"nodes" doc:"Those that were held until now, as a folded host list." example:"web7"`
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

// Line is one line of the streamed answer to a [Do]. Unused fields are empty.
type Line struct {
	Kind Kind `json:"kind" doc:"What the line tells: begin first and end (or error) last; result for each node; fault, diagnostic and trace as they come; work in a dry run." enum:"begin,work,result,fault,diagnostic,trace,end,error"`

	// Begin.
	Request string `json:"request,omitempty" doc:"The operation's id; none for reads."`
	Op      string `json:"op,omitempty" doc:"The operation."`
	Nodes   string `json:"nodes,omitempty" doc:"The nodes as they were named, as a folded host list; of work: those behind the plugs."`
	Count   int    `json:"count,omitempty" doc:"How many nodes that is."`

	// Result and diagnostic. Node is its name as it was typed; a folded result has
	// Nodes instead, and Raw for temperatures only.
	Node    string        `json:"node,omitempty" doc:"The node, by the name that was typed."`
	Own     string        `json:"own,omitempty" doc:"Its own name, if an alias was typed."`
	Outcome fleet.Outcome `json:"outcome,omitempty" doc:"How it went." enum:"ok,unverified,failed,unknown,not-begun,skipped"`
	State   string        `json:"state,omitempty" doc:"The power state: as read, or as the command implies." enum:"on,off,degraded,unknown"`
	Raw     string        `json:"raw,omitempty" doc:"The device's own value, such as a temperature."`
	Code    room.Code     `json:"code,omitempty" doc:"What kind of trouble it was."`
	Said    string        `json:"said,omitempty" doc:"Why it is not ok, in words."`

	// Fault, trace and work.
	Device string `json:"device,omitempty" doc:"The device."`
	Phase  string `json:"phase,omitempty" doc:"How far the device had got."`
	Text   string `json:"text,omitempty" doc:"A piece of conversation, masked."`
	Plugs  string `json:"plugs,omitempty" doc:"The plugs, as a folded host list."`

	// End.
	Counts map[fleet.Outcome]int `json:"counts,omitempty" doc:"How many nodes had which outcome."`
	Faults int                   `json:"faults,omitempty" doc:"Actions that failed as a whole on a device."`

	// Error.
	Problem *Problem `json:"problem,omitempty" doc:"Why the stream broke off."`
}

// Status says how far an operation is.
type Status string

// The statuses.
const (
	Running  Status = "running"
	Finished Status = "finished"
)

// Operation is one request that changes something, and what became of it; or the
// answer to a read. It is made of the log, so it outlives the daemon.
type Operation struct {
	ID      string    `json:"id,omitempty" doc:"Its name; none for reads, which leave nothing behind." example:"KZ2SBVQ7V3DJXOTAN5KCWRH4AE"`
	Op      string    `json:"op" doc:"What was asked for." example:"on"`
	Status  Status    `json:"status" doc:"Whether it is over." enum:"running,finished"`
	Outcome string    `json:"outcome,omitempty" doc:"How it went as a whole; empty while it runs." enum:"ok,failed,partial,unknown,not-begun" example:"ok"`
	Targets string    `json:"targets,omitempty" doc:"The nodes, as a folded host list." example:"web[1-40]"`
	Count   int       `json:"count" doc:"How many nodes that is." example:"40"`
	Actor   string    `json:"actor,omitempty" doc:"Who asked." example:"ann"`
	Door    string    `json:"door,omitempty" doc:"By which way they came." example:"http"`
	Remote  string    `json:"remote,omitempty" doc:"From which address."`
	Began   time.Time `json:"began,omitzero" doc:"When it was put on record."`
	Ended   time.Time `json:"ended,omitzero" doc:"When its result was."`
	Detail  string    `json:"detail,omitempty" doc:"What there is to say of it, for people."`

	Outcomes map[string]string     `json:"outcomes,omitempty" doc:"The nodes by what became of them, as folded host lists."`
	Counts   map[fleet.Outcome]int `json:"counts,omitempty" doc:"How many nodes had which outcome; given to who waited."`
	Faults   int                   `json:"faults,omitempty" doc:"Actions that failed as a whole on a device."`
	Results  []Line                `json:"results,omitempty" doc:"What became of each node (with fold, of each group of alike ones); of a dry run, what would be done on each device. Given to who waited."`
	Notes    []Line                `json:"notes,omitempty" doc:"Faults and diagnostics of devices. Given to who waited."`
}

// Operations is a page of operations, the newest first.
type Operations struct {
	Items []Operation `json:"items" doc:"The newest first." nullable:"false"`
	Next  int64       `json:"next,omitempty" doc:"Give this as before to get the next page; absent on the last one."`
}

// Problem is an error document (RFC 9457). Its code is that of [room.Error].
type Problem struct {
	Type    string    `json:"type" doc:"What kind of problem it is; the code says it better." example:"about:blank"`
	Title   string    `json:"title" doc:"The HTTP status in words." example:"Not Found"`
	Status  int       `json:"status" doc:"The HTTP status." example:"404"`
	Detail  string    `json:"detail,omitempty" doc:"One line, for people." example:"web99: read targets: no such node: web99"`
	Code    room.Code `json:"code" doc:"What kind of trouble it is; programs look at this." enum:"not-found,refused,busy,timeout,device,unknown,invalid,internal" example:"not-found"`
	Op      string    `json:"op,omitempty" doc:"What was being done."`
	Subject string    `json:"subject,omitempty" doc:"To which node, device or other thing; maybe a folded host list."`
	Said    string    `json:"said,omitempty" doc:"What the device, peer or rule said."`
	Tried   string    `json:"tried,omitempty" doc:"What was attempted before giving up."`
	Confirm string    `json:"confirm,omitempty" doc:"What is to be confirmed for it to be done all the same: send confirm with the request."`
	Errors  []Fault   `json:"errors,omitempty" doc:"What is wrong with the request, one by one."`
	Diff    string    `json:"diff,omitempty" doc:"What has changed since the revision that a change was made from, in the format of diff -u."`
	Latest  int64     `json:"latest,omitempty" doc:"The newest revision, then."`
}

// Fault is one thing that is wrong with a request.
type Fault struct {
	Where   string `json:"where,omitempty" doc:"Where in the request it is." example:"body.op"`
	Message string `json:"message" doc:"What is wrong." example:"expected value to be one of \"on, off\""`
}

// Version tells which daemon answers: GET /v1/version.
type Version struct {
	Version string    `json:"version" doc:"Of the program." example:"0.2.0"`
	PID     int       `json:"pid" doc:"Its process." example:"4711"`
	Started time.Time `json:"started" doc:"Since when it runs."`
	Room    string    `json:"room" doc:"The room's name." example:"lab"`
	Config  string    `json:"config" doc:"Where its configuration is." example:"/etc/millwright"`
	Nodes   int       `json:"nodes" doc:"How many nodes the room has." example:"128"`
	Devices int       `json:"devices" doc:"How many devices." example:"8"`
	Held    int       `json:"held" doc:"Nodes that are held back until somebody decides." example:"0"`
	Broken  string    `json:"broken,omitempty" doc:"Why another configuration runs than the one on the disk: its files were broken when the daemon started, so the revision accepted last is used."`
}

// Room is the room at a glance: GET /v1/room.
type Room struct {
	Name    string             `json:"name" doc:"Its name." example:"lab"`
	Nodes   int                `json:"nodes" doc:"How many nodes it has." example:"128"`
	Devices int                `json:"devices" doc:"How many devices." example:"8"`
	Groups  int                `json:"groups" doc:"How many groups." example:"5"`
	Held    int                `json:"held" doc:"Nodes that are held back until somebody decides." example:"0"`
	States  map[string]int     `json:"states" doc:"How many nodes are believed to be in which state."`
	Links   map[fleet.Link]int `json:"links" doc:"How many devices are how far connected."`
	Runs    int                `json:"runs" doc:"Runs under way." example:"0"`
	Version string             `json:"version" doc:"Of the program that looks after it." example:"0.2.0"`
	Started time.Time          `json:"started" doc:"Since when it does."`
	Seq     int64              `json:"seq" doc:"The position of the newest event: where to begin a stream without missing anything."`
}

// Node is one node as the daemon remembers it: GET /v1/nodes.
type Node struct {
	Name   string     `json:"name" doc:"Its name." example:"web7"`
	State  room.State `json:"state" doc:"The power state as last seen; nothing is read anew." enum:"on,off,degraded,unknown" example:"on"`
	Since  time.Time  `json:"since,omitzero" doc:"When that state was first seen; absent if never."`
	Seen   time.Time  `json:"seen,omitzero" doc:"When it was last seen."`
	Cords  []string   `json:"cords,omitempty" doc:"The plugs that it hangs on, as DEVICE:PLUG." example:"[\"pdu1:3\"]"`
	BMC    string     `json:"bmc,omitempty" doc:"The plug of its service processor, as DEVICE:PLUG." example:"bmc7:1"`
	Needs  string     `json:"needs,omitempty" doc:"What must be up before it, as a folded host list." example:"db1"`
	Groups []string   `json:"groups,omitempty" doc:"The groups that it belongs to." example:"[\"rack1\"]"`
	Held   string     `json:"held,omitempty" doc:"Why it is held back."`
}

// NodeOf puts a node into words.
func NodeOf(r *room.Room, id room.NodeID, b state.Belief) Node {
	n := &r.Nodes[id]
	out := Node{Name: n.Name, State: b.State, Since: b.Since, Seen: b.Seen, Needs: r.Fold(n.Needs)}
	for i, p := range r.PlugsOf(id) {
		out.Cords = append(out.Cords, r.Devices[n.Cords[i].Device].Name+":"+p.Name)
	}
	for _, c := range n.BMC {
		d := &r.Devices[c.Device]
		out.BMC = d.Name + ":" + d.Plugs[c.Plug].Name
	}
	if b.Held != nil {
		out.Held = b.Held.String()
	}
	return out
}

// Nodes is a page of nodes.
type Nodes struct {
	Items []Node `json:"items" doc:"In the order of host lists." nullable:"false"`
	Total int    `json:"total" doc:"How many match, on all pages." example:"128"`
	Next  string `json:"next,omitempty" doc:"Give this as after to get the next page; absent on the last one."`
}

// Device is one device: GET /v1/devices.
type Device struct {
	Name       string     `json:"name" doc:"Its name." example:"pdu1"`
	Type       string     `json:"type" doc:"What its driver calls its kind." example:"vpc"`
	Link       fleet.Link `json:"link" doc:"How far the conversation with it has got." enum:"connected,connecting,disconnected" example:"connected"`
	Reconnects int        `json:"reconnects" doc:"Successful connects after the first." example:"0"`
	Actions    int        `json:"actions" doc:"Actions carried out, logins and pings included." example:"4711"`
	Queue      int        `json:"queue" doc:"Jobs that wait for it." example:"0"`
	Said       string     `json:"said,omitempty" doc:"What went wrong last."`
	Driver     string     `json:"driver" doc:"The driver that talks to it." example:"script"`
	Feed       string     `json:"feed,omitempty" doc:"Its upstream circuit."`
	Plugs      int        `json:"plugs" doc:"How many plugs it has." example:"16"`
	Nodes      string     `json:"nodes,omitempty" doc:"The nodes that hang on it, as a folded host list." example:"web[1-16]"`
	Outlets    []Outlet   `json:"outlets,omitempty" doc:"Its plugs one by one; only when it is asked for by name."`
}

// Outlet is one plug of a device.
type Outlet struct {
	Name string `json:"name" doc:"The plug, as the device calls it." example:"3"`
	Node string `json:"node,omitempty" doc:"The node that hangs on it." example:"web7"`
}

// Devices is a page of devices.
type Devices struct {
	Items []Device `json:"items" doc:"In the order of the configuration." nullable:"false"`
	Total int      `json:"total" doc:"How many match, on all pages." example:"8"`
	Next  string   `json:"next,omitempty" doc:"Give this as after to get the next page; absent on the last one."`
}

// Group is a set of nodes with a name.
type Group struct {
	Name   string         `json:"name" doc:"Its name, without the @." example:"rack1"`
	Nodes  string         `json:"nodes" doc:"Its nodes, as a folded host list." example:"web[1-40]"`
	Count  int            `json:"count" doc:"How many that is." example:"40"`
	States map[string]int `json:"states" doc:"How many of them are believed to be in which state."`
}

// Groups lists groups.
type Groups struct {
	Items []Group `json:"items" doc:"By name." nullable:"false"`
}

// Events is a page of the log.
type Events struct {
	Items []Event `json:"items" doc:"The oldest first." nullable:"false"`
	Next  int64   `json:"next,omitempty" doc:"Give this as after (with newest: as before) to get the next page; absent when there is no more."`
	Last  int64   `json:"last" doc:"The position of the newest event there is: give it to the stream as Last-Event-ID to go on from here."`
}

// Runs lists runs.
type Runs struct {
	Items []Run `json:"items" doc:"The newest first." nullable:"false"`
}

// States is the first message of the stream of states: what is believed of every
// node. Later ones are a [Change] each.
type States struct {
	Time   time.Time         `json:"time" doc:"When this was so."`
	States map[string]string `json:"states" doc:"The nodes by state, as folded host lists."`
	Held   string            `json:"held,omitempty" doc:"Those that are held back."`
}

// Change is one change of what is believed of a node.
type Change struct {
	Time  time.Time  `json:"time" doc:"When it was seen."`
	Node  string     `json:"node" doc:"The node." example:"web7"`
	State room.State `json:"state" doc:"What it is now." enum:"on,off,degraded,unknown" example:"on"`
	Was   room.State `json:"was" doc:"What it was before." enum:"on,off,degraded,unknown" example:"off"`
	Held  bool       `json:"held,omitempty" doc:"Whether it is held back."`
}

// Revision is one accepted configuration, without its files: GET /v1/revisions.
type Revision struct {
	Number int64     `json:"number" doc:"Counted from 1." example:"12"`
	Time   time.Time `json:"time" doc:"When it was accepted."`
	Author string    `json:"author" doc:"By whom." example:"ann"`
	Note   string    `json:"note,omitempty" doc:"What they said of it."`
	Origin string    `json:"origin" doc:"Where it came from." example:"/etc/millwright"`
}

// Revisions lists revisions.
type Revisions struct {
	Items []Revision `json:"items" doc:"The newest first." nullable:"false"`
}

// Nothing is the answer where there is nothing to say.
type Nothing struct{}

// The streams of events and updates have these types.
type (
	// Event is one line of the log.
	Event = event.Event
	// Update is one thing that a run tells.
	Update = run.Update
	// Run tells how it stands with a run.
	Run = run.Info
)

// Failed is the last message of a stream that broke off, as an event "problem".
type Failed struct {
	Problem *Problem `json:"problem"`
}

// Login is a name with its password: POST /v1/session.
type Login struct {
	User     string `json:"user" doc:"The user's name." example:"ann" minLength:"1" maxLength:"256"`
	Password string `json:"password" doc:"The user's password." format:"password" minLength:"1" maxLength:"1024"`
}

// Who is who somebody is taken for: GET /v1/session.
type Who struct {
	User   string   `json:"user" doc:"The name under which requests go into the log." example:"ann"`
	Groups []string `json:"groups,omitempty" doc:"The groups that the system or an issuer puts them into."`
	Token  string   `json:"token,omitempty" doc:"The id of the token that they came with."`
	Door   string   `json:"door" doc:"By which way they came." enum:"local,http" example:"http"`
}

// Reset says that a stream could not go on where it was wished: look at everything
// anew.
type Reset struct {
	Seq int64 `json:"seq" doc:"Where it goes on."`
}

// Health answers the questions of whoever watches the daemon.
type Health struct {
	Status string `json:"status" doc:"That it is so." enum:"ok" example:"ok"`
}
