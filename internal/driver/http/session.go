package httpdriver

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"millwright.dev/millwright/internal/driver"
	"millwright.dev/millwright/internal/driver/web"
	"millwright.dev/millwright/internal/room"
)

// session is an open conversation with one device.
type session struct {
	*web.Client
	env    driver.Env
	spec   *Definition
	places []int             // of each of Env.Plugs in the list of plugs; -1 if it is not there
	taken  map[string]string // what requests have taken of answers

	entering bool // in the middle of logging in: a page that asks for a password is no refusal
}

// index notes the places of the room's plugs in the device's list.
func (s *session) index(plugs []driver.Plug, list []string) {
	places := make(map[string]int, len(list))
	for i, name := range list {
		places[name] = i
	}
	s.places = make([]int, len(plugs))
	for i, p := range plugs {
		if at, ok := places[p.Name]; ok {
			s.places[i] = at
		} else {
			s.places[i] = noPlug
		}
	}
}

// login starts a session.
func (s *session) login(t *web.Talk) error {
	clear(s.taken)
	for i := range s.spec.Login {
		s.entering = i < len(s.spec.Login)-1
		if _, err := s.exchange(t, &s.spec.Login[i], noPlug, false); err != nil {
			s.entering = false
			return err
		}
	}
	return nil
}

// logout ends the session on the device.
func (s *session) logout(t *web.Talk) error {
	_, err := s.exchange(t, s.spec.Logout, noPlug, false)
	return err
}

// probe asks something that needs the credential.
func (s *session) probe(t *web.Talk) error {
	r, plug := s.spec.Probe, noPlug
	if r == nil {
		if s.spec.Status == nil {
			return nil
		}
		if r = &s.spec.Status.Request; r.perPlug() {
			if len(s.env.Plugs) == 0 {
				return nil
			}
			plug = 0
		}
	}
	_, err := s.exchange(t, r, plug, false)
	return err
}

// Do implements [driver.Session].
func (s *session) Do(ctx context.Context, b driver.Batch, sink driver.Sink) error {
	if !s.spec.can(b.Op) {
		return s.Cannot(b, sink)
	}
	if r := s.spec.read(b.Op); r != nil {
		if r.perPlug() {
			return s.Each(ctx, b, sink, func(t *web.Talk, plug int) error { return s.readOne(t, b.Op, r, plug, sink) })
		}
		return s.Once(ctx, b, sink, func(t *web.Talk) error { return s.readAll(t, b, r, sink) })
	}
	return s.Each(ctx, b, sink, func(t *web.Talk, plug int) error { return s.change(t, b.Op, plug, sink) })
}

// readOne reads a plug by a request of its own.
func (s *session) readOne(t *web.Talk, op room.Op, r *Read, plug int, sink driver.Sink) error {
	p, err := s.exchange(t, &r.Request, plug, false)
	if err != nil {
		return err
	}
	state, raw, err := s.state(t, op, r, p, plug)
	if err != nil {
		return err
	}
	sink.State(plug, state, t.Client.Clean(raw))
	return nil
}

// readAll reads all plugs by one request.
func (s *session) readAll(t *web.Talk, b driver.Batch, r *Read, sink driver.Sink) error {
	p, err := s.exchange(t, &r.Request, noPlug, false)
	if err != nil {
		return err
	}
	for _, plug := range b.Plugs {
		state, raw, err := s.state(t, b.Op, r, p, plug)
		if err != nil {
			f := &driver.Fault{Phase: driver.Acting, Device: s.env.Device, Said: t.Client.Clean(err.Error())}
			sink.Unknown(plug, f)
			continue
		}
		sink.State(plug, state, t.Client.Clean(raw))
	}
	return nil
}

