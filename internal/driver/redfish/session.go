package redfish

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/redfish"
)

// abreast is how many machines of one service are worked at side by side.
const abreast = 4

// Do implements [driver.Session].
func (n *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	switch b.Op {
	case room.Status, room.On, room.Off, room.SoftOff, room.Cycle, room.Reset, room.Diag, room.Temp, room.Beacon, room.BeaconOn, room.BeaconOff:
		return n.Abreast(ctx, b, sink, abreast, func(a *action.Action, plug int) (room.State, string, error) {
			return (&talk{n, a, plug}).do(b.Op)
		})
	}
	return n.Cannot(b, sink)
}

// talk is one action on one machine.
type talk struct {
	*session
	*action.Action
	plug int
}

// with asks something of the machine.
func (t *talk) with(do func(context.Context, *redfish.System) error) error {
	return ask(t.Action, func(ctx context.Context) error {
		s, err := t.system(ctx, t.plug)
		if err != nil {
			return err
		}
		return do(ctx, s)
	})
}

// do does an operation.
func (t *talk) do(op room.Op) (room.State, string, error) {
	switch op {
	case room.Status:
		return t.power()
	case room.Temp:
		said, err := t.warmth()
		return room.StateUnknown, said, err
	case room.Beacon:
		return t.light()
	case room.BeaconOn:
		return 0, "", t.lit(redfish.LightOn)
	case room.BeaconOff:
		return 0, "", t.lit(redfish.LightOff)
	case room.Cycle:
		return 0, "", t.cycle()
	}
	return 0, "", t.switched(map[room.Op]redfish.Power{
		room.On: redfish.PowerOn, room.Off: redfish.PowerOff, room.SoftOff: redfish.SoftOff, room.Reset: redfish.PowerBoot, room.Diag: redfish.Diagnose,
	}[op])
}

// power reads whether the machine is on. One that is on its way is where it comes from.
func (t *talk) power() (state room.State, said string, err error) {
	err = t.with(func(ctx context.Context, s *redfish.System) error {
		is, err := s.PowerState(ctx)
		said = string(is)
		switch is {
		case redfish.StateOn, redfish.StatePoweringOff, redfish.StatePaused:
			state = room.StateOn
		case redfish.StateOff, redfish.StatePoweringOn:
			state = room.StateOff
		}
		return err
	})
	if err == nil && said == "" {
		said = "it does not say whether it is on"
	}
	return state, said, err
}

func (t *talk) switched(p redfish.Power) error {
	return t.with(func(ctx context.Context, s *redfish.System) error { return s.Power(ctx, p) })
}

// look is how long lies between two looks at the power.
const look = time.Second

// cycle switches off, waits until it is, rests, and switches on.
func (t *talk) cycle() error {
	return t.Action.Cycle(t.Settings.Rest, func() error {
		if err := t.switched(redfish.PowerOff); err != nil {
			return err
		}
		for {
			state, _, err := t.power()
			if err != nil || state == room.StateOff {
				return action.Unfinished(err)
			}
			if t.Wait(min(look, t.Settings.Timeout/10)) != nil {
				return errors.New("it was told to switch off, and is still on")
			}
		}
	}, func() error { return t.switched(redfish.PowerOn) })
}

// warmth reads the temperature of the air that the machine takes in, or else the first
// that it tells, in degrees Celsius.
func (t *talk) warmth() (said string, err error) {
	err = t.with(func(ctx context.Context, s *redfish.System) error {
		list, err := s.Sensors(ctx)
		list = slices.DeleteFunc(list, func(x redfish.Sensor) bool { return x.Kind != "Temperature" || !x.Valid })
		if len(list) == 0 {
			return cmp.Or(err, error(&redfish.UnsupportedError{What: "a temperature"}))
		}
		i := max(0, slices.IndexFunc(list, func(x redfish.Sensor) bool {
			return x.Part == "Intake" || strings.Contains(strings.ToLower(x.Name), "inlet")
		}))
		said = strconv.FormatFloat(list[i].Value, 'f', -1, 64)
		return nil
	})
	return said, err
}

func (t *talk) light() (state room.State, said string, err error) {
	err = t.with(func(ctx context.Context, s *redfish.System) error {
		l, err := s.Light(ctx)
		said = strings.ToLower(string(l))
		switch l {
		case redfish.LightOn, redfish.LightBlinking:
			state = room.StateOn
		case redfish.LightOff:
			state = room.StateOff
		}
		return err
	})
	return state, said, err
}

func (t *talk) lit(l redfish.Light) error {
	return t.with(func(ctx context.Context, s *redfish.System) error { return s.SetLight(ctx, l) })
}
