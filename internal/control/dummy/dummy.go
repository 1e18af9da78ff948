// Package dummy is a control that controls nothing: it keeps a state for each node in
// memory, for rooms to rehearse with and for tests. It does what its settings say, slow
// and broken systems among it.
//
// Start at [Settings].
package dummy

import (
	"context"
	"errors"
	"sync"
	"time"

	"millwright.dev/millwright/internal/busy"
	"millwright.dev/millwright/internal/control"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// New makes the kind.
func New() control.Kind {
	return control.Kind{
		Name:    "dummy",
		Summary: "controls nothing, and does as if",
		New:     func() control.Settings { return &Settings{Starts: "on"} },
	}
}

// Settings of one control.
type Settings struct {
	Starts  string        `yaml:"starts" enum:"on,off,unknown" default:"on" doc:"what each node is at first"`
	Stays   bool          `yaml:"simulate-shutdown-fail" default:"no" doc:"whether nodes take the request to shut down, and stay on"`
	Refuses bool          `yaml:"refuse" default:"no" doc:"whether requests are refused"`
	Hangs   bool          `yaml:"hang" default:"no" doc:"whether requests are never answered"`
	Delay   time.Duration `yaml:"delay" default:"0s" doc:"how long after a request a node is as asked"`
	CPU     bool          `yaml:"cpu" default:"no" doc:"whether how busy this computer's processors are is measured for each node, so that there are data to look at"`
}

// Prepare implements [control.Settings].
func (s *Settings) Prepare() (control.Control, error) {
	d := &dummy{Settings: *s, nodes: make(map[string]change)}
	switch s.Starts {
	case "on":
		d.first = room.StateOn
	case "off":
		d.first = room.StateOff
	case "unknown":
	default:
		return nil, control.Field("starts", "it is on, off or unknown")
	}
	if s.Delay < 0 {
		return nil, control.Field("delay", "it cannot be negative")
	}
	if s.CPU {
		return &gauge{dummy: d}, nil
	}
	return d, nil
}

// dummy is the control.
type dummy struct {
	Settings
	first room.State

	mu    sync.Mutex
	nodes map[string]change
}

// change is what a node was, and what it is from a time on.
type change struct {
	from, to room.State
	at       time.Time
}

// Can implements [control.Control].
func (*dummy) Can() control.Abilities { return control.Abilities{Off: true, On: true, Status: true} }

// Off implements [control.Control].
func (d *dummy) Off(ctx context.Context, env control.Env) error {
	if d.Stays {
		return d.set(ctx, env.Node, room.StateOn)
	}
	return d.set(ctx, env.Node, room.StateOff)
}

// On implements [control.Control].
func (d *dummy) On(ctx context.Context, env control.Env) error {
	return d.set(ctx, env.Node, room.StateOn)
}

// Status implements [control.Control].
func (d *dummy) Status(ctx context.Context, env control.Env) (room.State, error) {
	if d.Hangs {
		<-ctx.Done()
		return room.StateUnknown, context.Cause(ctx)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now(env.Node), nil
}

// errRefused is what a dummy that refuses says.
var errRefused = errors.New("refused, as its settings say")

func (d *dummy) set(ctx context.Context, node string, to room.State) error {
	switch {
	case d.Hangs:
		<-ctx.Done()
		return context.Cause(ctx)
	case d.Refuses:
		return errRefused
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.nodes[node] = change{from: d.now(node), to: to, at: time.Now().Add(d.Delay)}
	return nil
}

// now gives a node's state; the mutex is held.
func (d *dummy) now(node string) room.State {
	c, known := d.nodes[node]
	switch {
	case !known:
		return d.first
	case time.Now().Before(c.at):
		return c.from
	}
	return c.to
}

// gauge is a dummy that measures.
type gauge struct {
	*dummy
	meter busy.Meter
}

// Measure implements [control.Meter].
func (b *gauge) Measure(_ context.Context, _ control.Env, tell func(driver.Reading)) error {
	percent, ok, err := b.meter.Read()
	if ok {
		tell(driver.Reading{Plug: driver.NoPlug, Quantity: driver.CPU, Value: percent})
	}
	return err
}

var (
	_ control.Settings = (*Settings)(nil)
	_ control.Control  = (*dummy)(nil)
	_ control.Meter    = (*gauge)(nil)
)