// state finds the state of a plug in an answer.
func (s *session) state(t *web.Talk, op room.Op, r *Read, p *page, plug int) (room.State, string, error) {
	fill := s.filler(t, plug)
	found, err := p.find(r.Find, fill)
	if err != nil {
		return room.StateUnknown, "", web.Odd(err.Error())
	}
	if op == room.Temp {
		if found == "" {
			return room.StateUnknown, "", web.Odd("an empty text for a temperature")
		}
		return room.StateUnknown, found, nil
	}
	if r.Bits {
		if found, err = bit(found, s.places[plug]); err != nil {
			return room.StateUnknown, "", web.Odd(err.Error())
		}
	}
	for _, c := range []struct {
		pattern string
		state   room.State
	}{{orText(r.On, defaultOn), room.StateOn}, {orText(r.Off, defaultOff), room.StateOff}} {
		pattern, err := fill(c.pattern, inRegex)
		if err != nil {
			return room.StateUnknown, "", web.Odd(err.Error())
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return room.StateUnknown, "", web.Odd(err.Error())
		}
		if re.MatchString(found) {
			return c.state, found, nil
		}
	}
	return room.StateUnknown, found, nil
}

// What stands for on and off where a definition does not say.
const (
	defaultOn  = `(?i)^(on|1|true|yes)$`
	defaultOff = `(?i)^(off|0|false|no)$`
)

func orText(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}

// bit gives a bit of a hexadecimal number, counted from the lowest.
func bit(text string, n int) (string, error) {
	bits, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 64)
	if err != nil {
		return "", fmt.Errorf("%.60q is no hexadecimal number", text)
	}
	if n < 0 || n >= 4*len(strings.TrimPrefix(text, "0x")) {
		return "", fmt.Errorf("%.60q has no bit %d", text, n)
	}
	return strconv.FormatUint(bits>>n&1, 10), nil
}

// change switches a plug.
func (s *session) change(t *web.Talk, op room.Op, plug int, sink driver.Sink) error {
	r := s.spec.change(op)
	if r == nil { // a cycle made of off and on
		return s.cycle(t, plug, sink)
	}
	if _, err := s.exchange(t, r, plug, true); err != nil {
		return err
	}
	return s.confirm(t, op, plug, sink)
}

// cycle is off, rest and on.
func (s *session) cycle(t *web.Talk, plug int, sink driver.Sink) error {
	return t.Cycle(s.spec.Rest,
		func() error { return s.change(t, room.Off, plug, sink) },
		func() error { return s.change(t, room.On, plug, sink) })
}

// How often the status is read until it shows a change.
const (
	firstLook  = 100 * time.Millisecond
	lookAgain  = time.Second
	shortsight = 1.6 // each look is so much later than the one before
)

// confirm reads the status until it shows that a change has worked, if the
// definition wants that.
func (s *session) confirm(t *web.Talk, op room.Op, plug int, sink driver.Sink) error {
	want, provable := op.Wants()
	if s.spec.Confirm <= 0 || s.spec.Status == nil || !provable || op == room.Cycle {
		return nil
	}
	until := time.Now().Add(s.spec.Confirm)
	for pause := time.Duration(0); ; pause = min(max(firstLook, time.Duration(float64(pause)*shortsight)), lookAgain) {
		if pause > 0 {
			if err := t.Wait(pause); err != nil {
				return err
			}
		}
		of := plug
		if !s.spec.Status.perPlug() {
			of = noPlug
		}
		p, err := s.exchange(t, &s.spec.Status.Request, of, false)
		if err != nil {
			return doubtful(err)
		}
		got, raw, err := s.state(t, room.Status, s.spec.Status, p, plug)
		if err != nil {
			return doubtful(err)
		}
		if got == want {
			sink.State(plug, got, t.Client.Clean(raw))
			return nil
		}
		if !time.Now().Before(until) {
			sink.State(plug, got, t.Client.Clean(raw))
			return web.Unsure(fmt.Sprintf("it took the command, and %v later it still shows %v (%.60q)", s.spec.Confirm, got, raw))
		}
	}
}

// doubtful makes of a refusal to be read that nobody knows whether the change that
// came before it has worked.
func doubtful(err error) error {
	var f *driver.Fault
	if errors.As(err, &f) {
		return err
	}
	return web.Unsure("it took the command, and would not show its state: " + err.Error())
}

var (
	_ driver.Session   = (*session)(nil)
	_ driver.Meter     = (*session)(nil)
	_ driver.Describer = (*session)(nil)
)
