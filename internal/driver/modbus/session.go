package modbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/simonvetter/modbus"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/action"
	"millwright.dev/millwright/internal/room"
)

// session is one connection to a board.
type session struct {
	*Settings
	action.Device
	client *modbus.ModbusClient
}

// Done implements [driver.Session]: a hang-up is seen with the next question.
func (*session) Done() <-chan struct{} { return nil }

// Close implements [driver.Session].
func (n *session) Close() error { return n.client.Close() }

// atOnce is how many relays are read by one question; the protocol allows 2,000
// coils, and 125 registers.
const atOnce = 120

// shown reads how all relays stand: true is with power.
func (n *session) shown() ([]bool, error) {
	all := make([]bool, 0, n.Relays)
	for at := 0; at < n.Relays; at += atOnce {
		some, err := n.part(at, min(atOnce, n.Relays-at))
		if err != nil {
			return nil, err
		}
		for _, closed := range some {
			all = append(all, closed != n.Inverted)
		}
	}
	return all, nil
}

func (n *session) part(at, count int) ([]bool, error) {
	quantity := uint16(count)
	switch {
	case n.Inputs >= 0:
		return n.client.ReadDiscreteInputs(uint16(n.Inputs+at), quantity)
	case n.Kind == "coils":
		return n.client.ReadCoils(uint16(n.First+at), quantity)
	}
	values, err := n.client.ReadRegisters(uint16(n.First+at), quantity, modbus.HOLDING_REGISTER)
	if err != nil {
		return nil, err
	}
	closed := make([]bool, len(values))
	for i, v := range values {
		if closed[i] = int(v) == n.On; !closed[i] && int(v) != n.Off {
			return nil, action.Unsure(fmt.Sprintf("relay %d holds %d, which is neither on nor off", at+i+1, v))
		}
	}
	return closed, nil
}

// move sends the command for one relay, counted from 0.
func (n *session) move(relay int, on bool) error {
	at := uint16(n.First + relay)
	closed := on != n.Inverted
	if n.Kind == "coils" {
		return n.client.WriteCoil(at, closed)
	}
	value := n.Off
	if closed {
		value = n.On
	}
	return n.client.WriteRegister(at, uint16(value))
}

// relay gives the number of a plug's relay, counted from 0; Traits has named them.
func (n *session) relay(plug int) int {
	number, _ := strconv.Atoi(n.Env.Plugs[plug].Name)
	return number - 1
}

// Do implements [driver.Session].
func (n *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	switch b.Op {
	case room.Status:
		return n.status(ctx, b, sink)
	case room.On, room.Off, room.Cycle:
		return n.change(ctx, b, sink)
	}
	return n.Cannot(b, sink)
}

func (n *session) status(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	return n.Once(ctx, b, sink, func(a *action.Action) error {
		a.Begin()
		a.Trace(devspec.TraceSend, "read relays\n")
		shown, err := n.shown()
		if err != nil {
			return said(a, err)
		}
		a.Trace(devspec.TraceRecv, fmt.Sprintln(shown))
		for _, p := range b.Plugs {
			state, raw := room.StateOff, "0"
			if shown[n.relay(p)] {
				state, raw = room.StateOn, "1"
			}
			sink.State(p, state, raw)
		}
		return nil
	})
}

// change switches relay by relay, each in an action of its own.
func (n *session) change(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	return n.Each(ctx, b, sink, func(a *action.Action, plug int) error {
		relay := n.relay(plug)
		a.Begin()
		a.Trace(devspec.TraceSend, fmt.Sprintf("%s relay %d\n", b.Op, relay+1))
		off := func() error { return said(a, n.move(relay, false)) }
		on := func() error { return said(a, n.move(relay, true)) }
		switch b.Op {
		case room.On:
			return on()
		case room.Off:
			return off()
		}
		return a.Cycle(n.Rest, off, on)
	})
}

// said tells the board's own no, after which nothing was done, and its silence, after
// which the session is of no more use, since what comes later would be taken for the
// answer to another question, from a line that broke.
func said(a *action.Action, err error) error {
	is := func(these ...error) bool {
		return slices.ContainsFunc(these, func(this error) bool { return errors.Is(err, this) })
	}
	var odd *action.Oddity
	switch {
	case err == nil, errors.As(err, &odd), is(modbus.ErrRequestTimedOut, modbus.ErrGWTargetFailedToRespond, modbus.ErrServerDeviceFailure):
		return err
	case is(modbus.ErrIllegalFunction, modbus.ErrIllegalDataAddress, modbus.ErrIllegalDataValue, modbus.ErrServerDeviceBusy, modbus.ErrGWPathUnavailable):
		return action.Refused("the board says: " + err.Error())
	}
	return a.Lost(err)
}

var _ driver.Session = (*session)(nil)
