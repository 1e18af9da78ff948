package fleet

import (
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// Request is one operation on a set of nodes.
type Request struct {
	Room  *room.Room
	Op    room.Op
	Nodes []room.NodeID // each at most once

	// Verify reads outcomes back, each device for as long as the room says,
	// before they are reported as ok.
	Verify bool
	// Trace asks for the conversations to be told to the sink.
	Trace bool
	// Live asks for each node's result as soon as it is known, rather than when
	// its device has finished with the whole batch.
	Live bool
	// Hasty has a read fail when its device cannot be reached, rather than wait
	// for as long as an action may take in case it comes back.
	Hasty bool
}

// Outcome is how it went with one node.
type Outcome string

// The outcomes. For a read that got an answer the outcome is ok, whatever the answer.
const (
	OK         Outcome = "ok"
	Unverified Outcome = "unverified" // the device took the command; nothing here can read it back
	Failed     Outcome = "failed"
	Unknown    Outcome = "unknown" // may or may not have happened
	NotBegun   Outcome = "not-begun"
	Skipped    Outcome = "skipped" // nothing to do for this node; the desk says so, never the fleet
)

// Good says whether nothing went wrong.
func (o Outcome) Good() bool { return o == OK || o == Unverified || o == Skipped }

// Result is what became of one node.
type Result struct {
	Node    room.NodeID
	Outcome Outcome
	State   room.State // as read; for a change, as read back or as the command implies
	Raw     string     // the device's own value, for temperatures and the like
	Said    string     // why it is not ok, in words for people
	Err     *room.Error
}

// Sink hears what becomes of a request. All calls come from the goroutine that
// called [Fleet.Do], so a slow sink delays its own request and no device.
type Sink interface {
	// Result comes once for each node of the request.
	Result(Result)
	// Fault tells of an action that failed as a whole on one device.
	Fault(*driver.Fault)
	// Diagnostic is what a device said of one node when it refused.
	Diagnostic(node room.NodeID, said string)
	// Trace is a piece of conversation with a device.
	Trace(device string, t devspec.Trace)
}

// verdict is an Outcome in one byte: there are as many plug results in flight as
// there are plugs, and a room may have many.
type verdict uint8

const (
	undecided verdict = iota
	wasOK
	wasUnverified
	wasFailed
	wasUnknown
	wasNotBegun
)

var outcomes = [...]Outcome{Unknown, OK, Unverified, Failed, Unknown, NotBegun}

func (v verdict) good() bool { return v == wasOK || v == wasUnverified }

// plugResult is how it went with one plug in one piece of work.
type plugResult struct {
	fault    *driver.Fault
	raw      string
	said     string
	verdict  verdict
	reported bool
	state    room.State
}

func (p *plugResult) err(op room.Op, node string) *room.Error {
	code := room.CodeDevice
	switch {
	case p.verdict.good():
		return nil
	case p.verdict == wasUnknown:
		code = room.CodeUnknown
	case p.fault != nil && p.fault.Phase != driver.Waiting:
		code = room.CodeTimeout
	}
	e := &room.Error{Code: code, Op: op.String(), Subject: node, Said: p.said}
	if p.fault != nil {
		e.Err = p.fault
	}
	return e
}

// verifyFor gives how long to read a device back, zero for not at all.
func verifyFor(r *room.Room, d *room.Device) time.Duration {
	switch {
	case d.Verify < 0:
		return 0
	case d.Verify > 0:
		return d.Verify
	}
	return r.Settings.Verify
}

// One is a sink for requests about one node: it keeps its result.
type One struct{ Res Result }

// Result implements [Sink].
func (o *One) Result(res Result) { o.Res = res }

// Fault implements [Sink].
func (o *One) Fault(*driver.Fault) {}

// Diagnostic implements [Sink].
func (o *One) Diagnostic(room.NodeID, string) {}

// Trace implements [Sink].
func (o *One) Trace(string, devspec.Trace) {}
