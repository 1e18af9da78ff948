// Package dummy drives plugs that are only in memory, for rooms to rehearse with before
// their devices are there, and for the dummies of Ockle's folders. They are off when the
// daemon starts, and can be told to misbehave.
//
// Start at [Settings].
package dummy

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/busy"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
)

// New makes the driver. What its plugs are is kept as long as it, by the names of devices
// and plugs: a reload of the room switches nothing.
func New() driver.Driver {
	m := &memory{devices: make(map[string]map[string]bool)}
	return driver.Driver{
		Name:    "dummy",
		Summary: "plugs in memory, for rehearsals: they are off at the start, and do what they are told",
		New:     func() driver.Settings { return &Settings{memory: m} },
	}
}

// Settings of one device.
type Settings struct {
	Refuse []string      `yaml:"refuse" doc:"plugs that refuse to be switched"`
	Stick  []string      `yaml:"stick" doc:"plugs that take commands, and stay as they are"`
	Delay  time.Duration `yaml:"delay" default:"0s" doc:"how long switching takes"`
	Watts  float64       `yaml:"watts" default:"0" doc:"what each plug draws that is on, so that there are data to look at; 0 measures nothing"`
	CPU    bool          `yaml:"cpu" default:"no" doc:"whether how busy this computer's processors are is measured for each plug"`

	memory *memory
}

// memory holds which plugs are on, by devices.
type memory struct {
	mu      sync.Mutex
	devices map[string]map[string]bool
}

func (m *memory) get(device, plug string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.devices[device][plug]
}

func (m *memory) set(device, plug string, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	of := m.devices[device]
	if of == nil {
		of = make(map[string]bool)
		m.devices[device] = of
	}
	of[plug] = on
}

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	switch {
	case s.Delay < 0 || s.Delay >= driver.DefaultTimeout:
		return driver.Traits{}, &driver.FieldError{Field: "delay", Err: errors.New("it is less than 10s")}
	case !(s.Watts >= 0) || math.IsInf(s.Watts, 0):
		return driver.Traits{}, &driver.FieldError{Field: "watts", Err: errors.New("it cannot be less than nothing")}
	}
	return driver.Traits{Type: "dummy", Verbs: []room.Op{room.On, room.Off, room.Cycle, room.Status}}, nil
}

// Open implements [driver.Settings].
func (s *Settings) Open(_ context.Context, env driver.Env) (driver.Session, error) {
	env.Reached()
	d := &session{Settings: s, Device: action.Device{Env: env, NoLine: true}}
	if s.CPU || s.Watts > 0 {
		return &gauge{session: d}, nil
	}
	return d, nil
}

type session struct {
	*Settings
	action.Device
}

// Done implements [driver.Session].
func (*session) Done() <-chan struct{} { return nil }

// Close implements [driver.Session].
func (*session) Close() error { return nil }

// Do implements [driver.Session].
func (s *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	switch b.Op {
	case room.Status:
		if b.Trace {
			sink.Trace(devspec.Trace{Kind: devspec.TraceSend, Text: "status\n"})
		}
		for _, p := range b.Plugs {
			state := room.StateOff
			if s.memory.get(s.Env.Device, s.Env.Plugs[p].Name) {
				state = room.StateOn
			}
			sink.State(p, state, "")
		}
		s.Env.Acted()
		return nil
	case room.On, room.Off, room.Cycle:
		return s.Abreast(ctx, b, sink, max(1, len(b.Plugs)), func(a *action.Action, plug int) (room.State, string, error) {
			return room.StateUnknown, "", s.do(a, b.Op, s.Env.Plugs[plug].Name)
		})
	}
	return s.Cannot(b, sink)
}

func (s *session) do(a *action.Action, op room.Op, plug string) error {
	if slices.Contains(s.Refuse, plug) {
		return action.Refused("refused, as its settings say")
	}
	a.Begin()
	a.Trace(devspec.TraceSend, op.String()+" "+plug+"\n")
	if s.Delay > 0 {
		if err := a.Wait(s.Delay); err != nil {
			return err
		}
	}
	if !slices.Contains(s.Stick, plug) {
		s.memory.set(s.Env.Device, plug, op != room.Off) // a cycle ends on
	}
	return nil
}

// gauge is a session that measures.
type gauge struct {
	*session
	load busy.Meter
}

// volts is what a dummy's current goes by.
const volts = 230

// Measure implements [driver.Meter].
func (g *gauge) Measure(_ context.Context, tell func(driver.Reading)) error {
	var percent float64
	var known bool
	if g.CPU {
		var err error
		if percent, known, err = g.load.Read(); err != nil {
			return err
		}
	}
	for i, p := range g.Env.Plugs {
		if known {
			tell(driver.Reading{Plug: i, Quantity: driver.CPU, Value: percent})
		}
		if g.Watts <= 0 {
			continue
		}
		watts := 0.0
		if g.memory.get(g.Env.Device, p.Name) {
			watts = g.Watts
		}
		tell(driver.Reading{Plug: i, Quantity: driver.Power, Value: watts})
		tell(driver.Reading{Plug: i, Quantity: driver.Current, Value: watts / volts})
	}
	return nil
}

var (
	_ driver.Session = (*session)(nil)
	_ driver.Meter   = (*gauge)(nil)
)
