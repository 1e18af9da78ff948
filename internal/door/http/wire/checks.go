package wire

import (
	"time"

	"millwright.dev/millwright/internal/check"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/rounds"
)

// Check is how one check of one node stands.
type Check struct {
	Node     string        `json:"node" doc:"The node." example:"web7"`
	Check    string        `json:"check" doc:"The check's name." example:"ping"`
	Kind     string        `json:"kind" doc:"Its kind." example:"icmp"`
	Verdict  check.Verdict `json:"verdict" doc:"What counts: ok at once, bad or unknown when retries have said the same." enum:"ok,bad,unknown"`
	Since    time.Time     `json:"since,omitzero" doc:"Since when that counts; absent if it was never looked."`
	Last     check.Verdict `json:"last" doc:"What the last look said." enum:"ok,bad,unknown"`
	Said     string        `json:"said,omitempty" doc:"The evidence of the last look." example:"round trip 0.2 ms"`
	At       time.Time     `json:"at,omitzero" doc:"When the last look ended."`
	Took     float64       `json:"took_seconds,omitempty" doc:"How long what was measured took."`
	Attempt  int           `json:"attempt,omitempty" doc:"Looks in a row that were not ok."`
	LastOK   time.Time     `json:"last_ok,omitzero" doc:"When a look was last ok."`
	Flapping bool          `json:"flapping,omitempty" doc:"The looks keep changing."`
	Hangs    bool          `json:"hangs,omitempty" doc:"A look has not ended though its time is long up."`
	Starting bool          `json:"starting,omitempty" doc:"The node has come up only when this is ok."`
}

// CheckOf puts a report into words.
func CheckOf(r rounds.Report) Check {
	return Check{
		Node: r.Node, Check: r.Check, Kind: r.Kind, Verdict: r.Verdict, Since: r.Since, Last: r.Last.Verdict, Said: r.Last.Said,
		At: r.At, Took: r.Last.Took.Seconds(), Attempt: r.Attempt, LastOK: r.LastOK, Flapping: r.Flapping, Hangs: r.Hangs, Starting: r.Starting,
	}
}

// Checks is how checks stand.
type Checks struct {
	Items []Check `json:"items" doc:"By node, in the order of host lists." nullable:"false"`
}

// Look asks for checks to be made now.
type Look struct {
	Targets string   `json:"targets" doc:"The nodes." minLength:"1" maxLength:"65536" example:"@web"`
	Checks  []string `json:"checks,omitempty" doc:"The checks, by name; all of the nodes' if none is named." maxItems:"1000"`
}

// Control is a control of a node.
type Control struct {
	Name string   `json:"name" doc:"Its name." example:"os"`
	Kind string   `json:"kind" doc:"Its kind." example:"ssh"`
	Can  []string `json:"can" doc:"What it is able to do." enum:"off,on,status" nullable:"false"`
}

// Controls are the controls of a node.
type Controls struct {
	Items []Control `json:"items" doc:"In the order in which they are asked." nullable:"false"`
}

// UseControl asks a control for something.
type UseControl struct {
	Op string `json:"op" doc:"What it shall do." enum:"off,on,status"`
}

// ControlState is what a control says.
type ControlState struct {
	State room.State `json:"state" doc:"Whether what it controls is up, by its own word; unknown if it cannot tell." enum:"on,off,degraded,unknown"`
}
