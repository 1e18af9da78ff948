package ilo

import (
	"context"
	"crypto/tls"
	"errors"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
)

// session knows how to reach an iLO. It holds no line: each script has its own.
type session struct {
	*Settings
	action.Device
	trust *tls.Config
}

// Done implements [driver.Session].
func (*session) Done() <-chan struct{} { return nil }

// Close implements [driver.Session].
func (*session) Close() error { return nil }

// Do implements [driver.Session]. There is one plug, so a batch is one action.
func (n *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	return n.Each(ctx, b, sink, func(a *action.Action, plug int) error {
		return (&talk{n, a}).do(b.Op, plug, sink)
	})
}

const (
	server = "SERVER_INFO"
	light  = "<UID_CONTROL UID=\"%\"/>"
)

// do does an operation; of a read it tells the sink.
func (t *talk) do(op room.Op, p int, sink driver.Sink) error {
	switch op {
	case room.Status:
		on, err := t.power()
		if err == nil {
			sink.State(p, on, on.String())
		}
		return err
	case room.Beacon:
		list, err := t.ask(server, "read", "<GET_UID_STATUS/>", false)
		if err != nil {
			return err
		}
		word, _ := find(list, "GET_UID_STATUS", "UID")
		sink.State(p, stateOf(word), word)
		return nil
	case room.BeaconOn, room.BeaconOff:
		word := map[bool]string{true: "Yes", false: "No"}[op == room.BeaconOn]
		_, err := t.ask(server, "write", strings.Replace(light, "%", word, 1), true)
		return err
	case room.On:
		return t.on()
	case room.Off:
		return t.off()
	case room.Reset:
		return t.reset()
	case room.Cycle:
		return t.cycle()
	}
	return action.Refused("the device cannot " + op.String())
}

func stateOf(word string) room.State {
	switch strings.ToUpper(word) {
	case "ON":
		return room.StateOn
	case "OFF":
		return room.StateOff
	}
	return room.StateUnknown
}

// power reads whether the machine is on.
func (t *talk) power() (room.State, error) {
	list, err := t.ask(server, "read", "<GET_HOST_POWER_STATUS/>", false)
	if err != nil {
		return room.StateUnknown, err
	}
	word, _ := find(list, "GET_HOST_POWER", "HOST_POWER")
	state := stateOf(word)
	if state == room.StateUnknown {
		return state, errOdd
	}
	return state, nil
}

// on switches on. That it is on already is no refusal.
func (t *talk) on() error {
	_, err := t.ask(server, "write", "<SET_HOST_POWER HOST_POWER=\"Yes\"/>", true)
	return already(err, "on")
}

// already gives nil for an iLO that refuses because things are as they should be.
func already(err error, word string) error {
	var no *action.Refusal
	if errors.As(err, &no) {
		said := strings.ToLower(no.Said)
		if strings.Contains(said, "already") && strings.Contains(said, word) {
			return nil
		}
	}
	return err
}

// off switches off, if need be by holding the button, which on a machine that is
// off would switch it on.
func (t *talk) off() error {
	state, err := t.power()
	if err != nil || state == room.StateOff {
		return err
	}
	command := "<HOLD_PWR_BTN TOGGLE=\"No\"/>"
	switch {
	case t.Off == "soft":
		command = "<SET_HOST_POWER HOST_POWER=\"No\"/>"
	case t.Carrier == "raw": // the first two do not know the word
		command = "<HOLD_PWR_BTN/>"
	}
	_, err = t.ask(server, "write", command, true)
	return already(err, "off")
}

// reset resets a machine that is on, and switches on one that is not.
func (t *talk) reset() error {
	state, err := t.power()
	if err != nil {
		return err
	}
	if state == room.StateOff {
		return t.on()
	}
	_, err = t.ask(server, "write", "<RESET_SERVER/>", true)
	return err
}

// look is how long lies between two looks at the power.
const look = time.Second

// cycle switches off, waits until it is, rests, and switches on.
func (t *talk) cycle() error {
	return t.Action.Cycle(t.Settings.Rest, func() error {
		if err := t.off(); err != nil {
			return err
		}
		for {
			state, err := t.power()
			if err != nil || state == room.StateOff {
				return action.Unfinished(err)
			}
			if t.Wait(look) != nil {
				return errors.New("it was told to switch off, and is still on")
			}
		}
	}, t.on)
}

// Measure implements [driver.Meter].
func (n *session) Measure(ctx context.Context, tell func(driver.Reading)) error {
	list, err := n.aside(ctx, server, "<GET_POWER_READINGS/>")
	if err != nil {
		return err
	}
	if text, has := find(list, "PRESENT_POWER_READING", "VALUE"); has {
		if watts, err := strconv.ParseFloat(text, 64); err == nil {
			tell(driver.Reading{Plug: 0, Quantity: driver.Power, Value: watts})
		}
	}
	return nil
}

// Describe implements [driver.Describer].
func (n *session) Describe(ctx context.Context) (driver.Description, error) {
	list, err := n.aside(ctx, "RIB_INFO", "<GET_FW_VERSION/>")
	if err != nil {
		return driver.Description{}, err
	}
	var d driver.Description
	d.Product, _ = find(list, "GET_FW_VERSION", "MANAGEMENT_PROCESSOR")
	d.Firmware, _ = find(list, "GET_FW_VERSION", "FIRMWARE_VERSION")
	d.Product, d.Firmware = n.Clean(d.Product), n.Clean(d.Firmware)
	return d, nil
}

// aside asks what is in no batch.
func (n *session) aside(ctx context.Context, block, command string) (list []element, err error) {
	err = n.Aside(ctx, func(a *action.Action) error {
		list, err = (&talk{n, a}).ask(block, "read", command, false)
		return err
	})
	return list, err
}

var (
	_ driver.Session   = (*session)(nil)
	_ driver.Meter     = (*session)(nil)
	_ driver.Describer = (*session)(nil)
)
