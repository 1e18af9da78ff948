// Package ipal drives Dataprobe's iPal power controllers (IP-41x, IP-81x) and
// iBootBars that are set to the iPAL protocol: up to eight outlets, switched by
// short frames on TCP port 9100.
//
// A frame is ESC, the password, ESC, an outlet's number where one is meant, and a
// letter; the answer is always eight bytes, one for each outlet, the first for
// outlet 1. (iBootBar, Precision Version, manual of 2016, "Direct Messaging
// Protocols".) The letters are E, which energises an outlet's relay, D, which lets
// it go, and O, which only asks. Which of E and D gives power depends on how the
// product's relays are wired, and so is a setting. Whatever it says, an outlet
// counts as switched only when the unit shows it so.
//
// A unit has one seat: while somebody talks to it, it takes the next connection
// and says nothing. So a session keeps no line. It connects for each batch, and
// leaves the seat free in between.
//
// Start at [Settings].
package ipal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
	"millwright.dev/millwright/internal/transport"
)

// New makes the driver.
func New() driver.Driver {
	return driver.Driver{
		Name:    "ipal",
		Summary: "Dataprobe iPal and iBootBar (iPAL protocol)",
		New: func() driver.Settings {
			return &Settings{Outlets: outlets, Energised: "on", Rest: 5 * time.Second, Timeout: 20 * time.Second}
		},
	}
}

// outlets is how many there are in an answer, whatever the product.
const outlets = 8

// Settings of one unit.
type Settings struct {
	Address   string        `yaml:"address" required:"true" doc:"where the unit is, as tcp://host:9100"`
	Outlets   int           `yaml:"outlets" default:"8" doc:"how many outlets it has, 1 to 8"`
	Energised string        `yaml:"energised" enum:"on,off" default:"on" doc:"what an energised relay does to its outlet: on for iPal, off for iBootBars, whose letter E switches off"`
	Rest      time.Duration `yaml:"rest" default:"5s" doc:"how long a cycle leaves an outlet without power"`
	Timeout   time.Duration `yaml:"timeout" default:"20s" doc:"how long switching one outlet may take"`

	address transport.Address
}

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	if s.Outlets < 1 || s.Outlets > outlets {
		return driver.Traits{}, &driver.FieldError{Field: "outlets", Err: fmt.Errorf("a unit has 1 to %d", outlets)}
	}
	if s.Energised != "on" && s.Energised != "off" {
		return driver.Traits{}, &driver.FieldError{Field: "energised", Err: errors.New("it is on or off")}
	}
	if s.Rest < 0 || s.Timeout <= 0 {
		return driver.Traits{}, &driver.FieldError{Field: "timeout", Err: errors.New("times must be more than nothing")}
	}
	at, err := transport.ParseURL(s.Address)
	if err != nil {
		return driver.Traits{}, &driver.FieldError{Field: "address", Err: err}
	}
	s.address = at
	t := driver.Traits{
		Type: "ipal", Verbs: []room.Op{room.Status, room.On, room.Off, room.Cycle}, Timeout: s.Timeout,
		Login:   []string{secret.Password},
		Actions: func(op room.Op, plugs int, _ bool) int { return actions(op, plugs) },
	}
	for n := range s.Outlets {
		t.Plugs = append(t.Plugs, strconv.Itoa(n+1))
	}
	return t, nil
}

// actions is one for a read, which answers for all outlets, else one for each.
func actions(op room.Op, plugs int) int {
	if op.Changes() {
		return plugs
	}
	return 1
}

// Open implements [driver.Settings]: it asks for the state once, which shows that
// the password is right.
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	l := &session{Settings: s, Device: action.Device{
		Env: env, Timeout: s.Timeout, Slow: errSlow, Mask: secret.NewMasker(env.Credential.Secrets()...), NoLine: true,
	}}
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, errSlow)
	defer cancel()
	conn, err := env.Reach(ctx, s.address)
	if err != nil {
		return nil, err
	}
	if err := l.Login(ctx, func(a *action.Action) error {
		t := &talk{session: l, Action: a, conn: conn}
		defer t.end()
		return t.ask("O")
	}); err != nil {
		return nil, err
	}
	return l, nil
}
