package ilo

import (
	"context"
	"crypto/tls"
	"errors"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/devspec"
	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/room"
	"millwright.dev/millwright/internal/secret"
)

// session knows how to reach an iLO. It holds no line: each script has its own.
type session struct {
	*Settings
	env   driver.Env
	trust *tls.Config
	mask  *secret.Masker
}

// Done implements [driver.Session].
func (*session) Done() <-chan struct{} { return nil }

// Close implements [driver.Session].
func (*session) Close() error { return nil }

// Do implements [driver.Session]. There is one plug, so a batch is one action.
func (n *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	start := b.Start
	if start.IsZero() {
		start = time.Now()
	}
	act, cancel := context.WithDeadlineCause(ctx, start.Add(n.Timeout), errSlow)
	defer cancel()
	t := &talk{session: n, ctx: act}
	if b.Trace {
		t.trace = func(kind devspec.TraceKind, text string) {
			sink.Trace(devspec.Trace{Kind: kind, Text: n.mask.String(text)})
		}
	}
	for _, p := range b.Plugs {
		if err := n.one(ctx, t, b.Op, p, sink); err != nil {
			return err
		}
	}
	return nil
}

// one does the operation and tells the sink what came of it.
func (n *session) one(ctx context.Context, t *talk, op room.Op, p int, sink driver.Sink) error {
	err := context.Cause(t.ctx)
	if err == nil {
		err = t.do(ctx, op, p, sink)
	}
	var no *refusal
	var lost *broken
	switch {
	case err == nil:
		n.env.Acted()
		if op.Changes() {
			sink.Done(p)
		}
		return nil
	case errors.As(err, &no):
		n.env.Acted()
		sink.Failed(p, n.clean(no.said))
		return nil
	}
	f := &driver.Fault{Phase: driver.Acting, Device: n.env.Device, Said: n.clean(err.Error()), Err: err}
	if errors.As(err, &lost) {
		f.Phase = driver.Lost
		if op.Repeatable() {
			return f
		}
	} else if op.Changes() && !t.sent && ctx.Err() != nil {
		f.Phase = driver.Waiting
	}
	if f.Phase != driver.Lost {
		sink.Fault(f)
	}
	sink.Unknown(p, f)
	if f.Phase == driver.Lost {
		return f
	}
	return nil
}

const (
	server = "SERVER_INFO"
	light  = "<UID_CONTROL UID=\"%\"/>"
)

// do does an operation; of a read it tells the sink.
func (t *talk) do(ctx context.Context, op room.Op, p int, sink driver.Sink) error {
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
		return t.cycle(ctx)
	}
	return &refusal{"the device cannot " + op.String()}
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
	var no *refusal
	if errors.As(err, &no) {
		said := strings.ToLower(no.said)
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
func (t *talk) cycle(ctx context.Context) error {
	if err := t.off(); err != nil {
		return err
	}
	for {
		state, err := t.power()
		if err != nil {
			return unfinished(err)
		}
		if state == room.StateOff {
			break
		}
		select {
		case <-time.After(look):
		case <-t.ctx.Done():
			return errors.New("it was told to switch off, and is still on")
		}
	}
	// It is off now. If nobody wants the rest any more, it has its power back all
	// the sooner; but back it has it.
	rest := time.NewTimer(t.Rest)
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
	}
	back, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), t.Timeout, errSlow)
	defer cancel()
	t.ctx = back
	return unfinished(t.on())
}

// unfinished is an error in the middle of a cycle: what kind it was counts no more,
// but for a line that broke.
func unfinished(err error) error {
	var lost *broken
	if err == nil || errors.As(err, &lost) {
		return err
	}
	return errors.New("it was switched off, and then: " + err.Error())
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
	d.Product, d.Firmware = n.clean(d.Product), n.clean(d.Firmware)
	return d, nil
}

// aside asks what is in no batch.
func (n *session) aside(ctx context.Context, block, command string) ([]element, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, n.Timeout, errSlow)
	defer cancel()
	list, err := (&talk{session: n, ctx: ctx}).ask(block, "read", command, false)
	if err != nil {
		return nil, errors.New(n.clean(err.Error()))
	}
	n.env.Acted()
	return list, nil
}

// maxSaid bounds what is handed on of an iLO's words, in bytes.
const maxSaid = 300

// clean makes text fit to be shown: no secrets, one line, bounded.
func (n *session) clean(text string) string {
	text = n.mask.String(strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " "))
	if len(text) > maxSaid {
		text = strings.ToValidUTF8(text[:maxSaid], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

var (
	_ driver.Session   = (*session)(nil)
	_ driver.Meter     = (*session)(nil)
	_ driver.Describer = (*session)(nil)
)
