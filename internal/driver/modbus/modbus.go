// Package modbus drives relay boards that speak Modbus, over TCP or a serial line:
// each relay is a coil (or a holding register) of its own.
//
// What the board answers to a command is the command again, so that it has
// understood; whether the relay has moved is read back from the coils, or from
// inputs where the board has contacts that show it. (MODBUS Application Protocol
// Specification V1.1b3, functions 1, 2, 3, 5 and 6.)
//
// The protocol is package simonvetter/modbus's. It cannot be interrupted in the
// middle of a question, so each has a short time of its own.
//
// Start at [Settings].
package modbus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"strconv"
	"strings"
	"time"

	"github.com/simonvetter/modbus"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
)

// New makes the driver.
func New() driver.Driver {
	return driver.Driver{
		Name:    "modbus",
		Summary: "relay boards that speak Modbus, over TCP or a serial line",
		New: func() driver.Settings {
			return &Settings{Unit: 1, Relays: 8, Baud: 9600, Kind: "coils", On: 1, Inputs: -1, Rest: 5 * time.Second, Timeout: 5 * time.Second}
		},
	}
}

// Settings of one board.
type Settings struct {
	Address  string        `yaml:"address" required:"true" doc:"tcp://host:502, rtuovertcp://host:port for a serial line behind a network box, or rtu:///dev/ttyUSB0"`
	Unit     int           `yaml:"unit" default:"1" doc:"the board's unit identifier, 0 to 247"`
	Relays   int           `yaml:"relays" default:"8" doc:"how many relays it has; they are the plugs 1, 2, 3…"`
	First    int           `yaml:"first" default:"0" doc:"address of the first relay, counted from 0"`
	Kind     string        `yaml:"kind" enum:"coils,registers" default:"coils" doc:"what a relay is"`
	On       int           `yaml:"on" default:"1" doc:"for registers: what switches on"`
	Off      int           `yaml:"off" default:"0" doc:"for registers: what switches off"`
	Inputs   int           `yaml:"inputs" default:"-1" doc:"address of the first discrete input, if inputs show how the relays stand; -1 if the relays themselves are read"`
	Inverted bool          `yaml:"inverted" default:"no" doc:"whether a relay that is energised takes the power away"`
	Baud     int           `yaml:"baud" default:"9600" doc:"speed of a serial line, 8N1"`
	Rest     time.Duration `yaml:"rest" default:"5s" doc:"how long a cycle leaves a plug off"`
	Timeout  time.Duration `yaml:"timeout" default:"5s" doc:"how long one relay may take"`
}

const (
	maxRelays = 1000
	maxUnit   = 247
)

// Traits implements [driver.Settings].
func (s *Settings) Traits(driver.Shelf) (driver.Traits, error) {
	field := func(name, said string) (driver.Traits, error) {
		return driver.Traits{}, &driver.FieldError{Field: name, Err: errors.New(said)}
	}
	mode, rest, _ := strings.Cut(s.Address, "://")
	switch {
	case mode != "tcp" && mode != "rtuovertcp" && mode != "rtu" || rest == "":
		return field("address", "write tcp://host:502, rtuovertcp://host:port or rtu:///dev/ttyUSB0")
	case s.Unit < 0 || s.Unit > maxUnit:
		return field("unit", fmt.Sprintf("0 to %d", maxUnit))
	case s.Relays < 1 || s.Relays > maxRelays:
		return field("relays", fmt.Sprintf("1 to %d", maxRelays))
	case s.First < 0 || s.First+s.Relays > 1<<16:
		return field("first", "relays have addresses of 0 to 65535")
	case s.Inputs < -1 || s.Inputs+s.Relays > 1<<16:
		return field("inputs", "inputs have addresses of 0 to 65535")
	case s.Kind != "coils" && s.Kind != "registers":
		return field("kind", "it is coils or registers")
	case s.On == s.Off || s.On < 0 || s.On >= 1<<16 || s.Off < 0 || s.Off >= 1<<16:
		return field("on", "on and off are two numbers of 0 to 65535")
	case s.Rest < 0 || s.Timeout <= 0:
		return field("timeout", "times must be more than nothing")
	}
	t := driver.Traits{
		Type: "modbus", Verbs: []room.Op{room.Status, room.On, room.Off, room.Cycle}, Timeout: s.Timeout,
		Actions: func(op room.Op, plugs int, _ bool) int {
			if op.Changes() {
				return plugs
			}
			return 1
		},
	}
	for n := range s.Relays {
		t.Plugs = append(t.Plugs, strconv.Itoa(n+1))
	}
	return t, nil
}

// answers is how long a board may take to answer one question.
const answers = time.Second

// Open implements [driver.Settings]: it reads all relays once, which shows that
// the address and the unit are right.
func (s *Settings) Open(ctx context.Context, env driver.Env) (driver.Session, error) {
	client, err := modbus.NewClient(&modbus.ClientConfiguration{
		URL: s.Address, Speed: uint(s.Baud), Timeout: min(answers, s.Timeout), Logger: log.New(io.Discard, "", 0),
	})
	if err == nil {
		err = client.SetUnitId(uint8(s.Unit))
	}
	if err == nil {
		err = client.Open()
	}
	if err != nil {
		return nil, &driver.Fault{Phase: driver.Connecting, Device: env.Device, Err: err}
	}
	env.Reached()
	n := &session{Settings: s, client: client, Device: action.Device{Env: env, Timeout: s.Timeout, InStep: true}}
	if err := n.Login(ctx, func(*action.Action) error {
		err := ctx.Err()
		if err == nil {
			_, err = n.shown()
		}
		return err
	}); err != nil {
		_ = client.Close()
		return nil, err
	}
	return n, nil
}
