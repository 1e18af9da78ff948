// Package autopilot begins runs that nobody asks for at the moment: on battery, stage by
// stage, and back when power is there again ([Battery]); and by the calendar
// ([Timetable]).
//
// It decides nothing about single nodes. What is due on battery is worked out by package
// ups, when a schedule is due by package calendar, in which order nodes go by package
// plan; and what it wants done goes through the desk as the wishes of people do, so that
// it is written down, and veto hooks hear of it. What it has begun is on the disk before
// it begins: a daemon that is killed finds its way from there, and nothing is begun
// twice.
//
// Start at Battery and Timetable; [Desk], [Runs] and [Shelf] are what they stand on.
package autopilot

import (
	"context"
	"iter"
	"log/slog"

	"millwright.dev/millwright/internal/event"
	"millwright.dev/millwright/internal/plan"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/run"
)

// Order is what the autopilot wants of the desk.
type Order struct {
	ID       string // names the run
	Actor    string // "battery", "schedule night"
	Goal     plan.Goal
	Targets  string // a host list; "" is every node
	Reason   string
	Conflict run.Conflict
}

// Prepared is an order with its plan.
type Prepared struct {
	Room     *room.Room
	Plan     *plan.Plan
	Switched []room.NodeID
	Begin    func(ctx context.Context, how run.Conflict) error
}

// Desk takes orders.
type Desk interface {
	// Prepare reads how it stands with the nodes, and makes the plan.
	Prepare(ctx context.Context, o Order) (Prepared, error)
	// Foresee says how long it takes, by what is believed; no device is asked.
	Foresee(r *room.Room, goal plan.Goal, nodes []room.NodeID) (*plan.Forecast, error)
}

// Runs are those under way, and those that have ended; *run.Runner has them.
type Runs interface {
	Get(id string) (run.Info, error)
	Holders(r *room.Room, nodes []room.NodeID) []string
	Cancel(id, actor string) error
	Follow(ctx context.Context, id string, after int) iter.Seq2[run.Update, error]
}

// Shelf keeps small texts over the daemon's death.
type Shelf interface {
	Read(ctx context.Context, name string) (string, error)
	// Write writes a text and an event, both or neither; e may be nil.
	Write(ctx context.Context, name, value string, e *event.Event) error
}

// Ask puts a question to people, and waits for the answer or for ctx.
type Ask func(ctx context.Context, text string) (yes bool, err error)

// Common is what both of them need.
type Common struct {
	Room  func() *room.Room
	Desk  Desk
	Runs  Runs
	Shelf Shelf
	// Tell writes an event when there is time for it.
	Tell  func(event.Event)
	Log   *slog.Logger
	NewID func() string // names runs; never the same twice
}
