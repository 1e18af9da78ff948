package run

import (
	"context"
	"log/slog"
	"time"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/fleet"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/standing"
	"millwright.dev/millwright/internal/store"
)

// Fleet switches nodes; *fleet.Fleet does.
type Fleet interface {
	Do(context.Context, fleet.Request, fleet.Sink) error
}

// Events keeps events, and what else is written with them; *event.Log does.
type Events interface {
	AppendWith(ctx context.Context, fn func(*store.Tx) error, events ...*event.Event) error
}

// Store keeps runs; *store.Store does.
type Store interface {
	OpenRuns(context.Context) ([]store.Run, error)
	Run(ctx context.Context, id string) (store.Run, error)
	EndedRuns(ctx context.Context, before int64, page int) ([]store.Run, error)
	RunLog(ctx context.Context, id string) ([]store.RunPart, error)
	PruneRuns(ctx context.Context, before time.Time, through int64) (int64, error)
}

// Controls shut nodes down in software and start them. Calls come from many goroutines
// and end with their context.
type Controls interface {
	// Can says what a control is able to do.
	Can(r *room.Room, id room.ControlID) plan.Abilities
	// Off returns when the node has taken the request.
	Off(ctx context.Context, r *room.Room, node room.NodeID, id room.ControlID) error
	On(ctx context.Context, r *room.Room, node room.NodeID, id room.ControlID) error
	// Status tells whether what it controls is up; unknown is no proof of anything.
	Status(ctx context.Context, r *room.Room, node room.NodeID, id room.ControlID) (room.State, error)
}

// Checks tell whether nodes have come up.
type Checks interface {
	// Settle has a node's checks made again and again until all are ok, or until then, and
	// gives the last result of each.
	Settle(ctx context.Context, r *room.Room, node room.NodeID, checks []room.CheckID, until time.Time) ([]CheckResult, error)
}

// CheckResult is how one check ended.
type CheckResult struct {
	Check string // its name
	OK    bool
	Said  string // the evidence
}

// Testimony is what a second witness says.
type Testimony uint8

// The testimonies.
const (
	Silent    Testimony = iota // there is none, or it cannot tell
	Agrees                     // it is as wanted
	Disagrees                  // it is not
)

// Evidence is what a second witness has seen of one node.
type Evidence struct {
	Node      room.NodeID
	Testimony Testimony
	Said      string // "the outlet draws 0.4 A", "the BMC says on"
}

// Witness sees by something else than the switch: the outlet's current, the service
// processor, a check.
type Witness interface {
	// Look tells, of each node, whether it is on or off as wanted. It may leave out those
	// of which it knows nothing.
	Look(ctx context.Context, r *room.Room, nodes []room.NodeID, want room.State) []Evidence
	// Halted looks for a proof that a node's operating system has come down while its
	// power is still on: its BMC or soft status, a check that turned bad, a draw below a
	// tenth of the usual. What it said is the evidence.
	Halted(ctx context.Context, r *room.Room, node room.NodeID) (proved bool, said string)
}

// Standings is where it is kept how things stand; *standing.Book is one.
type Standings interface {
	Get(standing.Subject) standing.Standing
	Set(changes ...standing.Change)
}

// Question is what a run asks people.
type Question struct {
	Run  string
	Node string
	Said string // "db1 has not halted within 2m0s, and nothing proves that it will"
}

// Answer is what they say.
type Answer uint8

// The answers.
const (
	HoldIt Answer = iota // its power stays on, and it has failed to stop
	CutIt                // its power is cut
	WaitOn               // it gets the same time again
)

// Options are what a runner needs from outside. Fleet and Events are needed; of the
// others nil means that there is none.
type Options struct {
	Fleet  Fleet
	Events Events
	// Store keeps runs over the daemon's death. It must be the one below Events.
	Store     Store
	Controls  Controls
	Checks    Checks
	Witness   Witness
	Standings Standings
	// Ask puts a question to people and waits for the answer, or for ctx.
	Ask func(ctx context.Context, q Question) (Answer, error)
	// State is what is believed of a node's power, for the load of feeds.
	State func(r *room.Room, id room.NodeID) room.State
	// Watts is what a node draws by what was recorded.
	Watts func(r *room.Room, id room.NodeID) (float64, bool)
	// Room gives the present room, for runs that go on after a restart.
	Room func() *room.Room
	// Replan makes the plan of a run anew that had to wait for others. Nil keeps the old one.
	Replan func(ctx context.Context, info Info, o plan.Order) (*room.Room, plan.Plan, error)
	// Unbounded says of a run that goes on after a restart whether a new plan may switch
	// nodes that the old one had nothing to do with. Nil is never.
	Unbounded func(Info) bool

	Log *slog.Logger // nil: nothing is logged
	// Owner names this daemon in the store; random if empty.
	Owner string
	// NewID makes the ids of runs, which are also the request ids of their events
	// and so must never come twice. Nil means random ones.
	NewID func() string
	// Keep is how many ended runs are kept in memory; zero means 100.
	Keep int
	// AtOnce is how many runs may be under way or waiting; zero means 256.
	AtOnce int
}
