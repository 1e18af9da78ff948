package modbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/simonvetter/modbus"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
)

// session is one connection to a board.
type session struct {
	*Settings
	env    driver.Env
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
	quantity := uint16(count) //nolint:gosec // at most atOnce
	switch {
	case n.Inputs >= 0:
		return n.client.ReadDiscreteInputs(uint16(n.Inputs+at), quantity) //nolint:gosec // it was checked
	case n.Kind == "coils":
		return n.client.ReadCoils(uint16(n.First+at), quantity) //nolint:gosec // it was checked
	}
	values, err := n.client.ReadRegisters(uint16(n.First+at), quantity, modbus.HOLDING_REGISTER) //nolint:gosec // it was checked
	if err != nil {
		return nil, err
	}
	closed := make([]bool, len(values))
	for i, v := range values {
		if closed[i] = int(v) == n.On; !closed[i] && int(v) != n.Off {
			return nil, fmt.Errorf("relay %d holds %d, which is neither on nor off", at+i+1, v)
		}
	}
	return closed, nil
}

// move sends the command for one relay, counted from 0.
func (n *session) move(relay int, on bool) error {
	at := uint16(n.First + relay) //nolint:gosec // it was checked
	closed := on != n.Inverted
	if n.Kind == "coils" {
		return n.client.WriteCoil(at, closed)
	}
	value := n.Off
	if closed {
		value = n.On
	}
	return n.client.WriteRegister(at, uint16(value)) //nolint:gosec // it was checked
}

// relay gives the number of a plug's relay, counted from 0; Traits has named them.
func (n *session) relay(plug int) int {
	number, _ := strconv.Atoi(n.env.Plugs[plug].Name)
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
	for _, p := range b.Plugs {
		sink.Failed(p, "the device cannot "+b.Op.String())
	}
	return nil
}

func (n *session) status(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	if err := ctx.Err(); err != nil {
		return n.gaveUp(ctx, b.Op, context.Cause(ctx), driver.Waiting, b.Plugs, nil, sink)
	}
	n.trace(b, sink, devspec.TraceSend, "read relays")
	shown, err := n.shown()
	if err != nil {
		return n.gaveUp(ctx, b.Op, err, driver.Acting, b.Plugs, nil, sink)
	}
	n.trace(b, sink, devspec.TraceRecv, fmt.Sprint(shown))
	n.env.Acted()
	for _, p := range b.Plugs {
		state, raw := room.StateOff, "0"
		if shown[n.relay(p)] {
			state, raw = room.StateOn, "1"
		}
		sink.State(p, state, raw)
	}
	return nil
}

// change switches relay by relay, each in an action of its own.
func (n *session) change(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	for i, p := range b.Plugs {
		if ctx.Err() != nil {
			return n.gaveUp(ctx, b.Op, context.Cause(ctx), driver.Waiting, b.Plugs[i:i+1], b.Plugs[i+1:], sink)
		}
		err := n.one(ctx, b, n.relay(p), sink)
		switch {
		case err == nil:
			n.env.Acted()
			sink.Done(p)
		case refused(err):
			n.env.Acted()
			sink.Failed(p, "the board says: "+err.Error())
		default:
			return n.gaveUp(ctx, b.Op, err, driver.Acting, b.Plugs[i:i+1], b.Plugs[i+1:], sink)
		}
	}
	return nil
}

func (n *session) one(ctx context.Context, b driver.Batch, relay int, sink driver.Sink) error {
	n.trace(b, sink, devspec.TraceSend, fmt.Sprintf("%s relay %d", b.Op, relay+1))
	if b.Op != room.Cycle {
		return n.move(relay, b.Op == room.On)
	}
	if err := n.move(relay, false); err != nil {
		return err
	}
	// It is off now. If nobody wants the rest any more, it has its power back all
	// the sooner; but back it has it.
	rest := time.NewTimer(n.Rest)
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
	}
	err := n.move(relay, true)
	if refused(err) {
		return fmt.Errorf("it was switched off, and then the board says: %v", err) //nolint:errorlint // it is no refusal any more
	}
	return err
}

// refused says whether the board itself has said no: then nothing was done.
func refused(err error) bool {
	for _, no := range []error{
		modbus.ErrIllegalFunction, modbus.ErrIllegalDataAddress, modbus.ErrIllegalDataValue, modbus.ErrServerDeviceBusy,
		modbus.ErrGWPathUnavailable,
	} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// silent says whether the board took the question and gave no answer to it, while
// the line stands. What comes later would be taken for the answer to another
// question, so the session is of no more use.
func silent(err error) bool {
	return errors.Is(err, modbus.ErrRequestTimedOut) || errors.Is(err, modbus.ErrGWTargetFailedToRespond) || errors.Is(err, modbus.ErrServerDeviceFailure)
}

// gaveUp reports plugs whose action did not end well, and those behind them.
func (n *session) gaveUp(ctx context.Context, op room.Op, err error, phase driver.Phase, plugs, toCome []int, sink driver.Sink) error {
	lost := phase == driver.Acting && !silent(err) && !refused(err)
	if lost {
		phase = driver.Lost
	}
	f := &driver.Fault{Phase: phase, Device: n.env.Device, Err: err}
	if lost && op.Repeatable() && ctx.Err() == nil {
		return f
	}
	if !lost {
		sink.Fault(f)
	}
	for _, p := range plugs {
		sink.Unknown(p, f)
	}
	next := &driver.Fault{Phase: driver.Waiting, Device: n.env.Device, Err: f}
	for _, p := range toCome {
		sink.Fault(next)
		sink.Unknown(p, next)
	}
	if phase == driver.Waiting || refused(err) {
		return nil
	}
	return f
}

func (n *session) trace(b driver.Batch, sink driver.Sink, kind devspec.TraceKind, text string) {
	if b.Trace {
		sink.Trace(devspec.Trace{Kind: kind, Text: text + "\n"})
	}
}

var _ driver.Session = (*session)(nil)
